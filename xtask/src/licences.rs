//! Licences and origins of everything that is built in, by the rules of `deny.toml`. `cargo deny`
//! checks the same and more where it is installed.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::Finding;
use crate::licence::is_allowed;
use crate::metadata::Metadata;

/// The part of `deny.toml` that is used.
#[derive(Debug, Deserialize)]
struct Rules {
    licenses: Licences,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// The one registry packages come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks all packages.
pub fn check(root: &Path, metadata: &Metadata) -> Result<Vec<Finding>> {
    let text = std::fs::read_to_string(root.join("deny.toml")).context("deny.toml")?;
    let rules: Rules = toml::from_str(&text).context("deny.toml")?;
    Ok(by_rules(&rules, metadata))
}

fn by_rules(rules: &Rules, metadata: &Metadata) -> Vec<Finding> {
    let allowed = |name: &str| rules.licenses.allow.iter().any(|known| known == name);
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let place = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref();
        match licence.map(|text| is_allowed(text, &allowed)) {
            Some(Some(true)) => {}
            Some(Some(false)) => findings.push(Finding::about(
                &place,
                format!("its licence {} is not allowed", licence.unwrap_or_default()),
            )),
            Some(None) => findings.push(Finding::about(&place, "its licence cannot be read")),
            None => findings.push(Finding::about(&place, "states no licence")),
        }
        if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.name == package.name) {
            findings.push(Finding::about(&place, format!("is banned: {}", ban.reason)));
        }
        if package.source.as_deref().is_some_and(|source| source != REGISTRY) {
            findings.push(Finding::about(&place, "does not come from crates.io"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Package;

    #[test]
    fn foreign_licences_sources_and_bans_are_found() {
        let rules: Rules = toml::from_str(
            "[licenses]\nallow = [\"MIT\"]\n[bans]\ndeny = [{ crate = \"bad\", reason = \"why\" }]",
        )
        .unwrap();
        let package = |name: &str, license: Option<&str>, source: &str| Package {
            name: name.to_owned(),
            license: license.map(str::to_owned),
            source: Some(source.to_owned()),
            ..Package::default()
        };
        let packages = vec![
            package("good", Some("MIT"), REGISTRY),
            package("closed", Some("GPL-3.0"), REGISTRY),
            package("silent", None, REGISTRY),
            package("odd", Some("MIT OR"), REGISTRY),
            package("bad", Some("MIT"), REGISTRY),
            package("fork", Some("MIT"), "git+https://example.com/fork"),
        ];
        let places: Vec<String> = by_rules(&rules, &Metadata { packages })
            .into_iter()
            .map(|finding| finding.place.trim().to_owned())
            .collect();
        assert_eq!(places, ["closed", "silent", "odd", "bad", "fork"]);
    }
}
