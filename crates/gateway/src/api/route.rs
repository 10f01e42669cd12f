//! `POST /route`: the plan for a chat request, its reasons and its price, without a call. Our own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use http::HeaderMap;
use protocol::Surface;
use protocol::exchange::Fault;
use protocol::json::Envelope;
use protocol::openai_chat::read_facts;
use protocol::surface::Addressed;
use serde_json::{Value, json};

use super::Refused;
use super::money::Usd;
use super::session::Session;
use crate::app::App;
use crate::clock::now_micros;
use crate::inference::Call;
use crate::inference::admit::enter;
use crate::inference::bound::Cover;
use crate::inference::handle::leave_out_unknown_prices;
use crate::inference::plan::{explain, plan};
use crate::inference::receive::receive;
use crate::inference::reserve::preview;

/// Explains the route of a chat request, as it would be for the key that asks. Management keys may
/// ask too: nobody is called.
pub async fn show(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    mut body: axum::body::Body,
) -> Result<Json<Value>, Refused> {
    // Reading a body and counting it is work, whether a model is asked or not. RATE-5
    let _place = enter(&app, &session.caller, now_micros()).await.map_err(|it| it.fault)?;
    let body = receive(&mut body, &headers, &app.settings, &app.bodies).await?;
    let (body, reasoning) = app.provenance.read(body);
    let envelope = Envelope::parse(&body).map_err(|error| Fault::invalid(error.to_string()))?;
    let facts = read_facts(&envelope)?;
    let mut call = Call::new(
        app,
        session.snapshot,
        session.caller,
        (Surface::Chat, Addressed::default()),
        Call::new_id(),
        &headers,
        facts,
    )?;
    call.reasoning = reasoning;
    let mut told = explain(&call, &body).await?;
    told["reservation"] = reservation(&call, &envelope, &body).await;
    Ok(Json(json!({ "data": told })))
}

/// What would be held for the call now, in USD, and how endpoints would be asked for it; or the
/// error it would get. `null` where no endpoint could be asked.
async fn reservation(call: &Call, envelope: &Envelope<'_>, body: &Bytes) -> Value {
    let Ok(mut route) = plan(call, body).await else { return Value::Null };
    let previewed = match leave_out_unknown_prices(call, &mut route) {
        Ok(()) => preview(call, &mut route, envelope, body).await,
        Err(fault) => Err(fault),
    };
    let (held, budget) = match previewed {
        Ok(held) => held,
        Err(fault) => {
            let rendered = protocol::openai_chat::encode_error(&fault, None, &[]);
            let told: Value = serde_json::from_slice(&rendered.body).unwrap_or_default();
            return json!({ "refused": told["error"] });
        }
    };
    let attempts: Vec<_> = route
        .candidates
        .iter()
        .filter_map(|candidate| {
            let cover =
                budget.as_ref().map(|budget| budget.cover(call, candidate, ledger::Spend::ZERO));
            let max_tokens = match cover {
                Some(Cover::Beyond) => return None,
                Some(Cover::Cut(tokens)) => Some(tokens),
                Some(Cover::Whole) | None => None,
            };
            let tag = &call.snapshot.endpoint(candidate.endpoint).tag;
            Some(json!({ "endpoint": &**tag, "max_tokens": max_tokens }))
        })
        .collect();
    json!({
        "limited": budget.is_some(),
        "credits": Usd(held.credits.0),
        "byok": Usd(held.byok.0),
        "attempts": attempts,
    })
}
