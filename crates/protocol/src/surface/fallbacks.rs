//! Fallback models as the Messages surface names them. FALL-6

use crate::exchange::Fault;
use crate::facts::RequestFacts;
use crate::json::{Envelope, Object};

/// The most fallbacks in one request.
const MOST: usize = 3;

/// Reads `fallbacks: [{"model": …}]` into `facts.models`.
pub(super) fn read(envelope: &Envelope<'_>, facts: &mut RequestFacts) -> Result<(), Fault> {
    let Some(raw) = envelope.raw("fallbacks").filter(|raw| raw.get() != "null") else {
        return Ok(());
    };
    if !facts.models.is_empty() {
        return Err(Fault::invalid("models: cannot be sent together with fallbacks; send one"));
    }
    let entries: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw.get())
        .map_err(|_| Fault::invalid("fallbacks: must be an array of {\"model\": …}"))?;
    if entries.len() > MOST {
        return Err(Fault::invalid(format!(
            "fallbacks: has {} entries; at most {MOST} are accepted",
            entries.len()
        )));
    }
    for (at, raw) in entries.into_iter().enumerate() {
        let entry = Object::of(raw)
            .map_err(|_| Fault::invalid(format!("fallbacks[{at}]: must be an object")))?;
        if let Some((name, _)) = entry.iter().find(|(name, _)| *name != "model") {
            let shown: String = name.chars().take(64).collect();
            return Err(Fault::invalid(format!(
                "fallbacks[{at}]: may contain only model, not `{shown}`"
            )));
        }
        let model = entry.peek_str("model").ok_or_else(|| {
            Fault::invalid(format!("fallbacks[{at}].model: is missing or not a string"))
        })?;
        facts.models.push(model.into_owned());
    }
    Ok(())
}
