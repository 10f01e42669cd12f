//! The OpenAPI document, made from the code and served.

mod answer;
mod inference;
mod name;
mod request;

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

pub use answer::ErrorAnswer;
pub(super) use answer::ResponsesAnswer;
use request::ChatRequest;

macro_rules! documented {
    (
        $name:ident, $method:ident, $path:literal, $doc:literal $(, body $request:ty)?
        $(, params($($param:literal),+))? $(,)?
    ) => {
        #[doc = $doc]
        #[utoipa::path(
            $method,
            path = $path,
            $(params($(($param = String, Path)),+),)?
            $(request_body = $request,)?
            responses(
                (status = 200, body = Object),
                (status = "4XX", body = ErrorAnswer),
                (status = "5XX", body = ErrorAnswer),
            )
        )]
        #[expect(dead_code, reason = "carries the documentation of a route only")]
        fn $name() {}
    };
}

documented!(route, post, "/api/v1/route", "Explains a route and calls nobody.", body ChatRequest);
documented!(
    models,
    get,
    "/api/v1/models",
    "Lists models. With a header `anthropic-version` the list has the members that Anthropic's clients read as well."
);
documented!(
    anthropic_models,
    get,
    "/anthropic/v1/models",
    "The same, for clients that are given the address of a host."
);
documented!(count, get, "/api/v1/models/count", "Counts models.");
documented!(user, get, "/api/v1/models/user", "Lists the models the caller can use.");
documented!(embedding_models, get, "/api/v1/embeddings/models", "Lists models that make vectors.");
documented!(
    model,
    get,
    "/api/v1/model/{author}/{slug}",
    "Shows a model.",
    params("author", "slug")
);
documented!(
    endpoints,
    get,
    "/api/v1/models/{author}/{slug}/endpoints",
    "Lists a model's endpoints.",
    params("author", "slug")
);
documented!(providers, get, "/api/v1/providers", "Lists providers.");
documented!(
    pass_get,
    get,
    "/api/v1/passthrough/{provider}/{path}",
    "Passes a call through to a provider's own API; `path` is all of the rest. The short address is /{provider}/{path}.",
    params("provider", "path")
);
documented!(
    pass_post,
    post,
    "/api/v1/passthrough/{provider}/{path}",
    "Passes a call through to a provider's own API, with any body.",
    params("provider", "path")
);
documented!(
    pass_put,
    put,
    "/api/v1/passthrough/{provider}/{path}",
    "Passes a call through to a provider's own API, with any body.",
    params("provider", "path")
);
documented!(
    pass_patch,
    patch,
    "/api/v1/passthrough/{provider}/{path}",
    "Passes a call through to a provider's own API, with any body.",
    params("provider", "path")
);
documented!(
    pass_delete,
    delete,
    "/api/v1/passthrough/{provider}/{path}",
    "Passes a call through to a provider's own API.",
    params("provider", "path")
);
documented!(zdr, get, "/api/v1/endpoints/zdr", "Lists endpoints that retain nothing.");

#[derive(OpenApi)]
#[openapi(
    info(title = "Trunkline", description = "A router for language models, on your own machine."),
    paths(
        inference::chat,
        inference::cursor,
        inference::completions,
        inference::responses,
        inference::messages,
        inference::anthropic_messages,
        inference::count_tokens,
        inference::anthropic_count_tokens,
        inference::embeddings,
        inference::rerank,
        inference::generate_content,
        inference::stream_generate_content,
        inference::gemini_count_tokens,
        inference::gemini_models,
        inference::gemini_model,
        inference::retrieved_model,
        inference::count_tokens_of_version_one,
        route,
        models,
        anthropic_models,
        count,
        user,
        embedding_models,
        model,
        endpoints,
        providers,
        zdr,
        pass_get,
        pass_post,
        pass_put,
        pass_patch,
        pass_delete,
        super::key::show,
        super::generations::show::show,
        super::generations::content::show,
        super::generations::feedback::add,
        super::generations::export::export,
        super::keys::list::list,
        super::keys::create::create,
        super::keys::show::show,
        super::keys::update::update,
        super::keys::delete::delete,
        super::credits::show::show,
        super::credits::grant::grant,
        super::credits::ledger::list,
        super::credits::coinbase::gone,
        super::organization::members::list::list,
        super::organization::members::create::create,
        super::organization::members::show::show,
        super::organization::members::update::update,
        super::organization::members::delete::delete,
        super::organization::members::limits::put::put,
        super::organization::members::limits::delete::delete,
        super::workspaces::list::list,
        super::workspaces::create::create,
        super::workspaces::show::show,
        super::workspaces::update::update,
        super::workspaces::delete::delete,
        super::workspaces::members::list::list,
        super::workspaces::members::add::add,
        super::workspaces::members::remove::remove,
        super::workspaces::budgets::list::list,
        super::workspaces::budgets::show::show,
        super::workspaces::budgets::put::put,
        super::workspaces::budgets::delete::delete,
        super::authorization::exchange::exchange,
        super::authorization::code::create,
        super::authorization::consent::show::show,
        super::authorization::consent::approve::approve,
        super::authorization::consent::deny::deny,
        super::activity::list::list,
        super::activity::export::export,
        super::analytics::meta::show,
        super::analytics::query::query,
        super::audit::list::list,
        super::sign_in::setup::show,
        super::sign_in::setup::set_up,
        super::sign_in::ways::show,
        super::sign_in::login::log_in,
        super::sign_in::logout::log_out,
        super::sign_in::show::show,
        super::sign_in::profile::change,
        super::sign_in::sessions::list,
        super::sign_in::sessions::end,
        super::sign_on::begin::begin,
        super::sign_on::callback::call_back,
        super::invitations::list::list,
        super::invitations::create::create,
        super::invitations::show::show,
        super::invitations::accept::accept,
        super::invitations::remove::remove,
        super::members::limits::list,
        super::members::update::update,
        super::members::delete::delete,
        super::members::reset::reset,
        super::keys::names::tell,
        super::keys::rotate::rotate,
        super::management_keys::list::list,
        super::management_keys::create::create,
        super::management_keys::delete::delete,
        super::model_stats::show,
        super::settings::show,
        super::status::providers::list,
        super::privacy::show::show,
        super::privacy::update::update,
        super::generations::list::list,
        super::generations::export::export_filtered,
        super::generations::stream::stream,
        super::generations::histogram::show,
        super::responses::show::show,
        super::responses::delete::delete,
        super::responses::input_items::list,
        super::byok::list::list,
        super::byok::create::create,
        super::byok::show::show,
        super::byok::update::update,
        super::byok::delete::delete,
        super::byok::probe::unstored,
        super::byok::probe::stored,
        super::byok::providers::list,
    )
)]
struct Api;

/// The document.
pub fn document() -> Document {
    let mut document = Api::openapi();
    name::name_operations(&mut document);
    document
}

/// Serves the document.
pub async fn serve() -> Json<Document> {
    Json(document())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dashboard_was_made_from_this_document() {
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dashboard/openapi.json");
        let kept: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(kept).unwrap()).unwrap();
        let document = serde_json::to_value(document()).unwrap();
        assert!(document == kept, "run `npm run openapi && npm run types` in dashboard/");
    }

    #[test]
    fn every_route_is_in_the_document() {
        let text = document().to_json().unwrap();
        for path in [
            "/api/v1/chat/completions",
            "/api/v1/completions",
            "/api/v1/cursor/chat/completions",
            "/api/v1/responses",
            "/api/v1/responses/{id}",
            "/api/v1/responses/{id}/input_items",
            "/api/v1/messages",
            "/api/v1/messages/count_tokens",
            "/anthropic/v1/messages",
            "/anthropic/v1/messages/count_tokens",
            "/anthropic/v1/models",
            "/api/v1/embeddings",
            "/api/v1/rerank",
            "/v1beta/models",
            "/v1beta/models/{model}",
            "/v1beta/models/{model}:generateContent",
            "/v1beta/models/{model}:streamGenerateContent",
            "/v1beta/models/{model}:countTokens",
            "/api/v1/models/{author}/{slug}/endpoints",
            "/api/v1/generation",
            "/api/v1/key",
            "/api/v1/route",
            "/api/v1/generation/content",
            "/api/v1/generation/feedback",
            "/api/v1/generations/export",
            "/api/v1/keys",
            "/api/v1/keys/{hash}",
            "/api/v1/credits",
            "/api/v1/credits/grants",
            "/api/v1/credits/ledger",
            "/api/v1/credits/coinbase",
            "/api/v1/organization/members",
            "/api/v1/organization/members/{id}",
            "/api/v1/organization/members/{id}/limits/{interval}",
            "/api/v1/workspaces",
            "/api/v1/workspaces/{id}",
            "/api/v1/workspaces/{id}/members",
            "/api/v1/workspaces/{id}/members/add",
            "/api/v1/workspaces/{id}/members/remove",
            "/api/v1/workspaces/{id}/budgets",
            "/api/v1/workspaces/{id}/budgets/{interval}",
            "/api/v1/auth/keys",
            "/api/v1/auth/keys/code",
            "/api/v1/auth/consent",
            "/api/v1/auth/consent/approve",
            "/api/v1/auth/consent/deny",
            "/api/v1/activity",
            "/api/v1/activity/export",
            "/api/v1/analytics/meta",
            "/api/v1/analytics/query",
            "/api/v1/audit",
            "/api/internal/setup",
            "/api/internal/sign-in",
            "/api/internal/login",
            "/api/internal/logout",
            "/api/internal/session",
            "/api/internal/profile",
            "/api/internal/sessions",
            "/api/internal/sessions/{id}",
            "/api/internal/oidc/begin",
            "/api/internal/oidc/callback",
            "/api/internal/invites",
            "/api/internal/invites/show",
            "/api/internal/invites/accept",
            "/api/internal/invites/{id}",
            "/api/internal/members/limits",
            "/api/internal/members/{id}",
            "/api/internal/members/{id}/reset",
            "/api/v1/byok",
            "/api/v1/byok/{id}",
            "/api/internal/byok/test",
            "/api/internal/byok/{id}/test",
            "/api/internal/providers",
            "/api/internal/keys/{hash}/rotate",
            "/api/internal/management-keys",
            "/api/internal/management-keys/{hash}",
            "/api/internal/models/stats",
            "/api/internal/settings",
            "/api/internal/status/providers",
            "/api/internal/privacy",
            "/api/internal/generations",
            "/api/internal/generations/export",
            "/api/internal/generations/stream",
            "/api/internal/generations/histogram",
            "/api/v1/passthrough/{provider}/{path}",
        ] {
            assert!(text.contains(&format!("\"{path}\"")), "{path}");
        }
    }

    /// The surfaces have errors of their own. ERR-13, ERR-16
    #[test]
    fn errors_are_those_of_the_surface() {
        let document = serde_json::to_value(document()).unwrap();
        for (path, error) in [
            ("/api/v1/chat/completions", "ErrorAnswer"),
            ("/api/v1/embeddings", "ErrorAnswer"),
            ("/api/v1/rerank", "ErrorAnswer"),
            ("/api/v1/responses", "ResponsesError"),
            ("/api/v1/messages", "MessagesError"),
            ("/anthropic/v1/messages/count_tokens", "MessagesError"),
            ("/v1beta/models/{model}:generateContent", "GeminiError"),
        ] {
            let answers = &document["paths"][path]["post"]["responses"];
            for status in ["4XX", "5XX"] {
                let schema = &answers[status]["content"]["application/json"]["schema"]["$ref"];
                let expected = format!("#/components/schemas/{error}");
                assert_eq!(schema.as_str(), Some(expected.as_str()), "{path} {status}");
            }
        }
    }

    /// Every `{…}` of a path is described, as the format demands.
    #[test]
    fn every_part_of_a_path_is_a_parameter() {
        let document = serde_json::to_value(document()).unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let mut named: Vec<_> = path
                .split('{')
                .skip(1)
                .map(|rest| rest.split('}').next().unwrap().to_owned())
                .collect();
            named.sort();
            for (method, operation) in methods.as_object().unwrap() {
                let mut described: Vec<_> = operation["parameters"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|parameter| parameter["in"] == "path")
                    .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                    .collect();
                described.sort();
                assert_eq!(described, named, "{method} {path}");
            }
        }
    }
}
