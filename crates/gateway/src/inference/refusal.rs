//! What callers are told who cannot pay. CREDIT-4, KEYS-9, WS-7, GUARD-7

use ledger::{Limit, LimitKind, NanoUsd, Refused, Window};
use protocol::exchange::{ErrorType, Fault};
use protocol::json::RawJson;
use serde_json::{Value, json};
use store::shared::{NotReserved, Unavailable};

use super::bound::Demand;
use super::plan::Candidate;
use super::prepare::Call;
use super::reserve::bound;
use crate::api::money::Usd;
use crate::api::time::iso;
use crate::control::limits::{Limits, counts_byok};

/// When to try again where shared counters cannot be asked, in seconds.
const WITHOUT_VALKEY: u64 = 2;

/// Why nothing was reserved, as the caller is told.
pub async fn not_reserved(call: &Call, told: &NotReserved) -> Fault {
    match told {
        NotReserved::Refused(told) => refused(call, told, None, None).await,
        NotReserved::Unavailable(why) => unavailable(why),
    }
}

/// Whether a limit holds cannot be known at this moment. Promise 3
pub fn unavailable(why: &Unavailable) -> Fault {
    let mut fault = Fault::new(
        ErrorType::ProviderOverloaded,
        format!(
            "The gateway cannot tell what is left of this key's limits: {why}. Requests without \
             limits are served; try again in a moment"
        ),
    );
    fault.retry_after = Some(WITHOUT_VALKEY);
    fault
}

/// The refusal of a limit: which one, what is left of it, what is needed, when it starts afresh.
pub async fn refused(
    call: &Call,
    told: &Refused,
    demand: Option<&Demand>,
    candidate: Option<&Candidate>,
) -> Fault {
    let limits = &call.app.limits;
    let (unused, left) = what_is_left(limits, told).await;
    let affordable = demand
        .zip(candidate)
        .and_then(|(demand, candidate)| bound(call, demand, candidate).affordable(left));
    worded(told, unused, left, affordable)
}

/// The same for a call that cannot be made shorter: it is passed through as it is.
pub async fn refused_whole(limits: &Limits, told: &Refused) -> Fault {
    let (unused, left) = what_is_left(limits, told).await;
    worded(told, unused, left, None)
}

/// What of a limit is not used, and what of that is not held either, in nano-dollars.
async fn what_is_left(limits: &Limits, told: &Refused) -> (NanoUsd, NanoUsd) {
    let limit = &told.limit;
    // What was told with the refusal does if it cannot be asked any more.
    let unused = limits.unused(limit).await.unwrap_or(told.left);
    let left = held(limits, limit).await.map_or(told.left, |held| unused - held);
    (unused, left)
}

fn worded(told: &Refused, unused: NanoUsd, left: NanoUsd, affordable: Option<u64>) -> Fault {
    let limit = &told.limit;
    let (error_type, what) = match limit.kind {
        LimitKind::AccountBalance => {
            (ErrorType::PaymentRequired, "Insufficient credits".to_owned())
        }
        LimitKind::KeyLimit => (
            ErrorType::PaymentRequired,
            format!(
                "Key limit exceeded ({} limit of {})",
                span(limit.window),
                dollars(limit.amount)
            ),
        ),
        LimitKind::WorkspaceBudget => (
            ErrorType::PermissionDenied,
            format!(
                "Workspace {} budget of {} exceeded",
                limit.window.name(),
                dollars(limit.amount)
            ),
        ),
        LimitKind::MemberLimit => (
            ErrorType::PermissionDenied,
            format!("Member {} limit of {} exceeded", limit.window.name(), dollars(limit.amount)),
        ),
        LimitKind::GuardrailBudget => (
            ErrorType::PermissionDenied,
            format!(
                "Guardrail {} budget of {} exceeded",
                limit.window.name(),
                dollars(limit.amount)
            ),
        ),
    };
    let needed = told.needed;
    let mut message = match unused > NanoUsd::ZERO {
        true => format!("{what}: this request may cost {needed} USD, and {left} USD are left"),
        false => what,
    };
    if told.blocked_by_holds {
        message.push_str("; running requests hold the rest, try again when they have ended");
    } else if let Some(tokens) = affordable.filter(|tokens| *tokens > 0) {
        message.push_str(&format!("; a max_tokens of {tokens} can be afforded"));
    }
    message.push_str(match limit.kind {
        LimitKind::AccountBalance => ". Add credits to go on.",
        LimitKind::KeyLimit => ". Raise the key's limit to go on.",
        _ => ". Contact your org admin.",
    });
    let mut fault = Fault::new(error_type, message);
    if told.blocked_by_holds {
        fault.retry_after = Some(1);
    }
    let shown = json!({
        "scope": scope(limit.kind),
        "interval": limit.window.name(),
        "limit_usd": Usd(limit.amount.0),
        "left_usd": Usd(left.0),
        "needed_usd": Usd(needed.0),
        "include_byok": limit.includes_byok,
        "held_by_running_requests": told.blocked_by_holds,
        "affordable_max_tokens": affordable,
        "resets_at": limit.window.resets_at(crate::clock::now_micros()).map(iso),
    });
    member(&mut fault, "limit", &shown);
    fault
}

/// What of a limit is held for calls under way, in nano-dollars.
pub async fn held(limits: &Limits, limit: &Limit) -> Result<NanoUsd, Unavailable> {
    let held = limits.held(limit.spender).await?;
    Ok(if counts_byok(limit) { held.credits + held.byok } else { held.credits })
}

/// The refusal of what could cost more than `max_cost`: with the least it could cost, and how
/// many tokens the answer may have instead.
pub fn too_dear(most: NanoUsd, told: Option<(NanoUsd, Option<u64>)>) -> Fault {
    let message = match told {
        None => "max_cost: nobody knows what this request would cost".to_owned(),
        Some((cost, affordable)) => {
            let mut message =
                format!("max_cost: this request may cost {cost} USD, more than {most} USD");
            if let Some(tokens) = affordable.filter(|tokens| *tokens > 0) {
                message.push_str(&format!("; a max_tokens of {tokens} costs no more"));
            }
            message
        }
    };
    let mut fault = Fault::invalid(message);
    let shown = json!({
        "max_cost_usd": Usd(most.0),
        "needed_usd": told.map(|(cost, _)| Usd(cost.0)),
        "affordable_max_tokens": told.and_then(|(_, tokens)| tokens),
    });
    member(&mut fault, "limit", &shown);
    fault
}

/// The refusal of a limited key where no price is known.
pub fn unknown_price(call: &Call) -> Fault {
    Fault::new(
        ErrorType::Unprocessable,
        format!(
            "model: the price of {} is not known at any provider that could answer, so that no \
             limit of this key would hold; enter a price, or use a key without limits",
            call.model_requested
        ),
    )
}

fn member(fault: &mut Fault, name: &str, value: &Value) {
    if let Ok(raw) = RawJson::of(value) {
        fault.metadata.push((name.to_owned(), raw));
    }
}

/// What a limit is of, in the words of the API.
pub fn scope(kind: LimitKind) -> &'static str {
    match kind {
        LimitKind::GuardrailBudget => "guardrail",
        LimitKind::KeyLimit => "key_limit",
        LimitKind::MemberLimit => "member",
        LimitKind::WorkspaceBudget => "workspace",
        LimitKind::AccountBalance => "account",
    }
}

fn span(window: Window) -> &'static str {
    if window == Window::Lifetime { "total" } else { window.name() }
}

/// An amount with two digits after the point, or as many as it has. WS-7
fn dollars(amount: NanoUsd) -> String {
    let text = amount.to_string();
    match text.split_once('.') {
        None => format!("${text}.00"),
        Some((_, cents)) if cents.len() == 1 => format!("${text}0"),
        Some(_) => format!("${text}"),
    }
}
