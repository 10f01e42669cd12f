//! Settings that every command needs: where the data is, what opens it, how to log.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::first_given;
use super::value::{Address, Span};

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
    /// A PostgreSQL database in place of the one in the folder: postgres://…, or file:PATH or
    /// env:NAME that say it
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "TRUNKLINE_DATABASE_URL",
        hide_env_values = true
    )]
    pub database_url: Option<Address>,
    /// How long a database server that is not there yet is waited for [default: 30s]
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        env = "TRUNKLINE_DATABASE_WAIT",
        hide_env_values = true
    )]
    pub database_wait: Option<Span>,
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
        first_given!(
            Self, self, other;
            data_folder, master_key, database_url, database_wait, log, log_format
        )
    }

    /// What variables say that are in use everywhere, beside those of our own.
    pub(super) fn of_common_variables() -> Self {
        Self { database_url: Address::in_variable("DATABASE_URL"), ..Self::default() }
    }

    /// The variables that values stand in.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        let of_key = match &self.master_key {
            Some(MasterKeySource::Environment(name)) => Some(name.as_str()),
            Some(MasterKeySource::File(_)) | None => None,
        };
        of_key.into_iter().chain(self.database_url.as_ref().and_then(Address::variable))
    }

    /// How long a database server that is not there yet is waited for.
    pub fn database_wait(&self) -> Duration {
        self.database_wait.map_or(Duration::from_secs(30), |wait| wait.0)
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
