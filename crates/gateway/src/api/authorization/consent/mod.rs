//! What the consent page asks and tells: the page shows a person what an application wants, and
//! says whether the person agreed. Our own; the page acts with a management key. OAUTH-1, OAUTH-2

pub mod approve;
pub mod deny;
pub mod show;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::request::Given;

/// What the application put into the page's address, as it stands there.
#[derive(Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// An `https` address, or any port of localhost. Without it the page shows the code.
    callback_url: Option<String>,
    /// Required without `callback_url`.
    code_challenge: Option<String>,
    /// `S256` (unless said) or `plain`.
    code_challenge_method: Option<String>,
    #[schema(max_length = 100)]
    key_label: Option<String>,
    /// Of the key, in USD.
    limit: Option<f64>,
    /// `daily`, `weekly` or `monthly`.
    usage_limit_type: Option<String>,
    /// When the key ends, in UTC.
    expires_at: Option<String>,
    /// Id or slug; the default workspace unless said.
    workspace_id: Option<String>,
}

impl ConsentRequest {
    fn given(&self) -> Given<'_> {
        Given {
            callback_url: self.callback_url.as_deref(),
            code_challenge: self.code_challenge.as_deref(),
            code_challenge_method: self.code_challenge_method.as_deref(),
            key_label: self.key_label.as_deref(),
            limit: self.limit,
            usage_limit_type: self.usage_limit_type.as_deref(),
            expires_at: self.expires_at.as_deref(),
            workspace_id: self.workspace_id.as_deref(),
        }
    }
}

/// Where the page goes next.
#[derive(Serialize, ToSchema)]
pub struct ConsentAnswer {
    data: Consent,
}

/// What came of the request.
#[derive(Serialize, ToSchema)]
pub struct Consent {
    /// The code, if the person agreed; to be shown where there is no address to go to.
    code: Option<String>,
    /// Where to send the browser; `null` without a callback.
    redirect_url: Option<String>,
    /// Until when the code can be exchanged.
    expires_at: Option<String>,
}
