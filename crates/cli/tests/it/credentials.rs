//! `trunkline credential` and `trunkline provider`

use std::io::Write;
use std::process::Stdio;

use crate::support::Home;

const SECRET: &str = "sk-test-0123456789abcdef-secret-tail";

#[test]
fn secrets_come_from_variables_files_and_standard_input_and_are_never_shown() {
    let home = Home::new().with_variable("MY_KEY", SECRET);
    let mut shown = home.ok(&["credential", "add", "openai", "--key-env", "MY_KEY", "--name", "a"]);
    let file = home.write("key.txt", &format!("{SECRET}\n"));
    shown += &home.ok(&["credential", "add", "groq", "--key-file", file.to_str().unwrap()]);
    let mut command = home.command(&["credential", "add", "anthropic"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{SECRET}").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());

    let list = home.json(&["credential", "list", "--json"]);
    let providers: Vec<_> =
        list.as_array().unwrap().iter().map(|row| row["provider"].as_str().unwrap()).collect();
    assert_eq!(providers, ["anthropic", "groq", "openai"]);
    shown += &home.ok(&["credential", "list"]);
    shown += &list.to_string();
    assert!(!shown.contains(&SECRET[8..28]), "{shown}");
    let database = std::fs::read(home.data().join("trunkline.db")).unwrap();
    assert!(!database.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()));

    home.ok(&["credential", "remove", list[0]["id"].as_str().unwrap()]);
    assert_eq!(home.json(&["credential", "list", "--json"]).as_array().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_a_key_is_refused_before_it_is_read_to_its_end() {
    let home = Home::new();
    let long = home.write("long.txt", &"k".repeat(100_000));
    for (file, told) in [
        ("/dev/zero", "longer than"),
        (long.to_str().unwrap(), "longer than"),
        ("/tmp", "it is a folder"),
    ] {
        let errors = home.fails(&["credential", "add", "openai", "--key-file", file]);
        assert!(errors.contains(told) && errors.contains(file), "{errors}");
    }
    let mut command = home.command(&["credential", "add", "openai"]);
    let long = std::fs::File::open(&long).unwrap();
    assert!(!command.stdin(Stdio::from(long)).output().unwrap().status.success());
}

#[test]
fn a_misspelt_provider_is_refused_with_the_nearest_name() {
    let home = Home::new().with_variable("MY_KEY", SECRET);
    let errors = home.fails(&["credential", "add", "opnai", "--key-env", "MY_KEY"]);
    assert!(errors.contains("did you mean `openai`?"), "{errors}");
}

#[test]
fn a_credential_may_be_a_workspaces_own() {
    let home = Home::new().with_variable("MY_KEY", SECRET);
    let add = ["credential", "add", "openai", "--key-env", "MY_KEY", "--workspace"];
    home.ok(&[&add[..], &["default"]].concat());
    let list = home.json(&["credential", "list", "--json"]);
    assert!(list[0]["workspace_id"].is_string(), "{list}");
    home.ok(&["credential", "add", "groq", "--key-env", "MY_KEY"]);
    let text = home.ok(&["credential", "list"]);
    let workspaces: Vec<_> = text.lines().map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(workspaces, [Some("WORKSPACE"), Some("all"), Some("default")], "{text}");
    let errors = home.fails(&[&add[..], &["defalt"]].concat());
    assert!(errors.contains("did you mean `default`?"), "{errors}");
}

#[test]
fn a_local_server_is_asked_for_its_models_and_can_be_removed() {
    let home = Home::new();
    let mut local = home.start(&["sim", "--listen", "127.0.0.1:0"]);
    let url = local.line("OpenAI ").split_whitespace().nth(1).unwrap().to_owned();
    let text = home.ok(&["provider", "add-local", "vllm", "--url", &url]);
    assert!(text.contains("vllm/sim-chat"), "{text}");
    let list = home.json(&["provider", "list", "--json"]);
    assert_eq!((&list[0]["slug"], &list[0]["base_url"]), (&"vllm".into(), &url.into()));
    let shown = home.json(&["catalog", "show", "vllm/sim-chat", "--json"]);
    assert_eq!(shown["endpoints"][0]["upstream_model"], "sim-chat");
    // Asked again with fewer models, the others go.
    home.ok(&["provider", "add-local", "vllm", "--model", "one"]);
    assert_eq!(home.json(&["provider", "list", "--json"])[0]["endpoints"], 1);
    for bad in ["", " ", "two\u{1b}[2J"] {
        let errors = home.fails(&["provider", "add-local", "vllm", "--model", bad]);
        assert!(errors.contains("--model"), "{errors}");
    }
    assert_eq!(home.json(&["provider", "list", "--json"])[0]["endpoints"], 1);
    home.ok(&["provider", "remove", "vllm"]);
    assert_eq!(home.json(&["provider", "list", "--json"]), serde_json::json!([]));
    home.fails(&["catalog", "show", "vllm/one"]);
    home.fails(&["provider", "remove", "vllm"]);
    local.stop();
}

#[test]
fn any_compatible_provider_is_added_from_a_file() {
    let home = Home::new();
    let file = home.write(
        "acme.toml",
        r#"
            [[providers]]
            slug = "acme"
            base_url = "https://api.acme.example/v1"
            environment_variables = ["ACME_API_KEY"]
            [[models]]
            id = "acme/large"
            [[endpoints]]
            model = "acme/large"
            provider = "acme"
            upstream_model = "large-1"
            price_per_million = { prompt = "2.50", completion = "10" }
        "#,
    );
    let told = home.ok(&["provider", "add", file.to_str().unwrap()]);
    assert!(told.contains("ACME_API_KEY") && told.contains("credential add acme"), "{told}");
    let text = home.ok(&["catalog", "show", "acme/large"]);
    assert!(text.contains("2.50") && text.contains("10.00"), "{text}");
    let bad = home.write("bad.toml", "[[providers]]\nslug = \"acme2\"\n");
    assert!(home.fails(&["provider", "add", bad.to_str().unwrap()]).contains("base_url"));
}

#[test]
fn a_second_document_changes_only_what_it_names() {
    let home = Home::new();
    let add = |name: &str, text: &str| {
        let file = home.write(name, text);
        home.ok(&["provider", "add", file.to_str().unwrap()])
    };
    let url_of = |slug: &str| {
        let list = home.json(&["provider", "list", "--json"]);
        let found = list.as_array().unwrap().iter().find(|one| one["slug"] == slug).unwrap();
        found["base_url"].as_str().unwrap().to_owned()
    };
    add(
        "first.toml",
        r#"
            [[providers]]
            slug = "openai"
            base_url = "https://proxy.example/v1"
            [[providers]]
            slug = "acme"
            base_url = "https://api.acme.example/v1"
            [[models]]
            id = "acme/large"
            [[endpoints]]
            model = "acme/large"
            provider = "acme"
            upstream_model = "large-1"
            price_per_million = { prompt = "2.50", completion = "10" }
        "#,
    );
    add(
        "second.toml",
        r#"
            [[providers]]
            slug = "openai"
            name = "OpenAI by way of our proxy"
            [[providers]]
            slug = "acme"
            name = "Acme"
            [[endpoints]]
            model = "acme/large"
            provider = "acme"
            price_per_million = { completion = "12" }
        "#,
    );
    assert_eq!(url_of("openai"), "https://proxy.example/v1");
    assert_eq!(url_of("acme"), "https://api.acme.example/v1");
    let text = home.ok(&["catalog", "show", "acme/large"]);
    assert!(text.contains("2.50") && text.contains("12.00"), "{text}");

    // What is checked is what would be stored.
    let file = home.write("bare.json", r#"{"providers": [{"slug": "acme", "base_url": null}]}"#);
    let errors = home.fails(&["provider", "add", file.to_str().unwrap()]);
    assert!(errors.contains("the provider is new: say where it is"), "{errors}");
    assert_eq!(url_of("acme"), "https://api.acme.example/v1");
    add("back.json", r#"{"providers": [{"slug": "openai", "base_url": null}]}"#);
    assert_ne!(url_of("openai"), "https://proxy.example/v1");
    let said = home.ok(&["provider", "remove", "openai"]);
    assert!(said.contains("as it is shipped"), "{said}");
}

#[test]
fn a_price_set_at_a_shipped_endpoint_can_be_taken_back() {
    let home = Home::new();
    let model = "openai/gpt-4o-mini";
    let price = || {
        let shown = home.json(&["catalog", "show", model, "--json"]);
        let endpoints = shown["endpoints"].as_array().unwrap().clone();
        let endpoint = endpoints.into_iter().find(|entry| entry["tag"] == "openai").unwrap();
        endpoint["price"].to_string()
    };
    let shipped = price();
    let set = home.write(
        "price.toml",
        &format!(
            "[[prices]]\nmodel = \"{model}\"\ntag = \"openai\"\n\
             price_per_million = {{ prompt = \"7\", completion = \"8\" }}\n"
        ),
    );
    let back = home.write(
        "back.json",
        &format!(
            r#"{{"prices": [{{"model": "{model}", "tag": "openai", "price_per_million": null}}]}}"#
        ),
    );
    home.ok(&["provider", "add", back.to_str().unwrap()]);
    assert_eq!(price(), shipped, "there was nothing to take back");
    home.ok(&["provider", "add", set.to_str().unwrap()]);
    assert!(price().contains("0.000007"), "{}", price());
    home.ok(&["provider", "add", back.to_str().unwrap()]);
    assert_eq!(price(), shipped);
    home.ok(&["provider", "add", set.to_str().unwrap()]);
    home.ok(&["provider", "remove", "openai"]);
    assert_eq!(price(), shipped);
}

#[test]
fn what_is_said_of_a_shipped_model_stays_when_a_provider_goes() {
    let home = Home::new();
    let model = "openai/gpt-4o-mini";
    let changed = home.write(
        "changed.toml",
        &format!(
            "[[models]]\nid = \"{model}\"\nname = \"Ours\"\n\
             [[endpoints]]\nmodel = \"{model}\"\nprovider = \"azure\"\ncontext_length = 1000\n"
        ),
    );
    home.ok(&["provider", "add", changed.to_str().unwrap()]);
    home.ok(&["provider", "remove", "azure"]);
    assert_eq!(home.json(&["catalog", "show", model, "--json"])["model"]["name"], "Ours");
}

#[test]
fn the_credentials_of_an_added_provider_go_with_it() {
    let home = Home::new().with_variable("MY_KEY", SECRET);
    let acme = home.write(
        "acme.toml",
        "[[providers]]\nslug = \"acme\"\nbase_url = \"https://api.acme.example/v1\"\n",
    );
    let openai = home.write("openai.toml", "[[providers]]\nslug = \"openai\"\nname = \"Ours\"\n");
    for file in [&acme, &openai] {
        home.ok(&["provider", "add", file.to_str().unwrap()]);
    }
    for provider in ["acme", "acme", "openai"] {
        home.ok(&["credential", "add", provider, "--key-env", "MY_KEY"]);
    }
    let said =
        home.ok(&["provider", "remove", "acme"]) + &home.ok(&["provider", "remove", "openai"]);
    assert!(said.contains("with its 2 credentials"), "{said}");
    let list = home.json(&["credential", "list", "--json"]);
    assert_eq!((list.as_array().unwrap().len(), &list[0]["provider"]), (1, &"openai".into()));
}
