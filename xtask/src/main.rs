//! `cargo run -p xtask -- tidy`: prints what is not tidy; fails if there is anything.
//! `cargo run -p xtask -- translation`: writes `docs/translation.md`.
//! `cargo run -p xtask -- vocabulary FILE PACKED`: packs a published vocabulary.
//! `cargo run -p xtask -- corpora pack|unpack FOLDER`: keeps what fuzzing found.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> Result<ExitCode> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    match given.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => {}
        ["translation"] => {
            xtask::translation::write(&xtask::repository())?;
            return Ok(ExitCode::SUCCESS);
        }
        ["vocabulary", published, packed] => {
            println!("{}", xtask::vocabulary::pack(Path::new(published), Path::new(packed))?);
            return Ok(ExitCode::SUCCESS);
        }
        ["corpora", "pack", folder] => {
            println!("{}", xtask::corpora::pack(&xtask::repository(), Path::new(folder))?);
            return Ok(ExitCode::SUCCESS);
        }
        ["corpora", "unpack", folder] => {
            println!("{}", xtask::corpora::unpack(&xtask::repository(), Path::new(folder))?);
            return Ok(ExitCode::SUCCESS);
        }
        _ => bail!(
            "usage: cargo run -p xtask -- \
             tidy|translation|vocabulary FILE PACKED|corpora pack FOLDER|corpora unpack FOLDER"
        ),
    }
    let findings = xtask::tidy(&xtask::repository())?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} not tidy", findings.len());
    Ok(ExitCode::FAILURE)
}
