//! Conditions of a statement, with the values bound to them.

use crate::engine::Value;

/// Conditions that all have to hold.
#[derive(Debug, Default)]
pub(crate) struct Conditions<'a> {
    texts: Vec<String>,
    values: Vec<Value<'a>>,
}

impl<'a> Conditions<'a> {
    /// Binds a value; gives its place.
    pub(crate) fn bind(&mut self, value: impl Into<Value<'a>>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Adds a condition as it is.
    pub(crate) fn put(&mut self, text: String) {
        self.texts.push(text);
    }

    /// Adds a comparison with a number.
    pub(crate) fn number(&mut self, column: &'static str, operator: &'static str, value: i64) {
        let place = self.bind(value);
        self.put(format!("{column} {operator} {place}"));
    }

    /// Adds a comparison with a text.
    pub(crate) fn text(&mut self, column: &'static str, operator: &'static str, value: &'a str) {
        let place = self.bind(value);
        self.put(format!("{column} {operator} {place}"));
    }

    /// The conditions so far, as they stand after `WHERE`, for a statement within the statement.
    /// Their values stay bound.
    pub(crate) fn split(&mut self) -> String {
        let text = self.text_of();
        self.texts.clear();
        text
    }

    /// What stands after `WHERE`.
    pub(crate) fn text_of(&self) -> String {
        if self.texts.is_empty() { "1 = 1".to_owned() } else { self.texts.join(" AND ") }
    }

    pub(crate) fn values(&self) -> &[Value<'a>] {
        &self.values
    }
}
