//! Writes a prompt only to count it. Texts that stand next to each other are counted as one, since
//! a piece may begin in one and end in the next; special tokens are between them.

use protocol::exchange::{Tool, ToolKind};

use crate::tokenizer::{Counter, MAX_COUNTED};

/// What was written so far.
pub struct Writer {
    counter: Counter,
    /// The text since the last special token.
    text: String,
    tokens: u64,
}

impl Writer {
    /// Nothing yet.
    pub fn new(counter: Counter) -> Self {
        Self { counter, text: String::new(), tokens: 0 }
    }

    /// A special token.
    pub fn mark(&mut self) {
        self.fixed(1);
    }

    /// What is known to be as many tokens, and to share none with what is beside it.
    pub fn fixed(&mut self, tokens: u64) {
        self.flush();
        self.tokens += tokens;
    }

    /// A text. What is kept of it is bounded by what is counted of a prompt.
    pub fn text(&mut self, text: &str) {
        if self.text.len() + text.len() <= MAX_COUNTED {
            self.text.push_str(text);
        } else {
            self.flush();
            self.tokens += self.counter.count(text);
        }
    }

    /// Several texts, one after the other.
    pub fn texts(&mut self, texts: &[&str]) {
        for text in texts {
            self.text(text);
        }
    }

    /// JSON as Python writes it, whose blanks are where templates have them. What is no JSON is
    /// written all the same.
    pub fn json(&mut self, json: &str) {
        let (mut quoted, mut escaped) = (false, false);
        let mut from = 0;
        for (at, byte) in json.bytes().enumerate() {
            if quoted {
                quoted = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => quoted = true,
                b',' | b':' => {
                    self.text(&json[from..=at]);
                    self.text(" ");
                    from = at + 1;
                }
                b' ' | b'\t' | b'\r' | b'\n' => {
                    self.text(&json[from..at]);
                    from = at + 1;
                }
                _ => {}
            }
        }
        self.text(&json[from..]);
    }

    /// A text as a JSON string.
    pub fn json_string(&mut self, text: &str) {
        match serde_json::to_string(text) {
            Ok(json) => self.text(&json),
            Err(_) => self.text(text),
        }
    }

    /// A function without what is around it.
    pub fn function(&mut self, tool: &Tool) {
        match &tool.kind {
            ToolKind::Function { name, description, parameters, .. } => {
                self.text(r#"{"name": "#);
                self.json_string(name);
                self.text(r#", "description": "#);
                self.json_string(description.as_deref().unwrap_or_default());
                if let Some(parameters) = parameters {
                    self.text(r#", "parameters": "#);
                    self.json(parameters.get());
                }
                self.text("}");
            }
            ToolKind::Opaque { raw, .. } => self.json(raw.get()),
        }
    }

    /// A tool as callers of OpenAI's API write it.
    pub fn tool(&mut self, tool: &Tool) {
        if matches!(tool.kind, ToolKind::Opaque { .. }) {
            return self.function(tool);
        }
        self.text(r#"{"type": "function", "function": "#);
        self.function(tool);
        self.text("}");
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.tokens += self.counter.count(&self.text);
            self.text.clear();
        }
    }

    /// How many tokens it was.
    pub fn finish(mut self) -> u64 {
        self.flush();
        self.tokens
    }
}
