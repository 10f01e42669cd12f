//! A choice that a provider ended with a failure.

use super::write::quoted;

/// The `error` of a choice that ended in a failure of the provider, whose own word is `native`.
/// CHAT-11, STREAM-7
pub(super) fn error_of_choice(native: Option<&str>) -> String {
    let word: String = native.unwrap_or("error").chars().take(128).collect();
    let (message, word) = (quoted(&format!("Provider returned error: {word}")), quoted(&word));
    format!(
        r#"{{"code":502,"message":{message},"metadata":{{"error_type":"provider_unavailable","provider_code":{word}}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CHAT-11
    #[test]
    fn the_providers_word_is_told_and_bounded() {
        let error: serde_json::Value =
            serde_json::from_str(&error_of_choice(Some("a \"word\""))).unwrap();
        assert_eq!(error["code"], 502);
        assert_eq!(error["metadata"]["provider_code"], "a \"word\"");
        assert!(error_of_choice(Some(&"x".repeat(9000))).len() < 500);
        assert!(error_of_choice(None).contains(r#""provider_code":"error""#));
    }
}
