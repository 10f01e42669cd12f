//! Bodies of requests to the resources that are not inference.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use protocol::exchange::{ErrorType, Fault};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::Refused;
use crate::app::App;

/// The largest body, in bytes: what is sent here is small.
const MAX_BYTES: usize = 1024 * 1024;

/// A JSON object, read as `T`. What cannot be read is refused by the name of the member at fault.
pub struct Given<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Given<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refused> {
        let reading = axum::body::to_bytes(request.into_body(), MAX_BYTES);
        let body = tokio::time::timeout(app.settings.body_timeout, reading)
            .await
            .map_err(|_| {
                let message = "Operation timed out. Please try again later.";
                Fault::new(ErrorType::Timeout, message).with_status(408)
            })?
            .map_err(|_| {
                let message = format!("the body is larger than {MAX_BYTES} bytes or broke off");
                Fault::new(ErrorType::PayloadTooLarge, message)
            })?;
        Ok(Self(read(&body)?))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    // Lists would be read as the members of a structure in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Fault::invalid("the body is not a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        let message = match path.as_str() {
            "." if cause.is_data() => cause.to_string(),
            "." => format!("the body is not JSON: {cause}"),
            path => format!("{path}: {cause}"),
        };
        Fault::invalid(message)
    })?;
    deserializer.end().map_err(|error| Fault::invalid(format!("the body is not JSON: {error}")))?;
    Ok(value)
}

/// Reads a member that may be absent, null or a value, and tells all three apart.
pub fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// Checks a text's length in characters; the refusal names `field`.
pub fn check_length(field: &str, text: &str, least: usize, most: usize) -> Result<(), Fault> {
    let length = text.chars().count();
    if length < least {
        return Err(Fault::invalid(format!("{field}: is empty")));
    }
    if length > most {
        return Err(Fault::invalid(format!("{field}: is longer than {most} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Sample {
        #[serde(default, deserialize_with = "present")]
        limit: Option<Option<f64>>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        let read = |text: &str| read::<Sample>(text.as_bytes()).map(|sample| sample.limit);
        assert_eq!(read("{}").unwrap(), None);
        assert_eq!(read("{\"limit\": null}").unwrap(), Some(None));
        assert_eq!(read("{\"limit\": 5}").unwrap(), Some(Some(5.0)));
        for (text, named) in [
            ("{\"limit\": \"5\"}", "limit: "),
            ("{\"limit\": NaN}", "limit: "),
            ("{\"limit\": 1e999}", "limit: "),
            ("{\"limit\": 1} x", "not JSON"),
            ("[1]", "not a JSON object"),
            ("", "not a JSON object"),
            ("{\"limit\": 1, \"limit\": 2}", "limit"),
        ] {
            let message = read(text).unwrap_err().message;
            assert!(message.contains(named), "{text}: {message}");
        }
    }
}
