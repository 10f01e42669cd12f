//! What an application asks for, checked. OAUTH-1, OAUTH-2, OAUTH-5

use http::Uri;
use protocol::exchange::Fault;
use store::{Challenge, ChallengeMethod, KeyRates, LimitReset, NewApiKey};

use crate::api::body::check_length;
use crate::api::identity::derived_number;
use crate::api::keys::create::expiry;
use crate::api::money::limit_nano_usd;
use crate::api::session::Management;
use crate::api::workspaces;
use crate::app::App;

/// The members of a request, as they came.
pub struct Given<'a> {
    pub callback_url: Option<&'a str>,
    pub code_challenge: Option<&'a str>,
    pub code_challenge_method: Option<&'a str>,
    pub key_label: Option<&'a str>,
    pub limit: Option<f64>,
    pub usage_limit_type: Option<&'a str>,
    pub expires_at: Option<&'a str>,
    pub workspace_id: Option<&'a str>,
}

/// A request that can be granted.
pub struct AccessRequest {
    /// Where the code goes; without it the person copies it.
    pub callback: Option<Callback>,
    pub challenge: Option<Challenge>,
    /// The key to be made.
    pub key: NewApiKey,
}

impl AccessRequest {
    /// Checks a request; refusals name the member at fault.
    pub async fn read(
        given: Given<'_>,
        app: &App,
        management: &Management,
        now: i64,
    ) -> Result<Self, Fault> {
        let callback = given.callback_url.map(Callback::parse).transpose()?;
        let challenge = challenge(given.code_challenge, given.code_challenge_method)?;
        if callback.is_none() && challenge.is_none() {
            return Err(Fault::invalid(
                "code_challenge: is missing; without callback_url it is required",
            ));
        }
        let name = match (given.key_label, &callback) {
            (Some(label), _) => label.to_owned(),
            (None, Some(callback)) => callback.application().to_owned(),
            (None, None) => "Application".to_owned(),
        };
        check_length("key_label", name.trim(), 1, 100)?;
        let limit_reset = given.usage_limit_type.map(|word| {
            LimitReset::parse(word)
                .ok_or_else(|| Fault::invalid("usage_limit_type: must be daily, weekly or monthly"))
        });
        let workspace = workspaces::named(app, management, given.workspace_id).await?;
        let key = NewApiKey {
            name,
            workspace_id: Some(workspace.id),
            creator: management.creator().map(str::to_owned),
            member_id: management.owner_of_new_keys().map(str::to_owned),
            limit_nano_usd: given.limit.map(|limit| limit_nano_usd("limit", limit)).transpose()?,
            limit_reset: limit_reset.transpose()?,
            include_byok_in_limit: false,
            rates: KeyRates::default(),
            expires_at: expiry(given.expires_at, now)?,
            is_management: false,
            origin: None,
        };
        Ok(Self { callback, challenge, key })
    }
}

/// The word of a method, or OAUTH-4's error.
pub fn method(word: &str) -> Result<ChallengeMethod, Fault> {
    ChallengeMethod::parse(word).ok_or_else(|| Fault::invalid("Invalid code_challenge_method"))
}

fn challenge(text: Option<&str>, word: Option<&str>) -> Result<Option<Challenge>, Fault> {
    let method = word.map(method).transpose()?;
    let Some(text) = text else { return Ok(None) };
    check_length("code_challenge", text, 1, 128)?;
    Ok(Some(Challenge {
        text: text.to_owned(),
        // What applications use that do not say; RFC 7636's own default protects nobody.
        method: method.unwrap_or(ChallengeMethod::S256),
    }))
}

/// Where an application wants the code: an `https` address, or any port of this machine. OAUTH-1
pub struct Callback {
    url: String,
    host: String,
    origin: String,
}

impl Callback {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let invalid = |reason: &str| Fault::invalid(format!("callback_url: {reason}"));
        if text.len() > 2000 {
            return Err(invalid("is longer than 2000 characters"));
        }
        // A fragment would swallow the code; an Uri drops it silently.
        if text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid("is not an address without a fragment"));
        }
        let uri: Uri = text.parse().map_err(|_| invalid("is not an address"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(invalid("must begin with https://"));
        };
        let host = authority.host();
        let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if authority.as_str().contains('@') || host.is_empty() {
            return Err(invalid("must name a host and no user"));
        }
        if !(scheme == "https" || scheme == "http" && is_local) {
            return Err(invalid("must begin with https://, unless it is of localhost"));
        }
        Ok(Self {
            url: text.to_owned(),
            host: host.to_owned(),
            origin: format!("{scheme}://{authority}"),
        })
    }

    /// The name the application goes by: its host.
    pub fn application(&self) -> &str {
        &self.host
    }

    /// The number the application goes by: applications are not registered here.
    pub fn app_id(&self) -> u32 {
        derived_number(&self.origin)
    }

    /// The address itself.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address with one more member in its query. OAUTH-3
    pub fn with(&self, name: &str, value: &str) -> String {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let pair =
            form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        format!("{}{separator}{pair}", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OAUTH-1, OAUTH-3
    #[test]
    fn codes_go_to_secure_addresses_and_to_this_machine() {
        for good in [
            "https://example.org/back",
            "https://example.org",
            "http://localhost:3000/x?y=1",
            "http://127.0.0.1:9/",
            "http://[::1]:9/",
        ] {
            let callback =
                Callback::parse(good).unwrap_or_else(|fault| panic!("{}", fault.message));
            assert!(callback.with("code", "a b").ends_with("code=a+b"), "{good}");
        }
        for bad in [
            "",
            "/back",
            "http://example.org/",
            "ftp://localhost/",
            "https://a@example.org/",
            "https://example.org/#x",
            "javascript:alert(1)",
            "https://",
            "http://localhost.example/",
            "https://example.org/\r\nx: y",
            "http://127.0.0.1@evil.example/",
        ] {
            let refused = Callback::parse(bad).err().unwrap_or_else(|| panic!("{bad}"));
            assert!(refused.message.starts_with("callback_url: "), "{bad}: {}", refused.message);
        }
        let callback = Callback::parse("https://example.org/back?x=1").unwrap();
        assert_eq!(callback.with("code", "c"), "https://example.org/back?x=1&code=c");
        assert_eq!(callback.application(), "example.org");
    }
}
