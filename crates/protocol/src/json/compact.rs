//! JSON without white space between its tokens.

/// The JSON text without white space between its tokens; strings keep theirs. Vendors answer over
/// several lines, and what callers get of it is a text that they compare and send back. The text
/// must be JSON.
pub fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(quote) = rest.find('"') {
        let (between, string) = rest.split_at(quote);
        out.extend(between.chars().filter(|character| !character.is_ascii_whitespace()));
        let length = string_length(string);
        out.push_str(&string[..length]);
        rest = &string[length..];
    }
    out.extend(rest.chars().filter(|character| !character.is_ascii_whitespace()));
    out
}

/// The length of the string, with its quotes, at the start of `text`.
fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_white_space_between_tokens_goes() {
        let json = "{\n  \"a b\": [1, 2.0e1 ],\t\"c\\\" : d\" : \"\\\\\" }\r\n";
        assert_eq!(compact(json), r#"{"a b":[1,2.0e1],"c\" : d":"\\"}"#);
    }

    proptest! {
        #[test]
        fn what_it_says_stays_and_a_broken_text_does_no_harm(
            key in ".{0,12}", value in ".{0,12}", broken in ".{0,40}",
        ) {
            let value = serde_json::json!({ key: [value, 1.5, null, {}] });
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(compact(&pretty), value.to_string());
            compact(&broken);
        }
    }
}
