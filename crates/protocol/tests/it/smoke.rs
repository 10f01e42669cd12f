//! A short run of the fuzz targets over mutated golden files, the same each time. What a longer
//! run finds becomes a golden file or a unit test.

use protocol::Dialect;

use crate::checks;
use crate::corpus::{inputs, streams};

/// How often each input is mutated.
const ROUNDS: u64 = 60;

/// A small generator of numbers: the same everywhere, so that a failure can be repeated.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (limit.max(1) as u64)).unwrap()
    }

    fn range(&mut self, limit: usize) -> std::ops::Range<usize> {
        let from = self.below(limit + 1);
        let longest = if self.below(3) == 0 { limit - from } else { (limit - from).min(24) };
        from..from + self.below(longest + 1)
    }
}

/// What stands in bodies where something else is expected.
const TOKENS: [&str; 24] = [
    "null",
    "{}",
    "[]",
    "\"\"",
    "0",
    "-1",
    "1e400",
    "18446744073709551616",
    "true",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\n",
    "\r",
    "\\",
    "\"",
    ":",
    ",",
    "{",
    "}",
    "data: ",
    "\n\n",
    "[DONE]",
    "\u{feff}",
    "[[[[[[[[[[",
];

fn mutate(numbers: &mut Numbers, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=numbers.below(3) {
        let range = numbers.range(bytes.len());
        let at = range.start;
        match numbers.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            1 => drop(bytes.drain(range)),
            2 => {
                let copy = bytes[range].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => {
                let from = numbers.range(other.len());
                bytes.splice(range, other[from].iter().copied());
            }
            4 => bytes.truncate(at),
            _ => replace_value(numbers, &mut bytes),
        }
    }
    bytes
}

/// Puts something else where a value stands, so that the result often stays JSON.
fn replace_value(numbers: &mut Numbers, bytes: &mut Vec<u8>) {
    let starts: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b':').collect();
    if starts.is_empty() {
        return;
    }
    let from = starts[numbers.below(starts.len())] + 1;
    let mut values = serde_json::Deserializer::from_slice(&bytes[from..])
        .into_iter::<&serde_json::value::RawValue>();
    let to = match values.next() {
        Some(Ok(_)) => from + values.byte_offset(),
        _ => from,
    };
    let token = TOKENS[numbers.below(TOKENS.len())];
    bytes.splice(from..to, token.bytes());
}

/// Runs a check over the files and their mutations; a failure names its input.
fn run(
    file: &str,
    corpus: &[(Dialect, String, Vec<u8>)],
    check: impl Fn(Dialect, &[u8]) + std::panic::RefUnwindSafe,
) {
    let bodies: Vec<(String, Vec<u8>)> = corpus
        .iter()
        .map(|(dialect, name, body)| (format!("{dialect:?} {name} {file}"), body.clone()))
        .collect();
    run_each(&bodies, file.len() as u64, |at, bytes| check(corpus[at].0, bytes));
}

/// Runs a check over bodies and their mutations; a failure names its input.
pub fn run_over(
    bodies: &[(String, Vec<u8>)],
    seed: u64,
    check: impl Fn(&[u8]) + std::panic::RefUnwindSafe,
) {
    run_each(bodies, seed, |_, bytes| check(bytes));
}

fn run_each(
    bodies: &[(String, Vec<u8>)],
    seed: u64,
    check: impl Fn(usize, &[u8]) + std::panic::RefUnwindSafe,
) {
    let mut numbers = Numbers(seed);
    for (at, (name, input)) in bodies.iter().enumerate() {
        for round in 0..ROUNDS {
            let other = &bodies[numbers.below(bodies.len())].1;
            let bytes = if round == 0 { input.clone() } else { mutate(&mut numbers, input, other) };
            let outcome = std::panic::catch_unwind(|| check(at, &bytes));
            assert!(outcome.is_ok(), "{name}, round {round}: {}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn mutated_requests_are_refused_or_written_as_json() {
    run("request.json", &inputs("request.json"), |dialect, bytes| {
        checks::envelope(bytes);
        checks::request(dialect, bytes);
        checks::patch_request(dialect, bytes);
    });
}

#[test]
fn mutated_answers_are_faults_or_written_as_json() {
    run("response.json", &inputs("response.json"), |dialect, bytes| {
        checks::response(dialect, bytes);
        checks::patch_response(dialect, bytes);
    });
}

#[test]
fn mutated_streams_end_well_or_in_a_fault() {
    run("stream", &streams(), |dialect, bytes| {
        checks::splitter(bytes);
        checks::event_stream(bytes);
        checks::lines(bytes);
        checks::stream(dialect, bytes);
        checks::patch_stream(dialect, bytes);
    });
}

#[test]
fn mutated_errors_are_still_errors() {
    run("error.json", &inputs("error.json"), |dialect, bytes| {
        let choice = u8::try_from(bytes.len() % 256).unwrap();
        checks::error(dialect, &[&[choice], bytes].concat());
    });
}

/// A reader is handed what another vendor wrote: it must not fall over.
#[test]
fn every_reader_survives_the_other_vendors_words() {
    let files = ["request.json", "response.json", "error.json"];
    for corpus in files.map(inputs).into_iter().chain([streams()]) {
        for (_, _, bytes) in corpus {
            for dialect in Dialect::ALL {
                checks::request(dialect, &bytes);
                checks::response(dialect, &bytes);
                checks::stream(dialect, &bytes);
                checks::error(dialect, &bytes);
                checks::patch_request(dialect, &bytes);
                checks::patch_response(dialect, &bytes);
                checks::patch_stream(dialect, &bytes);
            }
        }
    }
}
