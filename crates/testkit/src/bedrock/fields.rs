//! Reading members, with the wording of the service.

use serde_json::{Map, Value};

use crate::rejection::Rejection;

/// The members of an object, all of them known. The service itself passes over what it does not
/// know at the top; here it is refused, since nothing should send it.
pub(super) fn object<'a>(
    value: &'a Value,
    path: &str,
    known: &[&str],
) -> Result<&'a Map<String, Value>, Rejection> {
    let fields = value.as_object().ok_or_else(|| shape(path))?;
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Rejection::invalid(format!(
            "The field {key} at {path} is not known. Remove it and try again."
        ))),
        None => Ok(fields),
    }
}

/// A value of another JSON type than the service reads there.
pub(super) fn shape(path: &str) -> Rejection {
    Rejection::invalid(format!("Unexpected type at {path}")).kind("SerializationException")
}

/// A value outside what the service model allows.
pub(super) fn constraint(path: &str, value: &str, what: &str) -> Rejection {
    Rejection::invalid(format!(
        "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {what}"
    ))
}

/// What the model itself refuses, as the service passes it on.
pub(super) fn model(message: &str) -> Rejection {
    Rejection::invalid(format!("The model returned the following errors: {message}"))
}

/// A required text.
pub(super) fn text<'a>(
    fields: &'a Map<String, Value>,
    key: &str,
    path: &str,
) -> Result<&'a str, Rejection> {
    match fields.get(key) {
        Some(value) => value.as_str().ok_or_else(|| shape(&format!("{path}.{key}"))),
        None => Err(constraint(&format!("{path}.{key}"), "null", "Member must not be null")),
    }
}

/// A list, empty if absent.
pub(super) fn list<'a>(
    fields: &'a Map<String, Value>,
    key: &str,
    path: &str,
) -> Result<&'a [Value], Rejection> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(shape(&format!("{path}.{key}"))),
    }
}
