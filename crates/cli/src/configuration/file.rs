//! The configuration file: TOML, strict about names.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::folder::FolderSettings;
use super::server::ServerSettings;
use crate::nearest::suggestion;

/// Every setting with its default, commented: what `trunkline config` prints.
pub const DEFAULT_FILE: &str = include_str!("../../config.default.toml");

/// Reads a file.
pub fn read(path: &Path) -> Result<(FolderSettings, ServerSettings)> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the configuration file {} cannot be read", path.display()))?;
    parse(&text).with_context(|| format!("in the configuration file {}", path.display()))
}

fn parse(text: &str) -> Result<(FolderSettings, ServerSettings)> {
    let table: toml::Table = toml::from_str(text).map_err(|error| without_secret(text, error))?;
    let known = names();
    for name in table.keys() {
        if !known.iter().any(|known| known == name) {
            let meant = suggestion(name, known.iter().map(String::as_str));
            bail!("there is no setting `{name}`{meant}");
        }
    }
    // Read from the text again: its errors tell line and column.
    let groups = || Ok((toml::from_str(text)?, toml::from_str(text)?));
    groups().map_err(|error| without_secret(text, error))
}

/// What is wrong with a file. The line at fault is shown, unless it may have a password in it.
fn without_secret(text: &str, error: toml::de::Error) -> anyhow::Error {
    let rendered = error.to_string();
    let may_have_one = ["_url", "://", "_secret"].iter().any(|part| rendered.contains(part));
    if !may_have_one {
        return error.into();
    }
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    anyhow::anyhow!("line {line}: {}", error.message())
}

/// The names of all settings: those of the flags.
fn names() -> Vec<String> {
    let command =
        ServerSettings::augment_args(FolderSettings::augment_args(clap::Command::new("")));
    command.get_arguments().map(|argument| argument.get_id().as_str().to_owned()).collect()
}

/// The default file with every setting in force.
#[cfg(test)]
fn enabled() -> String {
    DEFAULT_FILE
        .lines()
        .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// What the default file says when every setting in it is in force.
#[cfg(test)]
pub fn default_file_enabled() -> (FolderSettings, ServerSettings) {
    parse(&enabled()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_fills_both_groups() {
        let (folder, server) =
            parse("data_folder = \"/tmp/x\"\nlisten = \"127.0.0.1:1\"\n").unwrap();
        assert_eq!(folder.path(), Path::new("/tmp/x"));
        assert_eq!(server.listen, Some("127.0.0.1:1".parse().unwrap()));
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_known_one() {
        let error = parse("lisen = \"127.0.0.1:1\"").unwrap_err().to_string();
        assert_eq!(error, "there is no setting `lisen`; did you mean `listen`?");
        let error = parse("[server]\nlisten = \"127.0.0.1:1\"").unwrap_err().to_string();
        assert!(error.starts_with("there is no setting `server`"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_with_its_line() {
        let error = format!("{:#}", parse("workers = 2\nidle_timeout = \"soon\"").unwrap_err());
        assert!(error.contains("line 2") && error.contains("soon"), "{error}");
    }

    #[test]
    fn a_line_that_may_have_a_password_in_it_is_not_shown() {
        for line in [
            "database_url = \"postgres://u:hidden@h/x",
            "database_url = [\"postgres://u:hidden@h/x\"]",
            "database_url = {hidden = 1}",
        ] {
            let error = format!("{:#}", parse(&format!("workers = 2\n{line}\n")).unwrap_err());
            assert!(error.contains("line 2") && !error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn the_default_file_names_every_setting_and_sets_none() {
        let table: toml::Table = toml::from_str(&enabled()).unwrap();
        let missing: Vec<_> =
            names().into_iter().filter(|name| !table.contains_key(name)).collect();
        assert_eq!(missing, Vec::<String>::new());
        let nothing = (FolderSettings::default(), ServerSettings::default());
        assert_eq!(parse(DEFAULT_FILE).unwrap(), nothing);
    }
}
