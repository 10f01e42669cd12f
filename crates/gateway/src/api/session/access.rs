//! What each route asks of its callers: one line for each method of each path.
//!
//! A test goes through every operation of the OpenAPI document with every kind of caller; a route
//! that is not here fails it, and refuses everybody.

use http::Method;

use super::ability::Ability::{
    self, Audit, Credentials, Credits, KeysOwn, ManagementKeys, Members, Privacy, Workspaces,
};

/// What a route asks of its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Everyone,
    /// An API key that is not for management, or a session.
    Inference,
    /// An API key that is not for management.
    InferenceKey,
    /// A key of any kind, or a session.
    Known,
    /// A session.
    Session,
    /// A management key, or a session. What is shown and changed may depend on the role.
    Managing,
    /// A management key or a session, with an ability.
    Needs(Ability),
}

use Access::{Everyone, Inference, InferenceKey, Known, Managing, Needs, Session};

type Rules = &'static [(&'static str, &'static [(Method, Access)])];

/// The routes, by their paths in the OpenAPI document.
pub const RULES: Rules = &[
    ("/api/v1/chat/completions", &[(Method::POST, Inference)]),
    ("/api/v1/cursor/chat/completions", &[(Method::POST, Inference)]),
    ("/api/v1/completions", &[(Method::POST, Inference)]),
    ("/api/v1/responses", &[(Method::POST, Inference)]),
    ("/api/v1/responses/{id}", &[(Method::GET, Inference), (Method::DELETE, Inference)]),
    ("/api/v1/responses/{id}/input_items", &[(Method::GET, Inference)]),
    ("/api/v1/messages", &[(Method::POST, Inference)]),
    ("/anthropic/v1/messages", &[(Method::POST, Inference)]),
    ("/api/v1/messages/count_tokens", &[(Method::POST, Inference)]),
    ("/anthropic/v1/messages/count_tokens", &[(Method::POST, Inference)]),
    ("/api/v1/embeddings", &[(Method::POST, Inference)]),
    ("/api/v1/rerank", &[(Method::POST, Inference)]),
    ("/v1beta/models/{model}:generateContent", &[(Method::POST, Inference)]),
    ("/v1beta/models/{model}:streamGenerateContent", &[(Method::POST, Inference)]),
    ("/v1beta/models/{model}:countTokens", &[(Method::POST, Inference)]),
    (
        "/api/v1/passthrough/{provider}/{path}",
        &[
            (Method::GET, InferenceKey),
            (Method::POST, InferenceKey),
            (Method::PUT, InferenceKey),
            (Method::PATCH, InferenceKey),
            (Method::DELETE, InferenceKey),
        ],
    ),
    ("/v1beta/models", &[(Method::GET, Everyone)]),
    ("/v1beta/models/{model}", &[(Method::GET, Everyone)]),
    ("/anthropic/v1/models", &[(Method::GET, Everyone)]),
    ("/api/v1/models", &[(Method::GET, Everyone)]),
    ("/api/v1/models/count", &[(Method::GET, Everyone)]),
    ("/api/v1/embeddings/models", &[(Method::GET, Everyone)]),
    ("/api/v1/models/{model}", &[(Method::GET, Everyone)]),
    ("/api/v1/models/{model}:countTokens", &[(Method::POST, Inference)]),
    ("/api/v1/models/user", &[(Method::GET, Known)]),
    ("/api/v1/model/{author}/{slug}", &[(Method::GET, Everyone)]),
    ("/api/v1/models/{author}/{slug}/endpoints", &[(Method::GET, Everyone)]),
    ("/api/v1/providers", &[(Method::GET, Everyone)]),
    ("/api/v1/endpoints/zdr", &[(Method::GET, Everyone)]),
    ("/api/v1/route", &[(Method::POST, Known)]),
    ("/api/v1/key", &[(Method::GET, Known)]),
    ("/api/v1/generation", &[(Method::GET, Known)]),
    ("/api/v1/generation/content", &[(Method::GET, Known)]),
    ("/api/v1/generation/feedback", &[(Method::POST, Managing)]),
    ("/api/v1/generations/export", &[(Method::GET, Managing)]),
    ("/api/v1/keys", &[(Method::GET, Needs(KeysOwn)), (Method::POST, Needs(KeysOwn))]),
    (
        "/api/v1/keys/{hash}",
        &[
            (Method::GET, Needs(KeysOwn)),
            (Method::PATCH, Needs(KeysOwn)),
            (Method::DELETE, Needs(KeysOwn)),
        ],
    ),
    ("/api/v1/credits", &[(Method::GET, Needs(Credits))]),
    ("/api/v1/credits/grants", &[(Method::POST, Needs(Credits))]),
    ("/api/v1/credits/ledger", &[(Method::GET, Needs(Credits))]),
    ("/api/v1/credits/coinbase", &[(Method::POST, Everyone)]),
    ("/api/v1/organization/members", &[(Method::GET, Managing), (Method::POST, Needs(Members))]),
    (
        "/api/v1/organization/members/{id}",
        &[
            (Method::GET, Managing),
            (Method::PATCH, Needs(Members)),
            (Method::DELETE, Needs(Members)),
        ],
    ),
    (
        "/api/v1/organization/members/{id}/limits/{interval}",
        &[(Method::PUT, Needs(Members)), (Method::DELETE, Needs(Members))],
    ),
    ("/api/v1/workspaces", &[(Method::GET, Managing), (Method::POST, Needs(Workspaces))]),
    (
        "/api/v1/workspaces/{id}",
        &[
            (Method::GET, Managing),
            (Method::PATCH, Needs(Workspaces)),
            (Method::DELETE, Needs(Workspaces)),
        ],
    ),
    ("/api/v1/workspaces/{id}/members", &[(Method::GET, Needs(Workspaces))]),
    ("/api/v1/workspaces/{id}/members/add", &[(Method::POST, Needs(Workspaces))]),
    ("/api/v1/workspaces/{id}/members/remove", &[(Method::POST, Needs(Workspaces))]),
    ("/api/v1/workspaces/{id}/budgets", &[(Method::GET, Needs(Workspaces))]),
    (
        "/api/v1/workspaces/{id}/budgets/{interval}",
        &[
            (Method::GET, Needs(Workspaces)),
            (Method::PUT, Needs(Workspaces)),
            (Method::DELETE, Needs(Workspaces)),
        ],
    ),
    ("/api/v1/auth/keys", &[(Method::POST, Everyone)]),
    ("/api/v1/auth/keys/code", &[(Method::POST, Needs(KeysOwn))]),
    ("/api/v1/auth/consent", &[(Method::GET, Needs(KeysOwn))]),
    ("/api/v1/auth/consent/approve", &[(Method::POST, Needs(KeysOwn))]),
    ("/api/v1/auth/consent/deny", &[(Method::POST, Needs(KeysOwn))]),
    ("/api/v1/activity", &[(Method::GET, Managing)]),
    ("/api/v1/activity/export", &[(Method::GET, Managing)]),
    ("/api/v1/analytics/meta", &[(Method::GET, Managing)]),
    ("/api/v1/analytics/query", &[(Method::POST, Managing)]),
    ("/api/v1/audit", &[(Method::GET, Needs(Audit))]),
    ("/api/v1/byok", &[(Method::GET, Managing), (Method::POST, Needs(Credentials))]),
    (
        "/api/v1/byok/{id}",
        &[
            (Method::GET, Managing),
            (Method::PATCH, Needs(Credentials)),
            (Method::DELETE, Needs(Credentials)),
        ],
    ),
    ("/api/internal/byok/test", &[(Method::POST, Needs(Credentials))]),
    ("/api/internal/byok/{id}/test", &[(Method::POST, Needs(Credentials))]),
    (
        "/api/internal/management-keys",
        &[(Method::GET, Needs(ManagementKeys)), (Method::POST, Needs(ManagementKeys))],
    ),
    ("/api/internal/management-keys/{hash}", &[(Method::DELETE, Needs(ManagementKeys))]),
    ("/api/internal/keys/names", &[(Method::POST, Needs(KeysOwn))]),
    ("/api/internal/keys/{hash}/rotate", &[(Method::POST, Needs(KeysOwn))]),
    ("/api/internal/providers", &[(Method::GET, Managing)]),
    ("/api/internal/generations", &[(Method::GET, Managing)]),
    ("/api/internal/generations/export", &[(Method::GET, Managing)]),
    ("/api/internal/generations/stream", &[(Method::GET, Managing)]),
    ("/api/internal/generations/histogram", &[(Method::GET, Managing)]),
    ("/api/internal/status/providers", &[(Method::GET, Managing)]),
    ("/api/internal/models/stats", &[(Method::GET, Managing)]),
    ("/api/internal/privacy", &[(Method::GET, Managing), (Method::PATCH, Needs(Privacy))]),
    ("/api/internal/settings", &[(Method::GET, Managing)]),
    ("/api/internal/setup", &[(Method::GET, Everyone), (Method::POST, Everyone)]),
    ("/api/internal/sign-in", &[(Method::GET, Everyone)]),
    ("/api/internal/login", &[(Method::POST, Everyone)]),
    ("/api/internal/logout", &[(Method::POST, Everyone)]),
    ("/api/internal/session", &[(Method::GET, Session)]),
    ("/api/internal/profile", &[(Method::PATCH, Session)]),
    ("/api/internal/sessions", &[(Method::GET, Session)]),
    ("/api/internal/sessions/{id}", &[(Method::DELETE, Session)]),
    ("/api/internal/invites", &[(Method::GET, Needs(Members)), (Method::POST, Needs(Members))]),
    ("/api/internal/invites/show", &[(Method::POST, Everyone)]),
    ("/api/internal/invites/accept", &[(Method::POST, Everyone)]),
    ("/api/internal/invites/{id}", &[(Method::DELETE, Needs(Members))]),
    ("/api/internal/members/limits", &[(Method::GET, Managing)]),
    (
        "/api/internal/members/{id}",
        &[(Method::PATCH, Needs(Members)), (Method::DELETE, Needs(Members))],
    ),
    ("/api/internal/members/{id}/reset", &[(Method::POST, Needs(Members))]),
    ("/api/internal/oidc/begin", &[(Method::GET, Everyone)]),
    ("/api/internal/oidc/callback", &[(Method::GET, Everyone)]),
];

/// What a route asks, by the pattern of its path; `/v1` is an alias of `/api/v1`, and HEAD asks what
/// GET does. API-1
pub fn of(method: &Method, path: &str) -> Option<Access> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let same = |known: &str| known == path || known.strip_prefix("/api") == Some(path);
    let (_, methods) = RULES.iter().find(|(known, _)| same(known))?;
    methods.iter().find(|(known, _)| known == method).map(|(_, access)| *access)
}
