//! Answers in which an object holds a member twice. A caller's request like that is refused; an
//! answer has been paid for, and of two the last one counts, as for most who read JSON.

use std::collections::HashSet;

use memchr::memchr;
use serde_json::value::RawValue;

use super::envelope::{check_depth, write_string};
use super::{scan, special};

/// The largest answer that is written anew, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;

/// So many members of an object are compared with each other.
const COMPARED: usize = 64;

/// The text with each member once; `None` if it is right as it is, or no JSON.
pub(crate) fn without_duplicates(json: &[u8]) -> Option<Vec<u8>> {
    if json.len() > LARGEST || !may_repeat(json) || check_depth(json).is_err() {
        return None;
    }
    let raw: &RawValue = serde_json::from_slice(json).ok()?;
    let mut out = Vec::with_capacity(json.len());
    let mut found = false;
    write(raw, &mut out, &mut found)?;
    found.then_some(out)
}

/// Whether an object may hold a member twice, in one pass over what nobody has checked yet.
fn may_repeat(json: &[u8]) -> bool {
    let mut names: Vec<&[u8]> = Vec::new();
    // Where the names of each open object begin; `None` for an array.
    let mut open: Vec<Option<usize>> = Vec::new();
    let (mut at, mut name_next) = (0, false);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'{' => {
                open.push(Some(names.len()));
                name_next = true;
            }
            b'[' => open.push(None),
            b'}' | b']' => {
                if let Some(Some(start)) = open.pop() {
                    names.truncate(start);
                }
                name_next = false;
            }
            b',' => name_next = matches!(open.last(), Some(Some(_))),
            b'"' => {
                let start = at;
                loop {
                    let Some(found) = special::end_of_plain(json, at) else { return false };
                    at = found + 1;
                    if json[found] == b'"' {
                        break;
                    }
                    at += 1;
                }
                let Some(Some(first)) = open.last().filter(|_| name_next) else { continue };
                name_next = false;
                let Some(name) = json.get(start..at - 1) else { return false };
                let before = names.get(*first..).unwrap_or_default();
                // Escaped names are compared by who writes them anew.
                if memchr(b'\\', name).is_some() || before.contains(&name) {
                    return true;
                }
                if before.len() < COMPARED {
                    names.push(name);
                }
            }
            _ => {}
        }
    }
    false
}

fn write(raw: &RawValue, out: &mut Vec<u8>, found: &mut bool) -> Option<()> {
    match raw.get().as_bytes().first() {
        Some(b'{') => {
            let members = scan::all_members(raw)?;
            let mut seen = HashSet::with_capacity(members.len());
            let mut last: Vec<_> =
                members.iter().rev().filter(|(name, _)| seen.insert(&**name)).collect();
            *found |= last.len() < members.len();
            last.reverse();
            for (at, (name, value)) in last.into_iter().enumerate() {
                out.push(if at == 0 { b'{' } else { b',' });
                write_string(out, name);
                out.push(b':');
                write(value, out, found)?;
            }
            if members.is_empty() {
                out.push(b'{');
            }
            out.push(b'}');
        }
        Some(b'[') => {
            out.push(b'[');
            for (at, element) in scan::elements(raw)?.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(element, out, found)?;
            }
            out.push(b']');
        }
        _ => out.extend_from_slice(raw.get().as_bytes()),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn single(json: &str) -> Option<String> {
        without_duplicates(json.as_bytes()).map(|json| String::from_utf8(json).unwrap())
    }

    #[test]
    fn the_last_of_two_members_counts_at_every_depth() {
        for (json, expected) in [
            (r#"{"id":"a","x": 1.0e0,"id":"b"}"#, r#"{"x":1.0e0,"id":"b"}"#),
            (r#"{"a":[{"b":1,"c":{},"b":"\ud83d"}]}"#, r#"{"a":[{"c":{},"b":"\ud83d"}]}"#),
            (r#"{"id":1,"\u0069d":2}"#, r#"{"id":2}"#),
        ] {
            assert_eq!(single(json).as_deref(), Some(expected), "{json}");
        }
        for right in [
            r#"{"a":{"b":1},"c":{"b":1}}"#,
            r#"[{"a":1},{"a":1},"a","a"]"#,
            r#"{"a":"a","b":["a",{"a":"}"}]}"#,
            r#"{"\u0061":1}"#,
            r#"{"a":1,"a":"#,
            "",
            "nonsense\"",
        ] {
            assert_eq!(single(right), None, "{right}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_afterwards_is_what_a_full_reader_reads(
            members in proptest::collection::vec(("[ab\"]{1,2}", "[a{}\\[\\],:\"]{0,4}"), 0..5),
        ) {
            let texts: Vec<String> = members
                .iter()
                .map(|(name, value)| format!(
                    "{}:[{{{}:1}}]",
                    serde_json::to_string(name).unwrap(),
                    serde_json::to_string(value).unwrap(),
                ))
                .collect();
            let json = format!("{{{}}}", texts.join(" , "));
            let whole: serde_json::Value = serde_json::from_str(&json).unwrap();
            let names: HashSet<&String> = members.iter().map(|(name, _)| name).collect();
            let single = single(&json);
            prop_assert_eq!(single.is_some(), names.len() < members.len());
            let read: serde_json::Value =
                serde_json::from_str(single.as_deref().unwrap_or(&json)).unwrap();
            prop_assert_eq!(read, whole);
        }

        #[test]
        fn no_bytes_make_it_panic(json in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = without_duplicates(&json);
        }
    }
}
