//! Strict reading of what callers send: every refusal names the place and what was expected.

use std::fmt;

use serde_json::value::RawValue;

use crate::exchange::{Fault, Origin};
use crate::json::{Object, scan};
use crate::openai_chat::read::HALF_A_PAIR;

/// Where in a body a value stands; printed only when it is refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Element(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    pub(super) fn member(&'p self, name: &'p str) -> Self {
        Path::Member(self, name)
    }

    pub(super) fn element(&'p self, at: usize) -> Self {
        Path::Element(self, at)
    }

    /// The path as that of a block.
    pub(super) fn origin(&self) -> Origin {
        let position = Origin::position;
        let in_message = |path: &Path<'_>| match path {
            Path::Element(
                Path::Member(
                    Path::Element(Path::Member(Path::Root, "messages"), message),
                    "content",
                ),
                part,
            ) => Some((position(*message), position(*part))),
            _ => None,
        };
        match self {
            Path::Element(Path::Member(Path::Root, "system"), part) => {
                Origin::System(position(*part))
            }
            Path::Element(Path::Member(outer, "content"), inner) if in_message(outer).is_some() => {
                in_message(outer).map_or(Origin::Unknown, |(message, part)| {
                    Origin::ResultContent(message, part, position(*inner))
                })
            }
            path => in_message(path)
                .map_or(Origin::Unknown, |(message, part)| Origin::Content(message, part)),
        }
    }

    pub(super) fn refuse(&self, why: impl fmt::Display) -> Fault {
        Fault::invalid(format!("{self}: {why}"))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => out.write_str("the request body"),
            Path::Member(Path::Root, name) => out.write_str(name),
            Path::Member(parent, name) => write!(out, "{parent}.{name}"),
            Path::Element(parent, at) => write!(out, "{parent}[{at}]"),
        }
    }
}

fn what(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

fn expected(path: &Path<'_>, wanted: &str, raw: &RawValue) -> Fault {
    path.refuse(format_args!("expected {wanted}, got {}", what(raw)))
}

pub(super) fn text(raw: &RawValue, path: &Path<'_>) -> Result<String, Fault> {
    if !raw.get().starts_with('"') {
        return Err(expected(path, "a string", raw));
    }
    let text = scan::string(raw).ok_or_else(|| path.refuse(HALF_A_PAIR))?;
    Ok(text.into_owned())
}

pub(super) fn boolean(raw: &RawValue, path: &Path<'_>) -> Result<bool, Fault> {
    serde_json::from_str(raw.get()).map_err(|_| expected(path, "true or false", raw))
}

pub(super) fn object<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<Object<'a>, Fault> {
    if !raw.get().starts_with('{') {
        return Err(expected(path, "an object", raw));
    }
    Object::of(raw).map_err(|error| path.refuse(error))
}

pub(super) fn list<'a>(raw: &'a RawValue, path: &Path<'_>) -> Result<Vec<&'a RawValue>, Fault> {
    scan::elements(raw).ok_or_else(|| expected(path, "a list", raw))
}

/// A number within the range, ends included.
pub(super) fn number(raw: &RawValue, low: f64, high: f64, path: &Path<'_>) -> Result<f64, Fault> {
    let value: f64 =
        serde_json::from_str(raw.get()).map_err(|_| expected(path, "a number", raw))?;
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(path.refuse(format_args!("must be between {low} and {high}")))
    }
}

/// A whole number of at least `low`; `3.0` counts as one.
pub(super) fn count(raw: &RawValue, low: u64, path: &Path<'_>) -> Result<u64, Fault> {
    let value = match serde_json::from_str::<u64>(raw.get()) {
        Ok(value) => value,
        Err(_) => match serde_json::from_str::<f64>(raw.get()) {
            Ok(value) if value >= 0.0 && value.fract() == 0.0 && value < 1e15 => value as u64,
            _ => return Err(expected(path, "a whole number", raw)),
        },
    };
    if value >= low { Ok(value) } else { Err(path.refuse(format_args!("must be at least {low}"))) }
}

/// The members of one object, taken strictly. Explicit nulls count as absent.
pub(super) struct Members<'a, 'p> {
    pub(super) object: Object<'a>,
    pub(super) path: &'p Path<'p>,
}

impl<'a> Members<'a, '_> {
    pub(super) fn raw(&mut self, name: &str) -> Option<&'a RawValue> {
        self.object.take_raw(name).filter(|raw| raw.get() != "null")
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        self.raw(name).map(|raw| text(raw, &self.path.member(name))).transpose()
    }

    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, Fault> {
        self.raw(name).map(|raw| boolean(raw, &self.path.member(name))).transpose()
    }

    pub(super) fn number(&mut self, name: &str, high: f64) -> Result<Option<f64>, Fault> {
        self.raw(name).map(|raw| number(raw, 0.0, high, &self.path.member(name))).transpose()
    }

    pub(super) fn count(&mut self, name: &str, low: u64) -> Result<Option<u64>, Fault> {
        self.raw(name).map(|raw| count(raw, low, &self.path.member(name))).transpose()
    }

    /// A string that must be there.
    pub(super) fn needed(&mut self, name: &str) -> Result<String, Fault> {
        self.text(name)?.ok_or_else(|| self.path.member(name).refuse("this member is required"))
    }
}
