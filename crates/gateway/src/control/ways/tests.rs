use serde_json::{Value, json};

use super::*;

/// A key that protects nothing.
const PEM: &str = include_str!("../../../../signing/tests/data/test_key_not_a_secret.pem");

fn provider(slug: &str) -> Provider {
    let catalog = Catalog::embedded().unwrap();
    catalog.provider(catalog.find_provider(slug).unwrap()).clone()
}

fn bedrock() -> Provider {
    provider("amazon-bedrock")
}

fn with(mut provider: Provider, name: &str, value: &str) -> Provider {
    provider.base_url_values.insert(name.to_owned(), value.to_owned());
    provider
}

fn service_account() -> Value {
    json!({
        "type": "service_account", "project_id": "of-account", "private_key": PEM,
        "client_email": "gateway@of-account.iam.gserviceaccount.com",
    })
}

fn reached(owner: Owner, provider: &Provider, secret: &str) -> Result<Reach, AccessError> {
    let tokens = &mut |source| Arc::new(Tokens::new(source));
    reach_as(owner, provider, None, Some(&Secret::new(secret)), tokens)
}

fn problem(provider: &Provider, secret: &str) -> String {
    reached(Owner::Operator, provider, secret).unwrap_err().to_string()
}

#[test]
fn fixed_headers_are_what_the_style_says_and_never_show() {
    let mut provider = provider("openai");
    for (style, name, value) in [
        (AuthStyle::Bearer, "authorization", "Bearer secret"),
        (AuthStyle::XApiKey, "x-api-key", "secret"),
        (AuthStyle::Header("X-Own".to_owned()), "x-own", "secret"),
        (AuthStyle::Azure, "api-key", "secret"),
        (AuthStyle::Google, "x-goog-api-key", "secret"),
        (AuthStyle::Aws, "authorization", "Bearer secret"),
    ] {
        provider.auth = style;
        let reach = reached(Owner::Environment, &provider, " secret\n").unwrap();
        assert!(!format!("{reach:?}").contains("secret"));
        let Authorization::Header(found, sent) = reach.authorization else { panic!("{name}") };
        assert_eq!((found.as_str(), sent.to_str().unwrap()), (name, value));
    }
    assert!(reached(Owner::Environment, &provider, "a\r\nx: y").is_err(), "header injection");
}

/// wire-formats 4
#[test]
fn the_project_is_that_of_the_environment_or_of_the_credential() {
    let (vertex, account) = (provider("google-vertex"), service_account().to_string());
    let prefix = |owner, provider: &Provider| {
        let reach = reached(owner, provider, &account).unwrap();
        assert!(matches!(reach.authorization, Authorization::Token(_)));
        reach.origin.prefix
    };
    let of_account = "/v1/projects/of-account/locations/global";
    assert_eq!(prefix(Owner::Environment, &vertex), of_account);
    let vertex = with(vertex, "GOOGLE_CLOUD_PROJECT", "of-machine");
    let of_machine = "/v1/projects/of-machine/locations/global";
    assert_eq!(prefix(Owner::Environment, &vertex), of_machine);
    assert_eq!(prefix(Owner::Operator, &vertex), of_account);
    assert_eq!(prefix(Owner::Workspace, &vertex), of_account);
    let vertex = with(vertex, "GOOGLE_CLOUD_LOCATION", "us-east5");
    let reach = reached(Owner::Operator, &vertex, &account).unwrap();
    assert_eq!(reach.origin.authority.as_str(), "us-east5-aiplatform.googleapis.com");
}

#[test]
fn what_is_not_known_is_named() {
    let vertex = provider("google-vertex");
    assert!(problem(&vertex, "metadata").contains("GOOGLE_CLOUD_PROJECT"));
    assert!(problem(&provider("azure"), "key").contains("AZURE_RESOURCE_NAME"));
    assert!(problem(&bedrock(), "ABSK-key").contains("AWS_REGION"));
    let broken = json!({"type": "service_account", "client_email": "a@b"}).to_string();
    assert_eq!(problem(&vertex, &broken), "`private_key` is missing from the JSON");
    assert!(problem(&bedrock(), "AKIAIOSFODNN7EXAMPLE").starts_with("`secret_access_key`"));
}

/// wire-formats 4
#[test]
fn an_api_key_of_vertex_has_no_project_and_serves_googles_own_models() {
    let vertex = with(provider("google-vertex"), "GOOGLE_CLOUD_PROJECT", "p");
    let reach = reached(Owner::Environment, &vertex, "AQ.key").unwrap();
    assert!(reach.own_models_only);
    assert_eq!(reach.origin, Origin::parse(VERTEX_EXPRESS).unwrap());
    let catalog = Catalog::embedded().unwrap();
    let own = own_models(&catalog, catalog.find_provider("google-vertex").unwrap());
    assert!(own.iter().any(|model| model == "google/gemini-2.5-pro"));
    assert!(own.iter().all(|model| model.starts_with("google/")));
}

#[test]
fn the_machines_identity_is_not_for_workspaces() {
    let vertex = with(provider("google-vertex"), "GOOGLE_CLOUD_PROJECT", "p");
    let azure = with(provider("azure"), "AZURE_RESOURCE_NAME", "r");
    for (provider, word) in [(vertex, "metadata"), (azure, "managed_identity")] {
        for owner in [Owner::Environment, Owner::Operator] {
            let reach = reached(owner, &provider, word).unwrap();
            assert!(matches!(reach.authorization, Authorization::Token(_)));
        }
        let refused = reached(Owner::Workspace, &provider, word).unwrap_err();
        assert_eq!(refused, AccessError::Ambient);
    }
}

/// wire-formats 5.1
#[test]
fn signatures_are_for_the_region_that_is_asked() {
    let keys = |region: &str| {
        json!({
            "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "k", "region": region,
        })
        .to_string()
    };
    let region = |reach: Reach| match reach.authorization {
        Authorization::Aws(keys) => (keys.region, reach.origin.authority.to_string()),
        other => panic!("{other:?}"),
    };
    let host = |region: &str| format!("bedrock-runtime.{region}.amazonaws.com");
    let provider = with(bedrock(), "AWS_REGION", "us-west-2");
    let stored = region(reached(Owner::Operator, &provider, &keys("eu-west-1")).unwrap());
    assert_eq!(stored, ("eu-west-1".to_owned(), host("eu-west-1")));
    let beside = region(reached(Owner::Environment, &provider, &keys("eu-west-1")).unwrap());
    assert_eq!(beside, ("us-west-2".to_owned(), host("us-west-2")));
    let provider = Provider { base_url: "https://proxy.test".to_owned(), ..provider };
    let behind = region(reached(Owner::Operator, &provider, &keys("eu-west-1")).unwrap());
    assert_eq!(behind, ("eu-west-1".to_owned(), "proxy.test".to_owned()));
    // The machine's region is the operator's to lend.
    let pair = "AKIAIOSFODNN7EXAMPLE:k";
    let lent = region(reached(Owner::Operator, &provider, pair).unwrap());
    assert_eq!(lent, ("us-west-2".to_owned(), "proxy.test".to_owned()));
    assert_eq!(reached(Owner::Workspace, &provider, pair).unwrap_err(), AccessError::Region);
}

#[test]
fn lists_of_allowed_models_are_both_kept() {
    let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(both(list(&["a", "b"]), list(&["b", "c"])), list(&["b"]));
    assert_eq!(both(None, list(&["b"])), list(&["b"]));
    assert_eq!(both(list(&["a"]), None), list(&["a"]));
}

/// Where a region is not known, nothing leaves it.
#[test]
fn a_key_of_bedrock_without_a_region_asks_by_own_ids() {
    let profiles = |owner, provider: &Provider, secret: &str| {
        let tokens = &mut |source| Arc::new(Tokens::new(source));
        let secret = Secret::new(secret);
        let base_url = Some("https://proxy.test/bedrock");
        reach_as(owner, provider, base_url, Some(&secret), tokens).unwrap().profiles
    };
    let own_ids = Some(vec![None]);
    let owners = [Owner::Environment, Owner::Operator, Owner::Workspace];
    for owner in owners {
        assert_eq!(profiles(owner, &bedrock(), "ABSK-key"), own_ids, "{owner:?}");
        let named = profiles(owner, &bedrock(), r#"{"api_key":"k","region":"eu-west-1"}"#);
        assert_eq!(named.unwrap()[0], Some("eu"), "{owner:?}");
    }
    let around = |region| profile::preference(region, None);
    let on_machine = with(bedrock(), "AWS_REGION", "ap-northeast-1");
    for (owner, expected) in owners.into_iter().zip([
        around("ap-northeast-1"),
        around("ap-northeast-1"),
        own_ids.clone(),
    ]) {
        assert_eq!(profiles(owner, &on_machine, "ABSK-key"), expected, "{owner:?}");
    }
    assert_eq!(profiles(Owner::Operator, &provider("openai"), "sk-key"), None);
}

#[test]
fn ids_are_a_matter_of_the_region_or_of_a_word() {
    let place = |region: Option<&str>, word: Option<&str>| {
        let text = |text: Option<&str>| text.map(str::to_owned);
        profiles(region, &Place { region: None, inference_profile: text(word) })
    };
    assert_eq!(place(None, None), Ok(vec![None]));
    let eu = vec![Some("eu"), Some("global"), None];
    assert_eq!(place(Some("eu-west-1"), None), Ok(eu));
    assert_eq!(place(None, Some("us")), Ok(vec![Some("us"), None]));
    let unknown = place(Some("eu-west-1"), Some("europe")).unwrap_err();
    assert_eq!(unknown.field, "inference_profile");

    let key = r#"{"api_key": "ABSK-key", "region": "eu-west-1"}"#;
    let reach = reached(Owner::Operator, &bedrock(), key).unwrap();
    assert_eq!(reach.origin.authority.as_str(), "bedrock-runtime.eu-west-1.amazonaws.com");
    assert_eq!(reach.profiles.unwrap()[0], Some("eu"));
}

/// wire-formats 2.8
#[test]
fn azure_has_anthropics_protocol_at_the_host_of_foundry() {
    let azure = with(provider("azure"), "AZURE_RESOURCE_NAME", "r");
    let reach = reached(Owner::Environment, &azure, "key").unwrap();
    assert_eq!(reach.origin, Origin::parse("https://r.openai.azure.com/openai/v1").unwrap());
    let foundry = Origin::parse("https://r.services.ai.azure.com/anthropic/v1").unwrap();
    assert_eq!(reach.anthropic_origin, Some(foundry));
    assert_eq!(azure.dialect_for("anthropic"), protocol::Dialect::Anthropic);
}
