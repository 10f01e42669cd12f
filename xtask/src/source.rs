//! Shape of source files: module docs, length, words that have no business here.

use crate::Finding;
use crate::tree::File;

/// The most lines of a source file. Longer ones hold more than one idea.
const MOST_LINES: usize = 600;

/// Extensions to which the limit applies.
const LIMITED: [&str; 6] = ["rs", "py", "js", "mjs", "ts", "tsx"];

/// Checks all files.
pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        if file.is("rs") && !is_test(&file.path) && !file.text.trim_start().starts_with("//!") {
            let message = "begins without module docs (`//!`): say what it is for";
            findings.push(Finding::at(&file.path, 1, message));
        }
        let lines = file.text.lines().count();
        if LIMITED.iter().any(|extension| file.is(extension)) && lines > MOST_LINES {
            let message = format!("has {lines} lines, more than {MOST_LINES}: split it by idea");
            findings.push(Finding::about(&file.path, message));
        }
        findings.extend(words(file));
    }
    findings
}

/// Whether a file holds nothing but tests: their names say what they are for.
pub fn is_test(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    name == "tests.rs" || name.ends_with("_tests.rs") || parts.contains(&"tests")
}

/// Words that must not appear, and why.
fn forbidden() -> [(String, &'static str); 6] {
    // In pieces, so that this list does not find itself.
    let word = |start: &str, end: &str| format!("{start}{end}");
    [
        (word("/wo", "rk/"), "is a folder of one machine"),
        (word("/ro", "ot/"), "is a folder of one machine"),
        (word("/ho", "me/"), "is a folder of one machine"),
        (word("/Us", "ers/"), "is a folder of one machine"),
        (word("TO", "DO"), "promises: do it or leave it"),
        (word("FIX", "ME"), "promises: do it or leave it"),
    ]
}

fn words(file: &File) -> Vec<Finding> {
    let forbidden = forbidden();
    let mut findings = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        for (word, why) in &forbidden {
            if contains_word(line, word) {
                findings.push(Finding::at(&file.path, at + 1, format!("`{word}` {why}")));
            }
        }
        if line.trim_start().starts_with(concat!("#[ig", "nore")) {
            let message = "skips a test: repair or remove it";
            findings.push(Finding::at(&file.path, at + 1, message));
        }
    }
    findings
}

/// Whether a line has a word, not as a part of a longer one.
fn contains_word(line: &str, word: &str) -> bool {
    let is_letter = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    line.match_indices(word).any(|(at, found)| {
        let after = line[at + found.len()..].chars().next();
        // A path ends with a slash; what follows it belongs to the path.
        let ends = word.ends_with('/') || !is_letter(after);
        ends && !is_letter(line[..at].chars().next_back())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_file_without_docs_is_found_unless_it_is_a_test() {
        let files = [
            file("crates/a/src/lib.rs", "pub fn f() {}\n"),
            file("crates/a/src/tests.rs", "#[test]\nfn f() {}\n"),
            file("crates/a/src/good.rs", "//! Good.\n"),
        ];
        let found = check(&files);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "crates/a/src/lib.rs");
    }

    #[test]
    fn long_files_and_promises_are_found() {
        let long = format!("//! Long.\n{}", "\n".repeat(MOST_LINES));
        let promise = format!("//! {}: later\n", concat!("TO", "DO"));
        let found = check(&[file("a/src/long.rs", &long), file("a/src/promise.rs", &promise)]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].message.contains("601 lines"));
        assert_eq!(found[1].line, 1);
    }

    #[test]
    fn words_are_whole_words() {
        assert!(contains_word("see a.b here", "a.b"));
        assert!(!contains_word("xa.b", "a.b"));
        assert!(!contains_word("a.bc", "a.b"));
        assert!(contains_word("(/x/y)", "/x/"));
        assert!(!contains_word("net/x/y", "/x/"));
    }
}
