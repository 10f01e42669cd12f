//! Bodies that are changed at a place, and what differs between two of them.

use serde_json::Value;

/// Sets what stands at a JSON pointer. The last step of a way into an array may be `-`, behind its
/// end, or `+2`, before the entry that is now its third.
pub fn set(body: &mut Value, pointer: &str, value: Value) {
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    let (last, way) = steps.split_last().unwrap();
    let mut place = body;
    for step in way {
        place = match place {
            Value::Array(entries) => &mut entries[step.parse::<usize>().unwrap()],
            Value::Object(members) => members
                .entry((*step).to_owned())
                .or_insert_with(|| Value::Object(Default::default())),
            other => panic!("{pointer} leads into {other}"),
        };
    }
    match place {
        Value::Array(entries) => match last.strip_prefix('+') {
            Some(at) => entries.insert(at.parse().unwrap(), value),
            None if *last == "-" => entries.push(value),
            None => entries[last.parse::<usize>().unwrap()] = value,
        },
        Value::Object(members) => {
            members.insert((*last).to_owned(), value);
        }
        other => panic!("{pointer} leads into {other}"),
    }
}

/// One place where two bodies differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The place, such as `messages[0].content`.
    pub path: String,
    /// What stands there now; `None` where nothing stands any more.
    pub now: Option<Value>,
}

/// Where two bodies differ, in order of names: the outermost places that are new, gone or other.
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare(String::new(), before, after, &mut found);
    found
}

fn compare(path: String, before: &Value, after: &Value, found: &mut Vec<Change>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match (old.get(name), new.get(name)) {
                    (Some(old), Some(new)) => compare(path, old, new, found),
                    (None, Some(new)) => added(path, new, found),
                    (_, None) => found.push(Change { path, now: None }),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() != new.len() => {
            let shorter = old.len().min(new.len());
            let first = old.iter().zip(new).take_while(|(old, new)| old == new).count();
            let last = old.iter().rev().zip(new.iter().rev());
            let last = last.take(shorter - first).take_while(|(old, new)| old == new).count();
            let (gone, come) = (old.len() - last, new.len() - last);
            for (at, value) in new.iter().enumerate().take(come).skip(first) {
                let path = format!("{path}[{at}]");
                match old[first..gone].get(at - first) {
                    Some(old) => compare(path, old, value, found),
                    None => added(path, value, found),
                }
            }
            for at in come.max(first)..gone {
                found.push(Change { path: format!("{path}[{at}]"), now: None });
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                compare(format!("{path}[{at}]"), old, new, found);
            }
        }
        (old, new) if old == new => {}
        (_, new) => found.push(Change { path, now: Some(new.clone()) }),
    }
}

/// Something new; where it is nothing but one member, that one is told.
fn added(path: String, value: &Value, found: &mut Vec<Change>) {
    if let Value::Object(members) = value
        && members.len() == 1
        && let Some((name, inner)) = members.iter().next()
    {
        return added(format!("{path}.{name}"), inner, found);
    }
    found.push(Change { path, now: Some(value.clone()) });
}

/// A value in few words: whole if it is short, else what kind it is, or what it has.
pub fn shown(value: &Value) -> Option<String> {
    const SHORT: usize = 56;
    let whole = spelled(value);
    if whole.len() <= SHORT {
        return Some(whole);
    }
    if let Some(kind) = value.get("type").or_else(|| value.get("role")) {
        return Some(format!("{{{} …}}", spelled(kind)));
    }
    let mut names: Vec<&str> = value.as_object()?.keys().map(String::as_str).collect();
    names.sort_unstable();
    let names = names.join(", ");
    (names.len() <= SHORT).then(|| format!("{{{names} …}}"))
}

/// JSON with members in order of their names, however maps are kept.
fn spelled(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            let members: Vec<String> =
                names.iter().map(|name| format!("{name}: {}", spelled(&members[*name]))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(spelled).collect();
            format!("[{}]", entries.join(", "))
        }
        other => other.to_string(),
    }
}
