//! `trunkline config`: the configuration file to start from.

use anyhow::Result;

use crate::configuration::DEFAULT_FILE;
use crate::output::print;

/// Prints the file.
pub fn run() -> Result<()> {
    print(DEFAULT_FILE)
}
