//! The legacy surface: a prompt in, texts out. CHAT-14
//!
//! A request of this surface is one chat message. [`to_chat`] rewrites the body, so that routing
//! and the rest of the way see an ordinary chat request; only the answer is written differently.

use crate::Dialect;
use crate::exchange::{
    Additions, BlockKind, Choice, Event, Fault, FinishReason, Identity, Request, Response,
};
use crate::facts::RequestFacts;
use crate::json::Envelope;

use super::error::write_error;
use super::parameters::{MAX_ANSWERS, prompt_text};
use super::read::{Place, boolean, is_null, string, unsigned};
use super::write::{ObjectWriter, into_text, object};
use super::{legacy_logprobs, usage};

/// The most alternatives this surface tells for a token.
const MAX_LOGPROBS: u64 = 20;

/// Rewrites a body of this surface as a chat body; members both know keep their bytes.
pub fn to_chat(envelope: &Envelope<'_>) -> Result<Vec<u8>, Fault> {
    let Some(prompt) = envelope.raw("prompt").filter(|raw| !is_null(raw)) else {
        return Err(Fault::invalid("prompt: is missing"));
    };
    let text = prompt_text(prompt)?;
    let mut edit = envelope.edit();
    let mut messages = Vec::with_capacity(text.len() + 40);
    messages.push(b'[');
    object(&mut messages, |message| {
        message.string("role", "user");
        message.string("content", &text);
    });
    messages.push(b']');
    edit.remove("prompt");
    edit.set("messages", into_text(messages));
    if let Some(raw) = envelope.raw("logprobs").filter(|raw| !is_null(raw)) {
        // A number here: how many alternatives.
        let place = Place::Top("logprobs");
        if boolean(raw, &place).is_err() {
            let count = unsigned(raw, 0, MAX_LOGPROBS, &place)?;
            edit.set("logprobs", "true");
            edit.set("top_logprobs", count.to_string());
        }
    }
    refuse_beyond_chat(envelope)?;
    for name in ["echo", "best_of", "suffix"] {
        edit.remove(name);
    }
    Ok(edit.finish())
}

/// What only a model of this surface could do is refused, unless it asks for nothing: many clients send
/// every member there is.
fn refuse_beyond_chat(envelope: &Envelope<'_>) -> Result<(), Fault> {
    let given = |name| envelope.raw(name).filter(|raw| !is_null(raw));
    let refuse = |name: &'static str, why: &str| {
        Err(Place::Top(name).refuse(format_args!("is not supported: {why}; leave it out")))
    };
    if let Some(raw) = given("echo")
        && boolean(raw, &Place::Top("echo"))?
    {
        return refuse("echo", "the prompt is sent as a chat message and not repeated");
    }
    if let Some(raw) = given("suffix")
        && !string(raw, &Place::Top("suffix"))?.is_empty()
    {
        return refuse("suffix", "the prompt is sent as a chat message, which nothing follows");
    }
    if let Some(raw) = given("best_of") {
        let most = match given("n") {
            Some(raw) => unsigned(raw, 1, MAX_ANSWERS, &Place::Top("n"))?,
            None => 1,
        };
        if unsigned(raw, 0, u64::MAX, &Place::Top("best_of"))? > most {
            return refuse("best_of", "every answer that is made is told");
        }
    }
    Ok(())
}

/// What routing needs to know of a request of this surface.
pub(crate) fn read_facts(envelope: &Envelope<'_>) -> Result<RequestFacts, Fault> {
    let chat = to_chat(envelope)?;
    let chat = Envelope::parse(&chat).map_err(|error| Fault::invalid(error.to_string()))?;
    let mut facts = super::read_facts(&chat)?;
    facts.echo_upstream_body = false;
    Ok(facts)
}

/// Reads a request of this surface.
pub fn decode_request(body: &[u8]) -> Result<Request, Fault> {
    let envelope = Envelope::parse(body).map_err(|error| Fault::invalid(error.to_string()))?;
    super::decode_request(&to_chat(&envelope)?)
}

/// Writes a whole answer of this surface.
pub fn encode_response(
    response: &Response,
    identity: &Identity,
    additions: Additions<'_>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    object(&mut out, |answer| {
        answer.string("id", &identity.id);
        answer.string("provider", &identity.provider);
        answer.string("model", &identity.model);
        answer.string("object", "text_completion");
        answer.number("created", identity.created);
        answer.array("choices", &response.choices, |out, choice| {
            object(out, |entry| write_choice(entry, choice));
        });
        answer.string_or_null("system_fingerprint", response.system_fingerprint.as_deref());
        if let Some(tier) = &response.service_tier {
            answer.string("service_tier", tier);
        }
        answer.members(response.extras.for_dialect(Dialect::OpenaiChat));
        if let Some(counts) = &response.usage {
            usage::write(answer.value("usage"), counts, additions.charge, &[]);
        }
        answer.members(additions.members);
    });
    out
}

fn write_choice(entry: &mut ObjectWriter<'_>, choice: &Choice) {
    let mut text = String::new();
    let mut refusal = String::new();
    for block in &choice.turn.blocks {
        match &block.kind {
            BlockKind::Text { text: piece, .. } => text.push_str(piece),
            BlockKind::Refusal { text: piece } => refusal.push_str(piece),
            _ => {}
        }
    }
    entry.number("index", u64::from(choice.index));
    entry.string("text", &text);
    if !refusal.is_empty() {
        entry.string("refusal", &refusal);
    }
    let reasoning = super::encode::reasoning_text(&choice.turn.blocks);
    if !reasoning.is_empty() {
        entry.string("reasoning", &reasoning);
    }
    match &choice.logprobs {
        Some(raw) => legacy_logprobs::write(entry.value("logprobs"), raw.as_raw(), &mut 0),
        None => entry.raw("logprobs", "null"),
    }
    entry.string_or_null("finish_reason", choice.finish.map(|reason| reason.name()));
    entry.string_or_null("native_finish_reason", choice.native_finish.as_deref());
    if choice.finish == Some(FinishReason::Error) {
        let fault = Fault::of_finish(choice.native_finish.as_deref());
        entry.object("error", |error| write_error(error, &fault));
    }
}

/// Writes a stream of this surface.
#[derive(Debug)]
pub struct StreamEncoder(super::StreamEncoder);

impl StreamEncoder {
    /// An encoder that answers in the name of `identity`.
    pub fn new(identity: Identity) -> Self {
        Self(super::StreamEncoder::legacy(&identity))
    }

    /// Takes one event and writes what the caller gets for it, which may be nothing.
    pub fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        self.0.push(event, out);
    }

    /// Writes the end: usage with its cost and `[DONE]`; after a fault only the latter.
    pub fn finish(&mut self, additions: Additions<'_>, out: &mut Vec<u8>) {
        self.0.finish(additions, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{fold, unfold};
    use crate::openai_chat::StreamDecoder;
    use crate::sse::{FrameTooLong, Splitter};
    use crate::target::ResponseContext;

    #[test]
    fn a_prompt_is_one_message() {
        let request = decode_request(
            br#"{"model":"m","prompt":["say \"hi\""],"max_tokens":5,"logprobs":3,"suffix":null,
                "echo":false,"best_of":2,"n":2}"#,
        )
        .unwrap();
        assert_eq!(request.turns.len(), 1);
        assert_eq!(request.max_output_tokens, Some(5));
        assert_eq!(request.sampling.logprobs, Some(true));
        assert_eq!(request.sampling.top_logprobs, Some(3));
        assert!(request.extras.members.is_empty(), "{:?}", request.extras);
        for (body, message) in [
            (r#"{"prompt":[1,2]}"#, "token ids are not supported"),
            (r#"{"prompt":[[1]]}"#, "token ids are not supported"),
            (r#"{"prompt":["a","b"]}"#, "several prompts"),
            (r#"{"prompt":7}"#, "prompt: expected a string"),
            (r#"{"prompt":[]}"#, "prompt: is empty"),
            (r#"{"prompt":"a","logprobs":21}"#, "logprobs: "),
            (r#"{"prompt":"a","echo":true}"#, "echo: is not supported"),
            (r#"{"prompt":"a","suffix":"b"}"#, "suffix: is not supported"),
            (r#"{"prompt":"a","best_of":2}"#, "best_of: is not supported"),
            ("{}", "prompt: is missing"),
        ] {
            let fault = decode_request(body.as_bytes()).unwrap_err();
            assert_eq!(fault.status, 400);
            assert!(fault.message.contains(message), "{}", fault.message);
        }
    }

    /// CHAT-11
    #[test]
    fn refusals_and_failures_are_told() {
        let body = br#"{"choices":[{"index":0,"message":{"content":null,"refusal":"no"},"finish_reason":"abort"}]}"#;
        let response =
            crate::openai_chat::decode_response(body, &ResponseContext::default()).unwrap();
        let whole = encode_response(&response, &Identity::default(), Additions::default());
        let value: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        let choice = &value["choices"][0];
        assert_eq!(choice["refusal"], "no");
        assert_eq!(choice["error"]["metadata"]["provider_code"], "abort");
    }

    #[test]
    fn answers_are_texts_whole_and_streamed() {
        let identity =
            Identity { id: "gen-1".into(), model: "m".into(), provider: "P".into(), created: 1 };
        let body = br#"{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"eos"}]}"#;
        let response =
            crate::openai_chat::decode_response(body, &ResponseContext::default()).unwrap();
        let whole = encode_response(&response, &identity, Additions::default());
        assert_eq!(
            String::from_utf8(whole.clone()).unwrap(),
            r#"{"id":"gen-1","provider":"P","model":"m","object":"text_completion","created":1,"choices":[{"index":0,"text":"hi","logprobs":null,"finish_reason":"stop","native_finish_reason":"eos"}],"system_fingerprint":null}"#
        );
        let again =
            crate::openai_chat::decode_response(&whole, &ResponseContext::default()).unwrap();
        assert_eq!(again.choices[0].turn, response.choices[0].turn);

        let mut encoder = StreamEncoder::new(identity);
        let mut out = Vec::new();
        for event in unfold(&response) {
            encoder.push(&event, &mut out);
        }
        encoder.finish(Additions::default(), &mut out);
        let text = String::from_utf8(out.clone()).unwrap();
        assert!(text.contains(r#""object":"text_completion""#), "{text}");
        assert!(text.contains(r#""choices":[{"index":0,"text":"hi","#), "{text}");
        let mut decoder = StreamDecoder::new(ResponseContext::default());
        let mut events = Vec::new();
        Splitter::new()
            .push(&out, |frame| {
                decoder.push(&frame, &mut events);
                Ok::<(), FrameTooLong>(())
            })
            .unwrap();
        decoder.finish(&mut events);
        let folded = fold(events);
        assert_eq!(folded.choices[0].turn, response.choices[0].turn);
        assert_eq!(folded.choices[0].finish, Some(FinishReason::Stop));
    }
}
