//! Provider keys in the environment, under the names that the vendors' own tools use.

use catalog::Provider;
use store::Secret;

/// The variable that holds a provider's key, and the key: the first of its conventional names
/// that is set to something.
pub fn from_environment(provider: &Provider) -> Option<(&str, Secret)> {
    first_set(&provider.environment_variables, |name| std::env::var(name).ok())
}

fn first_set(names: &[String], lookup: impl Fn(&str) -> Option<String>) -> Option<(&str, Secret)> {
    names.iter().find_map(|name| {
        let value = lookup(name)?;
        // Trailing line breaks come from files that were read into a variable.
        let key = value.trim();
        (!key.is_empty()).then(|| (name.as_str(), Secret::new(key)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_wins() {
        let names = ["FIRST", "SECOND", "THIRD"].map(str::to_owned);
        let lookup = |name: &str| match name {
            "FIRST" => Some("  ".to_owned()),
            "SECOND" => Some("key-2\n".to_owned()),
            "THIRD" => Some("key-3".to_owned()),
            _ => None,
        };
        let (name, key) = first_set(&names, lookup).unwrap();
        assert_eq!((name, key.expose()), ("SECOND", "key-2"));
        assert!(first_set(&names, |_| None).is_none());
    }
}
