//! Same protocol in and out: bodies and frames are passed on as they are, with a tap for what the
//! gateway must know.

use super::decode::decode_response;
use super::stream::StreamDecoder;
use super::wire::ROUTER_MEMBERS;
use crate::exchange::{Event, Fault, Losses, Response};
use crate::json::Envelope;
use crate::sse::{Frame, write_data, write_event};
use crate::target::{Encoded, ResponseContext, Target};

/// The caller's body for an endpoint that speaks the same protocol. The model is part of the URL,
/// so only members that speak to the router go; everything else stays byte for byte.
pub fn patch_request(envelope: &Envelope<'_>, target: &Target<'_>) -> Result<Encoded, Fault> {
    let mut edit = envelope.edit();
    for name in ROUTER_MEMBERS {
        edit.remove(name);
    }
    let mut headers = Vec::new();
    let mut losses = Losses::default();
    let names = ["serviceTier", "service_tier"];
    let written = names.iter().find_map(|name| envelope.get::<String>(name).ok().flatten());
    let tier = target.tier_for(written.as_deref());
    // Vertex, which takes no ids of calls, takes the tier in a header.
    let in_header = target.quirks.no_function_call_ids;
    if in_header || tier != written.as_deref() {
        names.iter().for_each(|name| edit.remove(*name));
    }
    match tier {
        None if written.is_some() => losses.record("serviceTier", "the endpoint has another tier"),
        Some(tier @ ("flex" | "priority")) if in_header => {
            headers.push(("x-vertex-ai-llm-shared-request-type", tier.to_owned()));
        }
        Some(tier) if !in_header && Some(tier) != written.as_deref() => {
            edit.set("serviceTier", format!("\"{tier}\""));
        }
        _ => {}
    }
    Ok(Encoded {
        body: edit.finish(),
        headers,
        losses,
        context: ResponseContext {
            no_finish_reason: target.quirks.no_finish_reason,
            ..ResponseContext::default()
        },
    })
}

/// Reads a whole answer that is passed on as it is: usage, finish reasons, or the fault inside.
pub fn patch_response(body: &[u8], context: &ResponseContext) -> Result<Response, Fault> {
    decode_response(body, context)
}

/// Passes frames on as they are and tells what the gateway must know of them.
#[derive(Debug)]
pub struct PatchStream {
    decoder: StreamDecoder,
    events: Vec<Event>,
}

impl PatchStream {
    /// A tap for the answer to one request.
    pub fn new(context: ResponseContext) -> Self {
        Self { decoder: StreamDecoder::new(context), events: Vec::new() }
    }

    /// Writes the frame to `out` and its start, usage and fault to `events`. Returns whether it
    /// carries content the caller would miss. STREAM-4
    pub fn push(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>, events: &mut Vec<Event>) -> bool {
        match frame.event {
            Some(name) => write_event(out, name, frame.data),
            None if frame.data.contains(&b'\n') => {
                for line in frame.data.split(|byte| *byte == b'\n') {
                    out.extend_from_slice(b"data: ");
                    out.extend_from_slice(line);
                    out.push(b'\n');
                }
                out.push(b'\n');
            }
            None => write_data(out, frame.data),
        }
        self.decoder.push(frame, &mut self.events);
        self.tap(events)
    }

    /// The stream ended: finish reasons, or the fault that it was cut.
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        self.decoder.finish(&mut self.events);
        self.tap(events);
    }

    fn tap(&mut self, events: &mut Vec<Event>) -> bool {
        let content = self.events.iter().any(Event::is_content);
        events.extend(self.events.drain(..).filter(|event| {
            matches!(
                event,
                Event::Start { .. } | Event::Usage(_) | Event::Finish { .. } | Event::Fault(_)
            )
        }));
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{ErrorType, FinishReason};
    use crate::target::{Abilities, Quirks};

    #[test]
    fn only_what_speaks_to_the_router_is_removed() {
        let body = br#"{"model":"x","contents":[{"parts":[{"text":"h\u0069"}]}], "provider":{"order":["a"]},"newThing":1.0e0,"serviceTier":"flex"}"#;
        let envelope = Envelope::parse(body).unwrap();
        let (mut quirks, abilities) = (Quirks::default(), Abilities::default());
        let target = Target::new("m", &quirks, &abilities);
        let encoded = patch_request(&envelope, &target).unwrap();
        assert_eq!(
            String::from_utf8(encoded.body).unwrap(),
            r#"{"contents":[{"parts":[{"text":"h\u0069"}]}],"newThing":1.0e0,"serviceTier":"flex"}"#
        );
        quirks.no_function_call_ids = true;
        let target = Target::new("m", &quirks, &abilities);
        let encoded = patch_request(&envelope, &target).unwrap();
        assert!(!String::from_utf8(encoded.body).unwrap().contains("serviceTier"));
        assert_eq!(encoded.headers[0].1, "flex");
    }

    #[test]
    fn frames_pass_untouched_and_the_tap_tells() {
        let mut stream = PatchStream::new(ResponseContext::default());
        let (mut out, mut events) = (Vec::new(), Vec::new());
        let data = br#"{"candidates": [{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3},"unknown":[1]}"#;
        assert!(stream.push(&Frame { event: None, data }, &mut out, &mut events));
        stream.finish(&mut events);
        assert_eq!(out, [b"data: ", &data[..], b"\n\n"].concat());
        assert!(matches!(
            events[..],
            [
                Event::Start { .. },
                Event::Usage(_),
                Event::Finish { reason: FinishReason::Stop, .. }
            ]
        ));
    }

    /// Bug 16
    #[test]
    fn a_cut_stream_is_told() {
        let mut stream = PatchStream::new(ResponseContext::default());
        let (mut out, mut events) = (Vec::new(), Vec::new());
        let data = br#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
        stream.push(&Frame { event: None, data }, &mut out, &mut events);
        stream.finish(&mut events);
        assert!(
            matches!(events.last(), Some(Event::Fault(fault)) if fault.error_type == ErrorType::ProviderUnavailable)
        );
    }
}
