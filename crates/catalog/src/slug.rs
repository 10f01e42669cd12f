//! Model slugs: `author/name`, variants, aliases and presets.

/// A variant suffix that works on any model. VAR-2
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DynamicVariant {
    /// `:nitro`: by throughput, priority endpoints admitted.
    Nitro,
    /// `:floor`: by price, flex endpoints admitted.
    Floor,
    /// `:exacto`: by tool quality.
    Exacto,
    /// `:online`: a web search before the answer.
    Online,
}

/// A model as a caller wrote it, taken apart. The static variant (`:free`, `:extended`,
/// `:thinking`) stays part of `base`: such variants are entries of their own. VAR-1, VAR-3
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slug {
    /// `author/name` with its static variant, if any; `~author/family-latest` for an alias.
    pub base: String,
    /// Dynamic variants, in order, without repetition.
    pub variants: Vec<DynamicVariant>,
    /// The preset named by `@preset/slug`. PRESET-1
    pub preset: Option<String>,
}

/// A slug that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0} is not a valid model ID")]
pub struct SlugError(pub String);

impl Slug {
    /// Whether the slug is a `~author/family-latest` alias. LATEST-1
    pub fn is_latest(&self) -> bool {
        self.base.starts_with('~')
    }

    /// Takes a slug apart.
    pub fn parse(text: &str) -> Result<Self, SlugError> {
        let fail = || SlugError(text.chars().take(200).collect());
        if text.is_empty() || text.len() > 512 || text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(fail());
        }
        let (model, preset) = match text.split_once("@preset/") {
            Some((_, "")) => return Err(fail()),
            Some((model, preset)) => (model, Some(preset.to_owned())),
            None => (text, None),
        };
        let mut parts = model.split(':');
        let mut base = parts.next().unwrap_or_default().to_owned();
        if base.is_empty() && preset.is_none() {
            return Err(fail());
        }
        let mut variants = Vec::new();
        for part in parts {
            let variant = match part {
                "nitro" => DynamicVariant::Nitro,
                "floor" => DynamicVariant::Floor,
                "exacto" => DynamicVariant::Exacto,
                "online" => DynamicVariant::Online,
                "" => return Err(fail()),
                // A static variant, or a tag of a local model such as `llama3:8b`.
                other => {
                    base.push(':');
                    base.push_str(other);
                    continue;
                }
            };
            if !variants.contains(&variant) {
                variants.push(variant);
            }
        }
        Ok(Self { base, variants, preset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// VAR-3, PRESET-1
    #[test]
    fn slugs_are_taken_apart() {
        let slug = Slug::parse("meta/llama-3:free:online:nitro:nitro").unwrap();
        assert_eq!(slug.base, "meta/llama-3:free");
        assert_eq!(slug.variants, vec![DynamicVariant::Online, DynamicVariant::Nitro]);
        let slug = Slug::parse("openai/gpt@preset/mail").unwrap();
        assert_eq!((slug.base.as_str(), slug.preset.as_deref()), ("openai/gpt", Some("mail")));
        let slug = Slug::parse("@preset/mail").unwrap();
        assert_eq!((slug.base.as_str(), slug.preset.as_deref()), ("", Some("mail")));
        assert!(Slug::parse("~anthropic/claude-opus-latest").unwrap().is_latest());
        for bad in ["", "a b", "a/b:", "x@preset/", ":free\n", "\u{0}"] {
            assert!(Slug::parse(bad).is_err(), "{bad:?}");
        }
    }
}
