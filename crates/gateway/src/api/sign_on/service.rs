//! What is known of the service, found by its address and kept for an hour.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::{Serializer, byte_serialize};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use rustls::pki_types::CertificateDer;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::Problem;
use super::attempt::Attempt;
use super::fetch::{Question, ask};
use super::token::{Person, check};
use crate::clock::now_seconds;
use crate::settings::SignOnSettings;
use crate::upstream::{Pool, tls_config};

/// How long what was found is good, in seconds.
const GOOD_FOR: u64 = 3600;

/// How soon the service is asked again, after it did not answer or for keys that are not known, in
/// seconds.
const PAUSE: u64 = 30;

/// The most keys of a service that are looked at.
const MOST_KEYS: usize = 100;

/// A sign-on service.
pub struct SignOnService {
    settings: SignOnSettings,
    tls: rustls::ClientConfig,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    found: Option<Arc<Found>>,
    /// When it was asked last, in seconds since 1970.
    asked: u64,
}

/// What was found.
pub struct Found {
    pub metadata: Metadata,
    keys: Vec<Jwk>,
    at: u64,
}

/// What a service says of itself. OpenID Connect Discovery 1.0, section 3
#[derive(Deserialize)]
pub struct Metadata {
    issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

impl Metadata {
    fn addresses(&self) -> impl Iterator<Item = &String> {
        let always = [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri];
        always.into_iter().chain(&self.userinfo_endpoint)
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<String>,
    access_token: Option<String>,
    error: Option<String>,
}

impl SignOnService {
    /// A service of which only the settings are known yet.
    pub fn new(settings: SignOnSettings, authorities: &[CertificateDer<'_>]) -> Self {
        super::cryptography::install();
        Self { settings, tls: tls_config(authorities), known: Mutex::default() }
    }

    /// What was set.
    pub fn settings(&self) -> &SignOnSettings {
        &self.settings
    }

    /// A sign-on is rare: no connection is kept for the next.
    fn pool(&self) -> Pool {
        Pool::new(self.tls.clone(), Duration::from_secs(10))
    }

    /// What is known of the service; asked for if that is not good any more.
    pub async fn found(&self) -> Result<Arc<Found>, Problem> {
        self.found_after(now_seconds().saturating_sub(GOOD_FOR)).await
    }

    /// What was found after a moment, or before it if the service does not answer.
    async fn found_after(&self, moment: u64) -> Result<Arc<Found>, Problem> {
        // Whoever comes meanwhile waits for the same answer.
        let mut known = self.known.lock().await;
        let now = now_seconds();
        let is_too_soon = now < known.asked.saturating_add(PAUSE);
        match &known.found {
            Some(found) if found.at > moment || is_too_soon => return Ok(Arc::clone(found)),
            None if is_too_soon => {
                return Err(Problem::Service("it did not answer a moment ago".to_owned()));
            }
            _ => known.asked = now,
        }
        let found = match (self.find(now).await, &known.found) {
            (Ok(found), _) => Arc::new(found),
            (Err(problem), Some(before)) => {
                tracing::warn!(%problem, "what was known of the service before is used");
                Arc::clone(before)
            }
            (Err(problem), None) => return Err(problem),
        };
        known.found = Some(Arc::clone(&found));
        Ok(found)
    }

    async fn find(&self, now: u64) -> Result<Found, Problem> {
        let pool = self.pool();
        let issuer = &self.settings.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let question = Question { url: &url, form: None, authorization: None };
        let (_, metadata): (u16, Metadata) = ask(&pool, question).await?;
        if metadata.issuer != *issuer {
            let said: String = metadata.issuer.chars().take(200).collect();
            let message = format!("it calls itself {said}: set oidc_issuer to exactly that");
            return Err(Problem::Service(message));
        }
        // Where the service is asked over TLS, nothing is sent in the clear.
        let is_secure = |url: &String| url.starts_with("https://");
        if is_secure(issuer) && !metadata.addresses().all(is_secure) {
            return Err(Problem::Service("one of its addresses is not https".to_owned()));
        }
        let question = Question { url: &metadata.jwks_uri, form: None, authorization: None };
        let (_, JwkSet { mut keys }) = ask(&pool, question).await?;
        keys.truncate(MOST_KEYS);
        Ok(Found { metadata, keys, at: now })
    }

    /// Exchanges a code, and tells who the service says it is.
    pub async fn exchange(
        &self,
        code: &str,
        attempt: &Attempt,
        callback: &str,
    ) -> Result<Person, Problem> {
        let found = self.found().await?;
        let answer = self.redeem(&found.metadata, code, attempt, callback).await?;
        let token = answer.id_token.ok_or_else(|| Problem::Token("there is none".to_owned()))?;
        let (settings, nonce) = (&self.settings, attempt.nonce());
        let mut person = match check(&token, &found.keys, settings, &nonce) {
            // The service may have changed its keys since.
            Err(Problem::Token(_)) if found.at.saturating_add(PAUSE) <= now_seconds() => {
                let again = self.found_after(found.at).await?;
                check(&token, &again.keys, settings, &nonce)?
            }
            checked => checked?,
        };
        if person.email.is_none() {
            self.complete(&mut person, &found.metadata, answer.access_token).await?;
        }
        Ok(person)
    }

    async fn redeem(
        &self,
        metadata: &Metadata,
        code: &str,
        attempt: &Attempt,
        callback: &str,
    ) -> Result<TokenAnswer, Problem> {
        let (form, authorization) = self.proof(metadata, code, attempt, callback);
        let question = Question { url: &metadata.token_endpoint, form: Some(form), authorization };
        let (status, answer): (u16, TokenAnswer) = ask(&self.pool(), question).await?;
        match &answer.error {
            None if status == 200 => Ok(answer),
            error => {
                let word: String =
                    error.as_deref().unwrap_or("no reason").chars().take(80).collect();
                Err(Problem::Service(format!("it gave no token: {status}, {word}")))
            }
        }
    }

    /// The form that asks for a token, and what stands in `Authorization` beside it.
    fn proof(
        &self,
        metadata: &Metadata,
        code: &str,
        attempt: &Attempt,
        callback: &str,
    ) -> (String, Option<String>) {
        let client = &self.settings.client_id;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", callback)
            .append_pair("code_verifier", &attempt.verifier());
        let methods = &metadata.token_endpoint_auth_methods_supported;
        let knows = |name: &str| methods.iter().any(|method| method == name);
        let mut authorization = None;
        match &self.settings.client_secret {
            // What is meant where a service names no methods. Discovery 1.0, section 3
            Some(secret) if methods.is_empty() || knows("client_secret_basic") => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(client), encoded(secret.expose()));
                authorization = Some(format!("Basic {}", STANDARD.encode(pair)));
            }
            Some(secret) => {
                form.append_pair("client_id", client);
                form.append_pair("client_secret", secret.expose());
            }
            None => {
                form.append_pair("client_id", client);
            }
        }
        (form.finish(), authorization)
    }

    /// Asks for what is not in the token: services may keep it out.
    async fn complete(
        &self,
        person: &mut Person,
        metadata: &Metadata,
        access_token: Option<String>,
    ) -> Result<(), Problem> {
        let (Some(url), Some(token)) = (&metadata.userinfo_endpoint, access_token) else {
            return Ok(());
        };
        let authorization = Some(format!("Bearer {token}"));
        let question = Question { url, form: None, authorization };
        let (status, told): (u16, Person) = ask(&self.pool(), question).await?;
        // What is said of somebody else says nothing. Core 1.0, section 5.3.2
        if status == 200 && told.subject == person.subject {
            *person = told;
        }
        Ok(())
    }
}
