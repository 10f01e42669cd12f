//! `trunkline openapi`: the gateway's interface as a document.

use anyhow::Result;
use serde_json::json;

use crate::output::print_json;

/// Prints the document.
pub fn run() -> Result<()> {
    print_json(&json!(gateway::api::openapi::document()))
}
