//! Which crate may know which. Arrows point down only.

use crate::Finding;
use crate::metadata::Metadata;
use crate::purity::PURE;

/// A crate of the workspace and what of the workspace it may depend on.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
    /// In its tests, beside that.
    tests_may_use: &'static [&'static str],
}

const fn layer(
    name: &'static str,
    may_use: &'static [&'static str],
    tests_may_use: &'static [&'static str],
) -> Layer {
    Layer { name, may_use, tests_may_use }
}

/// The house, from the ground up. A crate that is added gets a line here.
const LAYERS: [Layer; 13] = [
    layer("protocol", &[], &[]),
    layer("catalog", &["protocol"], &[]),
    layer("ledger", &["catalog", "protocol"], &[]),
    layer("routing", &["catalog", "ledger", "protocol"], &[]),
    layer("signing", &[], &[]),
    layer("allocator", &[], &[]),
    layer("store", &["ledger"], &[]),
    layer("dashboard", &[], &[]),
    layer("testkit", &[], &[]),
    layer(
        "gateway",
        &["protocol", "catalog", "ledger", "routing", "signing", "store", "dashboard"],
        &["testkit"],
    ),
    layer(
        "trunkline",
        &["allocator", "protocol", "catalog", "ledger", "routing", "store", "gateway", "testkit"],
        &[],
    ),
    layer("bench", &["allocator", "testkit"], &[]),
    layer("xtask", &[], &[]),
];

/// Libraries that do I/O, read clocks or draw chance: nothing for pure crates.
const IMPURE: [&str; 9] =
    ["tokio", "rand", "getrandom", "hyper", "axum", "sqlx", "fastrand", "reqwest", "async-std"];

/// Checks the direction of all dependencies between members.
pub fn check(metadata: &Metadata) -> Vec<Finding> {
    let members: Vec<&str> = metadata.members().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in metadata.members() {
        let name = short(&package.name);
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            let message = "is not in the list of layers (xtask/src/layers.rs): add it";
            findings.push(Finding::about(&package.name, message));
            continue;
        };
        for dependency in &package.dependencies {
            let used = short(&dependency.name);
            let in_tests = dependency.kind.as_deref() == Some("dev");
            if PURE.contains(&name) && !in_tests && IMPURE.contains(&dependency.name.as_str()) {
                let message = format!("is pure and may not use {}", dependency.name);
                findings.push(Finding::about(&package.name, message));
            }
            let ours = members.contains(&dependency.name.as_str());
            let allowed =
                layer.may_use.contains(&used) || (in_tests && layer.tests_may_use.contains(&used));
            if ours && !allowed {
                let message = format!("may not depend on {used}: arrows point down only");
                findings.push(Finding::about(&package.name, message));
            }
        }
    }
    findings
}

/// A member's name without the project's prefix.
fn short(name: &str) -> &str {
    name.strip_prefix("trunkline-").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Dependency, Package};

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        Package {
            name: name.to_owned(),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).to_owned(),
                    kind: kind.map(str::to_owned),
                })
                .collect(),
            ..Package::default()
        }
    }

    #[test]
    fn an_arrow_upwards_is_found() {
        let packages = vec![
            package("trunkline-protocol", &[("trunkline-catalog", None)]),
            package("trunkline-catalog", &[("trunkline-protocol", None)]),
        ];
        let found = check(&Metadata { packages });
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "trunkline-protocol");
    }

    #[test]
    fn what_tests_may_use_the_crate_may_not() {
        let tests = package("trunkline-gateway", &[("trunkline-testkit", Some("dev"))]);
        let code = package("trunkline-gateway", &[("trunkline-testkit", None)]);
        let testkit = package("trunkline-testkit", &[]);
        assert!(check(&Metadata { packages: vec![tests, testkit.clone()] }).is_empty());
        assert_eq!(check(&Metadata { packages: vec![code, testkit] }).len(), 1);
    }

    #[test]
    fn pure_crates_have_no_runtime_and_new_crates_need_a_line() {
        let pure = package("trunkline-routing", &[("tokio", None)]);
        let new = package("trunkline-surprise", &[]);
        assert_eq!(check(&Metadata { packages: vec![pure, new] }).len(), 2);
    }
}
