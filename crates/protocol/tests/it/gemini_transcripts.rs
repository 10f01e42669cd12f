//! Transcripts of Gemini streams and the events they must become.

use std::path::Path;

use protocol::exchange::Event;
use protocol::gemini::StreamDecoder;
use protocol::sse::{Frame, FrameTooLong, Splitter};
use protocol::target::ResponseContext;

fn events(name: &str) -> Vec<Event> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/transcripts/gemini").join(name);
    let bytes = std::fs::read(path).unwrap();
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let mut events = Vec::new();
    let mut splitter = Splitter::new();
    let mut take = |frame: Frame<'_>| {
        decoder.push(&frame, &mut events);
        Ok::<(), FrameTooLong>(())
    };
    splitter.push(&bytes, &mut take).unwrap();
    splitter.finish(&mut take).unwrap();
    decoder.finish(&mut events);
    events
}

/// Bugs 7, 15
#[test]
fn thinking_and_parallel_tools() {
    insta::assert_debug_snapshot!(events("thinking_and_parallel_tools.sse"));
}

/// Bug 12
#[test]
fn limit_met_while_thinking() {
    insta::assert_debug_snapshot!(events("limit_met_while_thinking.sse"));
}

/// Bug 11
#[test]
fn error_midway() {
    insta::assert_debug_snapshot!(events("error_midway.sse"));
}

/// Bug 16
#[test]
fn cut_off() {
    insta::assert_debug_snapshot!(events("cut_off.sse"));
}
