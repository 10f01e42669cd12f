//! Step 0: which provider is meant, and where there?

use std::borrow::Cow;

use catalog::Catalog;
use http::Uri;
use percent_encoding::percent_decode_str;
use protocol::exchange::Fault;

use crate::pages;

/// Where surfaces speak a provider's protocol themselves: these are routed like any request, not
/// passed through.
const OF_SURFACES: [&str; 3] =
    ["/anthropic/v1/messages", "/anthropic/v1/messages/count_tokens", "/anthropic/v1/models"];

/// The same of one model.
const ONE_MODEL: &str = "/anthropic/v1/models/";

/// First segments that are our own. A provider of that name has the long address only.
const RESERVED: [&str; 9] =
    ["api", "assets", "dashboard", "docs", "healthz", "openapi.json", "readyz", "v1", "v1beta"];

/// The long address, for every provider whatever its name.
const EXPLICIT: &str = "/v1/passthrough/";

/// Google's WebSockets, by how their addresses begin, and whose they are. Clients address them at
/// the host, whatever base URL other calls have.
const LIVE: [(&str, &str); 2] = [
    ("/ws/google.ai.generativelanguage.", "google-ai-studio"),
    ("/ws/google.cloud.aiplatform.", "google-vertex"),
];

/// What an address says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressed {
    /// The provider's slug. Of the long address it may be anything.
    pub provider: String,
    /// The path after it, as sent: empty, or with a slash in front.
    pub rest: String,
}

/// The call of a provider's API that is meant, if one is.
pub fn addressed(uri: &Uri, catalog: &Catalog) -> Option<Addressed> {
    let path = uri.path();
    let path = path.strip_prefix("/api").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let once = without_second_slash(path);
    if let Some((_, provider)) = LIVE.iter().find(|(start, _)| once.starts_with(start)) {
        return Some(Addressed { provider: (*provider).to_owned(), rest: once.to_owned() });
    }
    let (named, is_explicit) = match path.strip_prefix(EXPLICIT) {
        Some(named) => (named, true),
        None => (path.strip_prefix('/')?, false),
    };
    let end = named.find('/').unwrap_or(named.len());
    let (provider, rest) = named.split_at(end);
    let ours = || {
        RESERVED.contains(&provider)
            || pages::SECTIONS.contains(&provider)
            || OF_SURFACES.contains(&path)
            || path.starts_with(ONE_MODEL)
    };
    if !is_explicit && (ours() || catalog.find_provider(provider).is_none()) {
        return None;
    }
    let once = without_second_slash(rest);
    let rest = if is_live(once) { once } else { rest };
    Some(Addressed { provider: provider.to_owned(), rest: rest.to_owned() })
}

/// A path without the second of two slashes in front: Google's SDK writes one, and so do base URLs.
fn without_second_slash(path: &str) -> &str {
    path.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

/// Whether a WebSocket at this address names its model in its first message, as `setup.model`. Some
/// servers decode an address before they look, and some do not tell small letters from capital ones.
pub fn is_live(rest: &str) -> bool {
    let decoded: Cow<'_, [u8]> = percent_decode_str(rest).into();
    let path = decoded.trim_ascii_start();
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    let path = &path[slashes.saturating_sub(1)..];
    LIVE.iter().any(|(start, _)| {
        path.get(..start.len()).is_some_and(|it| it.eq_ignore_ascii_case(start.as_bytes()))
    })
}

/// The path at the provider whose API is below `prefix`. A path that has the whole prefix in it
/// is taken from the host on (`/upload/v1beta/files`), and so are Google's WebSockets. Any other is put below the prefix, whose
/// last segments may be said again: `/v1/files` below `/openai/v1` is `/openai/v1/files`.
pub fn target(prefix: &str, rest: &str) -> Result<String, Fault> {
    if climbs(rest) {
        return Err(Fault::invalid(
            "the path has a segment `.` or `..`; name the provider's path without them",
        ));
    }
    if is_live(rest) || !prefix.is_empty() && contains(rest, prefix) {
        return Ok(rest.to_owned());
    }
    let repeated = prefix
        .char_indices()
        .filter(|(_, letter)| *letter == '/')
        .map(|(at, _)| at)
        .find(|at| begins(rest, &prefix[*at..]));
    let kept = &prefix[..repeated.unwrap_or(prefix.len())];
    let path = format!("{kept}{rest}");
    Ok(if path.is_empty() { "/".to_owned() } else { path })
}

/// Whether a path begins with these segments.
fn begins(path: &str, segments: &str) -> bool {
    path.strip_prefix(segments).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether these segments stand one after the other anywhere in a path.
fn contains(path: &str, segments: &str) -> bool {
    path.char_indices()
        .filter(|(_, letter)| *letter == '/')
        .any(|(at, _)| begins(&path[at..], segments))
}

/// Whether a path has segments that mean another place, however they are written: servers differ
/// in what they decode before they look.
fn climbs(path: &str) -> bool {
    let decoded: Cow<'_, [u8]> = percent_decode_str(path).into();
    let twice: Cow<'_, [u8]> = percent_encoding::percent_decode(&decoded).into();
    [decoded.as_ref(), twice.as_ref()].iter().any(|path| {
        path.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| {
            let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
            matches!(name, b"." | b"..")
        })
    })
}

/// A query as it was sent, without the keys in it that `is_ours` knows: `key=…` is where clients
/// of Google's put theirs.
pub fn query(query: &str, is_ours: impl Fn(&str) -> bool) -> String {
    let stays = |part: &&str| {
        let ours = form_urlencoded::parse(part.as_bytes())
            .next()
            .is_some_and(|(name, value)| name == "key" && is_ours(&value));
        !ours
    };
    query.split('&').filter(stays).collect::<Vec<_>>().join("&")
}

/// What ends the addresses of Bedrock at which a model is asked.
const OF_BEDROCK: [&str; 5] =
    ["converse", "converse-stream", "invoke", "invoke-with-response-stream", "count-tokens"];

/// The model that an address names: Google's `/models/{model}:…`, Bedrock's `/model/{id}/…`,
/// Azure's `/openai/deployments/{name}/…`.
pub fn model(rest: &str) -> Option<String> {
    let name = of_google(rest).or_else(|| of_bedrock(rest)).or_else(|| of_azure(rest))?;
    let name = percent_decode_str(name).decode_utf8().ok()?;
    // An ARN ends with the id of what it is of.
    let id = match name.starts_with("arn:") {
        true => name.rsplit('/').next().unwrap_or_default(),
        false => &*name,
    };
    is_name(id).then(|| id.to_owned())
}

fn of_google(rest: &str) -> Option<&str> {
    let (_, named) = rest.split_once("/models/")?;
    named.split_once(':').map(|(name, _)| name)
}

fn of_bedrock(rest: &str) -> Option<&str> {
    let (_, named) = rest.split_once("/model/")?;
    let (id, operation) = named.trim_end_matches('/').rsplit_once('/')?;
    OF_BEDROCK.contains(&operation).then_some(id)
}

fn of_azure(rest: &str) -> Option<&str> {
    let named = match rest.split_once("/openai/deployments/") {
        Some((_, named)) => named,
        None => rest.strip_prefix("/deployments/")?,
    };
    named.split_once('/').map(|(name, _)| name)
}

/// The models that a query names.
fn models_of_query(query: &str) -> impl Iterator<Item = Cow<'_, str>> {
    form_urlencoded::parse(query.as_bytes())
        .filter(|(name, value)| matches!(&**name, "model" | "deployment") && !value.is_empty())
        .map(|(_, value)| value)
}

/// The model in the query of a WebSocket; `None` if there are several.
pub fn model_of_query(query: &str) -> Option<String> {
    let mut named = models_of_query(query);
    let first = named.next().filter(|name| is_name(name))?;
    named.all(|other| other == first).then(|| first.into_owned())
}

/// What stands before the name of a model in an address.
const BEFORE_NAMES: [&str; 3] = ["/models/", "/model/", "/deployments/"];

/// Whether nobody can read of an address that another model is meant than this one, which it names
/// itself or leaves to the body.
pub fn is_clear(rest: &str, query: &str, model: &str) -> bool {
    let Ok(decoded) = percent_decode_str(rest).decode_utf8() else { return false };
    let is_odd = |letter: char| letter.is_control() || ";?#%\\".contains(letter);
    if decoded.contains("//") || decoded.contains(is_odd) {
        return false;
    }
    let decoded = decoded.to_ascii_lowercase();
    let named: usize = BEFORE_NAMES.iter().map(|before| decoded.matches(before).count()).sum();
    named == usize::from(self::model(rest).is_some())
        && models_of_query(query).all(|other| other == model)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_reach_the_same_place_with_and_without_the_prefix() {
        for (prefix, rest, at) in [
            ("/v1", "/v1/files", "/v1/files"),
            ("/v1", "/files", "/v1/files"),
            ("/v1", "", "/v1"),
            ("/v1", "/", "/v1/"),
            ("/v1", "/v1beta/files", "/v1/v1beta/files"),
            ("/v1", "/v11/files", "/v1/v11/files"),
            ("/v1beta", "/upload/v1beta/files", "/upload/v1beta/files"),
            ("/v1beta", "/v1beta/files/abc", "/v1beta/files/abc"),
            ("/openai/v1", "/openai/v1/files", "/openai/v1/files"),
            ("/openai/v1", "/v1/files", "/openai/v1/files"),
            ("/openai/v1", "/files", "/openai/v1/files"),
            ("/openai/v1", "/openai/files", "/openai/v1/openai/files"),
            (
                "/v1beta",
                "/ws/google.ai.generativelanguage.v1beta.A.B",
                "/ws/google.ai.generativelanguage.v1beta.A.B",
            ),
            ("", "/v1/files", "/v1/files"),
            ("", "", "/"),
            ("/v1", "/files/a%2Fb%20c", "/v1/files/a%2Fb%20c"),
            ("/v1", "//other.example/x", "/v1//other.example/x"),
        ] {
            assert_eq!(target(prefix, rest).unwrap(), at, "{prefix} {rest}");
        }
    }

    #[test]
    fn no_path_climbs() {
        for rest in [
            "/../admin",
            "/v1/../../admin",
            "/v1/./files",
            "/%2e%2e/admin",
            "/%2E./admin",
            "/files%2f..%2fadmin",
            "/files/..%5cadmin",
            "/files/%252e%252e/admin",
            "/..;a=b/admin",
            "/v1/files/..",
        ] {
            assert!(target("/v1", rest).is_err(), "{rest}");
        }
        for rest in ["/files/...", "/files/..a", "/files/a..b", "/.well-known/x"] {
            assert!(target("/v1", rest).is_ok(), "{rest}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_path_is_one_at_the_host(rest in "(/[a-z0-9.%/\\\\;@:]{0,20})?", prefix in "(/v1|/a/v1)?") {
            if let Ok(path) = target(&prefix, &rest) {
                proptest::prop_assert!(path.starts_with('/'));
                proptest::prop_assert!(path.ends_with(&rest));
                proptest::prop_assert!(!climbs(&path));
            }
        }
    }

    #[test]
    fn only_our_own_key_leaves_the_query() {
        let ours = |key: &str| key == "sk-or-1";
        assert_eq!(query("alt=sse&key=sk-or-1&pageSize=2", ours), "alt=sse&pageSize=2");
        assert_eq!(query("key=sk-or-1", ours), "");
        assert_eq!(query("%6Bey=sk%2Dor-1&a", ours), "a");
        assert_eq!(query("key=other&a=%20b+c&&d", ours), "key=other&a=%20b+c&&d");
    }

    #[test]
    fn the_model_is_read_from_addresses_of_googles() {
        assert_eq!(model("/v1beta/models/gemini-3:embedContent").as_deref(), Some("gemini-3"));
        assert_eq!(model("/v1/models/a%2Fb:x").as_deref(), Some("a/b"));
        for other in ["/v1/models", "/v1/models/gpt-4o", "/v1/files", "/v1/models/:x"] {
            assert_eq!(model(other), None, "{other}");
        }
    }

    #[test]
    fn the_model_is_read_from_addresses_of_clouds() {
        for (rest, name) in [
            ("/model/amazon.nova-pro-v1%3A0/converse", "amazon.nova-pro-v1:0"),
            ("/model/amazon.nova-pro-v1:0/converse-stream", "amazon.nova-pro-v1:0"),
            ("/model/us.anthropic.claude-x/invoke-with-response-stream", "us.anthropic.claude-x"),
            (
                "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.a.b/invoke",
                "us.a.b",
            ),
            ("/model/arn:aws:bedrock:us-east-1::foundation-model/a.b/invoke", "a.b"),
            ("/openai/deployments/mine/chat/completions", "mine"),
            ("/deployments/my%20own/embeddings", "my own"),
        ] {
            assert_eq!(model(rest).as_deref(), Some(name), "{rest}");
        }
        for other in ["/model/x", "/model/x/other", "/openai/deployments/x", "/v1/deployments/a/b"]
        {
            assert_eq!(model(other), None, "{other}");
        }
        assert_eq!(model_of_query("a=b&model=gpt%2Drealtime").as_deref(), Some("gpt-realtime"));
        assert_eq!(model_of_query("intent=transcription&model="), None);
        assert_eq!(model_of_query("model=m&deployment=m").as_deref(), Some("m"));
        assert_eq!(model_of_query("model=m&model=other"), None, "which one?");
    }

    #[test]
    fn sockets_of_googles_are_known_however_they_are_written() {
        let method = "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";
        for start in ["/ws/", "//ws/", "/%77s/", "/WS/", "/ws%2F"] {
            assert!(is_live(&format!("{start}{method}")), "{start}");
        }
        for other in ["/v1/ws/", "/ws/x/", ""] {
            assert!(!is_live(&format!("{other}{method}")), "{other}");
        }
    }

    #[test]
    fn an_address_is_clear_if_it_names_one_model_at_most() {
        for (rest, query) in [
            ("/v1/chat/completions", ""),
            ("/v1/chat/completions", "model=m&api-version=1"),
            ("/v1beta/models/m:generateContent", "alt=sse"),
            ("/model/arn%3Aaws%3Abedrock%3A1%3Ainference-profile%2Fm/converse", ""),
            ("/openai/deployments/m/chat/completions", "api-version=1"),
        ] {
            assert!(is_clear(rest, query, "m"), "{rest}");
        }
        for (rest, query) in [
            ("/v1/chat/completions", "model=other"),
            ("/v1/files;/chat/completions", ""),
            ("/v1/files%00/chat/completions", ""),
            ("/v1/files%3F/chat/completions", ""),
            ("/v1/files%23/chat/completions", ""),
            ("/v1/files%253F/chat/completions", ""),
            ("/v1//chat/completions", ""),
            ("/v1/models/m:x/models/n:generateContent", ""),
            ("/v1/%6Dodels/n:generateContent", ""),
            ("/v1/Models/n:generateContent", ""),
            ("/models/n/v1/chat/completions", ""),
        ] {
            assert!(!is_clear(rest, query, "m"), "{rest}");
        }
    }
}
