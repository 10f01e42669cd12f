//! Step 6, beside it: how much a model wrote, for an estimate where nobody counts. A JSON of any
//! length is gone through once while it passes, and nothing of it is kept.

use memchr::memchr2;

/// Members whose value is what a model wrote, in any protocol.
const WRITTEN: [&[u8]; 11] = [
    b"content",
    b"text",
    b"partial_json",
    b"arguments",
    b"input",
    b"refusal",
    b"delta",
    b"completion",
    b"generation",
    b"outputText",
    b"response",
];

/// The same of what it thought: some say one text by several of these names.
const THOUGHT: [&[u8]; 3] = [b"thinking", b"reasoning", b"reasoning_content"];

/// Members that say again, in pieces, what stands beside them.
const REPEATED: [&[u8]; 3] = [b"segments", b"words", b"reasoning_details"];

/// Members that say why an answer ended.
const ENDS: [&[u8]; 5] =
    [b"finish_reason", b"finishReason", b"stop_reason", b"stopReason", b"done_reason"];

/// Members that carry media, or say where they are.
const MEDIA: [&[u8]; 8] =
    [b"data", b"url", b"image_url", b"file_data", b"b64_json", b"bytes", b"image", b"audio"];

/// Members that are a picture each.
const PICTURES: [&[u8]; 2] = [b"b64_json", b"url"];

/// What is longer than this in a member for media is no address, in bytes.
const LONGEST_ADDRESS: u64 = 1024;

/// The longest name that is compared, in bytes.
const LONGEST_NAME: usize = 24;

/// What was counted so far.
#[derive(Debug, Default)]
pub struct Texts {
    /// Bytes of text that a model wrote.
    pub written: u64,
    /// Bytes of media.
    pub media: u64,
    /// Pictures.
    pub pictures: u64,
    /// Why it ended was told.
    pub is_finished: bool,
    /// It is an error.
    pub is_failed: bool,
    /// Whether each level is a list, the innermost as the last bit. What is deeper than 128 levels
    /// is not told apart.
    lists: u128,
    depth: u64,
    after_colon: bool,
    in_string: bool,
    in_name: bool,
    escaped: bool,
    /// Digits of an escaped character that are still to come.
    digits: u8,
    /// Bytes of the string under way.
    length: u64,
    /// The depth of the last object that told what was thought, and the most bytes that one name
    /// of it has; no depth is 0.
    thought: (u64, u64),
    /// The depth of what says again what was said; 0 outside of it.
    repeating: u64,
    name: Vec<u8>,
}

impl Texts {
    /// Bytes of a JSON pass, or of one after the other.
    pub fn see(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if !self.in_string {
                self.outside(byte);
                bytes = rest;
                continue;
            }
            if self.escaped || self.digits > 0 {
                self.of_escape(byte);
                bytes = rest;
                continue;
            }
            let end = memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
            self.take(&bytes[..end]);
            bytes = &bytes[end..];
            match bytes.split_first() {
                Some((b'"', rest)) => {
                    self.end_string();
                    bytes = rest;
                }
                Some((_, rest)) => {
                    self.escaped = true;
                    bytes = rest;
                }
                None => {}
            }
        }
    }

    /// What comes next is another JSON, however the last one ended.
    pub fn begin(&mut self) {
        self.abort();
        (self.lists, self.depth) = (0, 0);
        (self.thought, self.repeating) = ((0, 0), 0);
        self.after_colon = false;
    }

    /// The end came in the middle: what was begun counts as far as it came.
    pub fn abort(&mut self) {
        if self.in_string {
            self.end_string();
        }
        (self.escaped, self.digits) = (false, 0);
    }

    fn outside(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.in_string = true;
                self.in_name = self.lists & 1 == 0 && !self.after_colon;
                self.length = 0;
                if self.in_name {
                    self.name.clear();
                }
            }
            b':' => self.after_colon = true,
            b'{' | b'[' => {
                self.is_failed |= byte == b'{' && self.is_error();
                self.depth += 1;
                if self.repeating == 0 && self.after_colon && self.is_of(&REPEATED) {
                    self.repeating = self.depth;
                }
                self.lists = (self.lists << 1) | u128::from(byte == b'[');
                self.after_colon = false;
            }
            b'}' | b']' => {
                self.lists >>= 1;
                if self.thought.0 == self.depth {
                    self.thought = (0, 0);
                }
                if self.repeating == self.depth {
                    self.repeating = 0;
                }
                self.depth = self.depth.saturating_sub(1);
                self.after_colon = false;
            }
            b',' => self.after_colon = false,
            _ => {}
        }
    }

    /// Whether the value that begins is the error of an answer, or of one in a list of answers.
    fn is_error(&self) -> bool {
        let at_top = self.depth == 1 || self.depth == 2 && self.lists == 2;
        at_top && self.after_colon && self.name == b"error"
    }

    fn of_escape(&mut self, byte: u8) {
        if self.digits > 0 {
            self.digits -= 1;
            return;
        }
        self.escaped = false;
        self.digits = if byte == b'u' { 4 } else { 0 };
        // As much as most such characters take.
        self.length += if byte == b'u' { 3 } else { 1 };
    }

    fn take(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if self.in_name && self.name.len() <= LONGEST_NAME {
            let left = (LONGEST_NAME + 1 - self.name.len()).min(bytes.len());
            self.name.extend_from_slice(&bytes[..left]);
        }
    }

    fn end_string(&mut self) {
        self.in_string = false;
        if self.in_name {
            return;
        }
        if self.repeating == 0 {
            self.written = self.written.saturating_add(self.newly_written());
        }
        if self.is_of(&MEDIA) && self.length > LONGEST_ADDRESS {
            self.media = self.media.saturating_add(self.length);
        }
        self.pictures += u64::from(self.is_of(&PICTURES) && self.length > 0);
        self.is_finished |= self.is_of(&ENDS) && self.length > 0;
        self.is_failed |= self.is_error() && self.length > 0;
    }

    /// How much the string that ended adds to what was written.
    fn newly_written(&mut self) -> u64 {
        if self.is_of(&WRITTEN) {
            return self.length;
        }
        if !self.is_of(&THOUGHT) {
            return 0;
        }
        if self.lists & 1 == 1 {
            return self.length;
        }
        let (depth, before) = self.thought;
        let before = if depth == self.depth { before } else { 0 };
        self.thought = (self.depth, before.max(self.length));
        self.length.saturating_sub(before)
    }

    fn is_of(&self, names: &[&[u8]]) -> bool {
        names.contains(&self.name.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(json: &str, size: usize) -> Texts {
        let mut texts = Texts::default();
        json.as_bytes().chunks(size).for_each(|piece| texts.see(piece));
        texts
    }

    #[test]
    fn what_was_written_is_counted_wherever_it_stands() {
        for (json, written, is_finished) in [
            (
                r#"{"id":"content","choices":[{"delta":{"content":"hello"},"finish_reason":null}]}"#,
                5,
                false,
            ),
            (r#"{"choices":[{"message":{"content":"a\n\"b\\"},"finish_reason":"stop"}]}"#, 5, true),
            (
                r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hey"}}"#,
                3,
                false,
            ),
            (r#"{"delta":{"partial_json":"{\"a\":1}"}}"#, 7, false),
            (
                r#"{"candidates":[{"content":{"parts":[{"text":"hi"},{"text":"ho"}]},"finishReason":"STOP"}]}"#,
                4,
                true,
            ),
            (
                r#"{"output":{"message":{"content":[{"text":"abc"}]}},"stopReason":"end_turn"}"#,
                3,
                true,
            ),
            (r#"{"response":"ab","done":false}{"response":"c","done":true}"#, 3, false),
            (r#"{"text":"\u4f60"}"#, 3, false),
            (r#"{"data":[{"embedding":"AAAA","index":0}],"model":"text"}"#, 0, false),
            // One text by several names.
            (
                r#"{"delta":{"reasoning":"abcd","reasoning_content":"abcd","reasoning_details":[{"text":"abcd"}],"content":"e"}}"#,
                5,
                false,
            ),
            (
                r#"{"text":"ab c","segments":[{"text":"ab"},{"text":"c"}],"words":[{"text":"ab"}],"usage":{"text":"d"}}"#,
                5,
                false,
            ),
            (r#"[{"thinking":"ab"},{"thinking":"cd"}]"#, 4, false),
        ] {
            for size in 1..json.len() {
                let texts = counted(json, size);
                assert_eq!((texts.written, texts.is_finished), (written, is_finished), "{json}");
            }
        }
    }

    #[test]
    fn what_broke_off_counts_as_far_as_it_came() {
        let mut texts = counted(r#"{"content":"half of i"#, 4);
        texts.abort();
        assert_eq!(texts.written, 9);
        texts.begin();
        texts.see(br#"{"content":"t"}"#);
        assert_eq!(texts.written, 10);
    }

    #[test]
    fn an_error_is_one_where_it_stands_alone() {
        for (json, is_failed) in [
            (r#"{"type":"error","error":{"message":"no"}}"#, true),
            (r#"{"error":"no"}"#, true),
            (r#"[{"error":{"code":500}}]"#, true),
            (r#"{"error":null,"output":[{"error":{}}]}"#, false),
            (r#"{"choices":[{"message":{"content":"error"}}]}"#, false),
        ] {
            assert_eq!(counted(json, 5).is_failed, is_failed, "{json}");
        }
    }

    #[test]
    fn media_are_told_apart_from_text() {
        let data = "A".repeat(4_000);
        let json = format!(
            r#"{{"image_url":{{"url":"data:image/png;base64,{data}"}},"url":"https://a"}}"#
        );
        assert_eq!(counted(&json, 7).media, 4_022);
        assert_eq!(counted(r#"{"data":[{"b64_json":"AA"},{"b64_json":"BB"}]}"#, 3).pictures, 2);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut texts = Texts::default();
            bytes.chunks(7).for_each(|piece| texts.see(piece));
            texts.abort();
            prop_assert!(texts.name.len() <= LONGEST_NAME + 1);
        }
    }
}
