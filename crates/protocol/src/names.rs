//! Names and ids that fit vendors' patterns, mapped without collisions. Bug 28

use std::collections::{BTreeMap, HashMap, HashSet};

/// A mapping from the caller's names to names of letters, digits, `_` and `-`. Names that fit
/// stay as they are; no two names ever become one.
#[derive(Debug)]
pub(crate) struct Names {
    /// The longest name the vendor takes, in characters.
    longest: usize,
    sent: HashMap<String, String>,
    taken: HashSet<String>,
    /// The next number to try behind a text, so that many alike cost no search.
    next: HashMap<String, u64>,
    /// As declared, by the name as sent.
    renamed: BTreeMap<String, String>,
}

impl Names {
    /// Maps all `names` to names of at most `longest` characters; those that fit are given out first, so that a name that is changed can
    /// never take the place of one that is not.
    pub(crate) fn of<'n>(longest: usize, names: impl Iterator<Item = &'n str> + Clone) -> Self {
        let mut mapping = Self {
            longest,
            sent: HashMap::new(),
            taken: HashSet::new(),
            next: HashMap::new(),
            renamed: BTreeMap::new(),
        };
        for name in names.clone().filter(|name| fits(name, longest)) {
            if mapping.taken.insert(name.to_owned()) {
                mapping.sent.insert(name.to_owned(), name.to_owned());
            }
        }
        for name in names.filter(|name| !fits(name, longest)) {
            if !mapping.sent.contains_key(name) {
                let sent = mapping.reserve(name);
                mapping.sent.insert(name.to_owned(), sent.clone());
                mapping.renamed.insert(sent, name.to_owned());
            }
        }
        mapping
    }

    /// Takes a name nobody has, as near to `wanted` as possible.
    pub(crate) fn reserve(&mut self, wanted: &str) -> String {
        let mut base: String = wanted
            .chars()
            .take(self.longest)
            .map(|letter| if allowed(letter) { letter } else { '_' })
            .collect();
        if base.is_empty() {
            base.push('_');
        }
        if self.taken.insert(base.clone()) {
            return base;
        }
        // Room for the longest number there is.
        base.truncate(self.longest.saturating_sub(21));
        let next = self.next.entry(base.clone()).or_insert(2);
        loop {
            let name = format!("{base}_{next}");
            *next += 1;
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    /// What is sent for a name.
    pub(crate) fn sent<'n>(&'n self, declared: &'n str) -> &'n str {
        self.sent.get(declared).map_or(declared, String::as_str)
    }

    /// The names that had to be changed as declared, by the names as sent.
    pub(crate) fn into_renamed(self) -> BTreeMap<String, String> {
        self.renamed
    }
}

fn allowed(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

fn fits(name: &str, longest: usize) -> bool {
    !name.is_empty() && name.len() <= longest && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_would_collapse_into_one_stay_apart() {
        // bug 28
        let names = Names::of(128, ["a.b", "a_b", "a:b", "a.b"].into_iter());
        assert_eq!(names.sent("a_b"), "a_b", "a name that fits stays");
        assert_eq!(names.sent("a.b"), "a_b_2");
        assert_eq!(names.sent("a:b"), "a_b_3");
        assert_eq!(
            names.into_renamed(),
            [("a_b_2".to_owned(), "a.b".to_owned()), ("a_b_3".to_owned(), "a:b".to_owned())].into()
        );
    }

    #[test]
    fn a_long_name_is_cut_and_an_empty_one_replaced() {
        let long = "x".repeat(200);
        let names = Names::of(128, [long.as_str(), ""].into_iter());
        assert_eq!(names.sent(&long).len(), 128);
        assert_eq!(names.sent(""), "_");
    }

    proptest! {
        #[test]
        fn the_mapping_is_one_to_one(names in proptest::collection::vec("[a-c_.:é]{0,3}", 0..30)) {
            let mapping = Names::of(64, names.iter().map(String::as_str));
            let distinct: HashSet<&String> = names.iter().collect();
            let sent: HashSet<&str> = distinct.iter().map(|name| mapping.sent(name)).collect();
            prop_assert_eq!(distinct.len(), sent.len());
            prop_assert!(sent.iter().all(|name| fits(name, 64)));
        }
    }
}
