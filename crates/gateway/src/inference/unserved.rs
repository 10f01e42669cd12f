//! What is asked of the router beside the model and is not served: it is said, rather than answered
//! without.

use protocol::exchange::Fault;
use protocol::facts::RequestFacts;
use serde::Deserialize;

/// Plugins that only choose the model of requests for a router's own model, which is not known here:
/// to any other model they mean nothing.
const WITHOUT_EFFECT: [&str; 3] = ["auto-router", "auto-beta-router", "pareto-router"];

#[derive(Deserialize)]
struct Plugin {
    id: String,
    enabled: Option<bool>,
    pdf: Option<Pdf>,
}

#[derive(Deserialize)]
struct Pdf {
    engine: Option<String>,
}

impl Plugin {
    /// Whether the answer is the same with it and without. PLUG-1, PLUG-2
    fn is_without_effect(&self) -> bool {
        let native = |pdf: &Pdf| pdf.engine.as_deref() == Some("native");
        self.enabled == Some(false)
            || WITHOUT_EFFECT.contains(&self.id.as_str())
            // The model reads the files itself, as it does here. PDF-2
            || (self.id == "file-parser" && self.pdf.as_ref().is_some_and(native))
    }
}

/// Refuses presets, and plugins without which the answer would be another one.
pub(super) fn refuse_unserved(asked: &RequestFacts) -> Result<(), Fault> {
    if asked.preset {
        return Err(Fault::invalid("preset: presets are not served yet"));
    }
    let Some(raw) = &asked.plugins else { return Ok(()) };
    let plugins: Vec<Plugin> = serde_json::from_str(raw.get()).map_err(|_| {
        Fault::invalid("plugins: expected an array of objects, each with the `id` of a plugin")
    })?;
    match plugins.iter().find(|plugin| !plugin.is_without_effect()) {
        None => Ok(()),
        Some(plugin) => Err(Fault::invalid(format!(
            "plugins: the plugin `{}` is not served yet; leave it out, or send it with \
             `\"enabled\": false`",
            plugin.id.chars().take(64).collect::<String>()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use protocol::json::RawJson;

    use super::*;

    /// VAR-2, PLUG-1
    #[test]
    fn plugins_that_would_change_the_answer_are_refused_by_name() {
        let read = |plugins: &str| {
            let plugins = RawJson::parse(plugins.to_owned()).ok();
            let asked = RequestFacts { plugins, ..RequestFacts::default() };
            refuse_unserved(&asked).map_err(|fault| fault.message)
        };
        for fine in [
            "[]",
            r#"[{"id":"web","enabled":false}]"#,
            r#"[{"id":"file-parser","pdf":{"engine":"native"}}]"#,
            r#"[{"id":"auto-router","allowed_models":["a/b"]}]"#,
        ] {
            assert_eq!(read(fine), Ok(()), "{fine}");
        }
        for id in ["web", "response-healing", "file-parser", "moderation", "new"] {
            let refused = read(&format!(r#"[{{"id":"{id}"}}]"#)).unwrap_err();
            assert!(refused.starts_with(&format!("plugins: the plugin `{id}`")), "{refused}");
        }
        assert!(read(r#"[{"enabled":true}]"#).unwrap_err().contains("`id`"));
    }

    #[test]
    fn presets_are_refused() {
        let asked = RequestFacts { preset: true, ..RequestFacts::default() };
        assert!(refuse_unserved(&asked).unwrap_err().message.starts_with("preset:"));
    }
}
