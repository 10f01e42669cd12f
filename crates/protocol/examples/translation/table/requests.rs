//! Requests: `requests.json` holds plain ones and, by caller, what is set in them.

use protocol::Dialect;
use serde_json::Value;

use super::Row;
use super::body::{changes, set};
use super::cell::{Notes, Outcome, refused, words};
use super::upstream::translate;

/// The rows for an upstream.
pub fn rows(upstream: Dialect, notes: &mut Notes) -> Vec<Row> {
    let probes: Value = serde_json::from_str(include_str!("requests.json")).unwrap();
    let mut rows = Vec::new();
    for group in probes["groups"].as_array().unwrap() {
        rows.push(Row::heading(group["name"].as_str().unwrap()));
        for probe in group["probes"].as_array().unwrap() {
            let base = &probes["bases"][probe["on"].as_str().unwrap_or("plain")];
            let cell = |caller: Dialect| match probe[caller.name()].as_object() {
                Some(setting) => {
                    let plain = &base[caller.name()];
                    let mut body = plain.clone();
                    let mut setting: Vec<_> = setting.iter().collect();
                    setting.sort_by_key(|(pointer, _)| pointer.as_str());
                    for (pointer, value) in setting {
                        set(&mut body, pointer, value.clone());
                    }
                    cell(caller, upstream, plain, &body, notes)
                }
                None => "·".to_owned(),
            };
            let name = probe["name"].as_str().unwrap().to_owned();
            rows.push(Row { name, cells: Dialect::CALLERS.into_iter().map(cell).collect() });
        }
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
    let send = |body: &Value| translate(caller, upstream, body.to_string().as_bytes());
    let without = send(plain).unwrap();
    let with = match send(body) {
        Ok(encoded) => encoded,
        Err(fault) => return refused(&fault.message, notes),
    };
    let read = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    let mut losses: Vec<String> = with
        .losses
        .0
        .iter()
        .filter(|loss| !without.losses.0.contains(loss))
        .map(|loss| loss.why.to_owned())
        .collect();
    losses.dedup();
    let outcome = Outcome {
        changes: changes(&read(&without.body), &read(&with.body)),
        losses,
        headers: with
            .headers
            .iter()
            .filter(|header| !without.headers.contains(header))
            .map(|(name, _)| *name)
            .collect(),
    };
    // An edited body has lost it; of one that is written anew nobody can say what it means.
    let silence = if caller == upstream { "taken out" } else { "no trace" };
    words(&changes(plain, body), &outcome, silence, notes)
}
