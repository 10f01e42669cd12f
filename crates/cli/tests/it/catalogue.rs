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
