//! `GET /responses/{id}/input_items`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use protocol::exchange::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::StoredResponse;
use utoipa::{IntoParams, ToSchema};

use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::{Asked, number};
use crate::api::session::Session;
use crate::app::App;
use crate::error::internal;

/// Which items.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// The most items, 1 to 100; 20 unless said.
    #[param(value_type = Option<u64>)]
    limit: Option<String>,
    /// `asc` or `desc`; `desc`, the last item first, unless said.
    order: Option<String>,
    /// The id of the item before the first one.
    after: Option<String>,
}

/// A page of the items that a request sent itself.
#[derive(Serialize, ToSchema)]
pub struct InputItems {
    /// Always `list`.
    object: &'static str,
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
    first_id: Option<String>,
    last_id: Option<String>,
    has_more: bool,
}

/// Lists what was asked for a stored answer: the items of that request, without those of the answers
/// it went on from.
#[utoipa::path(
    get,
    path = "/api/v1/responses/{id}/input_items",
    tag = "responses",
    params(("id" = String, Path, description = "The answer's id, `gen-…`"), Which),
    responses((status = 200, body = InputItems), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    session: Session,
    id: Result<Path<String>, PathRejection>,
    Asked(which): Asked<Which>,
) -> Result<Json<InputItems>, Refused> {
    let Path(id) = id?;
    let found = super::find(&app, &session, &id).await?;
    Ok(Json(which.of(items(&found)?)?))
}

impl Which {
    fn of(&self, mut items: Vec<Value>) -> Result<InputItems, Fault> {
        let limit = number("limit", self.limit.as_deref(), 1, 100)?.unwrap_or(20);
        let limit = usize::try_from(limit).unwrap_or(100);
        match self.order.as_deref() {
            None | Some("" | "desc") => items.reverse(),
            Some("asc") => {}
            Some(_) => return Err(Fault::invalid("order: must be `asc` or `desc`")),
        }
        if let Some(after) = self.after.as_deref().filter(|after| !after.is_empty()) {
            let at = items
                .iter()
                .position(|item| item["id"] == after)
                .ok_or_else(|| Fault::invalid("after: must be the id of an item of this list"))?;
            items.drain(..=at);
        }
        let has_more = items.len() > limit;
        items.truncate(limit);
        let id = |item: Option<&Value>| Some(item?["id"].as_str()?.to_owned());
        let (first_id, last_id) = (id(items.first()), id(items.last()));
        Ok(InputItems { object: "list", data: items, first_id, last_id, has_more })
    }
}

/// The items as OpenAI's schema has them, each with an id of its own.
fn items(stored: &StoredResponse) -> Result<Vec<Value>, Fault> {
    let read: Vec<Value> = serde_json::from_str(&stored.input).map_err(internal)?;
    let mut items: Vec<Value> = Vec::with_capacity(read.len());
    for (at, item) in read.into_iter().enumerate() {
        let Value::Object(mut item) = item else { continue };
        complete(&mut item);
        let told = item.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        if told.is_none_or(|id| items.iter().any(|other| other["id"] == id)) {
            let begin = if item["type"] == "message" { "msg" } else { "item" };
            let id = format!("{begin}_{}_{at}", stored.id.trim_start_matches("gen-"));
            item.insert("id".to_owned(), id.into());
        }
        items.push(Value::Object(item));
    }
    Ok(items)
}

/// Callers may send a message in a short form.
fn complete(item: &mut Map<String, Value>) {
    if !item.contains_key("type") {
        item.insert("type".to_owned(), "message".into());
    }
    if item["type"] != "message" {
        return;
    }
    let kind = match item.get("role").and_then(Value::as_str) {
        Some("assistant") => "output_text",
        _ => "input_text",
    };
    if let Some(Value::String(text)) = item.get_mut("content") {
        let mut part = json!({"type": kind, "text": std::mem::take(text)});
        if kind == "output_text" {
            part["annotations"] = json!([]);
        }
        item.insert("content".to_owned(), json!([part]));
    }
    item.entry("status").or_insert_with(|| "completed".into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn which(limit: &str, order: &str, after: &str) -> Which {
        let some = |text: &str| Some(text.to_owned());
        Which { limit: some(limit), order: some(order), after: some(after) }
    }

    fn ids(page: &InputItems) -> Vec<&str> {
        page.data.iter().map(|item| item["id"].as_str().unwrap()).collect()
    }

    #[test]
    fn pages_follow_each_other_in_either_order() {
        let list = || (0..5).map(|n| json!({"id": format!("i{n}")})).collect::<Vec<_>>();
        let page = which("2", "", "").of(list()).unwrap();
        assert_eq!((ids(&page), page.has_more), (vec!["i4", "i3"], true));
        assert_eq!((page.first_id.as_deref(), page.last_id.as_deref()), (Some("i4"), Some("i3")));
        let page = which("2", "asc", "i2").of(list()).unwrap();
        assert_eq!((ids(&page), page.has_more), (vec!["i3", "i4"], false));
        let page = which("", "asc", "i4").of(list()).unwrap();
        assert_eq!((page.data.len(), page.first_id), (0, None));
        for wrong in [which("0", "", ""), which("", "up", ""), which("", "", "x")] {
            assert!(wrong.of(list()).is_err());
        }
    }

    #[test]
    fn short_messages_are_completed_and_every_item_has_an_id_of_its_own() {
        let stored = StoredResponse {
            id: "gen-1".into(),
            previous_id: None,
            workspace_id: String::new(),
            key_hash: String::new(),
            model: String::new(),
            created_at: 0,
            expires_at: None,
            items: 0,
            input: r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"},
                {"type":"function_call_output","call_id":"c","output":"d","id":"x"},
                {"type":"function_call_output","call_id":"e","output":"f","id":"x"}]"#
                .into(),
            response: "{}".into(),
        };
        let items = items(&stored).unwrap();
        assert_eq!(
            items[0],
            json!({"role": "user", "content": [{"type": "input_text", "text": "a"}],
                   "type": "message", "status": "completed", "id": "msg_1_0"})
        );
        assert_eq!(items[1]["content"][0]["type"], "output_text");
        assert_eq!((&items[2]["id"], &items[3]["id"]), (&json!("x"), &json!("item_1_3")));
    }
}
