//! `generationConfig`. wire-formats 3.1

use super::super::schema::{self, Sendable};
use super::super::wire::{element, open_member, string_member, write_extras};
use super::thinking;
use crate::Dialect;
use crate::exchange::{Fault, Losses, OutputFormat, Request};
use crate::json::envelope::{write_member, write_string};
use crate::json::{Object, RawJson};
use crate::target::Target;

/// The most stop sequences accepted.
const MAX_STOPS: usize = 5;

/// How the form of the answer is asked for. STRUCT-1
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// Not at all.
    Free,
    /// By a media type alone.
    Json,
    /// By a schema in the subset.
    Schema(String),
    /// By a JSON Schema.
    JsonSchema(String),
    /// By words in the system instruction.
    Instruction(String),
}

/// Chooses how the form of the answer is asked for: where a model cannot combine a schema with
/// tools, or does not enforce one, it is told in words.
pub(super) fn plan_answer(request: &Request, target: &Target<'_>, losses: &mut Losses) -> Answer {
    let native = target.abilities.structured_output
        && (request.tools.is_empty() || target.abilities.tools_with_schema);
    let lost = |losses: &mut Losses| {
        losses.record("response_format", "asked for in words: not enforced by this model here");
    };
    match &request.output {
        // A form of this protocol's own is among the members that are sent as they came.
        None | Some(OutputFormat::Text | OutputFormat::Opaque { origin: Dialect::Gemini, .. }) => {
            Answer::Free
        }
        Some(OutputFormat::JsonObject) if native => Answer::Json,
        Some(OutputFormat::JsonObject) => {
            lost(losses);
            Answer::Instruction(
                "Answer with one JSON object and nothing else: no prose, no code fence.".into(),
            )
        }
        Some(OutputFormat::JsonSchema { schema, .. }) if native => match schema::answer(schema) {
            Sendable::Subset(text) => Answer::Schema(text),
            Sendable::JsonSchema(text) => Answer::JsonSchema(text),
            Sendable::Nothing => Answer::Json,
        },
        Some(OutputFormat::JsonSchema { schema, description, .. }) => {
            lost(losses);
            let about = description.as_deref().map(|text| format!(" ({text})")).unwrap_or_default();
            Answer::Instruction(format!(
                "When you give your answer, give one JSON value{about} that fits this JSON Schema \
                 and nothing else: no prose, no code fence.\n{}",
                schema.get()
            ))
        }
        Some(OutputFormat::Opaque { .. }) => {
            losses.record("response_format", "a form this protocol does not know");
            Answer::Free
        }
    }
}

/// Writes `generationConfig` unless it would be empty.
pub(super) fn write(
    out: &mut Vec<u8>,
    request: &Request,
    target: &Target<'_>,
    answer: &Answer,
    losses: &mut Losses,
) -> Result<(), Fault> {
    let mut writer = Writer { out: vec![b'{'], target, losses };
    writer.limits(request);
    writer.sampling(request);
    writer.probabilities(request);
    writer.stops(&request.sampling.stop);
    match answer {
        Answer::Json => string_member(&mut writer.out, "responseMimeType", "application/json"),
        Answer::Schema(text) => {
            string_member(&mut writer.out, "responseMimeType", "application/json");
            write_member(&mut writer.out, "responseSchema", text);
        }
        Answer::JsonSchema(text) => {
            string_member(&mut writer.out, "responseMimeType", "application/json");
            write_member(&mut writer.out, "responseJsonSchema", text);
        }
        Answer::Free | Answer::Instruction(_) => {}
    }
    writer.modalities(request);
    thinking::write(&mut writer.out, request, target, writer.losses)?;
    for (name, value) in request.extras.for_dialect(Dialect::Gemini) {
        if name == "generationConfig"
            && let Ok(rest) = Object::of(value.as_raw())
        {
            write_extras(&mut writer.out, &rest.into_members());
        }
    }
    let mut config = writer.out;
    if config.len() > 1 {
        config.push(b'}');
        open_member(out, "generationConfig");
        out.append(&mut config);
    }
    Ok(())
}

struct Writer<'w> {
    out: Vec<u8>,
    target: &'w Target<'w>,
    losses: &'w mut Losses,
}

impl Writer<'_> {
    /// Whether a parameter, by its name in OpenAI's dialect, may be sent; else it is lost.
    fn allowed(&mut self, name: &'static str, able: bool) -> bool {
        let refused = self.target.refusal(name).is_some();
        if refused || !able {
            self.losses.record(name, "not accepted by this model");
        }
        !refused && able
    }

    fn number<T: serde::Serialize>(&mut self, name: &str, value: T) {
        open_member(&mut self.out, name);
        // A finite number is always written; `Vec` does not fail.
        let _ = serde_json::to_writer(&mut self.out, &value);
    }

    fn optional(&mut self, openai: &'static str, name: &str, value: Option<f64>, able: bool) {
        if let Some(value) = value.filter(|value| value.is_finite())
            && self.allowed(openai, able)
        {
            self.number(name, value);
        }
    }

    fn limits(&mut self, request: &Request) {
        if let Some(limit) = request.max_output_tokens {
            let most = self.target.abilities.max_output_tokens.unwrap_or(u64::MAX);
            if limit > most {
                self.losses.record("max_tokens", "lowered to the most this model generates");
            }
            self.number("maxOutputTokens", limit.min(most));
        }
        if let Some(count) = request.sampling.n
            && self.allowed("n", true)
        {
            self.number("candidateCount", count);
        }
    }

    fn sampling(&mut self, request: &Request) {
        let sampling = &request.sampling;
        let abilities = self.target.abilities;
        let open = abilities.sampling_refusal(request.reasoning.as_ref()).is_none();
        self.optional("temperature", "temperature", sampling.temperature, open);
        let both = sampling.temperature.is_none() || abilities.temperature_with_top_p;
        self.optional("top_p", "topP", sampling.top_p, open && both);
        // 0 switches it off, which is also what leaving it out does. CHAT-3
        if let Some(top_k) = sampling.top_k.filter(|top_k| *top_k > 0)
            && self.allowed("top_k", open)
        {
            self.number("topK", top_k);
        }
        if let Some(seed) = sampling.seed
            && self.allowed("seed", true)
        {
            if i32::try_from(seed).is_err() {
                self.losses.record("seed", "folded into 31 bits");
            }
            let folded = i32::try_from(seed)
                .map_or_else(|_| seed.rem_euclid(i64::from(i32::MAX)), i64::from);
            self.number("seed", folded);
        }
        let penalties = abilities.penalties;
        self.optional("presence_penalty", "presencePenalty", sampling.presence_penalty, penalties);
        self.optional(
            "frequency_penalty",
            "frequencyPenalty",
            sampling.frequency_penalty,
            penalties,
        );
        for (name, given) in [
            ("min_p", sampling.min_p.is_some()),
            ("top_a", sampling.top_a.is_some()),
            ("repetition_penalty", sampling.repetition_penalty.is_some()),
            ("logit_bias", sampling.logit_bias.is_some()),
        ] {
            if given {
                self.losses.record(name, "not in the protocol");
            }
        }
    }

    fn probabilities(&mut self, request: &Request) {
        if request.sampling.logprobs != Some(true) {
            return;
        }
        let tells = self.target.abilities.tells_logprobs(request.reasoning.as_ref());
        if self.allowed("logprobs", tells) {
            write_member(&mut self.out, "responseLogprobs", "true");
            if let Some(top) = request.sampling.top_logprobs {
                self.number("logprobs", top);
            }
        }
    }

    fn stops(&mut self, stops: &[String]) {
        if stops.is_empty() || !self.allowed("stop", true) {
            return;
        }
        // Bug 30
        if stops.iter().any(|stop| stop.trim().is_empty()) {
            self.losses.record("stop", "blank stop sequences are refused and were dropped");
        }
        let kept: Vec<&String> = stops.iter().filter(|stop| !stop.trim().is_empty()).collect();
        if kept.len() > MAX_STOPS {
            self.losses.record("stop", "only five stop sequences are accepted");
        }
        if kept.is_empty() {
            return;
        }
        open_member(&mut self.out, "stopSequences");
        self.out.push(b'[');
        for stop in kept.into_iter().take(MAX_STOPS) {
            element(&mut self.out);
            write_string(&mut self.out, stop);
        }
        self.out.push(b']');
    }

    fn modalities(&mut self, request: &Request) {
        if let Some(modalities) = &request.modalities {
            let audio = modalities.iter().any(|name| name == "audio");
            open_member(&mut self.out, "responseModalities");
            self.out.push(b'[');
            for name in modalities {
                // Models that speak accept speech alone; OpenAI's dialect always names both.
                if audio && name == "text" && modalities.len() == 2 {
                    continue;
                }
                element(&mut self.out);
                write_string(&mut self.out, &name.to_ascii_uppercase());
            }
            self.out.push(b']');
        }
        if let Some(config) = &request.image_config {
            match renamed_members(config, camel) {
                Some(config) => write_member(&mut self.out, "imageConfig", &config),
                None => self.losses.record("image_config", "not an object"),
            }
        }
        let voice = request
            .audio_output
            .as_ref()
            .and_then(|audio| Object::of(audio.as_raw()).ok())
            .and_then(|audio| audio.peek_str("voice").map(|voice| voice.into_owned()));
        if let Some(voice) = voice {
            open_member(&mut self.out, "speechConfig");
            self.out
                .extend_from_slice(b"{\"voiceConfig\":{\"prebuiltVoiceConfig\":{\"voiceName\":");
            write_string(&mut self.out, &voice);
            self.out.extend_from_slice(b"}}}");
        }
    }
}

/// The object with its own members (not deeper ones) renamed.
pub(in super::super) fn renamed_members(
    raw: &RawJson,
    rename: impl Fn(&str) -> String,
) -> Option<String> {
    let object = Object::of(raw.as_raw()).ok()?;
    let mut out = vec![b'{'];
    for (name, value) in object.iter() {
        write_member(&mut out, &rename(name), value.get());
    }
    out.push(b'}');
    String::from_utf8(out).ok()
}

/// `aspect_ratio` → `aspectRatio`.
pub(in super::super) fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        match letter {
            '_' if !out.is_empty() => upper = true,
            _ if upper => {
                out.extend(letter.to_uppercase());
                upper = false;
            }
            _ => out.push(letter),
        }
    }
    out
}
