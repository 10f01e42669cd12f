use proptest::prelude::*;

use super::*;

type Told = (Vec<(String, String)>, Vec<u8>);

fn split(splitter: &mut Splitter, chunks: &[&[u8]]) -> (Vec<Told>, Result<(), FrameError>) {
    let mut found = Vec::new();
    let mut keep = |frame: Frame<'_>| {
        let headers =
            frame.headers.iter().map(|it| (it.name.to_owned(), format!("{:?}", it.value)));
        found.push((headers.collect(), frame.payload.to_vec()));
        Ok::<(), FrameError>(())
    };
    let mut outcome = Ok(());
    for chunk in chunks {
        outcome = outcome.and_then(|()| splitter.push(chunk, &mut keep));
    }
    let outcome = outcome.and_then(|()| splitter.finish());
    (found, outcome)
}

/// A message with headers of any kind.
fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let total = (OVERHEAD + headers.len() + payload.len()) as u32;
    out.extend_from_slice(&total.to_be_bytes());
    out.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

/// A message as documented by the vendor: no headers, no payload.
#[test]
fn the_documented_empty_message_is_read() {
    let bytes = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
    let (found, outcome) = split(&mut Splitter::new(), &[&bytes]);
    assert_eq!(outcome, Ok(()));
    assert_eq!(found, vec![(vec![], vec![])]);
    assert_eq!(message(b"", b""), bytes);
}

#[test]
fn events_exceptions_and_errors_are_told_apart() {
    let mut bytes = Vec::new();
    write_event(&mut bytes, "messageStart", b"{\"role\":\"assistant\"}");
    write_exception(&mut bytes, "throttlingException", b"{\"message\":\"slow down\"}");
    let headers = [(":message-type", "error"), (":error-code", "500"), (":error-message", "no")];
    write_message(&mut bytes, &headers, b"");
    write_message(&mut bytes, &[(":message-type", "new")], b"x");
    let mut kinds = Vec::new();
    let keep = |frame: Frame<'_>| {
        kinds.push(format!("{:?} {}", frame.kind(), String::from_utf8_lossy(frame.payload)));
        Ok::<(), FrameError>(())
    };
    Splitter::new().push(&bytes, keep).unwrap();
    assert_eq!(
        kinds,
        [
            r#"Event("messageStart") {"role":"assistant"}"#,
            r#"Exception("throttlingException") {"message":"slow down"}"#,
            r#"Error { code: "500", message: "no" } "#,
            "Unknown x",
        ]
    );
}

#[test]
fn headers_of_every_type_are_read() {
    let mut headers = Vec::new();
    let values: [&[u8]; 10] = [
        &[0],
        &[1],
        &[2, 0xff],
        &[3, 0, 2],
        &[4, 0, 0, 0, 3],
        &[5, 0, 0, 0, 0, 0, 0, 0, 4],
        &[6, 0, 2, 9, 9],
        &[7, 0, 1, b'x'],
        &[8, 0, 0, 0, 0, 0, 0, 0, 5],
        &[9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ];
    for (at, value) in values.iter().enumerate() {
        headers.extend_from_slice(&[1, b'a' + at as u8]);
        headers.extend_from_slice(value);
    }
    let (found, outcome) = split(&mut Splitter::new(), &[&message(&headers, b"p")]);
    assert_eq!(outcome, Ok(()));
    let values: Vec<&str> = found[0].0.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(
        values,
        [
            "Boolean(true)",
            "Boolean(false)",
            "Integer(-1)",
            "Integer(2)",
            "Integer(3)",
            "Integer(4)",
            "Bytes([9, 9])",
            "Text(\"x\")",
            "Timestamp(5)",
            "Uuid([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])",
        ]
    );
}

#[test]
fn unreadable_headers_are_refused() {
    for bad in [
        &[0, 0][..],               // no name
        &[1, b'a'],                // no value
        &[1, b'a', 10],            // an unknown type
        &[1, b'a', 7, 0, 9, b'x'], // shorter than it says
        &[1, b'a', 7, 0, 1, 0xff], // a text that is not UTF-8
        &[1, 0xff, 0],             // a name that is not UTF-8
        &[1, b'a', 0, 1, b'a', 1], // a name that occurs twice
    ] {
        let (found, outcome) = split(&mut Splitter::new(), &[&message(bad, b"")]);
        assert_eq!((found.len(), outcome), (0, Err(FrameError::Headers)), "{bad:?}");
    }
    let many: Vec<u8> =
        (0..=128_u8).flat_map(|at| [2, b'a' + at / 16, b'a' + at % 16, 0]).collect();
    let (_, outcome) = split(&mut Splitter::new(), &[&message(&many, b"")]);
    assert_eq!(outcome, Err(FrameError::Headers));
}

#[test]
fn every_changed_byte_is_noticed() {
    let mut whole = Vec::new();
    write_event(&mut whole, "metadata", b"{}");
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        let (found, outcome) = split(&mut Splitter::new(), &[&changed]);
        assert_eq!((found.len(), outcome), (0, Err(FrameError::Checksum)), "byte {at}");
    }
}

/// Bug 16
#[test]
fn a_stream_cut_in_a_message_is_an_error_and_one_cut_between_two_is_not() {
    let mut bytes = Vec::new();
    write_event(&mut bytes, "a", b"{}");
    let first = bytes.len();
    write_event(&mut bytes, "b", b"{}");
    for cut in 1..bytes.len() {
        let (found, outcome) = split(&mut Splitter::new(), &[&bytes[..cut]]);
        if cut == first {
            assert_eq!((found.len(), outcome), (1, Ok(())));
        } else {
            assert_eq!(outcome, Err(FrameError::Truncated), "{cut}");
            assert_eq!(found.len(), usize::from(cut > first));
        }
    }
}

#[test]
fn lengths_are_bounded_before_anything_is_kept() {
    let prelude = |total: u32, headers: u32| {
        let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        out
    };
    for (total, headers, error) in [
        (u32::MAX, 0, FrameError::TooLong),
        (u32::MAX, u32::MAX, FrameError::Lengths),
        (200_000, 150_000, FrameError::TooLong),
        (15, 0, FrameError::Lengths),
        (20, 5, FrameError::Lengths),
    ] {
        let mut splitter = Splitter::new();
        let (_, outcome) = split(&mut splitter, &[&prelude(total, headers)]);
        assert_eq!(outcome, Err(error), "{total} {headers}");
        let (_, again) = split(&mut splitter, &[&message(b"", b"")]);
        assert_eq!(again, Err(error), "nothing is read after an error");
    }
    let (_, outcome) = split(&mut Splitter::with_limit(3), &[&message(b"", b"four")]);
    assert_eq!(outcome, Err(FrameError::TooLong));
}

#[test]
fn what_the_reader_says_ends_the_reading_but_not_the_stream() {
    let mut bytes = Vec::new();
    write_event(&mut bytes, "a", b"1");
    write_event(&mut bytes, "b", b"2");
    let (head, tail) = bytes.split_at(5);
    let mut splitter = Splitter::new();
    splitter.push(head, |_| Ok::<(), FrameError>(())).unwrap();
    let refused = splitter.push(tail, |_| Err::<(), FrameError>(FrameError::TooLong));
    assert_eq!(refused, Err(FrameError::TooLong));
    assert_eq!(splitter.finish(), Ok(()));
}

proptest! {
    #[test]
    fn splitting_anywhere_changes_nothing(
        messages in proptest::collection::vec(
            (proptest::collection::vec(("[a-z:-]{1,6}", "[a-zé]{0,6}"), 0..4),
             proptest::collection::vec(any::<u8>(), 0..40)), 0..6),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        spoiled in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut input = Vec::new();
        for (headers, payload) in &messages {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            write_message(&mut input, &headers, payload);
        }
        if let (Some((at, byte)), false) = (spoiled, input.is_empty()) {
            let at = at.index(input.len());
            input[at] = byte;
        }
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        at.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in at {
            chunks.push(&input[from..cut]);
            from = cut;
        }
        chunks.push(&input[from..]);
        let whole = split(&mut Splitter::new(), &[&input]);
        prop_assert_eq!(split(&mut Splitter::new(), &chunks), whole.clone());
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        prop_assert_eq!(split(&mut Splitter::new(), &bytes), whole);
    }

    #[test]
    fn any_bytes_are_frames_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = split(&mut Splitter::new(), &[&bytes]);
    }
}
