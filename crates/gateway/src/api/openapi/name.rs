//! Names of operations: generators of clients make functions of them, so each has its own.

use utoipa::openapi::{OpenApi, PathItem};

/// Names each operation by its method and its path, which no other has.
pub(super) fn name_operations(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let PathItem { get, put, post, delete, patch, .. } = item;
        for (method, operation) in
            [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)]
        {
            if let Some(operation) = operation {
                operation.operation_id = Some(name(method, path));
            }
        }
    }
}

/// `get` and `/api/v1/keys/{hash}` are `get_keys_by_hash`.
fn name(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let mut name = method.to_owned();
    let separate = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '{' | '}' | '_'));
    for part in path.split(separate).filter(|part| !part.is_empty()) {
        name.push('_');
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(parameter) => {
                name.push_str("by_");
                name.push_str(parameter);
            }
            None => name.push_str(part),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::document;
    use super::*;

    #[test]
    fn names_tell_method_and_path() {
        assert_eq!(name("get", "/api/v1/keys/{hash}"), "get_keys_by_hash");
        assert_eq!(name("post", "/api/v1/messages/count_tokens"), "post_messages_count_tokens");
        assert_eq!(
            name("post", "/v1beta/models/{model}:countTokens"),
            "post_v1beta_models_by_model_countTokens"
        );
    }

    #[test]
    fn no_two_operations_have_the_same_name() {
        let document = serde_json::to_value(document()).unwrap();
        let mut seen = HashSet::new();
        let mut count = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(seen.insert(name.to_owned()), "{method} {path}: {name}");
                count += 1;
            }
        }
        assert!(count > 60, "{count}");
    }
}
