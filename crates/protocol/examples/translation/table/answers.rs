//! Whole answers: `answers.json` holds a plain one of each dialect, and what is set in it.

use protocol::Dialect;
use protocol::exchange::{Additions, Fault, Identity};
use protocol::relay::Answer;
use protocol::target::ResponseContext;
use serde_json::Value;

use super::Row;
use super::body::{changes, set};
use super::cell::{Notes, Outcome, refused, words};
use super::upstream::surface;

/// The name every answer gets.
pub fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 1 }
}

/// The rows for an upstream.
pub fn rows(upstream: Dialect, notes: &mut Notes) -> Vec<Row> {
    let probes: Value = serde_json::from_str(include_str!("answers.json")).unwrap();
    let plain = &probes[upstream.name()]["base"];
    let mut rows = Vec::new();
    for probe in probes[upstream.name()]["probes"].as_array().unwrap() {
        let mut body = plain.clone();
        for (pointer, value) in probe["set"].as_object().unwrap() {
            set(&mut body, pointer, value.clone());
        }
        let cell = |caller| cell(caller, upstream, plain, &body, notes);
        let name = probe["name"].as_str().unwrap().to_owned();
        rows.push(Row { name, cells: Dialect::CALLERS.into_iter().map(cell).collect() });
    }
    rows
}

fn cell(
    caller: Dialect,
    upstream: Dialect,
    plain: &Value,
    body: &Value,
    notes: &mut Notes,
) -> String {
    match (tell(caller, upstream, plain), tell(caller, upstream, body)) {
        (Ok(before), Ok(after)) => {
            let changes_after = changes(&before, &after);
            let outcome =
                Outcome { changes: changes_after, losses: Vec::new(), headers: Vec::new() };
            words(&changes(plain, body), &outcome, "not told", notes)
        }
        (_, Err(fault)) | (Err(fault), _) => refused(&fault.message, notes),
    }
}

/// Brings an answer to a caller, as the gateway does.
fn tell(caller: Dialect, upstream: Dialect, body: &Value) -> Result<Value, Fault> {
    let (identity, context) = (identity(), ResponseContext::default());
    let body = body.to_string();
    let answer =
        Answer::read(upstream, surface(caller), body.as_bytes(), &identity, &context, None)?;
    let told = answer.write(&identity, None, Additions::default());
    let mut told = serde_json::from_slice(&told).unwrap();
    forget_ids(&mut told);
    Ok(told)
}

/// Ids of items that the gateway made count items: what comes before one changes them.
fn forget_ids(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, id| {
                name != "id" || !id.as_str().is_some_and(|id| id.contains("_gw_"))
            });
            members.values_mut().for_each(forget_ids);
        }
        Value::Array(entries) => entries.iter_mut().for_each(forget_ids),
        _ => {}
    }
}
