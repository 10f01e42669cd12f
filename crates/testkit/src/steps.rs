//! Turns an answer and its script into the steps of a response body.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;

use crate::body::Step;
use crate::fault::{Fault, Point};
use crate::rejection::Rejection;
use crate::script::Script;
use crate::turn::Event;
use crate::{Protocol, wire};

/// Longest pause of a script: a day. A longer one could overflow the clock.
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);

/// A pause of so many milliseconds.
pub(crate) fn pause(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds).min(LONGEST_PAUSE)
}

/// How long this many tokens take to generate.
pub(crate) fn generation(tokens: u64, script: &Script) -> Duration {
    script
        .tokens_per_second
        .and_then(|rate| Duration::try_from_secs_f64(tokens as f64 / rate).ok())
        .unwrap_or_default()
        .min(LONGEST_PAUSE)
}

/// The steps of a streamed answer. `error` makes the vendor's error event after so many events.
pub(crate) fn stream(
    events: Vec<Event>,
    script: &Script,
    protocol: Protocol,
    error: impl Fn(&Rejection, usize) -> Bytes,
) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    let size = script.split.unwrap_or(usize::MAX);
    let all = events.iter().filter(|event| event.content).count();
    let strike = script.fault.and_then(place).map(|after| after.min(all));
    let (mut sent, mut output) = (0, 0);
    let error = |sent| match script.fault {
        Some(Fault::ErrorEvent { status, .. }) => error(&rejection(status, script), sent),
        _ => wire::malformed_event(protocol),
    };
    if strike == Some(0) && act(&mut steps, script, error(0), events.first(), 0) {
        return steps;
    }
    for (index, event) in events.iter().enumerate() {
        if event.content {
            let wait = if sent == 0 { script.first_token_ms } else { script.gap_ms };
            let wait = pause(wait) + generation(event.output.saturating_sub(output), script);
            if !wait.is_zero() {
                steps.push_back(Step::Wait(wait));
            }
            sent += 1;
        }
        output = event.output;
        let bytes = event.bytes.clone();
        steps.push_back(Step::Bytes { bytes, size, output, content: event.content });
        if size != usize::MAX {
            steps.push_back(Step::Flush);
        }
        if event.content
            && strike == Some(sent)
            && act(&mut steps, script, error(index + 1), events.get(index + 1), output)
        {
            break;
        }
    }
    steps
}

/// After how many content chunks a fault strikes, if it strikes within the body.
fn place(fault: Fault) -> Option<usize> {
    match fault {
        Fault::Hang(Point::After(after))
        | Fault::Reset(Point::After(after))
        | Fault::Close(Point::After(after))
        | Fault::Truncate(after)
        | Fault::Malformed(after)
        | Fault::HalfFrame(after)
        | Fault::ErrorEvent { after, .. } => Some(after),
        _ => None,
    }
}

/// Adds the fault itself; returns whether the body ends with it. `broken` is the frame of an
/// error, or one that cannot be read.
fn act(
    steps: &mut VecDeque<Step>,
    script: &Script,
    broken: Bytes,
    next: Option<&Event>,
    output: u64,
) -> bool {
    let mut bytes = |bytes: Bytes| {
        let size = script.split.unwrap_or(usize::MAX);
        steps.push_back(Step::Bytes { bytes, size, output, content: false });
    };
    match script.fault {
        Some(Fault::Malformed(_)) => {
            bytes(broken);
            return false;
        }
        Some(Fault::HalfFrame(_)) => {
            if let Some(event) = next {
                bytes(event.bytes.slice(..event.bytes.len() / 2));
            }
        }
        Some(Fault::ErrorEvent { .. }) => bytes(broken),
        Some(Fault::Hang(_)) => steps.extend([Step::Flush, Step::Hang]),
        Some(Fault::Reset(_)) => steps.extend([Step::Flush, Step::Reset]),
        Some(Fault::Close(_)) => steps.extend([Step::Flush, Step::Close]),
        _ => {}
    }
    true
}

/// The steps of an answer in one piece, and the Content-Length to declare.
pub(crate) fn plain(body: Bytes, output: u64, script: &Script) -> (VecDeque<Step>, usize) {
    let size = script.split.unwrap_or(usize::MAX);
    let whole = body.len();
    let step = |bytes: Bytes, output| Step::Bytes { bytes, size, output, content: false };
    let Some((fault, after)) = script.fault.and_then(|fault| Some((fault, place(fault)?))) else {
        return (VecDeque::from([step(body, output)]), whole);
    };
    let part = if after == 0 { Bytes::new() } else { body.slice(..whole / 2) };
    let mut steps = VecDeque::new();
    if !part.is_empty() {
        steps.push_back(step(part.clone(), output));
    }
    match fault {
        Fault::Hang(_) => steps.extend([Step::Flush, Step::Hang]),
        Fault::Reset(_) => steps.extend([Step::Flush, Step::Reset]),
        Fault::Close(_) => steps.extend([Step::Flush, Step::Close]),
        Fault::Malformed(_) => {
            let broken = Bytes::from_static(b"{\"simulated\": not json");
            return (VecDeque::from([step(broken.clone(), output)]), broken.len());
        }
        _ => return (steps, part.len()),
    }
    (steps, whole)
}

/// The vendor error a script asks for.
pub(crate) fn rejection(status: u16, script: &Script) -> Rejection {
    Rejection {
        message: script.message.clone(),
        kind: script.kind.clone(),
        retry_after: script.retry_after,
        ..Rejection::status(status)
    }
}

/// A gzip body that inflates to 128 MiB.
pub(crate) fn gzip_bomb() -> Bytes {
    use std::io::Write;
    static BOMB: OnceLock<Bytes> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let block = [b' '; 1 << 16];
        let mut written = encoder.write_all(b"data: {\"");
        for _ in 0..(128 << 20) / block.len() {
            written = written.and_then(|()| encoder.write_all(&block));
        }
        // Writing into memory does not fail; if it did the body would merely be short.
        written.and_then(|()| encoder.finish()).unwrap_or_default().into()
    })
    .clone()
}

/// The page a proxy in front of a vendor would show.
pub(crate) fn page(status: u16) -> Bytes {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    format!(
        "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n<hr><center>simulated proxy</center>\r\n</body>\r\n</html>\r\n"
    )
    .into()
}
