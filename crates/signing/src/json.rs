//! Members of a JSON object, with errors that do not repeat what they found.

use serde_json::{Map, Value};

use crate::{Invalid, Secret};

/// An object whose members are taken out one by one.
pub(crate) struct Object(Map<String, Value>);

impl Object {
    /// Reads an object. `serde_json`'s own messages are not passed on: they quote.
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(Invalid::new("credential", "is JSON, but not an object")),
            Err(error) => Err(Invalid {
                field: "credential",
                problem: format!(
                    "is not valid JSON: line {}, column {}",
                    error.line(),
                    error.column()
                )
                .into(),
            }),
        }
    }

    /// Reads a list of one object.
    pub(crate) fn only_one(text: &str) -> Result<Self, Invalid> {
        match serde_json::from_str::<Vec<Map<String, Value>>>(text)
            .map(|mut list| (list.pop(), list))
        {
            Ok((Some(members), others)) if others.is_empty() => Ok(Self(members)),
            Ok(_) => Err(Invalid::new(
                "credential",
                "must be a list of one object: give each a credential of its own",
            )),
            Err(_) => Err(Invalid::new("credential", "is not a valid list of objects")),
        }
    }

    /// A text under either of two names.
    pub(crate) fn optional_as(
        &mut self,
        field: &'static str,
        other: &'static str,
    ) -> Result<Option<String>, Invalid> {
        match self.optional(field)? {
            Some(text) => Ok(Some(text)),
            None => self.optional(other),
        }
    }

    /// A text that may be missing; `null` and an empty text are missing.
    pub(crate) fn optional(&mut self, field: &'static str) -> Result<Option<String>, Invalid> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Invalid::new(field, "must be a string")),
        }
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, field: &'static str) -> Result<String, Invalid> {
        self.optional(field)?.ok_or_else(|| Invalid::new(field, "is missing from the JSON"))
    }

    /// A secret text that must be there.
    pub(crate) fn secret(&mut self, field: &'static str) -> Result<Secret, Invalid> {
        self.required(field).map(Secret::new)
    }
}
