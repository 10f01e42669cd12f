//! Where usage stands in a stream, and what is without choices.

use super::stream::all;

/// USAGE-3: Moonshot's place of it.
#[test]
fn usage_may_stand_in_the_choice_that_ends() {
    let text = r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#;
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,"cached_tokens":800}}]}"#;
    let out = all(&[text, end, "[DONE]"]).unwrap();
    assert!(out[1]["choices"][0].get("usage").is_none(), "told once: {out:?}");
    assert_eq!(out[2]["usage"]["completion_tokens"], 100);
    assert_eq!(out[2]["usage"]["prompt_tokens_details"]["cached_tokens"], 800);
    let top = r#"{"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":90}}"#;
    for order in [[top, text, end], [text, end, top]] {
        let out = all(&order).unwrap();
        assert_eq!(out.last().unwrap()["usage"]["completion_tokens"], 90, "{order:?}");
    }
    let other = r#"{"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"stop","usage":{"prompt_tokens":1000,"completion_tokens":7}}]}"#;
    let out = all(&[text, other, end, end]).unwrap();
    assert_eq!(out.last().unwrap()["usage"]["completion_tokens"], 107);
    assert_eq!(out.last().unwrap()["usage"]["prompt_tokens"], 1000);
}

/// STREAM-3, bug 10: who reads `choices[0]` of every chunk but the last one can.
#[test]
fn only_the_chunk_of_usage_is_without_choices() {
    let text = r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#;
    let out = all(&[
        text,
        text,
        text,
        r#"{"choices":[],"x":1,"citations":["u"]}"#,
        r#"{"choices":[],"x":2}"#,
        text,
        text,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2},"y":3}"#,
        "[DONE]",
    ])
    .unwrap();
    let (last, others) = out.split_last().unwrap();
    assert_eq!(others.len(), 6, "{out:?}");
    assert!(others.iter().all(|chunk| chunk["choices"][0]["index"] == 0), "{others:?}");
    let with = |name: &str| -> Vec<usize> {
        (0..others.len()).filter(|at| others[*at].get(name).is_some()).collect()
    };
    assert_eq!((with("x"), with("citations")), (vec![3], vec![3]));
    assert_eq!((&others[3]["x"], &others[3]["citations"][0]), (&2.into(), &"u".into()));
    assert_eq!(last["choices"], serde_json::json!([]));
    assert_eq!((&last["y"], &last["usage"]["completion_tokens"]), (&3.into(), &2.into()));
}
