//! An API key with the resource it is of, in the forms in which OpenRouter takes it. BYOK-11

use super::{Cloud, FOUNDRY, is_azure_host, resource_base_url};
use crate::json::Object;
use crate::{Invalid, Secret, text};

/// A key of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceKey {
    /// The key.
    pub api_key: Secret,
    /// Where the resource answers.
    pub base_url: String,
    /// The one model that it is for, if it says so: author and name.
    pub model: Option<String>,
}

impl ResourceKey {
    /// Reads `[{"api_key", "resource_name", "resource_type"}]`, or an object of `endpoint_url`,
    /// `api_key`, `model_id` and `model_slug`; `None` for a text of another form.
    pub fn parse(text: &str) -> Result<Option<Self>, Invalid> {
        let text = text.trim();
        if text.starts_with('[') {
            return Self::of_list(text).map(Some);
        }
        if !text.starts_with('{') {
            return Ok(None);
        }
        let mut members = Object::parse(text)?;
        match members.optional("endpoint_url")? {
            Some(url) => Self::of_endpoint(&url, &mut members).map(Some),
            None => Ok(None),
        }
    }

    fn of_list(text: &str) -> Result<Self, Invalid> {
        let mut members = Object::only_one(text)?;
        let name = members.required("resource_name")?;
        let base_url = match members.optional("resource_type")?.as_deref() {
            None | Some("openai") => resource_base_url(&name, Cloud::Public)?,
            Some("ai_foundry") => {
                // What is wrong with the name is wrong in either domain.
                resource_base_url(&name, Cloud::Public)?;
                format!("https://{}.{FOUNDRY}", name.to_ascii_lowercase())
            }
            Some(_) => {
                return Err(Invalid::new("resource_type", "must be `openai` or `ai_foundry`"));
            }
        };
        Ok(Self { api_key: key(&mut members)?, base_url, model: None })
    }

    fn of_endpoint(url: &str, members: &mut Object) -> Result<Self, Invalid> {
        let host = url
            .strip_prefix("https://")
            .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default())
            .filter(|host| is_azure_host(host))
            .ok_or_else(|| {
                Invalid::new("endpoint_url", "is not the address of an Azure resource")
            })?;
        let model = members.required("model_slug")?;
        let deployment = members.optional("model_id")?;
        let own = model.rsplit('/').next();
        if deployment.as_deref().is_some_and(|name| Some(name) != own) {
            return Err(Invalid::new(
                "model_id",
                "is a deployment of another name than its model: name the deployment like the \
                 model, or add a provider of your own whose upstream model is the deployment",
            ));
        }
        let base_url = format!("https://{}", host.to_ascii_lowercase());
        Ok(Self { api_key: key(members)?, base_url, model: Some(model) })
    }
}

fn key(members: &mut Object) -> Result<Secret, Invalid> {
    let key = members.required("api_key")?;
    text::visible("api_key", &key, 1024)?;
    Ok(Secret::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<(String, Option<String>)>, Invalid> {
        ResourceKey::parse(text).map(|read| {
            read.map(|read| {
                assert_eq!(read.api_key.expose(), "abc");
                (read.base_url, read.model)
            })
        })
    }

    #[test]
    fn a_resource_is_read_in_both_forms() {
        let base =
            |url: &str, model: Option<&str>| Ok(Some((url.to_owned(), model.map(str::to_owned))));
        assert_eq!(
            read(r#" [{"api_key":"abc","resource_name":"My-Res"}] "#),
            base("https://my-res.openai.azure.com", None)
        );
        assert_eq!(
            read(r#"[{"api_key":"abc","resource_name":"r","resource_type":"ai_foundry"}]"#),
            base("https://r.services.ai.azure.com", None)
        );
        let url =
            "https://R.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=1";
        assert_eq!(
            read(&format!(
                r#"{{"endpoint_url":"{url}","api_key":"abc","model_id":"gpt-4o","model_slug":"openai/gpt-4o"}}"#
            )),
            base("https://r.openai.azure.com", Some("openai/gpt-4o"))
        );
        for other in ["abc", r#"{"tenant_id":"x"}"#, "managed_identity"] {
            assert_eq!(read(other), Ok(None), "{other}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        for (text, field) in [
            ("[]", "credential"),
            ("[1]", "credential"),
            ("[", "credential"),
            (
                r#"[{"api_key":"a","resource_name":"b"},{"api_key":"a","resource_name":"b"}]"#,
                "credential",
            ),
            (r#"[{"api_key":"a"}]"#, "resource_name"),
            (r#"[{"api_key":"a","resource_name":"a.b/c"}]"#, "resource"),
            (r#"[{"api_key":"a","resource_name":"b","resource_type":"x"}]"#, "resource_type"),
            (r#"[{"resource_name":"b"}]"#, "api_key"),
            (
                r#"{"endpoint_url":"https://evil.test/","api_key":"a","model_slug":"x/y"}"#,
                "endpoint_url",
            ),
            (r#"{"endpoint_url":"https://r.openai.azure.com","api_key":"a"}"#, "model_slug"),
            (
                r#"{"endpoint_url":"https://r.openai.azure.com","api_key":"a","model_slug":"x/y","model_id":"z"}"#,
                "model_id",
            ),
        ] {
            assert_eq!(ResourceKey::parse(text).unwrap_err().field, field, "{text}");
        }
    }
}
