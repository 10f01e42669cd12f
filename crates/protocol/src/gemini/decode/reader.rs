//! Strict reading of what a caller sends: every complaint names the member.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::Fault;
use crate::json::object::CowStr;
use crate::json::{Object, ObjectError};

/// One object of the request and where it is.
pub(super) struct Reader<'a> {
    pub(super) object: Object<'a>,
    pub(super) path: String,
}

impl<'a> Reader<'a> {
    /// Reads an object.
    pub(super) fn new(raw: &'a RawValue, path: String) -> Result<Self, Fault> {
        let object = Object::of(raw)
            .map_err(|error| Fault::invalid(format!("{path}: must be an object ({error})")))?;
        Ok(Self { object, path })
    }

    /// The path of a member.
    pub(super) fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Takes a member in either of the spellings the protocol accepts.
    pub(super) fn raw(&mut self, name: &str) -> Option<&'a RawValue> {
        let raw = match self.object.take_raw(name) {
            Some(raw) => Some(raw),
            None => self.object.take_raw(&snake(name)),
        };
        raw.filter(|raw| raw.get() != "null")
    }

    /// Takes a member and reads it.
    pub(super) fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, Fault> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|source| {
            let member = self.at(name);
            Fault::invalid(ObjectError::Member { member, source }.to_string())
        })
    }

    /// Takes a string.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        Ok(self.take::<CowStr<'a>>(name)?.map(|text| text.0.into_owned()))
    }

    /// Takes an object.
    pub(super) fn child(&mut self, name: &str) -> Result<Option<Self>, Fault> {
        let path = self.at(name);
        self.raw(name).map(|raw| Self::new(raw, path)).transpose()
    }

    /// Takes an array; absent is empty.
    pub(super) fn list(&mut self, name: &str) -> Result<Vec<&'a RawValue>, Fault> {
        Ok(self.take(name)?.unwrap_or_default())
    }

    /// Takes an array, or one object, which stands for an array of it alone: Google's own API takes
    /// both, and its examples have the latter.
    pub(super) fn objects(&mut self, name: &str) -> Result<Vec<&'a RawValue>, Fault> {
        let raw = self.object.peek(name).or_else(|| self.object.peek(&snake(name)));
        match raw.filter(|raw| raw.get().starts_with('{')) {
            Some(_) => Ok(self.raw(name).into_iter().collect()),
            None => self.list(name),
        }
    }

    /// Takes a number within bounds. CHAT-3
    pub(super) fn number(
        &mut self,
        name: &str,
        allowed: impl Fn(f64) -> bool,
        words: &str,
    ) -> Result<Option<f64>, Fault> {
        let value: Option<f64> = self.take(name)?;
        match value {
            Some(value) if !allowed(value) => {
                Err(Fault::invalid(format!("{}: must be {words}", self.at(name))))
            }
            value => Ok(value),
        }
    }

    /// Takes a whole number; `1.0` is one.
    pub(super) fn whole(
        &mut self,
        name: &str,
        least: u64,
        most: u64,
    ) -> Result<Option<u64>, Fault> {
        let words = || format!("a whole number from {least} to {most}");
        let value = self.number(name, |value| value.fract() == 0.0, "a whole number")?;
        match value {
            None => Ok(None),
            Some(value) if value >= least as f64 && value <= most as f64 => Ok(Some(value as u64)),
            Some(_) => Err(Fault::invalid(format!("{}: must be {}", self.at(name), words()))),
        }
    }
}

/// `systemInstruction` → `system_instruction`: the protocol accepts both spellings.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
