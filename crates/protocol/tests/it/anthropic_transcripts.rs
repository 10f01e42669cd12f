//! Transcripts of Anthropic streams, the events they must become, and what a caller of the same
//! protocol gets of them.

use std::path::Path;

use protocol::anthropic::{PatchStream, StreamDecoder, StreamEncoder};
use protocol::exchange::{Additions, Event, Identity};
use protocol::sse::{Frame, FrameTooLong, Splitter};
use protocol::target::ResponseContext;

fn each_frame(name: &str, mut take: impl FnMut(&Frame<'_>)) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/transcripts/anthropic").join(name);
    let bytes = std::fs::read(path).unwrap();
    let mut splitter = Splitter::new();
    let mut take = |frame: Frame<'_>| {
        take(&frame);
        Ok::<(), FrameTooLong>(())
    };
    splitter.push(&bytes, &mut take).unwrap();
    splitter.finish(&mut take).unwrap();
}

fn events(name: &str) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let mut events = Vec::new();
    each_frame(name, |frame| decoder.push(frame, &mut events));
    decoder.finish(&mut events);
    events
}

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

fn translated(name: &str) -> String {
    let mut encoder = StreamEncoder::new(identity());
    let mut out = Vec::new();
    for event in events(name) {
        encoder.push(&event, &mut out);
    }
    encoder.finish(Additions::default(), &mut out);
    String::from_utf8(out).unwrap()
}

fn passed_on(name: &str) -> String {
    let mut stream = PatchStream::new(identity(), ResponseContext::default());
    let mut out = Vec::new();
    let mut fault = None;
    each_frame(name, |frame| {
        let outcome = stream.push(frame, &mut out);
        fault = fault.take().or(outcome.fault);
    });
    match fault.or_else(|| stream.end().err()) {
        Some(fault) => stream.fail(&fault, &mut out),
        None => stream.finish(Additions::default(), &mut out),
    }
    String::from_utf8(out).unwrap()
}

/// Bugs 2, 3, 17
#[test]
fn thinking_and_parallel_tools() {
    let name = "thinking_and_parallel_tools.sse";
    insta::assert_debug_snapshot!(events(name));
    insta::assert_snapshot!("thinking_and_parallel_tools_translated", translated(name));
    insta::assert_snapshot!("thinking_and_parallel_tools_passed_on", passed_on(name));
}

/// Bug 11
#[test]
fn error_midway() {
    insta::assert_debug_snapshot!(events("error_midway.sse"));
    insta::assert_snapshot!("error_midway_passed_on", passed_on("error_midway.sse"));
}

/// Bug 16
#[test]
fn cut_off() {
    insta::assert_debug_snapshot!(events("cut_off.sse"));
    insta::assert_snapshot!("cut_off_passed_on", passed_on("cut_off.sse"));
}

/// wire-formats 2.2
#[test]
fn refusal() {
    insta::assert_debug_snapshot!(events("refusal.sse"));
    insta::assert_snapshot!("refusal_translated", translated("refusal.sse"));
}
