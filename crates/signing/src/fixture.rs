//! Credentials for tests. The key was made for them, and opens nothing.

use serde_json::{Value, json};

/// A private key that protects nothing.
pub(crate) const PEM: &str = include_str!("../tests/data/test_key_not_a_secret.pem");

/// Its public half, as RFC 8017 writes it.
pub(crate) const PUBLIC: &[u8] = include_bytes!("../tests/data/test_key_public.der");

/// A service account's file with a member replaced; `null` removes it.
pub(crate) fn service_account(member: &str, value: Value) -> String {
    let mut account = json!({
        "type": "service_account",
        "project_id": "my-project-123",
        "private_key_id": "0123abcd",
        "private_key": PEM,
        "client_email": "gateway@my-project-123.iam.gserviceaccount.com",
        "client_id": "100000000000000000000",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    });
    account[member] = value;
    account.to_string()
}
