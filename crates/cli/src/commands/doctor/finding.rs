//! One finding: what was looked at, how it is, what to mend.

use serde_json::{Value, json};

use crate::output::one_line;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Fine,
    /// It works, but look at it.
    Warning,
    /// It does not work, or is not safe.
    Failure,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Finding {
    check: String,
    /// How it is.
    pub state: State,
    detail: String,
    mend: Option<String>,
}

impl Finding {
    fn new(check: impl Into<String>, state: State, detail: impl Into<String>) -> Self {
        Self { check: check.into(), state, detail: detail.into(), mend: None }
    }

    /// As it should be.
    pub fn fine(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, State::Fine, detail)
    }

    /// It works, but look at it.
    pub fn warning(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, State::Warning, detail)
    }

    /// It does not work, or is not safe.
    pub fn failure(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, State::Failure, detail)
    }

    /// With what to do about it.
    #[must_use]
    pub fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    /// For people.
    pub fn text(&self) -> String {
        let mark = match self.state {
            State::Fine => "ok     ",
            State::Warning => "warning",
            State::Failure => "FAILED ",
        };
        // What is told of may have been named by anybody: a second line must not look like a finding.
        let detail = self.detail.replace('\n', "\n          ");
        let mend =
            self.mend.as_ref().map_or_else(String::new, |mend| format!("          mend: {mend}\n"));
        format!("{mark}  {}: {detail}\n{mend}", one_line(&self.check))
    }

    /// For programs.
    pub fn document(&self) -> Value {
        json!({
            "check": self.check,
            "state": match self.state {
                State::Fine => "ok",
                State::Warning => "warning",
                State::Failure => "failure",
            },
            "detail": self.detail,
            "mend": self.mend,
        })
    }
}
