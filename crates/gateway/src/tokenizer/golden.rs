//! What the vendors' own programs counted (`tests/data/tokens.json` tells which, and how), counted
//! here.

use protocol::Surface;
use protocol::surface::Addressed;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Golden {
    texts: Vec<Text>,
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    #[serde(default = "once")]
    times: usize,
    qwen: u64,
    tekken: u64,
    deepseek: u64,
}

fn once() -> usize {
    1
}

#[derive(Deserialize)]
struct Prompt {
    name: String,
    /// Raw: the order of members counts.
    body: Box<serde_json::value::RawValue>,
    /// By the repository of a model's weights.
    tokens: std::collections::BTreeMap<String, u64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/data/tokens.json")).unwrap()
}

#[test]
fn texts_have_the_tokens_that_the_vendors_programs_count() {
    let golden = golden();
    assert!(golden.texts.len() >= 25);
    let mut wrong = Vec::new();
    for entry in golden.texts {
        let text = entry.text.repeat(entry.times);
        for (encoding, expected) in [
            (Encoding::Qwen, entry.qwen),
            (Encoding::Tekken, entry.tekken),
            (Encoding::DeepSeek, entry.deepseek),
        ] {
            let counted = encoding.count(&text).unwrap();
            if counted != expected {
                wrong.push(format!("{encoding:?} {counted}, not {expected}: {:?}", entry.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Templates are those of the models' authors: whatever is written around texts, tools and calls.
#[test]
fn prompts_have_the_tokens_that_the_vendors_programs_count() {
    let mut wrong = Vec::new();
    for prompt in golden().prompts {
        let request =
            Surface::Chat.decode(prompt.body.get().as_bytes(), &Addressed::default()).unwrap();
        for (repository, expected) in prompt.tokens {
            let mut model = crate::inference::estimate::tests::model(None);
            model.hugging_face_id = Some(repository.clone());
            let counted = Counting::of(&model).unwrap().count_prompt(&request).unwrap();
            if counted != expected {
                wrong.push(format!("{repository}, {}: {counted}, not {expected}", prompt.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
