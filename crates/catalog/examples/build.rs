//! Builds the shipped catalogue from the two source documents:
//! `cargo run -p trunkline-catalog --example build -- models.json providers.json catalog.txt`.

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut paths = std::env::args().skip(1);
    let (Some(models), Some(providers), Some(target)) = (paths.next(), paths.next(), paths.next())
    else {
        return Err("give the paths of the models, of the providers and of the result".into());
    };
    let facts = catalog::facts::Facts::shipped()?;
    let built = catalog::build::build(
        &std::fs::read_to_string(models)?,
        &std::fs::read_to_string(providers)?,
        &facts,
    )?;
    std::fs::write(target, catalog::pack::pack(&built.parts)?)?;
    let mut out = std::io::stderr().lock();
    for note in &built.notes {
        writeln!(out, "{note}")?;
    }
    Ok(())
}
