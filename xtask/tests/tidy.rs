//! The repository itself is tidy.

#[test]
fn the_repository_is_tidy() {
    let findings = xtask::tidy(&xtask::repository()).unwrap();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}
