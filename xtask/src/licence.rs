//! SPDX licence expressions, as far as packages use them.

/// Whether an expression can be fulfilled with licences for which `allowed` holds. `None` if it
/// is not an expression.
///
/// The old form `MIT/Apache-2.0` means OR.
pub fn is_allowed(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut reader = Reader { words: &words, at: 0, allowed };
    let result = reader.either(0)?;
    (reader.at == words.len()).then_some(result)
}

/// Deeper than this nobody writes parentheses.
const DEEPEST: usize = 16;

struct Reader<'a> {
    words: &'a [&'a str],
    at: usize,
    allowed: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at) == Some(&word);
        if found {
            self.at += 1;
        }
        found
    }

    fn either(&mut self, depth: usize) -> Option<bool> {
        let mut result = self.both(depth)?;
        while self.take("OR") {
            // Both sides are read, whatever the first one says.
            result |= self.both(depth)?;
        }
        Some(result)
    }

    fn both(&mut self, depth: usize) -> Option<bool> {
        let mut result = self.one(depth)?;
        while self.take("AND") {
            result &= self.one(depth)?;
        }
        Some(result)
    }

    fn one(&mut self, depth: usize) -> Option<bool> {
        if depth > DEEPEST {
            return None;
        }
        if self.take("(") {
            let inner = self.either(depth + 1)?;
            return self.take(")").then_some(inner);
        }
        let name = *self.words.get(self.at)?;
        if ["OR", "AND", "WITH", ")"].contains(&name) {
            return None;
        }
        self.at += 1;
        if self.take("WITH") {
            let exception = *self.words.get(self.at)?;
            self.at += 1;
            return Some((self.allowed)(&format!("{name} WITH {exception}")));
        }
        Some((self.allowed)(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_fulfilled_or_not() {
        let allowed = |name: &str| ["MIT", "ISC", "Unicode-3.0"].contains(&name);
        for (text, expected) in [
            ("MIT", Some(true)),
            ("GPL-3.0", Some(false)),
            ("MIT OR GPL-3.0", Some(true)),
            ("GPL-3.0 OR MIT", Some(true)),
            ("MIT AND GPL-3.0", Some(false)),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", Some(true)),
            ("MIT/Apache-2.0", Some(true)),
            ("GPL-2.0 WITH Classpath-exception-2.0", Some(false)),
            ("MIT OR ISC AND GPL-3.0", Some(true)),
            ("", None),
            ("MIT OR", None),
            ("(MIT", None),
            ("MIT ISC", None),
            ("OR", None),
        ] {
            assert_eq!(is_allowed(text, &allowed), expected, "{text:?}");
        }
        assert_eq!(is_allowed(&"(".repeat(1000), &allowed), None);
    }
}
