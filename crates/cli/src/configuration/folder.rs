//! Settings that every command needs: where the data is, what opens it, how to log.

use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use super::first_given;

/// Where the data is, what opens it, how to log.
#[derive(Clone, Debug, Default, PartialEq, clap::Args, Deserialize)]
#[serde(default)]
pub struct FolderSettings {
    /// The folder with the database and the master key [default: ./data]
    #[arg(long, global = true, value_name = "DIR", env = "TRUNKLINE_DATA", hide_env_values = true)]
    pub data_folder: Option<PathBuf>,
    /// Where the master key is: file:PATH or env:NAME [default: master.key in the data folder]
    #[arg(
        long,
        global = true,
        value_name = "SOURCE",
        env = "TRUNKLINE_MASTER_KEY",
        hide_env_values = true
    )]
    pub master_key: Option<MasterKeySource>,
    /// What to log, such as info or gateway=debug [default: info]
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "TRUNKLINE_LOG",
        hide_env_values = true
    )]
    pub log: Option<String>,
    /// How to log: auto is text on a terminal and JSON elsewhere [default: auto]
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        env = "TRUNKLINE_LOG_FORMAT",
        hide_env_values = true
    )]
    pub log_format: Option<LogFormat>,
}

impl FolderSettings {
    pub(super) fn or(self, other: Self) -> Self {
        first_given!(Self, self, other; data_folder, master_key, log, log_format)
    }

    /// The data folder.
    pub fn path(&self) -> PathBuf {
        self.data_folder.clone().unwrap_or_else(|| PathBuf::from("data"))
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object for each line.
    Json,
    /// Text for people.
    Text,
}

/// Where the master key is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum MasterKeySource {
    /// In a file, which is made if it is missing.
    File(PathBuf),
    /// In an environment variable.
    Environment(String),
}

impl FromStr for MasterKeySource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            // Not repeated: somebody may have given the key itself.
            _ => Err("expected file:PATH or env:NAME, never the key itself".to_owned()),
        }
    }
}

impl TryFrom<String> for MasterKeySource {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
