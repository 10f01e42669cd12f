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

/// What a caller sends is counted in time that grows with it, whatever it is.
#[test]
fn long_texts_of_one_kind_are_counted() {
    for unit in ["a", " ", "\n", "é", "🦊", "A", "'", "\u{301}", "7"] {
        let short = Encoding::O200k.count(&unit.repeat(50)).unwrap();
        let long = Encoding::O200k.count(&unit.repeat(20_000)).unwrap();
        assert!(long >= short && long <= 100_000, "{unit:?}: {short} {long}");
    }
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
