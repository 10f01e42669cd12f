//! Measures how long the shipped catalogue takes to load:
//! `cargo run --release -p trunkline-catalog --example load`.

use std::io::Write;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        let catalog = catalog::Catalog::embedded()?;
        times.push(start.elapsed());
        drop(catalog);
    }
    times.sort();
    writeln!(std::io::stdout(), "least {:?}, median {:?}", times[0], times[times.len() / 2])?;
    Ok(())
}
