//! Provider keys in the environment, under the names that the vendors' own tools use.

use std::path::Path;

use catalog::{AuthStyle, Provider};
use serde_json::json;
use store::Secret;

use crate::small_file;

/// Our own word for which inference profiles of Bedrock are asked.
const PROFILE: &str = "AWS_BEDROCK_INFERENCE_PROFILE";

/// The largest file with a credential, in bytes.
const LARGEST: u64 = 64 * 1024;

/// A credential in the environment.
pub struct Found<'p> {
    /// The variable that holds it, or the most telling one of several.
    pub variable: &'p str,
    /// The credential in the form in which it would be stored, or why it cannot be had.
    pub secret: Result<Secret, String>,
}

/// A provider's credential: of the first of its conventional variables that is set to something.
pub fn from_environment(provider: &Provider) -> Option<Found<'_>> {
    found(provider, &|name| std::env::var(name).ok())
}

fn found<'p>(provider: &'p Provider, lookup: &dyn Fn(&str) -> Option<String>) -> Option<Found<'p>> {
    // Trailing line breaks come from files that were read into a variable.
    let set = |name: &str| {
        lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    provider.environment_variables.iter().find_map(|variable| {
        let value = set(variable)?;
        let secret = match (&provider.auth, variable.as_str()) {
            (AuthStyle::Google, "GOOGLE_APPLICATION_CREDENTIALS") => file_or_text(value),
            (AuthStyle::Aws, "AWS_ACCESS_KEY_ID") => aws_keys(&value, &set),
            (AuthStyle::Aws, "AWS_BEARER_TOKEN_BEDROCK") => Ok(bedrock_key(value, &set)),
            (AuthStyle::Azure, "AZURE_CLIENT_SECRET") => entra_application(&value, &set),
            _ => Ok(value),
        };
        Some(Found { variable, secret: secret.map(Secret::new) })
    })
}

type Lookup<'l> = dyn Fn(&str) -> Option<String> + 'l;

/// Google's tools take the path of a file here. Where there are no files, its text is taken, and
/// `metadata` for the machine's own account.
fn file_or_text(value: String) -> Result<String, String> {
    if value.starts_with('{') || value == "metadata" {
        return Ok(value);
    }
    let path = Path::new(&value);
    let unreadable = |error: std::io::Error| {
        format!(
            "the file {} of GOOGLE_APPLICATION_CREDENTIALS cannot be read: {error}",
            path.display()
        )
    };
    small_file::read(path, LARGEST).map_err(unreadable)
}

fn aws_keys(id: &str, set: &Lookup<'_>) -> Result<String, String> {
    let secret = required(set, "AWS_SECRET_ACCESS_KEY")?;
    let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION"));
    let keys = json!({
        "access_key_id": id,
        "secret_access_key": secret,
        "session_token": set("AWS_SESSION_TOKEN"),
        "region": region,
        "inference_profile": set(PROFILE),
    });
    Ok(keys.to_string())
}

/// A Bedrock API key, with the profile it asks by, if one is named.
fn bedrock_key(key: String, set: &Lookup<'_>) -> String {
    match set(PROFILE) {
        Some(profile) => json!({"api_key": key, "inference_profile": profile}).to_string(),
        None => key,
    }
}

fn entra_application(secret: &str, set: &Lookup<'_>) -> Result<String, String> {
    let application = json!({
        "tenant_id": required(set, "AZURE_TENANT_ID")?,
        "client_id": required(set, "AZURE_CLIENT_ID")?,
        "client_secret": secret,
    });
    Ok(application.to_string())
}

fn required(set: &Lookup<'_>, name: &str) -> Result<String, String> {
    set(name).ok_or_else(|| format!("the variable {name} is not set"))
}

/// What a variable of a provider's address is set to.
pub fn address_variable(name: &str) -> Option<String> {
    address_from(name, &|name| std::env::var(name).ok())
}

fn address_from(name: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let value = lookup(name).map(|value| value.trim().to_owned());
    value.filter(|value| !value.is_empty()).or_else(|| match name {
        // Azure's own tools know the whole address: https://NAME.openai.azure.com/, for resources
        // of Foundry https://NAME.services.ai.azure.com/api/projects/PROJECT, and for those of
        // several services https://NAME.cognitiveservices.azure.com/
        "AZURE_RESOURCE_NAME" => {
            let endpoint = lookup("AZURE_OPENAI_ENDPOINT")?.to_ascii_lowercase();
            let host = endpoint.trim().strip_prefix("https://")?.split('/').next()?;
            let domains =
                [".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"];
            domains.iter().find_map(|domain| host.strip_suffix(domain)).map(str::to_owned)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(auth: &str, variables: &[&str]) -> Provider {
        serde_json::from_value(json!({
            "slug": "p", "name": "P", "dialect": "openai_chat", "base_url": "https://p.test",
            "auth": auth, "environment_variables": variables,
        }))
        .unwrap()
    }

    fn of(provider: &Provider, set: &[(&str, &str)]) -> Option<(String, Result<String, String>)> {
        let lookup = |name: &str| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let found = found(provider, &lookup)?;
        let secret = found.secret.map(|secret| secret.expose().to_owned());
        Some((found.variable.to_owned(), secret))
    }

    #[test]
    fn the_first_variable_that_is_set_wins() {
        let provider = provider("bearer", &["FIRST", "SECOND", "THIRD"]);
        let set = [("FIRST", "  "), ("SECOND", "key-2\n"), ("THIRD", "key-3")];
        assert_eq!(of(&provider, &set), Some(("SECOND".to_owned(), Ok("key-2".to_owned()))));
        assert_eq!(of(&provider, &[]), None);
    }

    #[test]
    fn keys_that_sign_are_put_together() {
        let provider = provider("aws", &["AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID"]);
        let id = ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
        let (_, missing) = of(&provider, &[id]).unwrap();
        assert_eq!(missing, Err("the variable AWS_SECRET_ACCESS_KEY is not set".to_owned()));
        let set = [id, ("AWS_SECRET_ACCESS_KEY", "k"), ("AWS_DEFAULT_REGION", "eu-west-1")];
        let (_, keys) = of(&provider, &set).unwrap();
        let keys: serde_json::Value = serde_json::from_str(&keys.unwrap()).unwrap();
        assert_eq!((&keys["region"], &keys["session_token"]), (&json!("eu-west-1"), &json!(null)));
        let bearer = [("AWS_BEARER_TOKEN_BEDROCK", "ABSK"), id];
        assert_eq!(of(&provider, &bearer).unwrap().1, Ok("ABSK".to_owned()));
        let named = [bearer[0], (PROFILE, "eu")];
        let key = of(&provider, &named).unwrap().1.unwrap();
        assert_eq!(key, r#"{"api_key":"ABSK","inference_profile":"eu"}"#);
    }

    #[test]
    fn an_application_of_entra_is_put_together() {
        let provider = provider("azure", &["AZURE_API_KEY", "AZURE_CLIENT_SECRET"]);
        let secret = ("AZURE_CLIENT_SECRET", "s");
        let (_, missing) = of(&provider, &[secret]).unwrap();
        assert_eq!(missing, Err("the variable AZURE_TENANT_ID is not set".to_owned()));
        let set = [secret, ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")];
        let (_, application) = of(&provider, &set).unwrap();
        assert!(application.unwrap().contains(r#""tenant_id":"t""#));
    }

    #[test]
    fn google_credentials_are_a_file_or_its_text() {
        let provider = provider("google", &["GOOGLE_APPLICATION_CREDENTIALS"]);
        let of =
            |value: &str| of(&provider, &[("GOOGLE_APPLICATION_CREDENTIALS", value)]).unwrap().1;
        assert_eq!(of(r#"{"a":1}"#), Ok(r#"{"a":1}"#.to_owned()));
        assert_eq!(of("metadata"), Ok("metadata".to_owned()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.json");
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(of(path.to_str().unwrap()), Ok("{}".to_owned()));
        assert!(of("/nowhere/key.json").unwrap_err().contains("GOOGLE_APPLICATION_CREDENTIALS"));
    }

    #[test]
    fn azures_resource_is_found_in_its_address() {
        let of = |endpoint: &'static str| {
            address_from("AZURE_RESOURCE_NAME", &move |name| {
                (name == "AZURE_OPENAI_ENDPOINT").then(|| endpoint.to_owned())
            })
        };
        assert_eq!(of("https://mine.openai.azure.com/"), Some("mine".to_owned()));
        let project = "https://mine.services.ai.azure.com/api/projects/p";
        assert_eq!(of(project), Some("mine".to_owned()));
        assert_eq!(of("https://mine.cognitiveservices.azure.com/"), Some("mine".to_owned()));
        assert_eq!(of("HTTPS://Mine.OpenAI.Azure.com/"), Some("mine".to_owned()));
        for other in ["https://mine.openai.azure.us/", "https://openai.azure.com/", "mine"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
