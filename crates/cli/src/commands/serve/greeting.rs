//! What a start prints: where the gateway is, and on the first start all that is needed to use it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use gateway::pages::secret_link;
use store::{CreatedApiKey, InvitationKind};

use crate::output::one_line;

/// How many providers are listed before the rest is only counted.
const LISTED: usize = 12;

/// What there is to say.
pub struct Greeting<'a> {
    /// Where callers reach the gateway.
    pub url: &'a str,
    /// Where metrics are.
    pub metrics: Option<SocketAddr>,
    /// The key that was just made, on a first start.
    pub first_key: Option<&'a CreatedApiKey>,
    /// What makes the link to set the gateway up, while nobody can sign in.
    pub setup_code: Option<&'a str>,
    /// A model that can be asked.
    pub example_model: Option<&'a str>,
    /// Providers that can be reached, and how.
    pub available: &'a BTreeMap<String, String>,
    /// Whether there are simulated models.
    pub simulated: bool,
    /// Where others reach it without encryption, if they do.
    pub in_the_clear: Option<SocketAddr>,
}

/// The text.
pub fn text(greeting: &Greeting<'_>) -> String {
    let mut text = format!("Trunkline is listening on {}\n", greeting.url);
    // Writing to a string cannot fail.
    if let Some(address) = greeting.in_the_clear {
        let _ = writeln!(
            text,
            "Others reach it at {address}, and keys and prompts go there in the clear: put a proxy with \
             TLS before it, and set public_url"
        );
    }
    if let Some(address) = greeting.metrics {
        let _ = writeln!(text, "Metrics are at http://{address}/metrics");
    }
    if !greeting.available.is_empty() {
        text.push_str("Providers:\n");
        for (name, how) in greeting.available.iter().take(LISTED) {
            let _ = writeln!(text, "    {} ({})", one_line(name), one_line(how));
        }
        if let Some(more) = greeting.available.len().checked_sub(LISTED).filter(|more| *more > 0) {
            let _ = writeln!(text, "    and {more} more");
        }
    }
    if greeting.simulated {
        text.push_str(
            "Simulated models (simulated/…:free) answer without any provider. For real ones set a \
             variable such as OPENAI_API_KEY, or run `trunkline credential add PROVIDER`.\n",
        );
    }
    if let Some(code) = greeting.setup_code {
        let link = secret_link(greeting.url, InvitationKind::Setup, code);
        let _ = writeln!(
            text,
            "\nNobody can sign in yet. Open this link within 24 hours to become the owner:\n    \
             {link}"
        );
    }
    if let Some(created) = greeting.first_key {
        let key = created.plaintext.expose();
        let _ = writeln!(text, "\nYour first API key, shown only this once:\n    {key}");
        if let Some(model) = greeting.example_model {
            text.push_str(&examples(greeting.url, key, model));
        }
    }
    text
}

fn examples(url: &str, key: &str, model: &str) -> String {
    format!(
        r#"
Try it:
    curl {url}/api/v1/chat/completions -H "Authorization: Bearer {key}" -H "Content-Type: application/json" -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'

From Python:
    from openai import OpenAI
    print(OpenAI(base_url="{url}/api/v1", api_key="{key}").chat.completions.create(model="{model}", messages=[{{"role": "user", "content": "Hello!"}}]).choices[0].message.content)
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_start_shows_no_key() {
        let available = BTreeMap::from([("OpenAI".to_owned(), "OPENAI_API_KEY".to_owned())]);
        let text = text(&Greeting {
            url: "http://127.0.0.1:8080",
            metrics: None,
            first_key: None,
            setup_code: None,
            example_model: None,
            available: &available,
            simulated: false,
            in_the_clear: None,
        });
        assert_eq!(
            text,
            "Trunkline is listening on http://127.0.0.1:8080\nProviders:\n    OpenAI (OPENAI_API_KEY)\n"
        );
    }
}
