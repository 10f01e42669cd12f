//! One cell: what became of one thing, in few words.

use std::fmt::Write as _;

use super::body::{Change, shown};

/// The most places a cell names.
const MOST_PLACES: usize = 3;

/// What stands below a table, each text once.
#[derive(Default)]
pub struct Notes(Vec<String>);

impl Notes {
    fn mark(&mut self, text: &str) -> String {
        let at = self.0.iter().position(|known| known == text).unwrap_or_else(|| {
            self.0.push(text.to_owned());
            self.0.len() - 1
        });
        format!("({})", at + 1)
    }

    /// The notes as text.
    pub fn write(&self, out: &mut String) {
        for (at, text) in self.0.iter().enumerate() {
            let _ = write!(out, "{}({}) {text}", if at == 0 { "\n" } else { "\\\n" }, at + 1);
        }
        if !self.0.is_empty() {
            out.push('\n');
        }
    }
}

/// What came of a probe on the other side.
pub struct Outcome {
    /// Where the body is another than without it.
    pub changes: Vec<Change>,
    /// What was recorded about it.
    pub losses: Vec<String>,
    /// Headers it needs.
    pub headers: Vec<&'static str>,
}

/// The words for an outcome. `said`: where the probe stood in what came. `silence`: the words for
/// what leaves no trace.
pub fn words(said: &[Change], outcome: &Outcome, silence: &str, notes: &mut Notes) -> String {
    let Outcome { changes, losses, headers } = outcome;
    let mut cell = match (changes.is_empty(), losses.is_empty()) {
        (true, true) => silence.to_owned(),
        (true, false) => "dropped".to_owned(),
        _ if said == changes.as_slice() => "same".to_owned(),
        _ => places(said, changes),
    };
    for header in headers {
        let _ = write!(cell, ", header `{header}`");
    }
    for loss in losses {
        let _ = write!(cell, " {}", notes.mark(loss));
    }
    cell
}

/// The words for a refusal.
pub fn refused(message: &str, notes: &mut Notes) -> String {
    format!("refused {}", notes.mark(message))
}

fn places(said: &[Change], changes: &[Change]) -> String {
    let told = |change: &Change| {
        let Some(value) = &change.now else { return format!("without `{}`", change.path) };
        let as_said = said.iter().any(|said| said.now.as_ref() == Some(value));
        match shown(value).filter(|_| !as_said) {
            Some(value) => format!("`{}`: {}", change.path, code(&value)),
            None => format!("`{}`", change.path),
        }
    };
    let mut places: Vec<String> = changes.iter().take(MOST_PLACES).map(told).collect();
    if changes.len() > MOST_PLACES {
        places.push("…".to_owned());
    }
    places.join(", ")
}

/// A value as code, whatever is in it.
fn code(value: &str) -> String {
    if value.contains('`') { format!("`` {value} ``") } else { format!("`{value}`") }
}
