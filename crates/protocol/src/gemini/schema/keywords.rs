//! Keywords of one node: what the subset has, and what is told in words instead.

use serde_json::Number;

use super::super::tree::Tree;
use super::rewrite::{Members, Schema};

/// What may be said in words about keywords that had to go.
const MAX_NOTE: usize = 400;

pub(super) fn choices(kind: &str, values: &[&Tree], out: &mut Members, notes: &mut Notes) {
    let texts: Vec<Tree> = values
        .iter()
        .filter(|value| value.text().is_some_and(|text| !text.is_empty()))
        .map(|value| (*value).clone())
        .collect();
    let others = values
        .iter()
        .any(|value| !matches!(value, Tree::Null) && value.text().is_none_or(str::is_empty));
    if kind == "string" && !others && !texts.is_empty() {
        out.retain(|(name, _)| name != "format");
        out.push(("enum".into(), Tree::List(texts)));
    } else if others {
        let list = values.iter().map(|value| (*value).clone()).collect();
        notes.add("one of", &Tree::List(list));
    }
}

pub(super) fn numbers(kind: &str, schema: &Schema<'_>, out: &mut Members, notes: &mut Notes) {
    if let Some(format) = schema.get("format").and_then(Tree::text) {
        let known: &[&str] =
            if kind == "integer" { &["int32", "int64"] } else { &["float", "double"] };
        if known.contains(&format) {
            out.push(("format".into(), Tree::of_text(format)));
        }
    }
    for (inclusive, exclusive, step, word) in [
        ("minimum", "exclusiveMinimum", 1_i64, "greater than"),
        ("maximum", "exclusiveMaximum", -1, "less than"),
    ] {
        let mut bound = match schema.get(inclusive) {
            Some(Tree::Number(number)) => Some(number.clone()),
            _ => None,
        };
        if let Some(Tree::Number(number)) = schema.get(exclusive) {
            let whole = number.as_i64().filter(|_| kind == "integer");
            match whole.and_then(|value| value.checked_add(step)) {
                Some(next) => bound = Some(Number::from(next)),
                None => {
                    bound = Some(number.clone());
                    notes.add(word, &Tree::Number(number.clone()));
                }
            }
        }
        if let Some(bound) = bound {
            out.push((inclusive.into(), Tree::Number(bound)));
        }
    }
    if let Some(step @ Tree::Number(_)) = schema.get("multipleOf") {
        notes.add("multiple of", step);
    }
}

pub(super) fn strings(schema: &Schema<'_>, notes: &mut Notes, out: &mut Members) {
    match schema.get("format").and_then(Tree::text) {
        Some("date-time") => out.push(("format".into(), Tree::of_text("date-time"))),
        Some(format) if !["enum", ""].contains(&format) => {
            notes.add("format", &Tree::of_text(format));
        }
        _ => {}
    }
    for (name, word) in [
        ("pattern", "pattern"),
        ("minLength", "at least characters"),
        ("maxLength", "at most characters"),
    ] {
        if let Some(value) = schema.get(name) {
            notes.add(word, value);
        }
    }
}

/// What is told in words.
#[derive(Default)]
pub(super) struct Notes(Vec<String>);

impl Notes {
    pub(super) fn add(&mut self, word: &str, value: &Tree) {
        let written;
        let text = match value {
            Tree::Text(text) => text,
            other => {
                written = serde_json::to_string(other).unwrap_or_default();
                &written
            }
        };
        if text.len() <= MAX_NOTE {
            self.0.push(format!("{word}: {text}"));
        }
    }

    pub(super) fn with(self, description: Option<&str>) -> Option<String> {
        if self.0.is_empty() {
            return description.map(str::to_owned);
        }
        let notes = format!("({})", self.0.join("; "));
        Some(description.map_or_else(|| notes.clone(), |text| format!("{text} {notes}")))
    }
}
