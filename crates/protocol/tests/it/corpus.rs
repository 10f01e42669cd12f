//! The golden inputs: requests, answers, streams and errors as their vendors write them.

use std::path::{Path, PathBuf};

use protocol::{Dialect, Framing};

/// One folder of inputs.
pub struct Case {
    pub dialect: Dialect,
    pub name: String,
    folder: PathBuf,
}

impl Case {
    /// One of the inputs, if the case has it.
    pub fn input(&self, file: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(file)).ok()
    }

    /// The stream, if the case has one: its bytes, or for binary messages lines that tell them; see
    /// [`crate::checks::framed`].
    pub fn stream(&self) -> Option<Vec<u8>> {
        self.input(match self.dialect.framing() {
            Framing::Sse => "stream.sse",
            Framing::EventStream => "stream.events",
            Framing::Lines => "stream.ndjson",
        })
    }

    /// The HTTP status and the `retry-after` header the error came with.
    pub fn error_head(&self) -> (u16, Option<&'static str>) {
        match self.name.as_str() {
            "error_rate_limit" => (429, Some("12")),
            "error_quota" if matches!(self.dialect, Dialect::Anthropic | Dialect::Bedrock) => {
                (400, None)
            }
            "error_quota" if self.dialect == Dialect::Cohere => (402, None),
            "error_quota" => (429, None),
            "error_overloaded" if self.dialect == Dialect::Anthropic => (529, None),
            "error_overloaded" => (503, None),
            "error_context_length" | "error_invalid" | "error_content_policy" => (400, None),
            "error_credential" if self.dialect == Dialect::Gemini => (400, None),
            "error_credential" if self.dialect == Dialect::Bedrock => (403, None),
            "error_credential" => (401, None),
            "error_internal" => (500, None),
            other => panic!("name the status of {other}"),
        }
    }
}

/// Where the golden files are.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// All cases of a dialect, in the order of their names.
pub fn cases(dialect: Dialect) -> Vec<Case> {
    let mut cases: Vec<Case> = std::fs::read_dir(root().join(dialect.name()))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| Case {
            dialect,
            name: entry.file_name().into_string().unwrap(),
            folder: entry.path(),
        })
        .collect();
    cases.sort_by(|left, right| left.name.cmp(&right.name));
    cases
}

/// The contents of one kind of file in all cases of all dialects.
pub fn inputs(file: &str) -> Vec<(Dialect, String, Vec<u8>)> {
    let all = Dialect::ALL.into_iter().flat_map(cases);
    all.filter_map(|case| Some((case.dialect, case.name.clone(), case.input(file)?))).collect()
}

/// The streams of all cases of all dialects.
pub fn streams() -> Vec<(Dialect, String, Vec<u8>)> {
    let all = Dialect::ALL.into_iter().flat_map(cases);
    all.filter_map(|case| Some((case.dialect, case.name.clone(), case.stream()?))).collect()
}
