//! An answer is the same whether it is told as a whole or as a stream, in every dialect.

use protocol::Dialect;
use protocol::exchange::{Block, BlockKind, Event, Extras, Response, fold, unfold};
use protocol::json::{RawJson, compact};

use crate::corpus::{inputs, streams};
use crate::dialects::{
    decode_response, decode_stream, encode_response, encode_stream, folded, is_envelope,
};

/// The golden cases whose stream and whole answer say the same.
const SAME: [&str; 8] = [
    "text",
    "image",
    "audio",
    "parallel_tools",
    "structured_output",
    "reasoning_replay",
    "usage",
    "content_filter",
];

/// What must be the same: not what only its own dialect knows, nor white space between tokens, nor where one text ends and
/// the next begins.
fn essence(mut response: Response) -> Response {
    response.extras = Extras::default();
    for choice in &mut response.choices {
        choice.extras = Extras::default();
        choice.turn.extras = Extras::default();
        choice.logprobs = choice.logprobs.as_ref().map(without_spaces);
        let mut blocks: Vec<Block> = Vec::new();
        for mut block in choice.turn.blocks.drain(..) {
            block.extras = Extras::default();
            match (&mut block.kind, blocks.last_mut().map(|last| &mut last.kind)) {
                (
                    BlockKind::Text { text, annotations },
                    Some(BlockKind::Text { text: before, annotations: known }),
                ) => {
                    before.push_str(text);
                    annotations.iter_mut().for_each(|raw| *raw = without_spaces(raw));
                    known.append(annotations);
                }
                (BlockKind::Text { text, annotations }, _)
                    if text.is_empty() && annotations.is_empty() => {}
                (BlockKind::ToolCall { arguments, .. }, _) => {
                    *arguments = compact(arguments);
                    blocks.push(block);
                }
                (BlockKind::Text { annotations, .. }, _) => {
                    annotations.iter_mut().for_each(|raw| *raw = without_spaces(raw));
                    blocks.push(block);
                }
                _ => blocks.push(block),
            }
        }
        choice.turn.blocks = blocks;
    }
    response
}

fn without_spaces(raw: &RawJson) -> RawJson {
    RawJson::parse(compact(raw.get())).unwrap()
}

fn is_whole(events: &[Event]) -> bool {
    !events.iter().any(|event| matches!(event, Event::Fault(_)))
}

#[test]
fn a_stream_folds_to_the_whole_answer() {
    let answers = inputs("response.json");
    for (dialect, name, stream) in streams() {
        let whole = answers.iter().find(|(of, named, _)| (*of, named) == (dialect, &name));
        // Those of dialects for providers only say the same wherever both are there. In Responses
        // the last event holds the whole, so that they are all the same.
        let same = SAME.contains(&name.as_str())
            || dialect == Dialect::OpenaiResponses
            || !Dialect::CALLERS.contains(&dialect);
        let Some(whole) = whole.filter(|_| same) else { continue };
        let whole = decode_response(dialect, &whole.2).unwrap();
        assert_eq!(essence(folded(dialect, &stream)), essence(whole), "{dialect:?} {name}");
    }
}

#[test]
fn a_translated_stream_folds_to_the_translated_answer() {
    for (from, name, stream) in streams() {
        let events = decode_stream(from, &stream);
        if !is_whole(&events) {
            continue;
        }
        for to in Dialect::CALLERS {
            let whole = encode_response(to, &fold(events.clone()));
            let whole = decode_response(to, &whole).unwrap();
            let mut streamed = folded(to, &encode_stream(to, &events));
            if to == Dialect::Anthropic {
                // It has a place for the tier only at the beginning, and not all know it by then.
                streamed.service_tier.clone_from(&whole.service_tier);
            }
            assert_eq!(essence(streamed), essence(whole), "{from:?} to {to:?}, {name}");
        }
    }
}

#[test]
fn a_whole_answer_told_as_a_stream_is_the_same_answer() {
    for (from, name, body) in inputs("response.json") {
        let response = decode_response(from, &body).unwrap();
        for to in Dialect::CALLERS {
            let whole = decode_response(to, &encode_response(to, &response)).unwrap();
            let streamed = folded(to, &encode_stream(to, &unfold(&response)));
            assert_eq!(essence(streamed), essence(whole), "{from:?} to {to:?}, {name}");
        }
    }
}

/// A second translation changes nothing that the first one kept.
#[test]
fn an_answer_written_and_read_again_is_stable() {
    for (from, name, body) in inputs("response.json") {
        let response = decode_response(from, &body).unwrap();
        for to in Dialect::CALLERS {
            let once = encode_response(to, &response);
            let twice = encode_response(to, &decode_response(to, &once).unwrap());
            assert!(is_envelope(&twice), "a member is written twice: {from:?} to {to:?}, {name}");
            let read = |body: &[u8]| essence(decode_response(to, body).unwrap());
            assert_eq!(read(&once), read(&twice), "{from:?} to {to:?}, {name}");
        }
    }
}
