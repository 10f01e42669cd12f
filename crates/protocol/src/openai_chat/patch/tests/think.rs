//! Reasoning between tags in the content, streamed and whole.

use proptest::prelude::*;

use super::identity;
use crate::exchange::Additions;
use crate::openai_chat::{PatchStream, patch_response};
use crate::sse::{Frame, FrameTooLong, Splitter};
use crate::target::ResponseContext;

fn context() -> ResponseContext {
    ResponseContext { think_tags: true, ..ResponseContext::default() }
}

/// What a caller adds up of a streamed content: reasoning, its details, text.
fn streamed(pieces: &[&str], context: ResponseContext) -> (String, String, String) {
    let mut stream = PatchStream::new(identity(), context);
    let mut out = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let finish = if at + 1 == pieces.len() { "\"stop\"" } else { "null" };
        let chunk = format!(
            r#"{{"choices":[{{"index":0,"delta":{{"content":{}}},"finish_reason":{finish}}}]}}"#,
            serde_json::to_string(piece).unwrap()
        );
        stream.push(&Frame { event: None, data: chunk.as_bytes() }, &mut out);
    }
    stream.end().unwrap();
    stream.finish(Additions::default(), &mut out);
    let (mut reasoning, mut details, mut text) = <(String, String, String)>::default();
    let mut splitter = Splitter::new();
    splitter
        .push(&out, |frame| {
            if !frame.is_done() {
                let value: serde_json::Value = serde_json::from_slice(frame.data).unwrap();
                let delta = &value["choices"][0]["delta"];
                reasoning.push_str(delta["reasoning"].as_str().unwrap_or_default());
                let detail = &delta["reasoning_details"][0]["text"];
                details.push_str(detail.as_str().unwrap_or_default());
                text.push_str(delta["content"].as_str().unwrap_or_default());
            }
            Ok::<(), FrameTooLong>(())
        })
        .unwrap();
    (reasoning, details, text)
}

fn whole(content: &str, context: &ResponseContext) -> serde_json::Value {
    let body = format!(
        r#"{{"choices":[{{"message":{{"content":{}}},"finish_reason":"stop"}}]}}"#,
        serde_json::to_string(content).unwrap()
    );
    let answer = patch_response(body.as_bytes(), &identity(), context).unwrap();
    let value: serde_json::Value =
        serde_json::from_slice(&answer.finish(Additions::default())).unwrap();
    value["choices"][0]["message"].clone()
}

/// REASON-9, REASON-4
#[test]
fn thoughts_in_the_content_are_reasoning() {
    let content = "<think>\nhm</think>\n\nyes";
    let message = whole(content, &context());
    assert_eq!(message["content"], "yes");
    assert_eq!(message["reasoning"], "\nhm");
    assert_eq!(message["reasoning_details"][0]["text"], "\nhm");
    let excluded = ResponseContext { exclude_reasoning: true, ..context() };
    let message = whole(content, &excluded);
    assert_eq!(message["content"], "yes");
    assert!(message.get("reasoning").is_none());
    assert_eq!(streamed(&[content], excluded).0, "");
    assert_eq!(whole(content, &ResponseContext::default())["content"], content);
}

proptest! {
    #[test]
    fn a_stream_split_anywhere_is_like_the_whole(
        content in "(<think>)?[a-z<>/é]{0,6}(</think>)?[ ]{0,2}[a-z<é]{0,4}",
        mut cuts in proptest::collection::vec(0_usize..32, 0..5),
    ) {
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for mut cut in cuts {
            cut = cut.min(content.len());
            while !content.is_char_boundary(cut) {
                cut -= 1;
            }
            pieces.push(&content[from.min(cut)..cut]);
            from = from.max(cut);
        }
        pieces.push(&content[from..]);
        let (reasoning, details, text) = streamed(&pieces, context());
        let message = whole(&content, &context());
        prop_assert_eq!(&reasoning, message["reasoning"].as_str().unwrap_or_default());
        prop_assert_eq!(reasoning, details);
        prop_assert_eq!(text, message["content"].as_str().unwrap());
    }
}
