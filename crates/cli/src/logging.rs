//! Logs: JSON lines for machines, plain lines for people, always on standard error.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context as _, Result, bail};
use tracing_subscriber::EnvFilter;

use crate::configuration::{FolderSettings, LogFormat};

/// Starts logging. The filter is the `log` setting (`TRUNKLINE_LOG`), else `RUST_LOG`, else
/// `info`.
pub fn start(settings: &FolderSettings) -> Result<()> {
    let filter = match settings.log.clone().or_else(|| std::env::var("RUST_LOG").ok()) {
        Some(text) if !text.is_empty() => filter(&text)?,
        _ => EnvFilter::new("info"),
    };
    let terminal = io::stderr().is_terminal();
    let json = match settings.log_format.unwrap_or_default() {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(|| Unfailing(io::stderr()));
    let started = if json {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        builder.with_ansi(terminal).try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}

/// Reads a filter. A word alone that is no level would be taken for the name of a part of the program,
/// and nothing would be logged at all.
fn filter(text: &str) -> Result<EnvFilter> {
    let is_level = |word: &str| {
        word.parse::<tracing::metadata::LevelFilter>().is_ok() || word.parse::<u8>().is_ok()
    };
    let is_odd = |part: &str| {
        let part = part.trim();
        !part.is_empty() && !part.contains(['=', '[', ':', '_']) && !is_level(part)
    };
    if let Some(odd) = text.split(',').find(|part| is_odd(part)) {
        bail!(
            "log: `{}` is no level; write off, error, warn, info, debug or trace, or a part of the \
             program with its level, such as gateway=debug",
            odd.trim()
        );
    }
    EnvFilter::try_new(text)
        .with_context(|| format!("`{text}` is not a log filter, such as info or gateway=debug"))
}

/// A writer that cannot fail: a full disk or a reader that is gone costs lines of the log, not the
/// thread that wrote them.
struct Unfailing<W>(W);

impl<W: Write> Write for Unfailing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // All at once, so that lines of several threads do not mix.
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_log_that_cannot_be_written_is_no_error() {
        let mut writer = Unfailing(Full);
        assert!(writer.write_all(b"a line\n").is_ok());
        assert!(writer.flush().is_ok());
    }

    #[test]
    fn a_misspelt_level_is_refused() {
        for text in
            ["info", "off", "WARN", "3", "gateway=debug", "info,store=trace", "warn,hyper=off"]
        {
            assert!(filter(text).is_ok(), "{text}");
        }
        for text in ["inof", "nonsense", "0s", "99999999h", "info,debgu", "gateway=loud"] {
            let error = filter(text).unwrap_err().to_string();
            assert!(error.contains("level") || error.contains("filter"), "{text}: {error}");
        }
    }
}
