//! The OpenAPI document, made from the code and served.

use axum::Json;
use serde::Serialize;
use utoipa::openapi::OpenApi as Document;
use utoipa::{OpenApi, ToSchema};

/// The members of a chat request that this gateway reads; any other member is passed on. CHAT-3
#[derive(Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are the API's own; CHAT-3 lists them")]
pub struct ChatRequest {
    pub model: Option<String>,
    pub models: Option<Vec<String>>,
    pub messages: Vec<Message>,
    pub stream: Option<bool>,
    pub max_tokens: Option<u64>,
    pub max_completion_tokens: Option<u64>,
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    #[schema(exclusive_minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    #[schema(minimum = -2, maximum = 2)]
    pub frequency_penalty: Option<f64>,
    #[schema(minimum = -2, maximum = 2)]
    pub presence_penalty: Option<f64>,
    pub seed: Option<i64>,
    #[schema(value_type = Option<Object>)]
    pub stop: Option<String>,
    #[schema(value_type = Option<Vec<Object>>)]
    pub tools: Option<Vec<String>>,
    #[schema(value_type = Option<Object>)]
    pub tool_choice: Option<String>,
    pub parallel_tool_calls: Option<bool>,
    #[schema(value_type = Option<Object>)]
    pub response_format: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub reasoning: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub provider: Option<String>,
    pub service_tier: Option<String>,
    #[schema(max_length = 256)]
    pub session_id: Option<String>,
    pub user: Option<String>,
}

/// One message. CHAT-7
#[derive(Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are the API's own")]
pub struct Message {
    pub role: String,
    #[schema(value_type = Option<Object>)]
    pub content: Option<String>,
    pub name: Option<String>,
    pub tool_call_id: Option<String>,
}

/// A legacy completion request. CHAT-14
#[derive(Serialize, ToSchema)]
#[expect(missing_docs, reason = "the names are the API's own")]
pub struct CompletionRequest {
    pub model: Option<String>,
    pub prompt: String,
    pub stream: Option<bool>,
    pub max_tokens: Option<u64>,
}

/// An error. ERR-1
#[derive(Serialize, ToSchema)]
pub struct ErrorAnswer {
    error: ErrorObject,
}

/// What went wrong. ERR-1
#[derive(Serialize, ToSchema)]
pub struct ErrorObject {
    code: u16,
    message: String,
    #[schema(value_type = Option<Object>)]
    metadata: Option<String>,
}

macro_rules! documented {
    ($name:ident, $method:ident, $path:literal, $doc:literal $(, $request:ty)?) => {
        #[doc = $doc]
        #[utoipa::path(
            $method,
            path = $path,
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

documented!(chat, post, "/api/v1/chat/completions", "Answers a conversation.", ChatRequest);
documented!(completions, post, "/api/v1/completions", "Continues a prompt.", CompletionRequest);
documented!(route, post, "/api/v1/route", "Explains a route and calls nobody.", ChatRequest);
documented!(models, get, "/api/v1/models", "Lists models.");
documented!(count, get, "/api/v1/models/count", "Counts models.");
documented!(user, get, "/api/v1/models/user", "Lists the models the caller can use.");
documented!(model, get, "/api/v1/model/{author}/{slug}", "Shows a model.");
documented!(
    endpoints,
    get,
    "/api/v1/models/{author}/{slug}/endpoints",
    "Lists a model's endpoints."
);
documented!(providers, get, "/api/v1/providers", "Lists providers.");
documented!(
    pass_get,
    get,
    "/api/v1/passthrough/{provider}/{path}",
    "Passes a call through to a provider's own API; `path` is all of the rest. The short address is /{provider}/{path}."
);
documented!(
    pass_post,
    post,
    "/api/v1/passthrough/{provider}/{path}",
    "Passes a call through to a provider's own API, with any body."
);
documented!(
    pass_put,
    put,
    "/api/v1/passthrough/{provider}/{path}",
    "Passes a call through to a provider's own API, with any body."
);
documented!(
    pass_patch,
    patch,
    "/api/v1/passthrough/{provider}/{path}",
    "Passes a call through to a provider's own API, with any body."
);
documented!(
    pass_delete,
    delete,
    "/api/v1/passthrough/{provider}/{path}",
    "Passes a call through to a provider's own API."
);
documented!(zdr, get, "/api/v1/endpoints/zdr", "Lists endpoints that retain nothing.");

#[derive(OpenApi)]
#[openapi(
    info(title = "Trunkline", description = "A router for language models, on your own machine."),
    paths(
        chat,
        completions,
        route,
        models,
        count,
        user,
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
    )
)]
struct Api;

/// The document.
pub fn document() -> Document {
    Api::openapi()
}

/// Serves the document.
pub async fn serve() -> Json<Document> {
    Json(document())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_document() {
        let text = document().to_json().unwrap();
        for path in [
            "/api/v1/chat/completions",
            "/api/v1/completions",
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
            "/api/v1/passthrough/{provider}/{path}",
        ] {
            assert!(text.contains(&format!("\"{path}\"")), "{path}");
        }
    }
}
