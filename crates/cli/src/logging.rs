//! Logs: JSON lines for machines, plain lines for people, always on standard error.

use std::io::IsTerminal;

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

use crate::configuration::{FolderSettings, LogFormat};

/// Starts logging. The filter is the `log` setting (`TRUNKLINE_LOG`), else `RUST_LOG`, else
/// `info`.
pub fn start(settings: &FolderSettings) -> Result<()> {
    let filter = match settings.log.clone().or_else(|| std::env::var("RUST_LOG").ok()) {
        Some(text) if !text.is_empty() => EnvFilter::try_new(&text).with_context(|| {
            format!("`{text}` is not a log filter, such as info or gateway=debug")
        })?,
        _ => EnvFilter::new("info"),
    };
    let terminal = std::io::stderr().is_terminal();
    let json = match settings.log_format.unwrap_or_default() {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if json {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        builder.with_ansi(terminal).try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}
