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
    let count = |encoding| {
        Counting { encoding, template: Template::OpenAi }.count_prompt(&request).unwrap()
    };
    assert_eq!(count(Encoding::Cl100k), 129);
    assert_eq!(count(Encoding::O200k), 124);
}

const ALL: [Encoding; 5] =
    [Encoding::O200k, Encoding::Cl100k, Encoding::Qwen, Encoding::Tekken, Encoding::DeepSeek];

fn pieces(splitter: &Splitter, text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    splitter.split(text, &mut |piece| pieces.push(piece.to_owned()));
    pieces
}

/// Of several blanks the last belongs to the word that follows, and lines end pieces.
#[test]
fn texts_are_cut_where_the_vendor_cuts_them() {
    let splitter = Splitter::o200k().unwrap();
    let of = |text| pieces(&splitter, text);
    assert_eq!(of("a   b"), ["a", "  ", " b"]);
    assert_eq!(of("a  \n  b  "), ["a", "  \n", " ", " b", "  "]);
    assert_eq!(of("I'm 12345 CamelCase"), ["I'm", " ", "123", "45", " Camel", "Case"]);
    assert_eq!(of("x()/\n"), ["x", "()/\n"]);
    let splitter = Splitter::cl100k().unwrap();
    assert_eq!(pieces(&splitter, "I'm CamelCase"), ["I", "'m", " CamelCase"]);
    let splitter = Splitter::qwen().unwrap();
    assert_eq!(pieces(&splitter, "I'm 42  x"), ["I", "'m", " ", "4", "2", " ", " x"]);
    let splitter = Splitter::tekken().unwrap();
    assert_eq!(pieces(&splitter, "I'm 42"), ["I", "'m", " ", "4", "2"]);
}

/// DeepSeek cuts out digits and ideographs first, and blanks before those all belong together. What
/// no rule knows is a piece of its own.
#[test]
fn what_is_cut_out_first_is_not_joined_with_what_is_beside() {
    let splitter = Splitter::deepseek().unwrap();
    let of = |text| pieces(&splitter, text);
    assert_eq!(of("a  1234b"), ["a", "  ", "123", "4", "b"]);
    assert_eq!(of("see 東京タワー, now"), ["see", " ", "東京タワー", ",", " now"]);
    assert_eq!(of("スター・ウォーズ"), ["スター", "・", "ウォーズ"]);
    assert_eq!(of("x\u{1}\u{2}\u{2} y"), ["x", "\u{1}\u{2}\u{2}", " y"]);
    assert_eq!(of(".method()"), [".method", "()"]);
}

/// Letters with marks that can be one sign are one for Qwen, as its own program makes them first.
#[test]
fn qwen_composes_letters_and_their_marks() {
    for (apart, one) in [("cafe\u{301}", "café"), ("\u{1100}\u{1161}\u{11a8}", "각")] {
        assert_eq!(Encoding::Qwen.count(apart), Encoding::Qwen.count(one));
        assert!(Encoding::Tekken.count(apart) > Encoding::Tekken.count(one));
    }
}

/// Of anything a caller sends the work grows with its length, not faster: sixteen times the text is
/// at most some twenty times the pairs looked up, whatever it is.
#[test]
fn the_work_on_texts_of_one_kind_grows_with_their_length() {
    for unit in ["a", " ", "\n", "é", "🦊", "A", "'", "\u{301}", "7", "ab", "=-", "\u{1}", "日"]
    {
        for encoding in ALL {
            let short = if encoding == Encoding::O200k { 1_000 } else { 250 };
            let steps = |times: usize| {
                let mut counter = encoding.counter().unwrap();
                let tokens = counter.count(&unit.repeat(times));
                (tokens, counter.merger.steps)
            };
            let (few, many) = (steps(short), steps(16 * short));
            assert!(
                many.1 <= 20 * few.1.max(short as u64),
                "{encoding:?} {unit:?}: {few:?} {many:?}"
            );
            assert!(many.0 >= few.0 * 8, "{encoding:?} {unit:?}: {few:?} {many:?}");
        }
    }
}

/// One piece of many megabytes takes no more work and room than what is counted of a prompt.
#[test]
fn what_is_counted_of_a_prompt_is_bounded() {
    let mut counter = Encoding::O200k.counter().unwrap();
    let tokens = counter.count(&"a".repeat(4 * MAX_COUNTED));
    assert_eq!(counter.bytes, MAX_COUNTED);
    assert!(counter.merger.room() <= 4 * merge::MAX_PIECE, "{}", counter.merger.room());
    assert!(counter.merger.steps <= 3 * MAX_COUNTED as u64, "{}", counter.merger.steps);
    assert_eq!(tokens, 4 * counter.tokens);
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
    fn pieces_are_the_text_and_merge_as_defined(text in "[a-zA-Z0-9 '\n/é🦊お\u{301}\u{200d}.]{0,60}|\\PC{0,40}") {
        for encoding in ALL {
            let tokenizer = encoding.tokenizer().unwrap();
            let pieces = pieces(&tokenizer.splitter, &text);
            prop_assert_eq!(pieces.concat(), text.clone());
            let mut merger = Merger::default();
            for piece in pieces {
                let bytes = piece.as_bytes();
                prop_assert_eq!(
                    merger.count(bytes, &tokenizer.vocabulary),
                    by_definition(bytes, &tokenizer.vocabulary),
                    "{:?} {:?}", encoding, piece
                );
            }
            // Signs that are composed may have more bytes than before, but never three times as many.
            prop_assert!(encoding.count(&text).unwrap() <= 3 * text.len() as u64);
        }
    }
}
