//! Keys of an account at Amazon, as operators write them.

use crate::json::Object;
use crate::token::bearer;
use crate::{Credential, Invalid, Secret, StaticHeader, text};

/// Keys that sign requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCredentials {
    /// The key's name, `AKIA…` or, for temporary keys, `ASIA…`. It goes over the wire.
    pub access_key_id: String,
    /// The key itself. It never does.
    pub secret_access_key: Secret,
    /// What temporary keys need beside it.
    pub session_token: Option<Secret>,
}

const ID: &str = "access_key_id";
const SECRET: &str = "secret_access_key";
const SESSION: &str = "session_token";
const API_KEY: &str = "api_key";

fn missing(field: &'static str, text: Option<String>) -> Result<String, Invalid> {
    text.ok_or_else(|| Invalid::new(field, "is missing from the JSON"))
}

/// Reads a Bedrock API key, `KEY_ID:SECRET[:SESSION_TOKEN]`, or a JSON object of either, in Amazon's
/// spelling of its members or OpenRouter's (`accessKeyId`). BYOK-11 What is said there of the place is checked here, and read by [`super::place`].
pub(crate) fn parse(text: &str) -> Result<Credential, Invalid> {
    if text.starts_with('{') {
        let mut members = Object::parse(text)?;
        super::place(text)?;
        if let Some(key) = members.optional(API_KEY)? {
            text::visible(API_KEY, &key, 8192)?;
            return Ok(Credential::Header(StaticHeader::authorization(bearer(&key))));
        }
        let credentials = AwsCredentials {
            access_key_id: missing(ID, members.optional_as(ID, "accessKeyId")?)?,
            secret_access_key: missing(SECRET, members.optional_as(SECRET, "secretAccessKey")?)
                .map(Secret::new)?,
            session_token: members.optional_as(SESSION, "sessionToken")?.map(Secret::new),
        };
        return credentials.checked().map(Credential::Aws);
    }
    if let Some((id, rest)) = text.split_once(':') {
        let (secret, session) = match rest.split_once(':') {
            Some((secret, session)) => (secret, Some(Secret::new(session))),
            None => (rest, None),
        };
        let credentials = AwsCredentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: session,
        };
        return credentials.checked().map(Credential::Aws);
    }
    if is_key_id(text) {
        return Err(Invalid::new(
            SECRET,
            "is missing: write the access key as KEY_ID:SECRET, or as JSON",
        ));
    }
    text::visible("credential", text, 8192)?;
    Ok(Credential::Header(StaticHeader::authorization(bearer(text))))
}

/// Whether a text looks like the name of an access key, and not like a Bedrock API key, which
/// begins with `ABSK` or `bedrock-api-key-`.
fn is_key_id(text: &str) -> bool {
    (text.starts_with("AKIA") || text.starts_with("ASIA"))
        && (16..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

impl AwsCredentials {
    fn checked(self) -> Result<Self, Invalid> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let id = &self.access_key_id;
        if !(16..=128).contains(&id.len()) || !id.bytes().all(is_name) {
            return Err(Invalid::new(
                ID,
                "is not the name of an access key: 16 or more letters and digits that begin with \
                 AKIA or ASIA",
            ));
        }
        text::visible(SECRET, self.secret_access_key.expose(), 256)?;
        match &self.session_token {
            Some(token) => text::visible(SESSION, token.expose(), 8192)?,
            None if id.starts_with("ASIA") => {
                return Err(Invalid::new(
                    SESSION,
                    "is missing: keys that begin with ASIA are temporary and need theirs",
                ));
            }
            None => {}
        }
        Ok(self)
    }
}

/// Checks the name of a region, which becomes part of a host.
pub(super) fn check_region(region: &str) -> Result<(), Invalid> {
    if text::is_label(region) && region.len() <= 32 {
        Ok(())
    } else {
        Err(Invalid::new("region", "is not the name of a region such as `us-east-1`"))
    }
}
