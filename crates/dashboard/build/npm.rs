//! What npm is asked to do.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether npm can be run.
pub fn is_there() -> bool {
    let mut asked = npm(Path::new("."), &["--version"]);
    asked.stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

/// Builds the pages of `source` into `target`, with the packages the lock file names.
pub fn build(source: &Path, target: &Path) -> Result<PathBuf, Box<dyn Error>> {
    if !has_packages(source) {
        run(npm(source, &["ci", "--no-audit", "--no-fund"]), "npm ci")?;
    }
    let mut build = npm(source, &["exec", "--", "vite", "build", "--emptyOutDir", "--outDir"]);
    build.arg(target);
    run(build, "vite build")?;
    Ok(target.to_owned())
}

/// Whether the packages are those of the lock file, as npm notes it down itself.
fn has_packages(source: &Path) -> bool {
    let time = |name: &str| std::fs::metadata(source.join(name))?.modified();
    match (time("node_modules/.package-lock.json"), time("package-lock.json")) {
        (Ok(installed), Ok(locked)) => installed >= locked,
        _ => false,
    }
}

fn npm(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.args(arguments).current_dir(folder);
    command
}

/// Runs a command; if it fails, its last words are the error.
fn run(mut command: Command, name: &str) -> Result<(), Box<dyn Error>> {
    let done = command.output()?;
    if done.status.success() {
        return Ok(());
    }
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(5)..].join(" / ");
    Err(format!("{name} failed: {last}").into())
}
