//! Boot settings: from flags, the environment (`TRUNKLINE_*`) and one TOML file, in that order.
//!
//! One struct per group serves all three: clap fills it from flags and variables, serde from the
//! file. A setting's name in the file is that of its flag with underscores.

mod environment;
mod file;
mod folder;
mod server;
mod value;

use std::path::PathBuf;

use anyhow::Result;

pub use environment::{Misspelt, misspelt_variables, unknown_variables, with_variable};
pub use file::DEFAULT_FILE;
pub use folder::{FolderSettings, LogFormat, MasterKeySource};
pub use server::{AddressSettings, NewcomerRole, ServerSettings, Simulation, WithoutValkey};
pub use value::{Address, Count, MetricsListen, Patience, PublicUrl, Span};

#[cfg(test)]
pub use file::default_file_enabled;

/// Takes each field from `first`, else from `second`. A struct literal, so that a field that is
/// forgotten does not compile.
macro_rules! first_given {
    ($type:ident, $first:expr, $second:expr; $($field:ident),* $(,)?) => {{
        let (first, second) = ($first, $second);
        $type { $($field: first.$field.or(second.$field)),* }
    }};
}
use first_given;

/// Arguments of every command.
#[derive(Debug, clap::Args)]
pub struct CommonArguments {
    /// A TOML file with boot settings; `trunkline config` prints one
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "TRUNKLINE_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderSettings,
}

/// What every command starts from.
#[derive(Debug)]
pub struct Context {
    /// The file, if one was named.
    pub file: Option<PathBuf>,
    /// Settings of the data folder, resolved.
    pub folder: FolderSettings,
    /// Settings of the server that come from elsewhere than its own flags and variables.
    pub file_server: ServerSettings,
}

impl CommonArguments {
    /// Reads the file and settles what holds.
    pub fn resolve(self) -> Result<Context> {
        let (folder, server) = match &self.config {
            Some(path) => file::read(path)?,
            None => Default::default(),
        };
        let folder = self.folder.or(FolderSettings::of_common_variables()).or(folder);
        let file_server = ServerSettings::of_common_variables().or(server);
        Ok(Context { file: self.config, folder, file_server })
    }
}
