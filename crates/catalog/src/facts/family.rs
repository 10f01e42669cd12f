//! Families of models. LATEST-1

use std::collections::BTreeMap;

use super::{FactsError, Pattern};

/// Which models form a family.
#[derive(Clone, Debug)]
pub struct Families(BTreeMap<String, Vec<Pattern>>);

impl Families {
    /// Reads the table: a family's name and the patterns of its members.
    pub fn parse(text: &str) -> Result<Self, FactsError> {
        toml::from_str(text)
            .map(Self)
            .map_err(|error| FactsError { table: "families", reason: error.to_string() })
    }

    /// The family of a model.
    pub fn family_of(&self, model: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(_, patterns)| patterns.iter().any(|pattern| pattern.matches(model)))
            .map(|(family, _)| family.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LATEST-1
    #[test]
    fn families_hold_plain_versions_only() {
        let families = Families::parse(crate::facts::FAMILIES).unwrap();
        for (model, family) in [
            ("anthropic/claude-opus-4.8", Some("anthropic/claude-opus")),
            ("anthropic/claude-opus-4.8-fast", None),
            ("openai/gpt-5", Some("openai/gpt")),
            ("openai/gpt-5-mini", Some("openai/gpt-mini")),
            ("openai/gpt-4o", None),
            ("google/gemini-3.1-pro-preview", Some("google/gemini-pro")),
            ("google/gemini-flash-latest", None),
            ("moonshotai/kimi-latest", None),
        ] {
            assert_eq!(families.family_of(model), family, "{model}");
        }
    }
}
