//! `cargo run -p xtask -- tidy`: prints what is not tidy; fails if there is anything.
//! `cargo run -p xtask -- translation`: writes `docs/translation.md`.

use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("tidy"), None) => {}
        (Some("translation"), None) => {
            xtask::translation::write(&xtask::repository())?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => bail!("usage: cargo run -p xtask -- tidy|translation"),
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
