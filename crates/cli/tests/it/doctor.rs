//! `trunkline doctor`

use serde_json::Value;

use crate::support::Home;

const FREE: [&str; 4] = ["--listen", "127.0.0.1:0", "--metrics-listen", "off"];

fn findings(home: &Home, healthy: bool) -> Vec<Value> {
    let output = home.run(&[&["doctor", "--json"], &FREE[..]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.success(), report["ok"].as_bool()),
        (healthy, Some(healthy)),
        "{report:#}"
    );
    report["findings"].as_array().unwrap().clone()
}

fn failures(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .filter(|finding| finding["state"] == "failure")
        .map(|finding| finding["check"].as_str().unwrap())
        .collect()
}

#[test]
fn an_empty_place_is_well_and_stays_empty() {
    let home = Home::new();
    findings(&home, true);
    assert!(!home.data().exists());
}

#[test]
fn a_file_in_the_place_of_the_data_folder_is_a_failure() {
    let home = Home::new();
    home.write("data", "");
    let found = findings(&home, false);
    let finding = found.iter().find(|finding| finding["check"] == "data folder").unwrap();
    assert!(finding["detail"].as_str().unwrap().ends_with("is no folder"), "{finding}");
    assert!(!found.iter().any(|finding| finding.to_string().contains("the first start")));
}

#[test]
fn a_credential_that_a_provider_refuses_is_found_and_a_good_one_passes() {
    let home =
        Home::new().with_variable("GOOD", "right-key-0123456789").with_variable("BAD", "wrong-key");
    let script = home.write("script.toml", "key = \"right-key-0123456789\"\n");
    let arguments = ["sim", "--listen", "127.0.0.1:0", "--script", script.to_str().unwrap()];
    let mut sim = home.start(&arguments);
    let url = sim.line("OpenAI ").split_whitespace().nth(1).unwrap().to_owned();
    home.ok(&["credential", "add", "openai", "--key-env", "GOOD", "--base-url", &url]);
    findings(&home, true);
    home.ok(&["credential", "add", "openai", "--key-env", "BAD", "--base-url", &url]);
    let found = findings(&home, false);
    let failed = failures(&found);
    assert!(failed.len() == 1 && failed[0].starts_with("openai credential"), "{failed:?}");
    assert!(found.iter().all(|finding| !finding.to_string().contains("wrong-key")));
    sim.stop();
}

#[test]
fn a_readable_key_file_and_a_foreign_master_key_are_failures() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.ok(&["key", "create", "--name", "x"]);
    let file = home.data().join("master.key");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(failures(&findings(&home, false)), ["master key"]);
    std::fs::write(&file, "ab".repeat(32)).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(failures(&findings(&home, false)), ["database"]);
}

#[test]
fn a_sign_on_service_without_a_way_back_is_a_failure_and_nothing_is_served() {
    let home = Home::new()
        .with_variable("TRUNKLINE_OIDC_ISSUER", "https://issuer.example")
        .with_variable("TRUNKLINE_OIDC_CLIENT_ID", "trunkline");
    assert_eq!(failures(&findings(&home, false)), ["sign-on service"]);
    let errors = home.fails(&[&["serve"], &FREE[..]].concat());
    assert!(errors.contains("public_url is to be set"), "{errors}");
    findings(&home.with_variable("TRUNKLINE_PUBLIC_URL", "https://llm.example.org"), true);
}

#[test]
fn settings_that_cannot_be_read_are_a_finding() {
    let home = Home::new().with_variable("TRUNKLINE_CONFIG", "trunkline.toml");
    for line in ["colour = \"red\"", "public_url = \"llm.example.org\""] {
        home.write("trunkline.toml", line);
        assert_eq!(failures(&findings(&home, false)), ["configuration"], "{line}");
    }
}
