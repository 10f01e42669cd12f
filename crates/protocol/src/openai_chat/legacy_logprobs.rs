//! Log probabilities in the shape of the legacy surface: lists that stand side by side, in place of an
//! entry for each token. CHAT-14

use serde_json::value::RawValue;

use super::read::{lenient_array, lenient_object, lenient_string};
use super::write::{array, object, quoted};
use crate::json::{Object, is_number};

/// The most alternatives told for a token: nobody can ask for more.
const MOST_OTHERS: usize = 20;

/// Writes what a chat choice has as `logprobs`, or `null` where it has none of a text. `offset`: how
/// many characters of text were told before; counts those told here.
pub(super) fn write(out: &mut Vec<u8>, raw: &RawValue, offset: &mut usize) {
    let Some(content) = lenient_object(raw).and_then(|logprobs| logprobs.peek("content")) else {
        return out.extend_from_slice(b"null");
    };
    let entries: Vec<Object<'_>> =
        lenient_array(content).into_iter().filter_map(lenient_object).collect();
    object(out, |lists| {
        array(lists.value("tokens"), &entries, |out, entry| {
            out.extend_from_slice(quoted(&token(entry)).as_bytes());
        });
        array(lists.value("token_logprobs"), &entries, |out, entry| {
            out.extend_from_slice(logprob(entry).as_bytes());
        });
        array(lists.value("top_logprobs"), &entries, |out, entry| {
            let others = entry.peek("top_logprobs").map(lenient_array).unwrap_or_default();
            object(out, |by_token| {
                let mut told: Vec<String> = Vec::with_capacity(MOST_OTHERS);
                for other in others.into_iter().take(MOST_OTHERS).filter_map(lenient_object) {
                    let name = token(&other);
                    // Tokens that are the same text: the likelier one stands first.
                    if !told.contains(&name) {
                        by_token.raw_of(&name, logprob(&other));
                        told.push(name);
                    }
                }
            });
        });
        array(lists.value("text_offset"), &entries, |out, entry| {
            out.extend_from_slice(offset.to_string().as_bytes());
            *offset += token(entry).chars().count();
        });
    });
}

fn token(entry: &Object<'_>) -> String {
    entry.peek("token").and_then(lenient_string).unwrap_or_default().into_owned()
}

fn logprob<'a>(entry: &Object<'a>) -> &'a str {
    entry.peek("logprob").map(RawValue::get).filter(|text| is_number(text)).unwrap_or("null")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str, offset: &mut usize) -> String {
        let mut out = Vec::new();
        write(&mut out, serde_json::from_str(json).unwrap(), offset);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn entries_become_lists_side_by_side() {
        let mut offset = 3;
        let json = r#"{"content":[
            {"token":"Hé","logprob":-0.1,"bytes":[1],"top_logprobs":[
                {"token":"Hé","logprob":-0.1},{"token":"\"","logprob":-2},{"token":"Hé","logprob":-3}]},
            {"token":"!","logprob":-1e-3,"top_logprobs":[]}],"refusal":null}"#;
        assert_eq!(
            written(json, &mut offset),
            r#"{"tokens":["Hé","!"],"token_logprobs":[-0.1,-1e-3],"top_logprobs":[{"Hé":-0.1,"\"":-2},{}],"text_offset":[3,5]}"#
        );
        assert_eq!(offset, 6);
    }

    #[test]
    fn no_more_alternatives_are_told_than_can_be_asked_for() {
        let many: Vec<String> =
            (0..50).map(|at| format!(r#"{{"token":"t{at}","logprob":-1}}"#)).collect();
        let json =
            format!(r#"{{"content":[{{"token":"a","top_logprobs":[{}]}}]}}"#, many.join(","));
        assert_eq!(written(&json, &mut 0).matches(":-1").count(), MOST_OTHERS);
    }

    #[test]
    fn what_is_none_is_null() {
        for json in ["null", "{}", "7", r#"{"refusal":[]}"#] {
            assert_eq!(written(json, &mut 0), "null", "{json}");
        }
        assert_eq!(
            written(r#"{"content":[{"logprob":"x"},5]}"#, &mut 0),
            r#"{"tokens":[""],"token_logprobs":[null],"top_logprobs":[{}],"text_offset":[0]}"#
        );
    }
}
