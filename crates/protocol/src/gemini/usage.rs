//! `usageMetadata` ⇄ usage. wire-formats 3.4

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use super::lenient::{Count, Lenient};
use super::wire::{open_member, string_member};
use crate::exchange::Usage;
use crate::json::envelope::write_member;
use crate::json::object::CowStr;

/// The counts as they are sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Counts {
    prompt_token_count: Count,
    cached_content_token_count: Count,
    candidates_token_count: Count,
    /// What its WebSockets call the candidates.
    response_token_count: Count,
    thoughts_token_count: Count,
    tool_use_prompt_token_count: Count,
    total_token_count: Count,
    prompt_tokens_details: Modalities,
    cache_tokens_details: Modalities,
    candidates_tokens_details: Modalities,
    response_tokens_details: Modalities,
    traffic_type: Tier,
    service_tier: Tier,
}

/// The counts of media among some tokens.
#[derive(Clone, Copy, Debug, Default)]
struct Modalities {
    audio: u64,
    image: u64,
    video: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ModalityCount<'a> {
    #[serde(borrow)]
    modality: Option<CowStr<'a>>,
    token_count: Count,
}

impl<'de> Deserialize<'de> for Modalities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Lenient::<Vec<ModalityCount<'de>>>::deserialize(deserializer)?;
        let mut found = Self::default();
        for count in list.0.unwrap_or_default() {
            let sum = match count.modality.as_ref().map(|modality| modality.0.as_ref()) {
                Some("AUDIO") => &mut found.audio,
                Some("IMAGE") => &mut found.image,
                Some("VIDEO") => &mut found.video,
                _ => continue,
            };
            *sum = sum.saturating_add(count.token_count.0);
        }
        Ok(found)
    }
}

/// The tier that served, in the words callers know. TIER-7
#[derive(Clone, Copy, Debug, Default)]
struct Tier(Option<&'static str>);

impl<'de> Deserialize<'de> for Tier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Lenient::<CowStr<'de>>::deserialize(deserializer)?;
        Ok(Self(word.0.and_then(|word| match word.0.as_ref() {
            "ON_DEMAND" | "STANDARD" | "standard" | "default" => Some("default"),
            "ON_DEMAND_FLEX" | "FLEX" | "flex" => Some("flex"),
            "ON_DEMAND_PRIORITY" | "PRIORITY" | "priority" => Some("priority"),
            _ => None,
        })))
    }
}

impl Counts {
    /// The counts in the one convention. `searches` is how many web searches the service ran:
    /// tokens that a search puts into the prompt are paid for with the search.
    pub(crate) fn normalised(&self, searches: u64) -> Usage {
        let prompt = self.prompt_token_count.0;
        let spoken = self.response_token_count.0;
        let candidates = self.candidates_token_count.0.max(spoken);
        let thoughts = self.thoughts_token_count.0;
        let tool_use = self.tool_use_prompt_token_count.0;
        let without_thoughts = prompt.saturating_add(candidates).saturating_add(tool_use);
        // Some models count thoughts as part of the candidates; the total gives them away. That of
        // a WebSocket leaves them out.
        let inclusive =
            spoken == 0 && self.total_token_count.0 == without_thoughts && thoughts <= candidates;
        let input = if searches > 0 { prompt } else { prompt.saturating_add(tool_use) };
        let output = if inclusive { candidates } else { candidates.saturating_add(thoughts) };
        let (prompted, mut made) = (self.prompt_tokens_details, self.candidates_tokens_details);
        if spoken > 0 {
            made = self.response_tokens_details;
        }
        Usage {
            input,
            cached_input: self.cached_content_token_count.0.min(input),
            cached_audio: self.cache_tokens_details.audio.min(prompted.audio).min(input),
            audio_input: prompted.audio.min(input),
            image_input: prompted.image.min(input),
            video_input: prompted.video.min(input),
            output,
            reasoning: thoughts.min(output),
            audio_output: made.audio.min(output),
            image_output: made.image.min(output),
            web_searches: searches,
            ..Usage::default()
        }
    }

    /// The tier that served. TIER-7
    pub(crate) fn tier(&self) -> Option<&'static str> {
        self.service_tier.0.or(self.traffic_type.0)
    }
}

/// Writes the value of `usageMetadata` for a caller.
pub(super) fn write(out: &mut Vec<u8>, usage: &Usage, tier: Option<&str>) {
    let candidates = usage.output.saturating_sub(usage.reasoning);
    out.push(b'{');
    let count = |out: &mut Vec<u8>, name: &str, value: u64, always: bool| {
        if value > 0 || always {
            write_member(out, name, &value.to_string());
        }
    };
    count(out, "promptTokenCount", usage.input, true);
    count(out, "cachedContentTokenCount", usage.cached_input, false);
    count(out, "candidatesTokenCount", candidates, true);
    count(out, "thoughtsTokenCount", usage.reasoning, false);
    count(out, "totalTokenCount", usage.total(), true);
    details(
        out,
        "promptTokensDetails",
        usage.input,
        [("AUDIO", usage.audio_input), ("IMAGE", usage.image_input), ("VIDEO", usage.video_input)],
    );
    details(
        out,
        "candidatesTokensDetails",
        candidates,
        [("AUDIO", usage.audio_output), ("IMAGE", usage.image_output), ("VIDEO", 0)],
    );
    if let Some(tier) = tier {
        let tier: Cow<'_, str> =
            if tier == "default" { Cow::Borrowed("standard") } else { Cow::Borrowed(tier) };
        string_member(out, "serviceTier", &tier);
    }
    out.push(b'}');
}

fn details(out: &mut Vec<u8>, name: &str, whole: u64, media: [(&str, u64); 3]) {
    let media_total = media.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    if media_total == 0 {
        return;
    }
    open_member(out, name);
    out.push(b'[');
    let text = ("TEXT", whole.saturating_sub(media_total));
    for (modality, count) in std::iter::once(text).chain(media).filter(|(_, count)| *count > 0) {
        super::wire::element(out);
        out.push(b'{');
        string_member(out, "modality", modality);
        write_member(out, "tokenCount", &count.to_string());
        out.push(b'}');
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(text: &str, searches: u64) -> Usage {
        serde_json::from_str::<Counts>(text).unwrap().normalised(searches)
    }

    /// Bug 17
    #[test]
    fn counts_are_normalised() {
        let plain = usage(
            r#"{"promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":20,
            "thoughtsTokenCount":30,"totalTokenCount":150,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":60},{"modality":"AUDIO","tokenCount":30},
            {"modality":"IMAGE","tokenCount":10}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":5}]}"#,
            0,
        );
        assert_eq!(
            plain,
            Usage {
                input: 100,
                cached_input: 40,
                audio_input: 30,
                image_input: 10,
                output: 50,
                reasoning: 30,
                image_output: 5,
                ..Usage::default()
            }
        );
        let inclusive = usage(
            r#"{"promptTokenCount":10,"candidatesTokenCount":50,"thoughtsTokenCount":30,"totalTokenCount":60}"#,
            0,
        );
        assert_eq!((inclusive.output, inclusive.reasoning), (50, 30), "not added twice");
    }

    /// A WebSocket's total leaves thoughts out, and its answers have another name.
    #[test]
    fn what_was_spoken_is_counted_beside_what_was_thought() {
        for thoughts in [136, 20] {
            let text = format!(
                r#"{{"promptTokenCount":522,"responseTokenCount":42,"totalTokenCount":564,
                "promptTokensDetails":[{{"modality":"TEXT","tokenCount":332}},
                {{"modality":"AUDIO","tokenCount":165}}],
                "responseTokensDetails":[{{"modality":"AUDIO","tokenCount":42}}],
                "thoughtsTokenCount":{thoughts}}}"#
            );
            let usage = serde_json::from_str::<Counts>(&text).unwrap().normalised(0);
            assert_eq!((usage.input, usage.audio_input), (522, 165));
            assert_eq!((usage.output, usage.audio_output), (42 + thoughts, 42));
            assert_eq!(usage.reasoning, thoughts);
        }
    }

    #[test]
    fn tokens_of_tools_are_input_unless_a_search_is_paid_for() {
        let text = r#"{"promptTokenCount":10,"toolUsePromptTokenCount":5,"candidatesTokenCount":1,"totalTokenCount":16}"#;
        assert_eq!(usage(text, 0).input, 15);
        assert_eq!(usage(text, 2).input, 10);
    }

    /// MODELS-6: `input_audio_cache`.
    #[test]
    fn cached_audio_is_told_apart() {
        let usage = usage(
            r#"{"promptTokenCount":100,"candidatesTokenCount":20,"totalTokenCount":120,
                "cachedContentTokenCount":50,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":60},{"modality":"AUDIO","tokenCount":40}],
                "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":30},{"modality":"TEXT","tokenCount":20}]}"#,
            0,
        );
        assert_eq!((usage.cached_input, usage.cached_audio, usage.audio_input), (50, 30, 40));
    }

    #[test]
    fn wrong_counts_are_zero() {
        let odd = usage(
            r#"{"promptTokenCount":-3,"candidatesTokenCount":"7","thoughtsTokenCount":null,
            "promptTokensDetails":"x","trafficType":3,"cachedContentTokenCount":99}"#,
            0,
        );
        assert_eq!(odd, Usage { output: 7, ..Usage::default() });
        let huge = usage(
            r#"{"promptTokenCount":18446744073709551615,"candidatesTokenCount":18446744073709551615,"thoughtsTokenCount":9}"#,
            0,
        );
        assert_eq!(huge.output, u64::MAX);
    }

    #[test]
    fn what_is_written_reads_back() {
        let given = Usage {
            input: 50,
            cached_input: 9,
            audio_input: 3,
            output: 40,
            reasoning: 15,
            image_output: 20,
            ..Usage::default()
        };
        let mut out = Vec::new();
        write(&mut out, &given, Some("flex"));
        let counts: Counts = serde_json::from_slice(&out).unwrap();
        assert_eq!(counts.normalised(0), given);
        assert_eq!(counts.tier(), Some("flex"));
    }
}
