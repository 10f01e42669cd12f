//! The table of translations in the documentation is what the code does.

use std::path::Path;

use protocol::target::{Abilities, Quirks, Target};
use protocol::{Dialect, codec};

use crate::{dialects, table};

#[test]
fn the_documented_table_is_what_the_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/translation.md");
    let written = std::fs::read_to_string(path).unwrap();
    let made = table::document();
    let differs = written.lines().zip(made.lines()).find(|(written, made)| written != made);
    assert!(
        written == made,
        "docs/translation.md is out of date: run `cargo run -p xtask -- translation` and read the \
         difference. The first: {differs:#?}"
    );
}

fn lost(to: Dialect, request: &str) -> Vec<String> {
    let request = dialects::decode_request(Dialect::OpenaiChat, request.as_bytes()).unwrap();
    let (quirks, abilities) = (Quirks::default(), Abilities::default());
    let target = Target::new("m", &quirks, &abilities);
    let encoded = codec::encode_request(to, &request, &target, &[]).unwrap();
    encoded.losses.0.into_iter().map(|loss| loss.path).collect()
}

#[test]
fn what_speaks_to_the_router_is_no_loss_and_what_speaks_to_the_provider_is() {
    let request = r#"{"messages":[{"role":"user","content":"x"}],"provider":{},"models":["a"],
        "trace":{},"odd":1}"#;
    for to in Dialect::ALL.into_iter().filter(|to| *to != Dialect::OpenaiChat) {
        assert_eq!(lost(to, request), ["odd"], "{to:?}");
    }
}

#[test]
fn citations_and_cache_marks_are_kept_or_told() {
    let request = r#"{"messages":[{"role":"user","content":"x"},
        {"role":"assistant","content":"y","annotations":[
            {"type":"url_citation","url_citation":{"url":"https://e.example","title":"T"}}]},
        {"role":"user","content":[{"type":"text","text":"z","cache_control":{"type":"ephemeral"}}]}]}"#;
    let is_citation = |path: &String| path.ends_with("annotations");
    for to in Dialect::ALL {
        let kept = matches!(to, Dialect::OpenaiChat | Dialect::OpenaiResponses);
        assert_eq!(lost(to, request).iter().any(is_citation), !kept, "{to:?}");
    }
    for to in [Dialect::OpenaiChat, Dialect::OpenaiResponses, Dialect::Gemini, Dialect::Ollama] {
        assert!(lost(to, request).contains(&"cache_control".to_owned()), "{to:?}");
    }
}

#[test]
fn members_of_blocks_that_only_another_protocol_knows_are_told() {
    let request =
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"z","odd":1}]}]}"#;
    for to in Dialect::ALL {
        let told: &[&str] =
            if to == Dialect::OpenaiChat { &[] } else { &["messages[0].content[0].odd"] };
        assert_eq!(lost(to, request), told, "{to:?}");
    }
}
