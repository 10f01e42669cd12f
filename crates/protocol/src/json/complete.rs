//! Whether a JSON object that comes in pieces is complete.

/// Follows the brackets of one JSON object.
#[derive(Debug, Default)]
pub(crate) struct Completeness {
    depth: u32,
    begun: bool,
    in_string: bool,
    escaped: bool,
}

impl Completeness {
    /// Reads the next piece.
    pub(crate) fn read(&mut self, piece: &str) {
        for byte in piece.bytes() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.begun = true;
                    self.depth = self.depth.saturating_add(1);
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Whether all that was opened is closed.
    pub(crate) fn is_complete(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_count_wherever_the_text_is_cut() {
        let whole = r#"{"a":"}\"{","b":[{}]}"#;
        let mut reading = Completeness::default();
        for (at, letter) in whole.char_indices() {
            assert!(!reading.is_complete(), "before {at}");
            reading.read(&letter.to_string());
        }
        assert!(reading.is_complete());
    }
}
