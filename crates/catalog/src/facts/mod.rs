//! What is known of models and providers beyond the source data, as readable tables in `data/`.

mod ability;
mod family;
mod pattern;
mod provider;

pub use ability::{AbilityChange, AbilityRules, AbilityScope, RequestFees};
pub use family::Families;
pub use pattern::Pattern;
pub use provider::{ProviderFacts, ProviderTable};

/// The tables shipped with this version.
pub const ABILITIES: &str = include_str!("../../data/abilities.toml");
/// The families shipped with this version.
pub const FAMILIES: &str = include_str!("../../data/families.toml");
/// The provider facts shipped with this version.
pub const PROVIDERS: &str = include_str!("../../data/providers.toml");

/// A table that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the table of {table} cannot be read: {reason}")]
pub struct FactsError {
    /// Which table.
    pub table: &'static str,
    /// What is wrong, with line and column.
    pub reason: String,
}

/// All tables, read.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What models can do.
    pub abilities: AbilityRules,
    /// Families of models.
    pub families: Families,
    /// What is known of providers.
    pub providers: ProviderTable,
}

impl Facts {
    /// Reads the tables shipped with this version.
    pub fn shipped() -> Result<Self, FactsError> {
        Ok(Self {
            abilities: AbilityRules::parse(ABILITIES)?,
            families: Families::parse(FAMILIES)?,
            providers: ProviderTable::parse(PROVIDERS)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_tables_can_be_read() {
        Facts::shipped().unwrap();
    }

    #[test]
    fn a_misspelt_field_is_refused_with_its_place() {
        let error = AbilityRules::parse("[[rule]]\nmodels = [\"a\"]\nset = { samplin = true }\n");
        assert!(error.unwrap_err().to_string().contains("samplin"));
    }
}
