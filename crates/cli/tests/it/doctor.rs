//! `trunkline doctor`

use serde_json::Value;

use crate::support::{Home, request};

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
}

/// A service that says of itself what is given, to whoever asks.
fn issuer(says: impl Fn(&str) -> String + Send + 'static) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let itself = url.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or_default();
            let asked = String::from_utf8_lossy(&head[..read]).into_owned();
            assert!(asked.starts_with("GET /.well-known/openid-configuration "), "{asked}");
            let body = says(&itself);
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

fn sign_on_finding(issuer: &str, healthy: bool) -> Value {
    let home = Home::new()
        .with_variable("TRUNKLINE_OIDC_ISSUER", issuer)
        .with_variable("TRUNKLINE_OIDC_CLIENT_ID", "trunkline")
        .with_variable("TRUNKLINE_PUBLIC_URL", "https://llm.example.org");
    let found = findings(&home, healthy);
    found.into_iter().find(|finding| finding["check"] == "sign-on service").unwrap()
}

#[test]
fn a_sign_on_service_is_asked_what_it_calls_itself() {
    let good = issuer(|itself| format!("{{\"issuer\": \"{itself}\"}}"));
    assert_eq!(sign_on_finding(&good, true)["state"], "ok");
    let other = issuer(|itself| format!("{{\"issuer\": \"{itself}/\"}}"));
    let finding = sign_on_finding(&other, false);
    assert!(finding["detail"].as_str().unwrap().ends_with('/'), "{finding}");
    let nowhere = sign_on_finding("http://127.0.0.1:1", false);
    assert!(nowhere["detail"].as_str().unwrap().contains("could not connect"), "{nowhere}");
}

/// The soft limit is raised by whoever serves; only the hard one holds it back.
#[test]
fn the_limit_on_open_files_is_a_warning_only_if_it_cannot_be_raised() {
    let home = Home::new();
    for (most, state) in [("10", "ok"), ("10000", "warning")] {
        let limited = "ulimit -Sn 64 && ulimit -Hn 1024 && exec \"$@\"";
        let output = std::process::Command::new("sh")
            .args(["-c", limited, "sh"])
            .arg(home.command(&[]).get_program())
            .args([&["doctor", "--json", "--max-connections", most], &FREE[..]].concat())
            .env("TRUNKLINE_DATA", home.data())
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = report["findings"].as_array().unwrap();
        let finding = found.iter().find(|finding| finding["check"] == "open files").unwrap();
        assert_eq!(finding["state"], state, "{finding}");
        assert!(finding["detail"].as_str().unwrap().starts_with("1024 "), "{finding}");
    }
}

#[test]
fn settings_that_cannot_be_read_are_a_finding() {
    let home = Home::new().with_variable("TRUNKLINE_CONFIG", "trunkline.toml");
    for line in ["colour = \"red\"", "public_url = \"llm.example.org\""] {
        home.write("trunkline.toml", line);
        assert_eq!(failures(&findings(&home, false)), ["configuration"], "{line}");
    }
}

#[test]
fn a_journal_whose_database_is_gone_is_not_given_an_empty_one() {
    let home = Home::new();
    let mut server = home.serve(&[]);
    let bearer = format!("Bearer {}", server.first_key());
    let address = server.address();
    let body =
        r#"{"model": "simulated/chat:free", "messages": [{"role": "user", "content": "Hi"}]}"#;
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let (status, answer) = request(&address, "POST", "/api/v1/chat/completions", &headers, body);
    assert_eq!(status, 200, "{answer}");
    server.signal("-KILL");
    server.wait();
    for entry in std::fs::read_dir(home.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("trunkline.db")
            || path.ends_with("master.key")
        {
            std::fs::remove_file(path).unwrap();
        }
    }
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["key", "create", "--name", "x"]]
    {
        let told = home.fails(arguments);
        assert!(told.contains("has settlements for the database acct_"), "{told}");
        assert!(!home.data().join("trunkline.db").exists());
        assert!(!home.data().join("master.key").exists());
    }
    assert_eq!(failures(&findings(&home, false)), ["journal"]);
}
