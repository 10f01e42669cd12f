//! Builds the dashboard with npm where that is wanted and can be done, and writes its files as a
//! table of Rust.
//!
//! Nothing is written below `dashboard/` but `node_modules`: what this program watches it must not
//! change, or Cargo would run it again each time.

mod npm;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The variable that says what to do.
const WISH: &str = "TRUNKLINE_DASHBOARD";

/// What the pages are made of, below `dashboard/`.
const SOURCES: [&str; 6] =
    ["index.html", "package-lock.json", "public", "src", "tsconfig.json", "vite.config.ts"];

/// What `TRUNKLINE_DASHBOARD` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// With the pages if they are there or can be built; with a notice in their place if not.
    Auto,
    /// With the pages, or not at all: for packagers.
    Require,
    /// Without npm, whatever is installed. Pages that were built before are taken.
    Skip,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rustc-check-cfg=cfg(embedded)");
    println!("cargo::rerun-if-env-changed={WISH}");
    println!("cargo::rerun-if-changed=build");
    let wish = match std::env::var(WISH).as_deref() {
        Ok("require") => Wish::Require,
        Ok("skip") => Wish::Skip,
        Ok("auto" | "") | Err(_) => Wish::Auto,
        Ok(other) => return Err(format!("{WISH} is {other}: require, skip or auto").into()),
    };
    let out = PathBuf::from(variable("OUT_DIR")?);
    let source = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../../dashboard");
    let table = out.join("table.rs");
    // Pages are read from the disk in a development build, so that work on either side does not
    // wait for the other.
    if variable("PROFILE")? != "release" && wish != Wish::Require {
        std::fs::write(table, table::EMPTY)?;
        return Ok(());
    }
    for name in SOURCES {
        println!("cargo::rerun-if-changed={}", source.join(name).display());
    }
    match built(&source, &out, wish) {
        Ok(Some(folder)) => {
            println!("cargo::rustc-cfg=embedded");
            std::fs::write(table, table::of(&folder, &out)?)?;
        }
        Ok(None) => std::fs::write(table, table::EMPTY)?,
        Err(error) if wish == Wish::Require => return Err(error),
        Err(error) => {
            println!("cargo::warning=the dashboard is left out: {error}");
            std::fs::write(table, table::EMPTY)?;
        }
    }
    Ok(())
}

/// The folder with the built pages, if there is one.
fn built(source: &Path, out: &Path, wish: Wish) -> Result<Option<PathBuf>, Box<dyn Error>> {
    let given = source.join("dist");
    let page = given.join("index.html");
    if page.is_file() {
        // A path that is missing would be new to Cargo each time, so it is watched only here.
        println!("cargo::rerun-if-changed={}", given.display());
        let is_fresh = modified(&page)? >= newest(source)?;
        if is_fresh || wish == Wish::Skip {
            return Ok(Some(given));
        }
    }
    if wish == Wish::Skip {
        return Ok(None);
    }
    if !npm::is_there() {
        if page.is_file() {
            println!(
                "cargo::warning=dashboard/dist is older than its sources, and there is no npm"
            );
            return Ok(Some(given));
        }
        return Err("Node.js with npm is not installed (20.19 or later)".into());
    }
    npm::build(source, &out.join("dist")).map(Some)
}

/// When the newest of the sources was changed.
fn newest(source: &Path) -> Result<SystemTime, Box<dyn Error>> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for name in SOURCES {
        for file in table::files_below(&source.join(name))? {
            newest = newest.max(modified(&file)?);
        }
    }
    Ok(newest)
}

fn modified(file: &Path) -> Result<SystemTime, Box<dyn Error>> {
    Ok(std::fs::metadata(file)?.modified()?)
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}
