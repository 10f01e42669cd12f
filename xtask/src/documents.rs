//! Documents tell of everything there is: each boot setting, each quirk of a provider, each kind
//! of error; and the files they name exist.

use crate::Finding;
use crate::tree::File;

/// A list in the code, the document that must tell of all its entries, and how to find them.
struct Told {
    source: &'static str,
    document: &'static str,
    what: &'static str,
    entries: fn(&str) -> Vec<String>,
}

const TOLD: [Told; 3] = [
    Told {
        source: "crates/cli/config.default.toml",
        document: "docs/configuration.md",
        what: "the boot setting",
        entries: settings,
    },
    Told {
        source: "crates/protocol/src/target.rs",
        document: "docs/providers.md",
        what: "the quirk",
        entries: quirks,
    },
    Told {
        source: "crates/protocol/src/exchange/fault.rs",
        document: "docs/errors.md",
        what: "the kind of error",
        entries: error_types,
    },
];

/// Checks the documents against the code.
pub fn check(files: &[File]) -> Vec<Finding> {
    let find = |path: &str| files.iter().find(|file| file.path == path);
    let mut findings = Vec::new();
    for told in &TOLD {
        let (Some(source), Some(document)) = (find(told.source), find(told.document)) else {
            findings.push(Finding::about(told.document, format!("or {} is missing", told.source)));
            continue;
        };
        let entries = (told.entries)(&source.text);
        if entries.is_empty() {
            findings.push(Finding::about(told.source, format!("names not one of {}", told.what)));
        }
        for entry in entries {
            if !document.text.contains(&format!("`{entry}`")) {
                let message = format!("does not tell of {} `{entry}`", told.what);
                findings.push(Finding::about(told.document, message));
            }
        }
    }
    if let Some(map) = find("ARCHITECTURE.md") {
        findings.extend(missing_paths(map, files));
    }
    findings
}

/// `#name = …` lines.
fn settings(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once(" = "))
        .map(|(name, _)| name.to_owned())
        .filter(|name| is_name(name))
        .collect()
}

/// The fields of `struct Quirks`.
fn quirks(text: &str) -> Vec<String> {
    block(text, "pub struct Quirks {")
        .filter_map(|line| line.strip_prefix("pub ")?.split_once(':'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// The variants of `enum ErrorType` as they are on the wire.
fn error_types(text: &str) -> Vec<String> {
    block(text, "pub enum ErrorType {")
        .filter_map(|line| line.strip_suffix(','))
        .filter(|name| name.chars().all(|letter| letter.is_ascii_alphanumeric()))
        .map(snake_case)
        .collect()
}

/// Trimmed lines from after the one that begins a block until the brace that ends it.
fn block<'t>(text: &'t str, start: &'t str) -> impl Iterator<Item = &'t str> {
    text.lines()
        .skip_while(move |line| *line != start)
        .skip(1)
        .take_while(|line| *line != "}")
        .map(str::trim)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// Paths in backticks below a folder of ours that lead nowhere.
fn missing_paths(document: &File, files: &[File]) -> Vec<Finding> {
    const ROOTS: [&str; 6] = ["crates/", "xtask/", "tests/", "docs/", "bench/", "openapi/"];
    let mut findings = Vec::new();
    for (at, line) in document.text.lines().enumerate() {
        // Every second piece is between backticks.
        for path in line.split('`').skip(1).step_by(2) {
            let ours = ROOTS.iter().any(|root| path.starts_with(root));
            let plain = path
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter));
            if !ours || !plain {
                continue;
            }
            let folder = format!("{}/", path.trim_end_matches('/'));
            let exists =
                files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
                    || crate::repository().join(path).exists();
            if !exists {
                let message = format!("names {path}, which does not exist");
                findings.push(Finding::at(&document.path, at + 1, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_code() {
        assert_eq!(
            settings("# A comment = x\n#listen = \"a\"\n#log_format = 1\n"),
            ["listen", "log_format"]
        );
        let target = "pub struct Quirks {\n    /// Doc: x.\n    pub first: bool,\n}\npub struct B {\n    pub other: u8,\n}\n";
        assert_eq!(quirks(target), ["first"]);
        let fault = "pub enum ErrorType {\n    NotFound,\n    Server,\n}\n";
        assert_eq!(error_types(fault), ["not_found", "server"]);
    }

    #[test]
    fn a_path_that_leads_nowhere_is_found() {
        let text = "See `crates/nowhere/src/lib.rs` and `xtask/src/lib.rs` and `a.b`.\n";
        let document = File { path: "ARCHITECTURE.md".to_owned(), text: text.to_owned() };
        let found = missing_paths(&document, &[]);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("nowhere"));
    }
}
