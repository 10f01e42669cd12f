use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::facts::Facts;
use crate::overlay::{Overlay, PriceChange, compose};
use crate::parts::CatalogParts;
use crate::price::{Meter, PicoUsd, PriceList};
use crate::price_object::PriceObject;

/// A list in the form of models.dev's `api.json`.
const LIST: &str = r#"{
  "anthropic": {"id": "anthropic", "env": ["ANTHROPIC_API_KEY"], "name": "Anthropic", "models": {
    "claude-sonnet-4-5": {"id": "claude-sonnet-4-5", "name": "Claude Sonnet 4.5", "reasoning": true,
      "tool_call": true, "limit": {"context": 1000000, "output": 64000},
      "cost": {"input": 4, "output": 15.01, "cache_read": 0.3, "cache_write": 3.75,
               "context_over_200k": {"input": 6, "output": 22.5, "cache_read": 0.6, "cache_write": 7.5}}},
    "claude-opus-4-5": {"id": "claude-opus-4-5", "cost": {"input": 500, "output": 25}},
    "claude-next-9": {"id": "claude-next-9", "name": "Claude Next 9", "tool_call": true,
      "release_date": "2026-11-22", "modalities": {"input": ["text", "pdf"], "output": ["text"]},
      "limit": {"context": 2000000, "output": 128000}, "cost": {"input": 7.5, "output": 3.75e1,
      "tiers": [{"tier": {"type": "context", "size": 500000}, "input": 15, "output": 75}]}}}},
  "openai": {"models": {
    "gpt-5": {"cost": {"input": 0, "output": 0}},
    "gpt-gift": {"cost": {"input": 0, "output": 0}},
    "gpt-dear": {"cost": {"input": 2000, "output": 1}},
    "gpt-thinks": {"reasoning": true, "cost": {"input": 1, "output": 2, "cache_read": 0}},
    "gpt-broken": {"cost": {"input": 0.12345678901234567, "output": 1}}}},
  "groq": {"models": {"someone/unheard-of": {"cost": {"input": 1, "output": 2}}}},
  "togetherai": {"models": {}},
  "nobody-knows": {"models": {}}
}"#;

static PARTS: LazyLock<CatalogParts> = LazyLock::new(|| CatalogParts::embedded().unwrap());
static FACTS: LazyLock<Facts> = LazyLock::new(|| Facts::shipped().unwrap());

fn report(operator: &[Overlay]) -> SyncReport {
    sync(&PARTS, operator, LIST, &FACTS).unwrap()
}

fn million(text: &str) -> Option<PicoUsd> {
    Some(PicoUsd::per_million(text).unwrap())
}

#[test]
fn a_changed_price_keeps_what_the_list_does_not_have() {
    let report = report(&[]);
    let change =
        report.changed.iter().find(|change| change.model == "anthropic/claude-sonnet-4.5").unwrap();
    assert_eq!(change.tag, "anthropic");
    assert_eq!(change.old.get(Meter::Prompt), million("3"));
    assert_eq!(change.new.get(Meter::Prompt), million("4"));
    assert_eq!(change.new.get(Meter::Completion), million("15"), "rounding is no change");
    assert_eq!(change.new.get(Meter::InputCacheWrite1h), million("6"));
    assert_eq!(change.new.overrides, change.old.overrides);
}

#[test]
fn jumps_and_zeros_are_held_back() {
    let report = report(&[]);
    let reason = |model: &str| {
        report.held_back.iter().find(|held| held.model == model).map(|held| held.reason.as_str())
    };
    let opus = reason("anthropic/claude-opus-4.5").unwrap();
    assert!(opus.starts_with("prompt goes from 5 to 500 USD per million, more than 3 times; "));
    assert!(
        opus.contains("input_cache_read goes from 0.5 to 500 USD per million, being no longer")
    );
    assert!(reason("openai/gpt-5").unwrap().contains("prompt goes from 1.25 to 0 USD"));
    assert!(reason("openai/gpt-broken").unwrap().contains("is not a price"), "never rounded");
    let new = |model: &str| {
        let mut held = report.held_back_added.iter();
        held.find(|held| held.added.endpoint.model == model).map(|held| held.reason.as_str())
    };
    assert_eq!(new("openai/gpt-gift"), Some("a price of zero, which may mean unknown"));
    assert_eq!(new("openai/gpt-dear"), Some("prompt at 2000 USD per million, more than 1000"));
}

#[test]
fn what_vanished_from_the_list_is_held_back_beside_what_changed() {
    let list = r#"{"anthropic": {"models": {"claude-sonnet-4-5": {"cost":
        {"input": 4, "output": 15, "cache_read": 0.3, "cache_write": 3.75}}}}}"#;
    let report = sync(&PARTS, &[], list, &FACTS).unwrap();
    assert_eq!((report.changed.len(), report.unchanged), (1, 0));
    assert!(!report.changed[0].new.overrides.is_empty(), "the condition stays until accepted");
    let reason = &report.held_back[0].reason;
    assert!(reason.contains("prompt above 200000 tokens goes from 6 to 4 USD per million, being"));
    let names = ["anthropic/claude-sonnet-4.5@anthropic".to_owned()];
    let price = report.accepted(&names).unwrap().prices[0].price.clone().unwrap().0;
    assert!(price.overrides.is_empty());
    assert_eq!(price.get(Meter::InputCacheWrite1h), million("6"), "no list of this form has it");
}

#[test]
fn what_is_held_back_is_accepted_by_name() {
    let report = report(&[]);
    let names = |names: &[&str]| {
        report.accepted(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(names(&["c/d"]).unwrap_err(), AcceptError::Nothing("c/d".to_owned()));
    assert!(matches!(names(&["openai/gpt-broken"]), Err(AcceptError::NoPrice { .. })));
    let prices = names(&["openai/gpt-5@openai"]).unwrap().prices;
    assert_eq!((prices[0].model.as_str(), prices[0].tag.as_str()), ("openai/gpt-5", "openai"));
    let overlay = names(&["openai/gpt-gift"]).unwrap();
    let catalog = compose(PARTS.clone(), &[report.overlay(), overlay], &FACTS).unwrap();
    let model = catalog.find("openai/gpt-gift").unwrap();
    let endpoint = catalog.endpoint(catalog.endpoints_of(model).next().unwrap());
    assert_eq!(endpoint.price.state(), crate::PriceState::Free);
}

#[test]
fn a_new_model_reasons_and_a_special_token_at_zero_is_a_gap() {
    let catalog = compose(PARTS.clone(), &[report(&[]).overlay()], &FACTS).unwrap();
    let model = catalog.find("openai/gpt-thinks").unwrap();
    let endpoint = catalog.endpoint(catalog.endpoints_of(model).next().unwrap());
    assert_eq!(endpoint.abilities.reasoning, protocol::target::ReasoningStyle::Effort);
    assert!(catalog.model(model).reasoning.is_some());
    assert_eq!(endpoint.price.get(Meter::InputCacheRead), None);
}

#[test]
fn new_models_of_an_author_are_added_and_others_left_to_somebody() {
    let report = report(&[]);
    let added = report
        .added
        .iter()
        .find(|added| added.endpoint.model == "anthropic/claude-next-9")
        .unwrap();
    let price = &added.endpoint.price.as_ref().unwrap().0;
    assert_eq!(price.effective(Meter::Completion, 1, 0), million("37.5"));
    assert_eq!(price.effective(Meter::Prompt, 500_001, 0), million("15"));
    assert_eq!(added.model.as_ref().unwrap().created, Some(20_779 * 86_400));
    assert!(report.unmatched.contains(&("groq".to_owned(), "someone/unheard-of".to_owned())));
    assert_eq!(report.unknown_providers, ["nobody-knows"]);
    assert!(report.removed.iter().any(|removed| removed.tag == "together"));
    assert!(
        report.removed.iter().all(|removed| removed.tag != "mistral"),
        "not in the list at all"
    );
}

#[test]
fn the_accepted_changes_can_be_stored_and_laid_over_the_catalogue() {
    let overlay = report(&[]).overlay();
    let stored = Overlay::from_json(&overlay.to_json().unwrap()).unwrap();
    assert_eq!(stored, overlay);
    let facts = Facts::shipped().unwrap();
    let catalog = compose(CatalogParts::embedded().unwrap(), &[stored], &facts).unwrap();
    let model = catalog.find("anthropic/claude-next-9").unwrap();
    let endpoint = catalog.endpoint(catalog.endpoints_of(model).next().unwrap());
    assert!(endpoint.input_modalities.has(crate::Modality::File));
}

#[test]
fn a_second_synchronisation_finds_nothing_more() {
    let facts = Facts::shipped().unwrap();
    let overlays = [report(&[]).overlay()];
    let parts =
        crate::overlay::apply(CatalogParts::embedded().unwrap(), &overlays, &facts).unwrap();
    let again = sync(&parts, &[], LIST, &facts).unwrap();
    assert!(again.changed.is_empty() && again.added.is_empty(), "{again}");
}

#[test]
fn the_report_reads_in_prices_per_million() {
    let text = report(&[]).to_string();
    assert!(text.contains("~ anthropic/claude-sonnet-4.5 at anthropic\n      prompt: 3 -> 4\n"));
    assert!(
        text.contains("+ anthropic/claude-next-9 at anthropic (new model)\n      prompt: 7.5\n")
    );
    assert!(text.contains("      prompt above 500000 tokens: 15\n"));
    assert!(text.contains("! openai/gpt-gift at openai (new): a price of zero"));
    assert!(text.contains("! openai/gpt-5 at openai: "));
    assert!(text.contains("unknown providers: nobody-knows"));
}

#[test]
fn a_broken_list_is_refused() {
    let parts = CatalogParts::default();
    assert!(sync(&parts, &[], "[]", &Facts::shipped().unwrap()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_the_operator_priced_is_never_changed(own in 0..10_i64.pow(9), listed in 0..10_000_u32) {
        let operator = Overlay {
            prices: vec![PriceChange {
                model: "anthropic/claude-sonnet-4.5".to_owned(),
                tag: "anthropic".to_owned(),
                price: Some(PriceObject(PriceList {
                    base: vec![
                        (Meter::Prompt, PicoUsd(own)),
                        (Meter::Completion, PicoUsd(own)),
                    ],
                    overrides: Vec::new(),
                })),
                price_per_million: None,
            }],
            ..Overlay::default()
        };
        let list = format!(
            r#"{{"anthropic": {{"models": {{"claude-sonnet-4-5": {{"cost": {{"input": {listed}, "output": {listed}}}}}}}}}}}"#
        );
        let found = sync(&PARTS, std::slice::from_ref(&operator), &list, &FACTS).unwrap();
        prop_assert!(found.changed.is_empty());
        prop_assert_eq!(found.overridden.len(), 1);
        let catalog = compose(PARTS.clone(), &[found.overlay(), operator], &FACTS).unwrap();
        let model = catalog.find("anthropic/claude-sonnet-4.5").unwrap();
        let endpoint = catalog
            .endpoints_of(model)
            .map(|id| catalog.endpoint(id))
            .find(|endpoint| endpoint.tag == "anthropic")
            .unwrap();
        prop_assert_eq!(endpoint.price.get(Meter::Prompt), Some(PicoUsd(own)));
    }
}
