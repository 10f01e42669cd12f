//! `docs/translation.md`: what becomes of each thing a caller can say, made by the code itself.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// The file, below the repository.
const DOCUMENT: &str = "docs/translation.md";

/// Writes the document anew. The example of the protocol crate makes it: this crate knows no other.
pub fn write(root: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let made = Command::new(cargo)
        .current_dir(root)
        .args(["run", "--quiet", "--package", "trunkline-protocol", "--example", "translation"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be run")?;
    ensure!(made.status.success(), "the example `translation` failed: {}", made.status);
    std::fs::write(root.join(DOCUMENT), made.stdout)
        .with_context(|| format!("{DOCUMENT} cannot be written"))
}
