//! Pure crates do no I/O, read no clock and draw no randomness: time and chance are arguments.

use crate::Finding;
use crate::source::is_test;
use crate::tree::File;

/// Crates that are pure.
pub const PURE: [&str; 5] = ["protocol", "catalog", "ledger", "routing", "signing"];

/// What their code may not name.
const IMPURE: [&str; 18] = [
    "SystemTime",
    "Instant::now",
    "std::time::Instant",
    "UNIX_EPOCH",
    "std::env::",
    "env::var",
    "std::fs",
    "fs::read",
    "std::net::Tcp",
    "std::net::Udp",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "tokio::",
    "rand::",
    "getrandom",
    "println!",
    "thread_rng",
];

/// Checks the sources of pure crates, outside their tests.
pub fn check(files: &[File]) -> Vec<Finding> {
    let hidden: Vec<String> = files.iter().flat_map(test_modules).collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is("rs") && is_pure(&file.path)) {
        let below = |module: &String| {
            file.path == format!("{module}.rs") || file.path.starts_with(&format!("{module}/"))
        };
        if is_test(&file.path) || hidden.iter().any(below) {
            continue;
        }
        for (line, text) in code(&file.text) {
            for word in IMPURE.iter().filter(|word| text.contains(**word)) {
                let message = format!("`{word}` in a pure crate: take it as an argument");
                findings.push(Finding::at(&file.path, line, message));
            }
        }
    }
    findings
}

fn is_pure(path: &str) -> bool {
    PURE.iter().any(|name| path.starts_with(&format!("crates/{name}/src/")))
}

/// Lines of code with their numbers from 1: without comments and without test modules.
fn code(text: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    // The indentation of the test module that is being skipped.
    let mut skipping: Option<&str> = None;
    let mut test_next = false;
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let indentation = &line[..line.len() - trimmed.len()];
        if let Some(outer) = skipping {
            if trimmed.starts_with('}') && indentation == outer {
                skipping = None;
            }
            continue;
        }
        if trimmed.starts_with("#[cfg(test)]") {
            test_next = true;
            continue;
        }
        if test_next && !trimmed.starts_with("#[") {
            test_next = false;
            if trimmed.ends_with('{') {
                skipping = Some(indentation);
            }
            continue;
        }
        if !trimmed.starts_with("//") {
            lines.push((at + 1, line));
        }
    }
    lines
}

/// Modules in files of their own that exist in tests only, as paths without `.rs`.
fn test_modules(file: &File) -> Vec<String> {
    if !file.is("rs") {
        return Vec::new();
    }
    let Some((folder, name)) = file.path.rsplit_once('/') else { return Vec::new() };
    let home = match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        other => format!("{folder}/{}", other.trim_end_matches(".rs")),
    };
    let mut modules = Vec::new();
    let mut test_next = false;
    for line in file.text.lines().map(str::trim) {
        if line.starts_with("#[cfg(test)]") {
            test_next = true;
            continue;
        }
        if test_next && !line.starts_with("#[") {
            test_next = false;
            let declared = line.trim_start_matches("pub(crate) ").strip_prefix("mod ");
            if let Some(module) = declared.and_then(|rest| rest.strip_suffix(';')) {
                modules.push(format!("{home}/{module}"));
            }
        }
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_clock_in_a_pure_crate_is_found_and_elsewhere_is_not() {
        let text = "fn now() { std::time::SystemTime::now(); }\n";
        assert_eq!(check(&[file("crates/ledger/src/lib.rs", text)]).len(), 1);
        assert!(check(&[file("crates/gateway/src/lib.rs", text)]).is_empty());
    }

    #[test]
    fn tests_and_comments_may_name_what_they_like() {
        let inline = "// std::fs\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\nfn f() {}\n";
        assert!(check(&[file("crates/ledger/src/lib.rs", inline)]).is_empty());
        let outer = "#[cfg(test)]\nmod fixture;\nmod real;\n";
        let found = check(&[
            file("crates/ledger/src/lib.rs", outer),
            file("crates/ledger/src/fixture.rs", "use std::fs;\n"),
            file("crates/ledger/src/real.rs", "use std::fs;\n"),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "crates/ledger/src/real.rs");
    }

    #[test]
    fn code_after_a_test_module_is_checked() {
        let text = "#[cfg(test)]\nmod tests {\n    fn f() {\n    }\n}\nuse std::fs;\n";
        assert_eq!(check(&[file("crates/routing/src/a.rs", text)])[0].line, 6);
    }
}
