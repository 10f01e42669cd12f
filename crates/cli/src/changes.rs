//! A document of changes to the catalogue, and what is stored once it is laid into what was.
//!
//! A document names only what differs. So its members are set into what is stored of the same
//! provider, model, endpoint or price, as a JSON merge patch is (RFC 7396): tables member by
//! member, everything else as a whole, and `null` takes a member away.

use anyhow::{Context as _, Result};
use catalog::PicoUsd;
use catalog::overlay::Overlay as Changes;
use serde_json::{Map, Value};
use store::{Micros, Overlay, OverlayKind};

use crate::catalogue::{self, Layer};

/// The lists of a document, in the order of the rows that become of it.
const LISTS: [&str; 4] = ["providers", "models", "endpoints", "prices"];

/// A price has one of two forms.
const PRICE_FORMS: [&str; 2] = ["price", "price_per_million"];

/// A document of changes.
#[derive(Debug)]
pub struct Document {
    /// What it sets.
    pub changes: Changes,
    /// It as it was written: what is set to its default or to `null` is known by this alone.
    written: Value,
}

impl Document {
    /// Reads a document in JSON or TOML.
    pub fn read(text: &str) -> Result<Self> {
        if !text.trim_start().starts_with('{') {
            let changes = Changes::from_toml(text)?;
            return Ok(Self { changes, written: toml::from_str(text)? });
        }
        let written: Value = serde_json::from_str(text).context("the document cannot be read")?;
        let set = without_nulls(&written);
        // Of a document that takes nothing away mistakes are told with their line.
        let changes = if set == written {
            Changes::from_json(text)
        } else {
            Changes::from_json(&set.to_string())
        };
        Ok(Self { changes: changes?, written })
    }

    /// What is stored once this is laid into it.
    pub fn laid_into(&self, stored: &[Overlay], now: Micros) -> Laid {
        let mut laid = Laid { rows: stored.to_vec(), named: Vec::new() };
        let written =
            LISTS.iter().flat_map(|list| self.written[list].as_array().into_iter().flatten());
        for (mut row, written) in
            catalogue::rows(&self.changes, Layer::Operator, now).into_iter().zip(written)
        {
            let before = laid.take(row.kind, &row.id);
            let is_known = before.is_some();
            row.document = before.map_or_else(Value::default, |before| before.document);
            set_members(row.kind, &mut row.document, written);
            // Without a price it says nothing any more: the shipped one holds again.
            let is_empty = row.kind == OverlayKind::Price
                && PRICE_FORMS.iter().all(|form| row.document.get(form).is_none());
            let takes_away =
                PRICE_FORMS.iter().any(|form| written.get(form).is_some_and(Value::is_null));
            laid.name(&row);
            if !(is_empty && (is_known || takes_away)) {
                laid.rows.push(row);
            }
        }
        laid
    }
}

/// The stored changes as they are to be.
#[derive(Debug)]
pub struct Laid {
    /// All of them.
    pub rows: Vec<Overlay>,
    /// Those that were named, each once: by kind and identity.
    pub named: Vec<(OverlayKind, String)>,
}

impl Laid {
    /// The stored changes with others in the place of those of the same identity.
    pub fn replaced(stored: Vec<Overlay>, new: Vec<Overlay>) -> Self {
        let mut laid = Self { rows: stored, named: Vec::new() };
        for row in new {
            laid.take(row.kind, &row.id);
            laid.name(&row);
            laid.rows.push(row);
        }
        laid
    }

    /// Whether a change is among those that were named.
    pub fn names(&self, row: &Overlay) -> bool {
        self.named.iter().any(|(kind, id)| *kind == row.kind && *id == row.id)
    }

    fn name(&mut self, row: &Overlay) {
        if !self.names(row) {
            self.named.push((row.kind, row.id.clone()));
        }
    }

    fn take(&mut self, kind: OverlayKind, id: &str) -> Option<Overlay> {
        let at = self.rows.iter().position(|row| row.kind == kind && row.id == id)?;
        Some(self.rows.remove(at))
    }
}

/// Sets the members of one entry of a document.
fn set_members(kind: OverlayKind, document: &mut Value, written: &Value) {
    if matches!(kind, OverlayKind::Endpoint | OverlayKind::Price)
        && let Some(members) = document.as_object_mut()
        && let Some(written) = in_one_form(members, written)
    {
        return merge(document, &written);
    }
    merge(document, written);
}

/// An entry whose prices are in another form than those that are stored, with both in the form that
/// can say more: a price takes the place of the same one in either form, and the others stay. One that
/// cannot be read is left alone, for the check that names it.
fn in_one_form(stored: &mut Map<String, Value>, written: &Value) -> Option<Value> {
    let [per_unit, per_million] = PRICE_FORMS;
    let has = |form: &str| written.get(form).is_some_and(Value::is_object);
    if PRICE_FORMS.iter().any(|form| written.get(form).is_some_and(Value::is_null)) {
        // A price is taken away in whichever form it stands.
        for form in PRICE_FORMS {
            stored.remove(form);
        }
        return None;
    }
    match (has(per_unit), has(per_million)) {
        (true, false) => {
            let before = stored.remove(per_million)?;
            stored.insert(per_unit.to_owned(), by_unit(&before).unwrap_or_default());
            None
        }
        (false, true) if stored.contains_key(per_unit) => {
            let mut written = written.clone();
            let members = written.as_object_mut()?;
            let Some(prices) = by_unit(members.get(per_million)?) else {
                stored.remove(per_unit);
                return None;
            };
            members.remove(per_million);
            members.insert(per_unit.to_owned(), prices);
            Some(written)
        }
        _ => None,
    }
}

/// Prices of a million units as prices of one; `null` stays.
fn by_unit(per_million: &Value) -> Option<Value> {
    let price = |(name, text): (&String, &Value)| {
        let price = match text {
            Value::Null => Value::Null,
            other => PicoUsd::per_million(other.as_str()?).ok()?.to_string().into(),
        };
        Some((name.clone(), price))
    };
    per_million.as_object()?.iter().map(price).collect::<Option<_>>().map(Value::Object)
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(members) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.as_str()).or_insert(Value::Null), value);
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIRST: &str = r#"
        [[providers]]
        slug = "acme"
        base_url = "https://api.acme.example/v1"
        quirks = { no_developer_role = true, unsupported_parameters = ["seed", "top_k"] }
        data_policy = { zero_retention = true }
        [[models]]
        id = "acme/large"
        [[endpoints]]
        model = "acme/large"
        provider = "acme"
        upstream_model = "large-1"
        price_per_million = { prompt = "2.50", completion = "10" }
        [[prices]]
        model = "openai/gpt-5"
        tag = "openai"
        price = { prompt = "0.000009", completion = "0.00009" }
    "#;

    /// What is stored after documents, one after the other.
    fn stored(texts: &[&str]) -> Vec<Overlay> {
        texts
            .iter()
            .fold(Vec::new(), |rows, text| Document::read(text).unwrap().laid_into(&rows, 1).rows)
    }

    fn document(rows: &[Overlay], kind: OverlayKind) -> Option<&Value> {
        rows.iter().find(|row| row.kind == kind).map(|row| &row.document)
    }

    #[test]
    fn members_are_set_into_what_is_stored_and_the_others_stay() {
        let second = r#"
            [[providers]]
            slug = "acme"
            name = "Acme"
            quirks = { unsupported_parameters = ["seed"], strict_messages = true }
            data_policy = { retention_days = 0 }
            [[endpoints]]
            model = "acme/large"
            provider = "acme"
            context_length = 200000
            price_per_million = { prompt = "3" }
        "#;
        let rows = stored(&[FIRST, second]);
        assert_eq!(rows.len(), 4);
        let provider = document(&rows, OverlayKind::Provider).unwrap();
        let expected = json!({
            "slug": "acme",
            "name": "Acme",
            "base_url": "https://api.acme.example/v1",
            "quirks": {
                "no_developer_role": true,
                "strict_messages": true,
                "unsupported_parameters": ["seed"],
            },
            "data_policy": { "zero_retention": true, "retention_days": 0 },
        });
        assert_eq!(*provider, expected);
        let endpoint = document(&rows, OverlayKind::Endpoint).unwrap();
        assert_eq!(endpoint["upstream_model"], "large-1");
        assert_eq!(endpoint["context_length"], 200_000);
        assert_eq!(endpoint["price_per_million"], json!({ "prompt": "3", "completion": "10" }));
    }

    #[test]
    fn what_is_switched_off_again_is_known_from_what_was_written() {
        let second = r#"
            [[providers]]
            slug = "acme"
            quirks = { no_developer_role = false }
            data_policy = { zero_retention = false }
        "#;
        let rows = stored(&[FIRST, second]);
        let provider = document(&rows, OverlayKind::Provider).unwrap();
        assert_eq!(provider["data_policy"], json!({ "zero_retention": false }));
        assert_eq!(provider["quirks"]["no_developer_role"], false);
    }

    #[test]
    fn a_price_in_one_form_takes_the_place_of_the_same_in_the_other() {
        let priced = |form: &str, prices: &str| {
            format!(
                r#"{{"endpoints": [{{"model": "acme/large", "provider": "acme", "{form}": {prices}}}],
                    "prices": [{{"model": "openai/gpt-5", "tag": "openai", "{form}": {prices}}}]}}"#
            )
        };
        let laid = |texts: &[String]| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let rows = stored(&texts);
            [OverlayKind::Endpoint, OverlayKind::Price].map(|kind| {
                let found = document(&rows, kind).unwrap();
                (found.get("price").cloned(), found.get("price_per_million").cloned())
            })
        };
        let million = |prices| priced("price_per_million", prices);
        let unit = |prices| priced("price", prices);
        let first = million(r#"{"prompt": "2.50", "completion": "10"}"#);
        let long = r#"{"prompt": "0.000003", "completion": "0.00001", "overrides": [{"min_prompt_tokens": 200000, "prompt": "0.000006"}]}"#;
        let overrides = json!([{ "min_prompt_tokens": 200_000, "prompt": "0.000006" }]);
        for (texts, expected) in [
            (
                vec![first.clone(), unit(r#"{"prompt": "0.000001"}"#)],
                json!({ "prompt": "0.000001", "completion": "0.00001" }),
            ),
            (
                vec![unit(long), million(r#"{"completion": "12", "request": "1000"}"#)],
                json!({
                    "prompt": "0.000003", "completion": "0.000012", "request": "0.001",
                    "overrides": overrides,
                }),
            ),
            (
                vec![unit(long), million(r#"{"completion": null}"#)],
                json!({ "prompt": "0.000003", "overrides": overrides }),
            ),
        ] {
            let found = laid(&texts);
            assert_eq!(found, [(Some(expected.clone()), None), (Some(expected), None)]);
        }
        // Taken away in one form and said in the other, none of the former stays.
        let other = r#"{"endpoints": [{"model": "acme/large", "provider": "acme",
            "price_per_million": null, "price": {"prompt": "0.000001"}}]}"#;
        let [endpoint, _] = laid(&[first.clone(), other.to_owned()]);
        assert_eq!(endpoint, (Some(json!({ "prompt": "0.000001" })), None));
        let rows = stored(&[&unit(long), &first, &million("null")]);
        assert_eq!(document(&rows, OverlayKind::Price), None);
        assert_eq!(document(&rows, OverlayKind::Endpoint).unwrap().get("price"), None);
    }

    #[test]
    fn a_price_that_cannot_be_read_is_left_for_the_check() {
        let wrong = r#"
            [[prices]]
            model = "openai/gpt-5"
            tag = "openai"
            price_per_million = { prompt = "much" }
        "#;
        let rows = stored(&[FIRST, wrong]);
        let price = document(&rows, OverlayKind::Price).unwrap();
        assert_eq!(price["price_per_million"], json!({ "prompt": "much" }));
        assert_eq!(price.get("price"), None);
    }

    #[test]
    fn null_takes_a_member_away_and_a_price_without_one_goes() {
        let second = r#"{
            "providers": [{ "slug": "acme", "data_policy": null, "quirks": { "no_developer_role": null } }],
            "prices": [{ "model": "openai/gpt-5", "tag": "openai", "price": null }]
        }"#;
        let rows = stored(&[FIRST, second]);
        let provider = document(&rows, OverlayKind::Provider).unwrap();
        assert_eq!(provider.get("data_policy"), None);
        assert_eq!(provider["quirks"], json!({ "unsupported_parameters": ["seed", "top_k"] }));
        assert_eq!(provider["base_url"], "https://api.acme.example/v1");
        assert_eq!(document(&rows, OverlayKind::Price), None);
    }

    #[test]
    fn mistakes_are_told_with_their_line_where_nothing_is_taken_away() {
        let error = Document::read("{\n\"models\": [{\"id\": 1}]}").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        for text in [
            r#"{"models": [{"id": "a/b", "contxt": 1, "name": null}]}"#,
            r#"{"models": [null]}"#,
            "{",
        ] {
            assert!(Document::read(text).is_err(), "{text}");
        }
    }
}
