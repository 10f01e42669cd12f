//! Which models have which vocabulary and template, by the repository of their weights or, without
//! one, by their id. Only what is known for sure: the names of a service that move from one model to
//! the next (`qwen-plus`, `codestral-latest`) are not here, nor are models of others that were made
//! from these, since their templates may be different ones.

use catalog::{Model, ModelKind};

use super::Encoding;
use super::template::{DeepSeek, Mistral, Qwen, Template};

/// The vocabulary and the template of a model.
pub fn of(model: &Model) -> Option<(Encoding, Template)> {
    if let Some((author, name)) = model.hugging_face_id.as_deref().and_then(|id| id.split_once('/'))
    {
        let name = name.to_ascii_lowercase();
        match author {
            "Qwen" => return qwen(model, &name),
            "mistralai" => return mistral(model, &name),
            "deepseek-ai" => return deepseek(model, &name),
            _ => {}
        }
    }
    let (author, name) = model.id.split_once('/')?;
    let name = name.split(':').next().unwrap_or_default();
    match author.trim_start_matches('~') {
        "openai" => openai(name),
        "qwen" => qwen(model, name),
        "mistralai" => mistral(model, name),
        "deepseek" => deepseek(model, name),
        _ => None,
    }
}

fn begins(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| name.starts_with(known))
}

fn openai(name: &str) -> Option<(Encoding, Template)> {
    const O200K: &[&str] =
        &["gpt-4o", "gpt-4.", "gpt-5", "gpt-oss", "chatgpt-", "codex-", "o1", "o3", "o4"];
    if begins(name, O200K) {
        Some((Encoding::O200k, Template::OpenAi))
    } else if begins(name, &["gpt-4", "gpt-3.5"]) {
        Some((Encoding::Cl100k, Template::OpenAi))
    } else {
        None
    }
}

/// Qwen 3.5 and later have another vocabulary.
fn qwen(model: &Model, name: &str) -> Option<(Encoding, Template)> {
    if model.kind != ModelKind::Chat {
        return None;
    }
    let template = if begins(name, &["qwen3-coder"]) {
        Qwen::CODER
    } else if begins(name, &["qwen3-"]) {
        if name.contains("thinking") { Qwen::THREE_THINKING } else { Qwen::THREE }
    } else if begins(name, &["qwen2.5-vl-", "qwen-2.5-vl-", "qwen-2.5-7b-vision"]) {
        Qwen::TWO
    } else if begins(name, &["qwen2.5-math", "qwen2.5-omni", "qwq-32b-preview"]) {
        // Their instructions are others.
        return None;
    } else if begins(name, &["qwen2.5-", "qwen-2.5-"]) {
        Qwen::TWO_FIVE
    } else if begins(name, &["qwq-32b"]) {
        Qwen::QWQ
    } else if begins(name, &["qwen2-", "qwen-2-", "qwen1.5-"]) {
        Qwen::TWO
    } else {
        return None;
    };
    Some((Encoding::Qwen, Template::Qwen(template)))
}

/// Mistral's older models, and Large and Pixtral Large of 2024, have a vocabulary of SentencePiece.
fn mistral(model: &Model, name: &str) -> Option<(Encoding, Template)> {
    const V3: &[&str] = &[
        "mistral-nemo-",
        "pixtral-12b",
        "ministral-8b-instruct-2410",
        "ministral-8b-2410",
        "ministral-3b-2410",
    ];
    const V7: &[&str] =
        &["mistral-small-24b-", "mistral-small-3.1-", "mistral-small-2501", "mistral-small-2503"];
    const V11: &[&str] = &[
        "mistral-small-3.2-",
        "mistral-small-2506",
        "mistral-medium-3",
        "mistral-medium-2505",
        "codestral-2508",
        "magistral-small-2506",
        "magistral-medium-2506",
        "devstral-small-2505",
        "devstral-small-2507",
        "devstral-medium",
        "voxtral-",
    ];
    const V13: &[&str] = &[
        "mistral-medium-3.1",
        "mistral-medium-3-1",
        "mistral-medium-3.5",
        "mistral-medium-3-5",
        "mistral-medium-2508",
        "mistral-medium-2604",
        "mistral-large-3",
        "mistral-large-2512",
        "mistral-small-4-",
        "mistral-small-2603",
        "labs-devstral-small-2512",
    ];
    // All of these have Tekken, whichever is meant.
    const LATER: &[&str] = &["ministral-", "magistral-", "devstral-"];
    if model.kind != ModelKind::Chat {
        return None;
    }
    let template = if begins(name, V13) {
        Mistral::V13
    } else if begins(name, V11) || matches!(name, "devstral-small" | "magistral-small") {
        Mistral::V11
    } else if begins(name, V7) {
        Mistral::V7
    } else if begins(name, V3) || matches!(name, "mistral-nemo" | "ministral-8b" | "ministral-3b") {
        Mistral::V3
    } else if begins(name, LATER) {
        Mistral::V13
    } else {
        return None;
    };
    Some((Encoding::Tekken, Template::Mistral(template)))
}

/// DeepSeek's models before V3 have another vocabulary; what was distilled from R1 has that of the
/// model it was made from, and R1's template.
fn deepseek(model: &Model, name: &str) -> Option<(Encoding, Template)> {
    if model.kind != ModelKind::Chat {
        return None;
    }
    let name = name.strip_prefix("deepseek-").unwrap_or(name);
    if begins(name, &["r1-distill-qwen-", "r1-0528-qwen3-", "r1-0528-distill-qwen3-"]) {
        return Some((Encoding::Qwen, Template::DeepSeek(DeepSeek::R1)));
    }
    let template = if begins(name, &["r1-distill-", "llama"]) {
        return None;
    } else if matches!(name, "r1" | "r1-671b" | "r1-basic" | "r1-1776" | "r1-zero") {
        DeepSeek::R1
    } else if begins(name, &["v3.1", "chat-v3.1", "v3.2-exp"]) {
        DeepSeek::V31
    } else if begins(name, &["v3.2"]) || name == "3.2" {
        DeepSeek::V32
    } else if name == "v3"
        || name == "chat"
        || begins(name, &["v3-", "chat-v3", "r1-0528", "prover-v2"])
    {
        DeepSeek::V3
    } else if begins(name, &["v4.1-"]) {
        DeepSeek::V41
    } else if begins(name, &["v4-"]) || name == "4-flash" {
        DeepSeek::V4
    } else {
        return None;
    };
    Some((Encoding::DeepSeek, Template::DeepSeek(template)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(id: &str, weights: Option<&str>) -> Option<(Encoding, Template)> {
        let mut model = crate::inference::estimate::tests::model(None);
        model.id = id.into();
        model.hugging_face_id = weights.map(str::to_owned);
        of(&model)
    }

    #[test]
    fn vocabularies_go_by_models() {
        for (encoding, ids) in [
            (
                Encoding::O200k,
                &["openai/gpt-5", "openai/gpt-4o-mini", "openai/gpt-4.1", "openai/o3"][..],
            ),
            (Encoding::Cl100k, &["openai/gpt-4", "openai/gpt-4-turbo", "openai/gpt-3.5-turbo"]),
            (
                Encoding::Qwen,
                &[
                    "qwen/qwen-2.5-72b-instruct",
                    "qwen/qwen2.5-vl-72b-instruct",
                    "qwen/qwen3-235b-a22b:free",
                    "qwen/qwen3-coder",
                    "qwen/qwen3-max",
                    "qwen/qwq-32b",
                    "deepseek/deepseek-r1-distill-qwen-32b",
                    "deepseek/deepseek-r1-0528-qwen3-8b",
                ],
            ),
            (
                Encoding::Tekken,
                &[
                    "mistralai/mistral-nemo",
                    "mistralai/pixtral-12b",
                    "mistralai/ministral-8b",
                    "mistralai/mistral-small-3.2-24b-instruct",
                    "mistralai/mistral-medium-3.1",
                    "mistralai/mistral-large-2512",
                    "mistralai/magistral-small-2506:free",
                    "mistralai/devstral-2512",
                    "mistralai/codestral-2508",
                ],
            ),
            (
                Encoding::DeepSeek,
                &[
                    "deepseek/deepseek-chat",
                    "deepseek/deepseek-chat-v3.1",
                    "deepseek/deepseek-r1",
                    "deepseek/deepseek-v3.2-exp",
                    "deepseek/deepseek-v4-pro",
                    "~deepseek/deepseek-v4.1-flash",
                ],
            ),
        ] {
            for id in ids {
                assert_eq!(chosen(id, None).map(|chosen| chosen.0), Some(encoding), "{id}");
            }
        }
    }

    /// Another vocabulary, an unknown one, or a name that moves: estimated.
    #[test]
    fn what_is_not_known_for_sure_is_estimated() {
        for id in [
            "anthropic/claude-sonnet-4.5",
            "openai/whisper-1",
            "meta-llama/llama-3",
            "gpt-4",
            "qwen/qwen-plus",
            "qwen/qwen3.5-27b",
            "qwen/qwen3.8-max",
            "qwen/qwen3guard-gen-8b",
            "mistralai/mistral-7b-instruct-v0.3",
            "mistralai/mixtral-8x22b-instruct",
            "mistralai/mistral-large-2407",
            "mistralai/mistral-large-2411",
            "mistralai/mistral-large-4",
            "mistralai/pixtral-large",
            "mistralai/codestral-2405",
            "mistralai/codestral-latest",
            "mistralai/mistral-medium",
            "mistralai/mistral-medium-2312",
            "mistralai/mistral-nemotron",
            "mistralai/mistral-small-2402",
            "deepseek/deepseek-coder-v2-instruct",
            "deepseek/deepseek-v2.5",
            "deepseek/deepseek-r1-distill-llama-70b",
            "deepseek/deepseek-llama3.3-70b",
        ] {
            assert_eq!(chosen(id, None), None, "{id}");
        }
    }

    /// A name that moves is known by the weights it stands for today.
    #[test]
    fn weights_say_more_than_names() {
        let of = |id, weights| chosen(id, Some(weights)).map(|chosen| chosen.0);
        assert_eq!(
            of("mistralai/mistral-large", "mistralai/Mistral-Large-3-675B-Instruct-2512"),
            Some(Encoding::Tekken)
        );
        assert_eq!(of("a/b", "deepseek-ai/DeepSeek-V3.2"), Some(Encoding::DeepSeek));
        assert_eq!(of("qwen/qwen3-8b", "Qwen/Qwen3.5-9B"), None);
        assert_eq!(of("qwen/qwen3-8b", "somebody/of-it"), Some(Encoding::Qwen));
    }

    /// The form of a version is that of its weights, by whichever name it is asked for.
    #[test]
    fn versions_of_mistrals_go_by_dates_and_by_numbers() {
        for (name, template) in [
            ("mistral-medium-3", Mistral::V11),
            ("mistral-medium-2505", Mistral::V11),
            ("mistral-medium-3.1", Mistral::V13),
            ("mistral-medium-3-1", Mistral::V13),
            ("mistral-medium-2508", Mistral::V13),
            ("ministral-8b", Mistral::V3),
            ("ministral-8b-2410", Mistral::V3),
            ("ministral-3b-2410", Mistral::V3),
            ("ministral-8b-2512", Mistral::V13),
        ] {
            let expected = Some((Encoding::Tekken, Template::Mistral(template)));
            assert_eq!(chosen(&format!("mistralai/{name}"), None), expected, "{name}");
        }
        let weights = Some("mistralai/Ministral-8B-Instruct-2410");
        assert_eq!(
            chosen("mistralai/ministral-8b-2410", weights),
            chosen("mistralai/ministral-8b", None)
        );
    }

    /// What is not asked by messages has no template.
    #[test]
    fn only_models_to_talk_with_are_counted() {
        let mut model = crate::inference::estimate::tests::model(None);
        model.id = "qwen/qwen3-embedding-8b".into();
        model.kind = ModelKind::Embedding;
        assert_eq!(of(&model), None);
    }
}
