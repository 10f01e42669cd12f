//! The table of translations in the documentation is what the code does.

use std::path::Path;

use crate::table;

#[test]
fn the_documented_table_is_what_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/translation.md");
    let written = std::fs::read_to_string(path).unwrap();
    let made = table::document();
    let differs = written.lines().zip(made.lines()).find(|(written, made)| written != made);
    assert!(
        written == made,
        "docs/translation.md is out of date: run `cargo run -p xtask -- translation` and read the \
         difference. The first: {differs:#?}"
    );
}
