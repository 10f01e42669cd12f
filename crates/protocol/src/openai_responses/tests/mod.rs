//! Tests of the whole dialect: tables per fact, round trips as properties.

mod custom;
mod decode;
mod encode;
mod facts;
mod namespace;
mod patch;
mod round_trip;
mod stream;

use super::{Echo, StreamDecoder, StreamEncoder};
use crate::exchange::{Additions, Event, Identity};
use crate::sse::{Frame, FrameTooLong, Splitter};
use crate::target::ResponseContext;

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 7 }
}

/// The events of frames given as JSON.
fn events(context: ResponseContext, frames: &[&str]) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(context);
    let mut events = Vec::new();
    for frame in frames {
        decoder.push(&Frame { event: None, data: frame.as_bytes() }, &mut events);
    }
    decoder.finish(&mut events);
    events
}

/// Each frame of bytes that arrive in pieces.
fn each_frame(pieces: &[&[u8]], mut take: impl FnMut(&Frame<'_>)) {
    let mut splitter = Splitter::new();
    let mut take = |frame: Frame<'_>| {
        take(&frame);
        Ok::<(), FrameTooLong>(())
    };
    for piece in pieces {
        splitter.push(piece, &mut take).unwrap();
    }
    splitter.finish(&mut take).unwrap();
}

/// The events of bytes that arrive in pieces.
fn events_of(pieces: &[&[u8]]) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let mut events = Vec::new();
    each_frame(pieces, |frame| decoder.push(frame, &mut events));
    decoder.finish(&mut events);
    events
}

/// The stream a caller gets of events.
fn told(echo: Echo, events: &[Event]) -> Vec<u8> {
    let mut encoder = StreamEncoder::with_echo(identity(), echo);
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    encoder.finish(Additions::default(), &mut out);
    out
}

/// The frames of a stream as JSON, without `[DONE]`, which must be the last.
fn frames(stream: &[u8]) -> Vec<serde_json::Value> {
    let mut found = Vec::new();
    let mut done = false;
    each_frame(&[stream], |frame| {
        assert!(!done, "something follows [DONE]");
        if frame.is_done() {
            done = true;
        } else {
            let value: serde_json::Value = serde_json::from_slice(frame.data).unwrap();
            assert_eq!(value["type"].as_str(), frame.event);
            found.push(value);
        }
    });
    assert!(done, "no [DONE]");
    found
}
