//! Takes the caller's prefill off the beginning of an answer that repeats it. CHAT-8

/// What of the prefill is still expected, and what has been held back for it.
#[derive(Debug, Default, Clone)]
pub(super) struct Prefill {
    expected: Option<String>,
    held: String,
}

impl Prefill {
    pub(super) fn new(prefill: Option<&str>) -> Self {
        Self {
            expected: prefill.filter(|text| !text.is_empty()).map(str::to_owned),
            held: String::new(),
        }
    }

    /// Whether the beginning has not been decided yet.
    pub(super) fn is_pending(&self) -> bool {
        self.expected.is_some()
    }

    /// The text to pass on instead of `piece`; `None` if it is `piece` itself.
    pub(super) fn take(&mut self, piece: &str) -> Option<String> {
        let expected = self.expected.as_deref()?;
        // What is held is the beginning of what is expected: only the piece is new.
        let left = expected.get(self.held.len()..).unwrap_or_default();
        if let Some(rest) = piece.strip_prefix(left) {
            self.expected = None;
            self.held.clear();
            return Some(rest.to_owned());
        }
        self.held.push_str(piece);
        if left.starts_with(piece) {
            return Some(String::new());
        }
        self.expected = None;
        Some(std::mem::take(&mut self.held))
    }

    /// What was held back for a repetition that never came.
    pub(super) fn release(&mut self) -> Option<String> {
        self.expected.take().map(|_| std::mem::take(&mut self.held)).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(prefill: &str, pieces: &[&str]) -> String {
        let mut state = Prefill::new(Some(prefill));
        let mut text = String::new();
        for piece in pieces {
            match state.take(piece) {
                Some(instead) => text.push_str(&instead),
                None => text.push_str(piece),
            }
        }
        text.push_str(&state.release().unwrap_or_default());
        text
    }

    #[test]
    fn only_a_repetition_is_taken_off() {
        assert_eq!(run("{\"a\":", &["{\"", "a\":", "1}"]), "1}");
        assert_eq!(run("{\"a\":", &["{\"a\": 1}"]), " 1}");
        assert_eq!(run("{\"a\":", &["1", "}"]), "1}");
        assert_eq!(run("abc", &["ab", "x"]), "abx");
        assert_eq!(run("abc", &["ab"]), "ab");
    }
}
