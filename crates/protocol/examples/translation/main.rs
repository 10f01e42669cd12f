//! Prints `docs/translation.md`: what becomes of each thing a caller can say, and of each thing a
//! provider can answer. `cargo run -p xtask -- translation` writes the file.

#![expect(clippy::unwrap_used, reason = "the probes are ours: one that does not fit is a mistake")]

#[path = "table/mod.rs"]
mod table;

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(table::document().as_bytes())
}
