//! Checks an ID token. OpenID Connect Core 1.0, section 3.1.3.7

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::Problem;
use crate::settings::SignOnSettings;

/// The longest token, in bytes.
const LONGEST: usize = 64 * 1024;

/// How far clocks may be apart, in seconds.
const LEEWAY: u64 = 60;

/// Signatures with a key that only the service has. With a secret that both have, whoever reads
/// our settings could be anybody.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Who a service says that somebody is.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Person {
    /// What it calls the person.
    #[serde(rename = "sub")]
    pub subject: String,
    /// The mail address.
    pub email: Option<String>,
    /// Whether the person has proved to have that address: true, or by some services the text.
    #[serde(default)]
    email_verified: Value,
    /// The name.
    #[serde(default)]
    pub name: Option<String>,
}

impl Person {
    /// The mail address, if it is verified.
    pub fn verified_email(&self) -> Option<&str> {
        let is_verified = match &self.email_verified {
            Value::Bool(verified) => *verified,
            Value::String(word) => word == "true",
            _ => false,
        };
        self.email.as_deref().filter(|_| is_verified)
    }
}

#[derive(Clone, Deserialize)]
struct Claims {
    #[serde(flatten)]
    person: Person,
    aud: Value,
    azp: Option<String>,
    nonce: Option<String>,
}

/// Checks a token that came in exchange for a code: signature, issuer, audience, time and nonce.
pub fn check(
    token: &str,
    keys: &[Jwk],
    settings: &SignOnSettings,
    nonce: &str,
) -> Result<Person, Problem> {
    let problem = |what: &str| Problem::Token(what.to_owned());
    if token.len() > LONGEST {
        return Err(problem("it is too long"));
    }
    let header = decode_header(token).map_err(|error| problem(&error.to_string()))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(problem("it is signed in a way that is not accepted"));
    }
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&[&settings.client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let is_meant = |key: &&Jwk| {
        let is_named = header.kid.is_none() || key.common.key_id == header.kid;
        is_named && key.common.public_key_use != Some(PublicKeyUse::Encryption)
    };
    let mut reason = "no key of the service is the one it names".to_owned();
    let claims = keys.iter().filter(is_meant).find_map(|key| {
        let key = DecodingKey::from_jwk(key).ok()?;
        match decode::<Claims>(token, &key, &validation) {
            Ok(data) => Some(data.claims),
            Err(error) => {
                reason = error.to_string();
                None
            }
        }
    });
    let claims = claims.ok_or(Problem::Token(reason))?;
    if claims.nonce.as_deref() != Some(nonce) {
        return Err(problem("its nonce is not that of the request"));
    }
    let is_for_many = claims.aud.as_array().is_some_and(|audience| audience.len() > 1);
    match &claims.azp {
        Some(party) if *party != settings.client_id => Err(problem("it is for somebody else")),
        None if is_for_many => Err(problem("it is for many, and does not say whose it is")),
        _ if claims.person.subject.is_empty() => Err(problem("it names nobody")),
        _ => Ok(claims.person),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;
    use store::MemberRole;

    use super::*;

    struct Issuer {
        pair: EcdsaKeyPair,
        random: SystemRandom,
    }

    impl Issuer {
        fn new() -> Self {
            super::super::cryptography::install();
            let random = SystemRandom::new();
            let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(algorithm, pair.as_ref(), &random).unwrap();
            Self { pair, random }
        }

        fn keys(&self, kid: &str) -> Vec<Jwk> {
            let point = self.pair.public_key().as_ref();
            let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
            let key = json!({
                "kty": "EC", "crv": "P-256", "kid": kid, "x": part(1..33), "y": part(33..65),
            });
            vec![serde_json::from_value(key).unwrap()]
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
            let text = format!("{}.{}", part(header), part(claims));
            let signature = self.pair.sign(&self.random, text.as_bytes()).unwrap();
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn settings() -> SignOnSettings {
        SignOnSettings {
            issuer: "https://issuer.example".into(),
            client_id: "trunkline".into(),
            client_secret: None,
            name: "Issuer".into(),
            allowed_domains: Vec::new(),
            create_members: false,
            role: MemberRole::Member,
        }
    }

    fn claims() -> Value {
        json!({
            "iss": "https://issuer.example", "aud": "trunkline", "sub": "1", "nonce": "n",
            "exp": crate::clock::now_seconds() + 60, "email": "a@example.org",
            "email_verified": true,
        })
    }

    #[test]
    fn a_token_of_the_service_for_this_gateway_is_believed() {
        let (issuer, settings) = (Issuer::new(), settings());
        let header = json!({"alg": "ES256", "kid": "k"});
        let token = issuer.sign(&header, &claims());
        let person = check(&token, &issuer.keys("k"), &settings, "n").unwrap();
        assert_eq!(person.subject, "1");
        assert_eq!(person.verified_email(), Some("a@example.org"));
        let without = issuer.sign(&json!({"alg": "ES256"}), &claims());
        let checked = check(&without, &issuer.keys("k"), &settings, "n");
        assert!(checked.is_ok(), "it need not name a key");
        let mut many = claims();
        many["aud"] = json!(["trunkline", "other"]);
        many["azp"] = json!("trunkline");
        assert!(check(&issuer.sign(&header, &many), &issuer.keys("k"), &settings, "n").is_ok());
    }

    #[test]
    fn what_is_said_of_the_address_decides_whether_it_counts() {
        for (verified, counts) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("false"), false),
            (json!(1), false),
            (Value::Null, false),
        ] {
            let person = json!({"sub": "1", "email": "a@b", "email_verified": verified});
            let person: Person = serde_json::from_value(person).unwrap();
            assert_eq!(person.verified_email().is_some(), counts, "{verified}");
        }
    }

    #[test]
    fn nothing_else_is_believed() {
        let (issuer, settings) = (Issuer::new(), settings());
        let header = json!({"alg": "ES256", "kid": "k"});
        let keys = issuer.keys("k");
        for (member, value) in [
            ("iss", json!("https://other.example")),
            ("iss", Value::Null),
            ("aud", json!("other")),
            ("aud", json!(["other"])),
            ("aud", json!(["trunkline", "other"])),
            ("azp", json!("other")),
            ("nonce", json!("other")),
            ("nonce", Value::Null),
            ("exp", json!(crate::clock::now_seconds() - 3600)),
            ("exp", json!("9999999999")),
            ("exp", Value::Null),
            ("nbf", json!(crate::clock::now_seconds() + 3600)),
            ("sub", Value::Null),
            ("sub", json!("")),
        ] {
            let mut claims = claims();
            claims[member] = value.clone();
            let token = issuer.sign(&header, &claims);
            let refused = check(&token, &keys, &settings, "n");
            assert!(matches!(refused, Err(Problem::Token(_))), "{member}: {value}");
        }
        let good = issuer.sign(&header, &claims());
        let (text, _) = good.rsplit_once('.').unwrap();
        let unsigned = URL_SAFE_NO_PAD.encode(json!({"alg": "none"}).to_string());
        let (_, claims_of) = text.split_once('.').unwrap();
        for token in [
            "",
            "a.b.c",
            text,
            &format!("{text}."),
            &format!("{text}.AAAA"),
            &format!("{unsigned}.{claims_of}."),
            &issuer.sign(&json!({"alg": "HS256", "kid": "k"}), &claims()),
            &issuer.sign(&json!({"alg": "RS256", "kid": "k"}), &claims()),
            &issuer.sign(&json!({"alg": "ES384", "kid": "k"}), &claims()),
            &issuer.sign(&json!({"alg": "ES256", "kid": "other"}), &claims()),
            &Issuer::new().sign(&header, &claims()),
            &"x".repeat(LONGEST + 1),
        ] {
            assert!(check(token, &keys, &settings, "n").is_err(), "{token}");
        }
        assert!(check(&good, &[], &settings, "n").is_err());
    }
}
