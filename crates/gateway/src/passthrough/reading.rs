//! Step 6, beside it: what an answer says it used, in any spelling. Most are those of
//! [`protocol::report`]; those that only some providers have are added here.

use std::sync::LazyLock;

use http::HeaderMap;
use memchr::memmem::Finder;
use protocol::exchange::Usage;
use protocol::json::Object;
use protocol::json::envelope::check_depth;
use protocol::report::Report;
use protocol::target::ResponseContext;
use protocol::{Dialect, codec};
use serde_json::value::RawValue;

/// What only an answer has in it that tells its use in one of the spellings added here.
static MARKS: LazyLock<[Finder<'static>; 5]> = LazyLock::new(|| {
    [
        r#""inputTokens""#,
        r#""billed_units""#,
        "put_token_details",
        "inputTokenCount",
        r#"eval_count""#,
    ]
    .map(Finder::new)
});

/// What Bedrock counts of `InvokeModel`, whatever the model.
const COUNTED: [&str; 2] =
    ["x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count"];

/// What was read of an answer so far.
#[derive(Debug, Default)]
pub struct Reading {
    /// What the usual spellings tell.
    pub report: Report,
    /// Search units of a rerank.
    pub search_units: u64,
    /// What others tell.
    other: Option<Usage>,
    /// What headers told, for answers that tell nothing.
    headers: Option<Usage>,
}

impl Reading {
    /// What headers tell.
    pub fn of_headers(headers: &HeaderMap) -> Self {
        let told = |name| headers.get(name).and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
        let [input, output] = COUNTED.map(told);
        let counted = (input, output) != (None, None);
        let usage =
            Usage { input: input.unwrap_or(0), output: output.unwrap_or(0), ..Usage::default() };
        Self { headers: counted.then_some(usage), ..Self::default() }
    }

    /// The counts, if there were any. Zeros alone stand for counts that were never made.
    pub fn usage(&self) -> Option<Usage> {
        let told = |usage: Option<Usage>| usage.filter(|usage| *usage != Usage::default());
        // What is billed by search units counts no tokens.
        let searched = (self.search_units > 0).then(Usage::default);
        self.report.usage().or(told(self.other)).or(told(self.headers)).or(searched)
    }

    /// Reads a whole answer, or the data of one event. What is no JSON tells nothing.
    pub fn read(&mut self, json: &[u8]) {
        self.report.read(json);
        if !MARKS.iter().any(|mark| mark.find(json).is_some()) || check_depth(json).is_err() {
            return;
        }
        let Ok(raw) = serde_json::from_slice::<&RawValue>(json) else { return };
        let Some(object) = object_of(raw) else { return };
        self.read_object(&object);
        // The ends of streams have the counts one level further in.
        for inner in ["response", "delta"].iter().filter_map(|name| object.peek(name)) {
            if let Some(inner) = object_of(inner) {
                self.read_object(&inner);
            }
        }
    }

    fn read_object(&mut self, object: &Object<'_>) {
        // Cohere's first protocol, embeddings and rerank have it in `meta`.
        for raw in ["usage", "meta"].iter().filter_map(|name| object.peek(name)) {
            self.read_counts(raw);
        }
        let count = |object: &Object<'_>, name: &str| {
            object.peek(name).and_then(|raw| raw.get().parse::<u64>().ok())
        };
        if let Some(metrics) = object.peek("amazon-bedrock-invocationMetrics")
            && let Some(metrics) = object_of(metrics)
        {
            let of = |name| count(&metrics, name).unwrap_or(0);
            self.other = Some(Usage {
                input: of("inputTokenCount"),
                output: of("outputTokenCount"),
                ..Usage::default()
            });
        }
        // Ollama's own.
        if let Some(input) = count(object, "prompt_eval_count") {
            self.other.get_or_insert_default().input = input;
        }
        if let Some(output) = count(object, "eval_count") {
            self.other.get_or_insert_default().output = output;
        }
    }

    fn read_counts(&mut self, raw: &RawValue) {
        let Some(counts) = object_of(raw) else { return };
        let has = |names: &[&str]| names.iter().any(|name| counts.peek(name).is_some());
        if let Some(billed) = counts.peek("billed_units").and_then(object_of) {
            let searched = billed.peek("search_units").and_then(|it| it.get().parse::<f64>().ok());
            // The cast saturates at both ends.
            self.search_units = searched.map_or(self.search_units, |units| units.ceil() as u64);
            let before = r#"{"message":{"content":[]},"finish_reason":"COMPLETE","usage":"#;
            self.other = decoded(Dialect::Cohere, before, raw).or(self.other);
        } else if has(&["inputTokens", "outputTokens"]) {
            let before = r#"{"output":{"message":{"content":[]}},"stopReason":"end_turn","usage":"#;
            self.other = decoded(Dialect::Bedrock, before, raw).or(self.other);
        } else if has(&["input_token_details", "output_token_details"]) {
            // Realtime and transcriptions have a letter less than what is the same elsewhere.
            let spelled = raw
                .get()
                .replace("\"input_token_details\"", "\"input_tokens_details\"")
                .replace("\"output_token_details\"", "\"output_tokens_details\"");
            self.report.read([r#"{"usage":"#, &spelled, "}"].concat().as_bytes());
        }
    }
}

/// The counts of a protocol, by its own reader, which reads whole answers: `before` is the rest of
/// one.
fn decoded(dialect: Dialect, before: &str, counts: &RawValue) -> Option<Usage> {
    let answer = [before, counts.get(), "}"].concat();
    codec::decode_response(dialect, answer.as_bytes(), &ResponseContext::default()).ok()?.usage
}

fn object_of(raw: &RawValue) -> Option<Object<'_>> {
    if raw.get().starts_with('{') { Object::of(raw).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(documents: &[&str]) -> Reading {
        let mut reading = Reading::default();
        documents.iter().for_each(|document| reading.read(document.as_bytes()));
        reading
    }

    #[test]
    fn the_spellings_of_clouds_are_known() {
        for (document, counts) in [
            (
                r#"{"output":{},"usage":{"inputTokens":10,"outputTokens":5,"totalTokens":19,"cacheReadInputTokens":4}}"#,
                (14, 4, 5),
            ),
            (
                r#"{"metrics":{},"usage":{"inputTokens":3,"outputTokens":5,"totalTokens":8}}"#,
                (3, 0, 5),
            ),
            (
                r#"{"id":"x","usage":{"billed_units":{"input_tokens":5,"output_tokens":6},"tokens":{"input_tokens":50,"output_tokens":6}}}"#,
                (5, 0, 6),
            ),
            (
                r#"{"type":"message-end","delta":{"usage":{"billed_units":{"input_tokens":5,"output_tokens":6}}}}"#,
                (5, 0, 6),
            ),
            (
                r#"{"text":"hi","meta":{"billed_units":{"input_tokens":7,"output_tokens":2}}}"#,
                (7, 0, 2),
            ),
            (r#"{"type":"message","usage":{"input_tokens":8,"output_tokens":2}}"#, (8, 0, 2)),
            (
                r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":8,"outputTokenCount":3}}"#,
                (8, 0, 3),
            ),
            (r#"{"model":"m","done":true,"prompt_eval_count":8,"eval_count":3}"#, (8, 0, 3)),
        ] {
            let usage = told(&[document]).usage().unwrap_or_default();
            assert_eq!((usage.input, usage.cached_input, usage.output), counts, "{document}");
        }
    }

    #[test]
    fn audio_is_told_apart_in_transcriptions_and_realtime() {
        let transcription = r#"{"text":"hi","usage":{"type":"tokens","input_tokens":14,
            "input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,
            "total_tokens":59}}"#;
        let usage = told(&[transcription]).usage().unwrap_or_default();
        assert_eq!((usage.input, usage.audio_input, usage.output), (14, 14, 45));
        let realtime = r#"{"type":"response.done","response":{"usage":{"total_tokens":300,
            "input_tokens":100,"output_tokens":200,"input_token_details":{"audio_tokens":50,
            "cached_tokens":20,"cached_tokens_details":{"text_tokens":5,"audio_tokens":15}},"output_token_details":{"audio_tokens":120}}}}"#;
        let usage = told(&[realtime]).usage().unwrap_or_default();
        assert_eq!((usage.input, usage.cached_input, usage.audio_input), (100, 20, 50));
        assert_eq!(usage.cached_audio, 15);
        assert_eq!((usage.output, usage.audio_output), (200, 120));
    }

    #[test]
    fn searches_and_headers_are_told_as_well() {
        let rerank = told(&[r#"{"results":[],"meta":{"billed_units":{"search_units":2}}}"#]);
        assert_eq!((rerank.search_units, rerank.usage()), (2, Some(Usage::default())));
        let mut headers = HeaderMap::new();
        headers.insert(COUNTED[0], http::HeaderValue::from_static("9"));
        let mut reading = Reading::of_headers(&headers);
        assert_eq!(reading.usage().map(|usage| usage.input), Some(9));
        reading.read(br#"{"usage":{"input_tokens":8,"output_tokens":2}}"#);
        assert_eq!(reading.usage().map(|usage| usage.input), Some(8), "the answer knows more");
        for document in
            ["", "{}", r#"{"usage":{"inputTokens":0}}"#, r#"{"meta":{}}"#, "no eval_count\""]
        {
            assert_eq!(told(&[document]).usage(), None, "{document}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reading = Reading::default();
            reading.read(&[b"{\"usage\":{\"inputTokens\":", bytes.as_slice(), b"}}"].concat());
        }
    }
}
