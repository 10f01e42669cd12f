use proptest::prelude::*;
use protocol::Surface;
use protocol::surface::Addressed;

use super::*;

/// Counts that OpenAI's own documentation tells.
#[test]
fn texts_have_the_tokens_that_the_vendor_counts() {
    for (text, o200k, cl100k) in [
        ("", 0, 0),
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 8, 9),
        ("hello world", 2, 2),
    ] {
        assert_eq!(Encoding::O200k.count(text), Some(o200k), "{text}");
        assert_eq!(Encoding::Cl100k.count(text), Some(cl100k), "{text}");
    }
}

/// The conversation in the vendor's guide, whose count its API confirmed.
#[test]
fn a_conversation_has_the_tokens_that_the_vendor_bills() {
    let body = serde_json::json!({"model": "m", "messages": [
        {"role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
        {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
        {"role": "system", "name": "example_user", "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role": "system", "name": "example_assistant", "content": "Let's talk later when we're less busy about how to do better."},
        {"role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client deliverable."},
    ]});
    let request = Surface::Chat.decode(body.to_string().as_bytes(), &Addressed::default()).unwrap();
    assert_eq!(Encoding::Cl100k.count_prompt(&request), Some(129));
    assert_eq!(Encoding::O200k.count_prompt(&request), Some(124));
}

/// Of several blanks the last belongs to the word that follows, and lines end pieces.
#[test]
fn texts_are_cut_where_the_vendor_cuts_them() {
    let splitter = Splitter::o200k().unwrap();
    let pieces = |text| splitter.split(text).collect::<Vec<_>>();
    assert_eq!(pieces("a   b"), ["a", "  ", " b"]);
    assert_eq!(pieces("a  \n  b  "), ["a", "  \n", " ", " b", "  "]);
    assert_eq!(pieces("I'm 12345 CamelCase"), ["I'm", " ", "123", "45", " Camel", "Case"]);
    assert_eq!(pieces("x()/\n"), ["x", "()/\n"]);
    let splitter = Splitter::cl100k().unwrap();
    assert_eq!(splitter.split("I'm CamelCase").collect::<Vec<_>>(), ["I", "'m", " CamelCase"]);
}

/// Of anything a caller sends the work grows with its length, not faster: sixteen times the text is
/// at most some twenty times the pairs looked up, whatever it is.
#[test]
fn the_work_on_texts_of_one_kind_grows_with_their_length() {
    for unit in ["a", " ", "\n", "é", "🦊", "A", "'", "\u{301}", "7", "ab", "=-"] {
        let steps = |times: usize| {
            let mut counter = Encoding::O200k.counter().unwrap();
            let tokens = counter.count(&unit.repeat(times));
            (tokens, counter.merger.steps)
        };
        let (short, long) = (steps(1_000), steps(16_000));
        assert!(long.1 <= 20 * short.1.max(1_000), "{unit:?}: {short:?} {long:?}");
        assert!(long.0 >= short.0 * 12, "{unit:?}: {short:?} {long:?}");
    }
}

/// One piece of many megabytes takes no more work and room than what is counted of a prompt.
#[test]
fn what_is_counted_of_a_prompt_is_bounded() {
    let steps = |length: usize| {
        let mut counter = Encoding::O200k.counter().unwrap();
        let tokens = counter.count(&"a".repeat(length));
        assert_eq!(counter.bytes, length.min(MAX_COUNTED));
        assert!(counter.merger.room() <= 4 * merge::MAX_PIECE, "{}", counter.merger.room());
        (tokens, counter.merger.steps)
    };
    let (whole, long) = (steps(MAX_COUNTED), steps(4 * MAX_COUNTED));
    assert_eq!(whole.1, long.1);
    assert_eq!(whole.0 * 4, long.0);
}

/// Further texts of the same prompt are estimated by what was counted, and none has nothing.
#[test]
fn beyond_the_bound_texts_are_estimated_by_the_rest() {
    let mut counter = Encoding::O200k.counter().unwrap();
    let text = "hello world ".repeat(MAX_COUNTED / 12);
    let tokens = counter.count(&text);
    counter.count("🦊🦊🦊🦊");
    let more = counter.count(&text);
    assert!(more.abs_diff(tokens) <= tokens / 100, "{tokens} {more}");
    assert!(counter.count("x") > 0);
}

#[test]
fn encodings_go_by_models() {
    let of = |id: &str| {
        let mut model = crate::inference::estimate::tests::model(None);
        model.id = id.into();
        Encoding::of(&model)
    };
    for id in
        ["openai/gpt-5", "openai/gpt-4o-mini", "openai/gpt-4.1", "openai/o3", "openai/gpt-oss-120b"]
    {
        assert_eq!(of(id), Some(Encoding::O200k), "{id}");
    }
    for id in ["openai/gpt-4", "openai/gpt-4-turbo", "openai/gpt-3.5-turbo"] {
        assert_eq!(of(id), Some(Encoding::Cl100k), "{id}");
    }
    for id in ["anthropic/claude-sonnet-4.5", "openai/whisper-1", "meta-llama/llama-3", "gpt-4"] {
        assert_eq!(of(id), None, "{id}");
    }
}

/// The same by the definition: the pair of the lowest rank first, the leftmost of several.
fn by_definition(piece: &[u8], vocabulary: &Vocabulary) -> u64 {
    let mut parts: Vec<Vec<u8>> = piece.iter().map(|byte| vec![*byte]).collect();
    loop {
        let ranked = (1..parts.len()).filter_map(|at| {
            Some((vocabulary.rank(&[&*parts[at - 1], &*parts[at]].concat())?, at))
        });
        let Some((_, at)) = ranked.min() else { return parts.len() as u64 };
        let right = parts.remove(at);
        parts[at - 1].extend(right);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_are_the_text_and_merge_as_defined(text in "[a-zA-Z0-9 '\n/é🦊お.]{0,60}|\\PC{0,40}") {
        let tokenizer = Encoding::O200k.tokenizer().unwrap();
        let pieces: Vec<&str> = tokenizer.splitter.split(&text).collect();
        prop_assert_eq!(pieces.concat(), text.clone());
        let mut merger = Merger::default();
        for piece in pieces {
            let bytes = piece.as_bytes();
            prop_assert_eq!(
                merger.count(bytes, &tokenizer.vocabulary),
                by_definition(bytes, &tokenizer.vocabulary),
                "{:?}", piece
            );
        }
        prop_assert!(Encoding::O200k.count(&text).unwrap() <= text.len() as u64);
    }
}
