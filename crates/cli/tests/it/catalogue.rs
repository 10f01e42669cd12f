//! `trunkline catalog`

use crate::support::Home;

#[test]
fn the_shipped_catalogue_is_exported_without_a_database() {
    let home = Home::new();
    let text = home.ok(&["catalog", "export"]);
    assert!(text.starts_with("trunkline-catalog/1\n"));
    assert!(!home.data().exists());
}

#[test]
fn a_misspelt_model_is_refused_with_the_nearest_name() {
    let home = Home::new();
    let errors = home.fails(&["catalog", "show", "openai/gpt-4o-mni"]);
    assert!(errors.contains("did you mean `openai/gpt-4o-mini`?"), "{errors}");
}

#[test]
fn a_changed_price_is_reported_and_stored_only_when_told_to() {
    let home = Home::new();
    let model = "openai/gpt-4o-mini";
    let price = |home: &Home| {
        let shown = home.json(&["catalog", "show", model, "--json"]);
        let endpoints = shown["endpoints"].as_array().unwrap().clone();
        let endpoint = endpoints.into_iter().find(|entry| entry["tag"] == "openai").unwrap();
        endpoint["price"].to_string()
    };
    let before = price(&home);
    let list = home.write(
        "api.json",
        r#"{"openai": {"models": {"gpt-4o-mini": {"id": "gpt-4o-mini", "name": "x", "cost": {"input": 0.17, "output": 0.6}}}}}"#,
    );
    let list = list.to_str().unwrap();
    let report = home.ok(&["catalog", "sync", "--from", list]);
    assert!(report.contains("1 prices changed") && report.contains(model), "{report}");
    assert_eq!(price(&home), before);
    home.ok(&["catalog", "sync", "--from", list, "--apply"]);
    let after = price(&home);
    assert!(after != before && after.contains("0.00000017"), "{after}");
    let again = home.ok(&["catalog", "sync", "--from", list]);
    assert!(again.contains("0 prices changed"), "{again}");
    home.fails(&["catalog", "sync", "--from", list, "--accept-held-back", "no/such"]);
}

const JUMP: &str = r#"{"openai": {"models": {"gpt-4o-mini": {"id": "gpt-4o-mini", "name": "x", "cost": {"input": 15, "output": 60}}}}}"#;

fn synchronised(model: &str) -> (Home, String) {
    let home = Home::new();
    let shipped = home.ok(&["catalog", "show", model]);
    let list = home.write("api.json", JUMP);
    let from = ["catalog", "sync", "--from", list.to_str().unwrap()];
    home.ok(&[&from[..], &["--apply", "--accept-held-back", model]].concat());
    assert!(home.ok(&["catalog", "show", model]).contains("60.00"));
    (home, shipped)
}

#[test]
fn what_a_synchronisation_stored_is_listed_and_taken_back() {
    let model = "openai/gpt-4o-mini";
    for names in [&[model][..], &["openai/gpt-4o-mini@openai"], &[]] {
        let (home, shipped) = synchronised(model);
        let changes = home.json(&["catalog", "changes", "--json"]);
        assert_eq!(changes.as_array().unwrap().len(), 1, "{changes}");
        assert_eq!((&changes[0]["from"], &changes[0]["kind"]), (&"sync".into(), &"price".into()));
        assert_eq!(changes[0]["id"], "openai/gpt-4o-mini openai");
        let refused = home.fails(&["catalog", "sync", "--undo", "openai/gpt-4o"]);
        assert!(refused.contains("openai/gpt-4o"), "{refused}");
        let told = home.ok(&[&["catalog", "sync", "--undo"], names].concat());
        assert!(told.contains("price openai/gpt-4o-mini openai"), "{told}");
        assert_eq!(home.ok(&["catalog", "show", model]), shipped);
        assert_eq!(home.json(&["catalog", "changes", "--json"]).as_array().unwrap().len(), 0);
    }
}

#[test]
fn a_shipped_provider_is_as_it_is_shipped_once_it_is_removed() {
    let model = "openai/gpt-4o-mini";
    let (home, shipped) = synchronised(model);
    assert!(home.ok(&["provider", "list"]).contains("openai"));
    let told = home.ok(&["provider", "remove", "openai"]);
    assert!(told.contains("as it is shipped"), "{told}");
    assert_eq!(home.ok(&["catalog", "show", model]), shipped);
    assert!(home.fails(&["provider", "remove", "openai"]).contains("catalog changes"));
    assert!(!home.ok(&["provider", "list"]).contains("openai"));
}

/// A model that a synchronisation added may be what an operator's price is for.
#[test]
fn a_change_that_others_stand_on_is_not_taken_back() {
    let home = Home::new();
    let list = home.write(
        "api.json",
        r#"{"openai": {"models": {"gpt-77": {"id": "gpt-77", "name": "x", "cost": {"input": 1, "output": 2}}}}}"#,
    );
    home.ok(&["catalog", "sync", "--from", list.to_str().unwrap(), "--apply"]);
    let own = home.write(
        "own.toml",
        "[[prices]]\nmodel = \"openai/gpt-77\"\ntag = \"openai\"\nprice_per_million = { prompt = \"3\", completion = \"4\" }\n",
    );
    home.ok(&["provider", "add", own.to_str().unwrap()]);
    let refused = home.fails(&["catalog", "sync", "--undo"]);
    assert!(refused.contains("price openai/gpt-77 openai"), "{refused}");
    let back =
        r#"{"prices": [{"model": "openai/gpt-77", "tag": "openai", "price_per_million": null}]}"#;
    let back = home.write("back.json", back);
    home.ok(&["provider", "add", back.to_str().unwrap()]);
    home.ok(&["catalog", "sync", "--undo"]);
    home.fails(&["catalog", "show", "openai/gpt-77"]);
}

#[test]
fn the_interface_is_printed_as_a_document() {
    let document = Home::new().json(&["openapi"]);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
}
