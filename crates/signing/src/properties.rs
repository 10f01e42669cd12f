//! Properties of all credentials: nothing panics, and nothing shows a secret.

use proptest::prelude::*;
use serde_json::Value;

use crate::fixture::{PEM, service_account};
use crate::{Credential, Invalid, MAX_CREDENTIAL_BYTES, Scheme};

/// A piece that is put where secrets are, and must come back in no error.
const MARK: &str = "S3cr3tMark";

fn schemes() -> impl Strategy<Value = Scheme> {
    prop::sample::select(vec![
        Scheme::Bearer,
        Scheme::Header("x-api-key".to_owned()),
        Scheme::Aws,
        Scheme::Google,
        Scheme::Azure,
    ])
}

/// Members of all credentials, with values that are right, wrong, or secret.
fn objects() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "type",
        "client_email",
        "private_key",
        "private_key_id",
        "token_uri",
        "project_id",
        "client_id",
        "client_secret",
        "refresh_token",
        "quota_project_id",
        "universe_domain",
        "tenant_id",
        "cloud",
        "access_key_id",
        "secret_access_key",
        "session_token",
        "region",
        MARK,
    ]);
    let values = prop_oneof![
        prop::sample::select(vec![
            "service_account",
            "authorized_user",
            "external_account",
            "AKIAIOSFODNN7EXAMPLE",
            "11111111-2222-3333-4444-555555555555",
            "a@b.test",
            "us-east-1",
            PEM,
        ])
        .prop_map(Value::from),
        "[ -~]{0,12}".prop_map(|text| Value::from(format!("{text}{MARK}{text}"))),
        Just(Value::from(vec![MARK])),
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
    ];
    let cut = any::<prop::sample::Index>();
    (prop::collection::btree_map(names, values, 0..10), cut, any::<bool>()).prop_map(
        |(members, cut, whole)| {
            let text = serde_json::to_string(&members).unwrap();
            let mut end = if whole { text.len() } else { cut.index(text.len()) + 1 };
            while !text.is_char_boundary(end) {
                end += 1;
            }
            text[..end].to_owned()
        },
    )
}

/// Whether something shows the secret piece in any of its forms.
fn shows(thing: &impl std::fmt::Debug) -> bool {
    format!("{thing:?}{thing:#?}").contains(MARK)
}

fn tells(error: &Invalid) -> bool {
    shows(error) || error.to_string().contains(MARK)
}

proptest! {
    #[test]
    fn parsing_anything_never_panics(scheme in schemes(), text in ".*") {
        let _ = Credential::parse(&scheme, &text);
    }

    #[test]
    fn kinds_never_panic(kind in "(header:)?.{0,20}") {
        let _ = Scheme::parse(&kind);
    }

    #[test]
    fn no_error_and_no_debug_shows_a_secret(scheme in schemes(), text in objects()) {
        match Credential::parse(&scheme, &text) {
            Ok(Credential::Header(header)) => prop_assert!(!shows(&header)),
            // What names an identity is shown; tests of each kind look at their secrets.
            Ok(_) => {}
            Err(error) => prop_assert!(!tells(&error), "{}", error),
        }
    }

    #[test]
    fn texts_around_a_secret_do_not_show_it(
        scheme in schemes(),
        before in "[ -~]{0,8}",
        after in "[ -~\\n]{0,8}",
    ) {
        let text = format!("{before}{MARK}{after}");
        match Credential::parse(&scheme, &text) {
            Ok(credential) => prop_assert!(!shows(&credential)),
            Err(error) => prop_assert!(!tells(&error), "{}", error),
        }
    }

    /// Any byte of a key may be wrong.
    #[test]
    fn broken_keys_are_refused_or_sign(at in any::<prop::sample::Index>(), letter in "[ -~]") {
        let mut pem = PEM.to_owned();
        let at = at.index(pem.len());
        pem.replace_range(at..=at, &letter);
        if let Ok(Credential::Token(source)) =
            Credential::parse(&Scheme::Google, &service_account("private_key", Value::from(pem)))
        {
            prop_assert!(source.request(1_795_694_400).is_ok());
        }
    }
}

#[test]
fn kinds_are_those_of_the_catalogue_and_the_clouds() {
    let header = |name: &str| Scheme::Header(name.to_owned());
    for (kind, scheme) in [
        ("bearer", Scheme::Bearer),
        ("x_api_key", header("x-api-key")),
        ("x_goog_api_key", header("x-goog-api-key")),
        ("api_key", header("api-key")),
        ("header:X-Custom", header("x-custom")),
        ("aws", Scheme::Aws),
        ("google", Scheme::Google),
        ("azure", Scheme::Azure),
    ] {
        assert_eq!(Scheme::parse(kind), Ok(scheme));
    }
    for kind in ["", "Bearer", "header:", "header:a b", "header:Host", "header:a\r\nb", "oauth"] {
        assert_eq!(Scheme::parse(kind).unwrap_err().field, "kind", "{kind}");
    }
}

#[test]
fn plain_keys_become_headers_without_white_space() {
    let header = |scheme: &Scheme, text: &str| match Credential::parse(scheme, text) {
        Ok(Credential::Header(header)) => (header.name, header.value.expose().to_owned()),
        other => panic!("{other:?}"),
    };
    let name = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(header(&Scheme::Bearer, " sk-1\r\n"), name("authorization", "Bearer sk-1"));
    assert_eq!(header(&Scheme::Header("api-key".to_owned()), "k"), name("api-key", "k"));
    let long = "k".repeat(MAX_CREDENTIAL_BYTES + 1);
    for text in ["", " \n", "a b", "Bearer sk-1", "a\nb", "ключ", long.as_str()] {
        assert!(Credential::parse(&Scheme::Bearer, text).is_err(), "{text}");
    }
    let padded = format!("k{}", " ".repeat(MAX_CREDENTIAL_BYTES));
    let error = Credential::parse(&Scheme::Bearer, &padded).unwrap_err();
    assert_eq!(error.to_string(), "`credential` is longer than 64 KiB");
}
