//! Tests of the whole dialect: tables per fact, round trips as properties.

mod decode;
mod encode;
mod round_trip;
mod stream;

use crate::exchange::{Event, Identity};
use crate::sse::{Frame, FrameTooLong, Splitter};
use crate::target::ResponseContext;

use super::StreamDecoder;

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 7 }
}

/// The events of chunks given as JSON.
fn events(context: ResponseContext, chunks: &[&str]) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(context);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(&Frame { event: None, data: chunk.as_bytes() }, &mut events);
    }
    decoder.finish(&mut events);
    events
}

/// The events of bytes that arrive in pieces.
fn events_of(pieces: &[&[u8]]) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(ResponseContext::default());
    let mut events = Vec::new();
    let mut splitter = Splitter::new();
    for piece in pieces {
        splitter
            .push(piece, |frame| {
                decoder.push(&frame, &mut events);
                Ok::<(), FrameTooLong>(())
            })
            .unwrap();
    }
    splitter
        .finish(|frame| {
            decoder.push(&frame, &mut events);
            Ok::<(), FrameTooLong>(())
        })
        .unwrap();
    decoder.finish(&mut events);
    events
}
