//! What a translation could not carry, as data.

/// One thing a translation could not carry.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Loss {
    /// Where it was, in the names of the caller's dialect, e.g. `messages[2].name` or `logit_bias`.
    pub path: String,
    /// Why it was dropped or changed, in words.
    pub why: &'static str,
}

/// The losses of one translation.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Losses(pub Vec<Loss>);

impl Losses {
    /// Records a loss.
    pub fn record(&mut self, path: impl Into<String>, why: &'static str) {
        self.0.push(Loss { path: path.into(), why });
    }
}
