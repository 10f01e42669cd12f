//! Outlines: days told apart by fewer things than a series is. With thousands of keys and models a
//! day has nearly as many lines as requests; a question about models alone reads those of an
//! outline.

use super::SERIES;

/// How many outlines there are.
pub(crate) const OUTLINES: usize = 3;

/// By what an outline tells usage apart, besides the account and the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outline {
    /// Model, endpoint, provider, and whether the caller's own provider key was used.
    Endpoint,
    /// Applications.
    App,
    /// Keys, and thereby members.
    Key,
}

impl Outline {
    /// All, in the order of their discriminants.
    pub(crate) const ALL: [Outline; OUTLINES] = [Outline::Endpoint, Outline::App, Outline::Key];

    /// How the table names it.
    pub(crate) fn kind(self) -> i64 {
        self as i64
    }

    /// Whether a column of `usage_series` tells lines apart here.
    pub(crate) fn has(self, column: &str) -> bool {
        match column {
            "account_id" | "workspace_id" => true,
            "app" => self == Outline::App,
            "key_hash" => self == Outline::Key,
            _ => self == Outline::Endpoint,
        }
    }

    /// What is left of the texts of a series.
    pub(crate) fn texts<'t>(self, series: &[Option<&'t str>; 10]) -> [Option<&'t str>; 10] {
        let mut texts = *series;
        for (text, column) in texts.iter_mut().zip(SERIES.columns) {
            if !self.has(column) {
                *text = Some("");
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_told_apart_is_in_one_outline() {
        for column in SERIES.columns {
            let count = Outline::ALL.into_iter().filter(|outline| outline.has(column)).count();
            let is_everywhere = ["account_id", "workspace_id"].contains(&column);
            assert_eq!(count, if is_everywhere { OUTLINES } else { 1 }, "{column}");
        }
        for (n, outline) in Outline::ALL.into_iter().enumerate() {
            assert_eq!(outline as usize, n);
        }
    }

    #[test]
    fn what_is_not_told_apart_is_empty() {
        let series =
            ["acct", "ws", "key", "a/b", "a/b-1", "tag", "Acme", "acme", "true", "Chat"].map(Some);
        let app = ["acct", "ws", "", "", "", "", "", "", "", "Chat"].map(Some);
        assert_eq!(Outline::App.texts(&series), app);
        let key = ["acct", "ws", "key", "", "", "", "", "", "", ""].map(Some);
        assert_eq!(Outline::Key.texts(&series), key);
        let endpoint =
            ["acct", "ws", "", "a/b", "a/b-1", "tag", "Acme", "acme", "true", ""].map(Some);
        assert_eq!(Outline::Endpoint.texts(&series), endpoint);
    }
}
