//! Changes of one object's members: what is not named is copied as it came.

use std::borrow::Cow;

use crate::json::Object;
use crate::openai_chat::write::object;

/// Changes of an object's members. A later change of the same member wins.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    changes: Vec<(Cow<'static, str>, Option<String>)>,
}

impl Changes {
    pub(crate) fn set(&mut self, name: impl Into<Cow<'static, str>>, json: impl Into<String>) {
        self.change(name.into(), Some(json.into()));
    }

    pub(crate) fn remove(&mut self, name: impl Into<Cow<'static, str>>) {
        self.change(name.into(), None);
    }

    /// Removes a member if the object has it.
    pub(crate) fn remove_from(&mut self, object: &Object<'_>, name: &'static str) {
        if object.peek(name).is_some() {
            self.remove(name);
        }
    }

    fn change(&mut self, name: Cow<'static, str>, value: Option<String>) {
        match self.changes.iter_mut().find(|(changed, _)| *changed == name) {
            Some(change) => change.1 = value,
            None => self.changes.push((name, value)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The value a member is set to, if it is.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.changes.iter().find(|(changed, _)| changed == name)?.1.as_deref()
    }

    /// Writes the object with the changes: a changed member in its place, a new one at the end.
    pub(crate) fn write(&self, from: &Object<'_>, out: &mut Vec<u8>) {
        object(out, |writer| {
            for (name, raw) in from.entries() {
                match self.changes.iter().find(|(changed, _)| changed == name) {
                    None => writer.entry(name, raw.get()),
                    Some((_, Some(json))) => writer.entry(name, json),
                    Some((_, None)) => {}
                }
            }
            for (name, value) in &self.changes {
                if let Some(json) = value
                    && from.peek(name).is_none()
                {
                    writer.raw_of(name, json);
                }
            }
        });
    }
}
