//! Variables that are nearly those of settings. A name that does not exist is refused where it can
//! only be a setting, as a flag or in a file; a variable may be anybody's, and is only told of. And
//! variables whose value is wrong: what is said of a flag that nobody wrote says where it comes from.

use std::ffi::OsString;

use clap::Args as _;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

use super::{CommonArguments, FolderSettings, ServerSettings};
use crate::nearest::nearest;

/// What the variables of settings begin with.
const PREFIX: &str = "TRUNKLINE_";

/// Read where the program is built, with words that its namesake among the settings does not have.
const OF_THE_BUILD: (&str, [&str; 3]) = ("TRUNKLINE_DASHBOARD", ["auto", "require", "skip"]);

/// A variable that has no effect, and the one that was probably meant.
#[derive(Debug, PartialEq, Eq)]
pub struct Misspelt {
    /// Its name.
    pub name: String,
    /// The variable of a setting.
    pub meant: String,
}

/// The variables that are set and are nearly those of settings, but for those that settings name
/// themselves.
pub fn misspelt_variables(folder: &FolderSettings, server: &ServerSettings) -> Vec<Misspelt> {
    let known = known();
    let names = set_variables(folder, server).into_iter();
    names
        .filter_map(|name| {
            let meant = meant(&name, &known)?.to_owned();
            Some(Misspelt { name, meant })
        })
        .collect()
}

/// The variables that begin like those of settings, are of none, and are near none: they may be
/// anybody's, and one may be a slip all the same.
pub fn unknown_variables(folder: &FolderSettings, server: &ServerSettings) -> Vec<String> {
    let known = known();
    let mut names = set_variables(folder, server);
    names.retain(|name| is_unknown(name, &known));
    names
}

/// The variables that are set, but for what the build reads and what settings name, in order.
fn set_variables(folder: &FolderSettings, server: &ServerSettings) -> Vec<String> {
    let named: Vec<&str> = folder.variables().chain(server.variables()).collect();
    let mut found: Vec<String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, value)| {
            let (of_build, words) = OF_THE_BUILD;
            let is_of_build = name == of_build && words.iter().any(|word| value == *word);
            !is_of_build && !named.contains(&name.as_str())
        })
        .map(|(name, _)| name)
        .collect();
    found.sort();
    found
}

fn is_unknown(name: &str, known: &[Setting]) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    // Kubernetes sets those for a service of this name.
    let of_a_service = rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_");
    let is_of_a_setting = known.iter().any(|(_, variable)| variable == name);
    !of_a_service && !is_of_a_setting && meant(name, known).is_none()
}

/// A mistake in the arguments, with the variable in which it is, if it is not among the arguments
/// themselves.
pub fn with_variable(mut error: clap::Error, arguments: &[OsString]) -> clap::Error {
    if let Some(variable) = variable_at_fault(&error, arguments) {
        let tip = StyledStr::from(format!("the value is that of the variable {variable}"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

fn variable_at_fault(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    // `--workers <N>`
    let flag = argument.split(' ').next()?;
    let is_written = arguments.iter().filter_map(|argument| argument.to_str()).any(|written| {
        written.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    });
    if is_written {
        return None;
    }
    let named = flag.strip_prefix("--")?.replace('-', "_").to_uppercase();
    known().into_iter().find(|(name, _)| *name == named).map(|(_, variable)| variable)
}

/// A setting: its name and its variable.
type Setting = (String, String);

fn known() -> Vec<Setting> {
    let command =
        ServerSettings::augment_args(CommonArguments::augment_args(clap::Command::new("")));
    command
        .get_arguments()
        .filter_map(|argument| {
            let variable = argument.get_env()?.to_str()?.to_owned();
            Some((argument.get_id().as_str().to_uppercase(), variable))
        })
        .collect()
}

/// The variable that was meant by one that is none. What they all begin with says nothing.
fn meant<'k>(name: &str, known: &'k [Setting]) -> Option<&'k str> {
    let rest = name.strip_prefix(PREFIX)?;
    if known.iter().any(|(_, variable)| variable == name) {
        return None;
    }
    // Two have another name in the file: `data_folder` and `dashboard`.
    let names = |(setting, variable): &'k Setting| {
        [setting.as_str(), variable.strip_prefix(PREFIX).unwrap_or(variable)]
    };
    // What a thing is called, without the word that its address is meant.
    let with_url = format!("{rest}_URL");
    let all = || known.iter().flat_map(names);
    let near = all().find(|name| *name == with_url).or_else(|| nearest(rest, all()))?;
    let found = known.iter().find(|setting| names(setting).contains(&near));
    found.map(|(_, variable)| variable.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_known_and_what_is_read_elsewhere_is_not_one() {
        let known = known();
        for (name, expected) in [
            ("TRUNKLINE_LISEN", "TRUNKLINE_LISTEN"),
            ("TRUNKLINE_PUBLIC_ULR", "TRUNKLINE_PUBLIC_URL"),
            ("TRUNKLINE_DATA_FOLDER", "TRUNKLINE_DATA"),
            ("TRUNKLINE_DASHBOARD", "TRUNKLINE_SERVE_DASHBOARD"),
            ("TRUNKLINE_CONFG", "TRUNKLINE_CONFIG"),
            ("TRUNKLINE_VALKEY", "TRUNKLINE_VALKEY_URL"),
            ("TRUNKLINE_DATABASE", "TRUNKLINE_DATABASE_URL"),
        ] {
            assert_eq!(meant(name, &known), Some(expected), "{name}");
        }
        for name in [
            "TRUNKLINE_LISTEN",
            "TRUNKLINE_DATA",
            "TRUNKLINE_LOG",
            // Of examples, tests, and what Kubernetes sets for a service of this name.
            "TRUNKLINE_KEY",
            "TRUNKLINE_API_KEY",
            "TRUNKLINE_MANAGEMENT_KEY",
            "TRUNKLINE_URL",
            "TRUNKLINE_BIN",
            "TRUNKLINE_SEED",
            "TRUNKLINE_WORLDS",
            "TRUNKLINE_OUTAGE",
            "TRUNKLINE_SKIP_VALKEY",
            "TRUNKLINE_SKIP_POSTGRES",
            "TRUNKLINE_PORT",
            "TRUNKLINE_SERVICE_HOST",
            "TRUNKLINE_SERVICE_PORT",
            "TRUNKLINE_PORT_8080_TCP_ADDR",
            "LISEN",
        ] {
            assert_eq!(meant(name, &known), None, "{name}");
        }
    }

    #[test]
    fn what_is_deployed_names_settings_that_there_are() {
        let known = known();
        for text in [
            include_str!("../../../../deploy/trunkline.service"),
            include_str!("../../../../deploy/Dockerfile"),
            include_str!("../../../../deploy/compose.yaml"),
            include_str!("../../../../deploy/compose.nodes.yaml"),
        ] {
            let is_of_a_name = |letter: char| letter.is_ascii_uppercase() || letter == '_';
            let names = text.split(|letter| !is_of_a_name(letter));
            for name in names.filter(|name| name.starts_with(PREFIX)) {
                let is_setting = known.iter().any(|(_, variable)| variable == name);
                assert!(is_setting || name == OF_THE_BUILD.0, "{name}");
            }
        }
    }

    #[test]
    fn what_is_near_no_setting_is_unknown_unless_it_is_of_a_service() {
        let known = known();
        for (name, expected) in [
            ("TRUNKLINE_KEY", true),
            ("TRUNKLINE_REDIS", true),
            ("TRUNKLINE_LISTEN", false),
            ("TRUNKLINE_LISEN", false),
            ("TRUNKLINE_PORT_8080_TCP_ADDR", false),
            ("TRUNKLINE_SERVICE_HOST", false),
            ("PATH", false),
        ] {
            assert_eq!(is_unknown(name, &known), expected, "{name}");
        }
    }
}
