//! What token servers answer. All of it is a stranger's: sizes are bounded, times are clamped, and
//! words that are passed on are short, printable and without secrets.

use serde_json::{Map, Value};

use crate::{Secret, Token};

/// The most bytes of an answer that are read. Real ones have less than five thousand.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The most bytes of a token: more do not fit a server's limits for headers.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How long a token lives whose answer does not say, in seconds. RFC 6749 5.1 lets servers leave
/// it out; no provider served here does.
const UNSAID_LIFE: u64 = 600;

/// The most characters of a server's own code and words that are passed on.
const MAX_CODE: usize = 64;
const MAX_WORDS: usize = 300;

/// The longest word of a server's message that is passed on: identities fit (an e-mail address
/// aside), keys and tokens do not.
const MAX_WORD: usize = 64;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The server said no.
    #[error("the token server refused with status {status}{}", told(code, message))]
    Refused {
        /// The status of its answer.
        status: u16,
        /// Its code (`invalid_grant`), if it gave one.
        code: Option<String>,
        /// Its words, shortened and without secrets.
        message: Option<String>,
    },
    /// The answer has more than [`MAX_ANSWER_BYTES`].
    #[error("the token server's answer is longer than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    /// The answer is a success, but not a JSON object.
    #[error("the token server's answer is not a JSON object")]
    NotJson,
    /// A member of the answer is missing or cannot be used.
    #[error("`{field}` of the token server's answer {problem}")]
    Malformed {
        /// The member.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The private key could not sign.
    #[error("`private_key` cannot sign: make a new key for the service account")]
    Signature,
}

/// The server's own words, as the rest of a sentence.
fn told(code: &Option<String>, message: &Option<String>) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!(": {code}: {message}"),
        (Some(text), None) | (None, Some(text)) => format!(": {text}"),
        (None, None) => String::new(),
    }
}

impl TokenError {
    /// Whether the same question will get the same answer until somebody changes the credential or
    /// what it may do. All else is worth another try after a pause, `404` among it: Azure's
    /// metadata service says so while it starts.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 400 | 401 | 403),
            Self::Signature => true,
            Self::TooLong | Self::NotJson | Self::Malformed { .. } => false,
        }
    }
}

/// Reads an answer that came at `at`. `hidden` are secrets that must not come back in an error.
pub(crate) fn read(
    status: u16,
    body: &[u8],
    at: u64,
    hidden: &[&Secret],
) -> Result<Token, TokenError> {
    if body.len() > MAX_ANSWER_BYTES {
        return Err(TokenError::TooLong);
    }
    let parsed = match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    };
    if !(200..300).contains(&status) {
        return Err(refusal(status, parsed.unwrap_or_default(), hidden));
    }
    let mut members = parsed.ok_or(TokenError::NotJson)?;
    let value = match members.remove("access_token") {
        Some(Value::String(text)) => Secret::new(text),
        Some(_) => return Err(malformed("access_token", "is not a string")),
        None => return Err(malformed("access_token", "is missing")),
    };
    let length = value.expose().len();
    if length == 0 || length > MAX_TOKEN_BYTES {
        return Err(malformed("access_token", "is empty or longer than 16 KiB"));
    }
    if !value.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed("access_token", "has characters that no header can carry"));
    }
    match members.get("token_type") {
        None | Some(Value::Null) => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(_) => return Err(malformed("token_type", "is not `Bearer`")),
    }
    let life = life(&members, at)?;
    if life == 0 {
        return Err(malformed("expires_in", "says that the token has already ended"));
    }
    Ok(Token::new(value, life, at))
}

/// How many seconds a token lives. Azure's metadata service writes numbers as strings, and some of
/// its versions say only when the token ends.
fn life(members: &Map<String, Value>, at: u64) -> Result<u64, TokenError> {
    if let Some(life) = members.get("expires_in").filter(|value| !value.is_null()) {
        return seconds(life).ok_or(malformed("expires_in", "is not a number of seconds"));
    }
    if let Some(end) = members.get("expires_on").filter(|value| !value.is_null()) {
        let end = seconds(end).ok_or(malformed("expires_on", "is not a time in seconds"))?;
        return Ok(end.saturating_sub(at));
    }
    Ok(UNSAID_LIFE)
}

/// Whole seconds, as a number or in a string. Negative ones are none; what is too large is as much
/// as there is.
fn seconds(value: &Value) -> Option<u64> {
    let whole = |seconds: f64| seconds.is_finite().then_some(seconds.max(0.0) as u64);
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) if text.len() <= 32 => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse::<f64>().ok().and_then(whole))
        }
        _ => None,
    }
}

/// A refusal: `{error, error_description}` (RFC 6749 5.2), or `{error: {code, message, status}}`
/// as Google's interfaces have it.
fn refusal(status: u16, mut members: Map<String, Value>, hidden: &[&Secret]) -> TokenError {
    let text = |value: Option<Value>, most: usize| match value {
        Some(Value::String(text)) => shown(&text, most, hidden),
        _ => None,
    };
    let (code, message) = match members.remove("error") {
        Some(Value::Object(mut error)) => {
            let code = error.remove("status").or_else(|| error.remove("code"));
            (text(code, MAX_CODE), text(error.remove("message"), MAX_WORDS))
        }
        code => (text(code, MAX_CODE), text(members.remove("error_description"), MAX_WORDS)),
    };
    TokenError::Refused { status, code, message }
}

/// A stranger's words, fit to be shown: no secrets, nothing as long as a key, one line, short.
fn shown(text: &str, most: usize, hidden: &[&Secret]) -> Option<String> {
    let mut text = text.to_owned();
    for secret in hidden.iter().map(|secret| secret.expose()).filter(|secret| secret.len() >= 4) {
        text = text.replace(secret, "***");
    }
    let mut words = String::new();
    for word in text.split(|letter: char| letter.is_whitespace() || letter.is_control()) {
        let word = if word.len() > MAX_WORD { "***" } else { word };
        if word.is_empty() {
            continue;
        }
        if words.chars().count() + word.chars().count() >= most {
            words.push_str(" …");
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    (!words.is_empty()).then_some(words)
}

const fn malformed(field: &'static str, problem: &'static str) -> TokenError {
    TokenError::Malformed { field, problem }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn success(body: &str) -> Result<Token, TokenError> {
        read(200, body.as_bytes(), 1000, &[])
    }

    #[test]
    fn answers_of_the_servers_served() {
        let google = r#"{"access_token":"ya29.a","expires_in":3599,"token_type":"Bearer"}"#;
        let token = success(google).unwrap();
        assert_eq!((token.value().expose(), token.expires_at()), ("ya29.a", 4599));
        let entra = r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,
            "access_token":"eyJ0"}"#;
        assert_eq!(success(entra).unwrap().expires_at(), 4599);
        let managed = r#"{"access_token":"eyJ0","refresh_token":"","expires_in":"3599",
            "expires_on":"4599","not_before":"990","resource":"r","token_type":"Bearer"}"#;
        assert_eq!(success(managed).unwrap().expires_at(), 4599);
        let only_end = r#"{"access_token":"eyJ0","expires_on":"1600"}"#;
        assert_eq!(success(only_end).unwrap().expires_at(), 1600);
    }

    #[test]
    fn lives_are_clamped_and_ends_in_the_past_refused() {
        let life = |value: &str| {
            success(&format!(r#"{{"access_token":"t","expires_in":{value}}}"#))
                .map(|token| token.expires_at() - 1000)
        };
        for long in ["99999999999", "1e300", "18446744073709551615", "\"123456789012345678901\""] {
            assert_eq!(life(long), Ok(86_400), "{long}");
        }
        assert_eq!(life("59.9"), Ok(59));
        assert_eq!(life("null"), Ok(UNSAID_LIFE));
        for gone in ["0", "-5", "\"-5\"", "0.5"] {
            assert!(matches!(life(gone), Err(TokenError::Malformed { .. })), "{gone}");
        }
        for wrong in ["true", "\"soon\"", "[]", "\"inf\"", "\"NaN\""] {
            assert!(matches!(life(wrong), Err(TokenError::Malformed { .. })), "{wrong}");
        }
    }

    #[test]
    fn tokens_that_no_header_can_carry_are_refused() {
        for token in ["", "a b", "a\\r\\nx-evil: 1", "a\\u0000", "é"] {
            let body = format!(r#"{{"access_token":"{token}","expires_in":60}}"#);
            assert!(matches!(success(&body), Err(TokenError::Malformed { .. })), "{token}");
        }
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        assert!(success(&format!(r#"{{"access_token":"{long}"}}"#)).is_err());
        let other = r#"{"access_token":"a","token_type":"mac"}"#;
        assert!(matches!(success(other), Err(TokenError::Malformed { field: "token_type", .. })));
    }

    #[test]
    fn answers_without_bound_or_form_are_refused() {
        let long = vec![b' '; MAX_ANSWER_BYTES + 1];
        assert_eq!(read(200, &long, 0, &[]).unwrap_err(), TokenError::TooLong);
        for body in ["", "<html>", "[]", "\"t\"", "null"] {
            assert_eq!(success(body).unwrap_err(), TokenError::NotJson);
        }
        let deep = "[".repeat(60_000);
        assert_eq!(success(&deep).unwrap_err(), TokenError::NotJson);
        assert!(!TokenError::NotJson.is_final());
    }

    #[test]
    fn refusals_say_why_and_whether_it_is_final() {
        let google = br#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#;
        let error = read(400, google, 0, &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the token server refused with status 400: invalid_grant: Invalid JWT Signature."
        );
        assert!(error.is_final());
        let nested = br#"{"error":{"code":403,"message":"No.","status":"PERMISSION_DENIED"}}"#;
        assert!(read(403, nested, 0, &[]).unwrap_err().to_string().ends_with("DENIED: No."));
        for status in [404, 408, 410, 429, 500, 503] {
            let error = read(status, b"<html>down</html>", 0, &[]).unwrap_err();
            assert!(!error.is_final());
            assert_eq!(error.to_string(), format!("the token server refused with status {status}"));
        }
    }

    #[test]
    fn refusals_do_not_repeat_secrets_nor_run_on() {
        let secret = Secret::new("p~8Q.secret");
        let words = format!("bad p~8Q.secret\\nand {} {}", "k".repeat(65), "word ".repeat(500));
        let body = format!(r#"{{"error":"e","error_description":"{words}"}}"#);
        let text = read(401, body.as_bytes(), 0, &[&secret]).unwrap_err().to_string();
        assert!(!text.contains("secret") && !text.contains("kkkk") && !text.contains('\n'));
        assert!(text.contains("e: bad *** and *** word") && text.len() < 400, "{text}");
    }

    proptest! {
        #[test]
        fn reading_never_panics(status in 0_u16..1000, body in prop::collection::vec(any::<u8>(), 0..200), at in any::<u64>()) {
            let _ = read(status, &body, at, &[]);
        }

        #[test]
        fn lives_of_any_kind_never_panic(life in "[-+0-9.eE\"]{0,30}", at in any::<u64>()) {
            let body = format!(r#"{{"access_token":"t","expires_in":{life},"expires_on":{life}}}"#);
            if let Ok(token) = read(200, body.as_bytes(), at, &[]) {
                prop_assert!(token.renew_at() <= token.expires_at());
            }
        }
    }
}
