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

#[test]
fn the_interface_is_printed_as_a_document() {
    let document = Home::new().json(&["openapi"]);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
}
