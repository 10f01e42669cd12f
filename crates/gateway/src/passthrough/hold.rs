//! Step 3: is there money left? What a call may cost is held where that can be known. Promise 3
//!
//! The body passes as it is, so it cannot be asked for less than it says: what is held is the
//! most that the call may cost, or all that is left if that is less, but no less than its body and
//! stated length come to. While it is held nobody else spends it.

use std::sync::Arc;

use catalog::{EndpointId, PriceList, ProviderId};
use ledger::{Markup, NanoUsd, PaidBy, PricePolicy, PriceVerdict, Spend};
use protocol::exchange::{ErrorType, Fault};
use store::shared::NotReserved;

use super::credential::endpoint_of;
use super::further::Further;
use super::named::Named;
use crate::app::App;
use crate::clock::{minute_of_day, now_micros};
use crate::control::limits::{Ask, Reservation};
use crate::control::{Access, Caller, Snapshot};
use crate::inference::bound::Demand;
use crate::inference::refusal::{refused_whole, unavailable};

/// The smallest amount: what has to be left where nobody knows what a call costs.
const SOMETHING: NanoUsd = NanoUsd(1);

/// Refuses models whose price nobody knows, as routing does: where a limit would not hold, and where
/// the operator wants it. Promise 2
#[derive(Clone)]
pub struct PriceCheck {
    snapshot: Arc<Snapshot>,
    provider: ProviderId,
    policy: PricePolicy,
    paid_by: PaidBy,
    /// A limit counts what the call costs.
    is_limited: bool,
}

impl PriceCheck {
    /// What holds for a caller with a credential.
    pub fn of(
        app: &App,
        snapshot: &Arc<Snapshot>,
        caller: &Caller,
        access: &Access,
        provider: ProviderId,
    ) -> Self {
        let terms = &caller.terms;
        let (paid_by, is_limited) = match access.is_byok() {
            true => (PaidBy::OwnCredential, terms.limits_byok()),
            false => (PaidBy::Credits, terms.limits_credits()),
        };
        let policy = app.settings.unknown_prices;
        Self { snapshot: Arc::clone(snapshot), provider, policy, paid_by, is_limited }
    }

    /// Judges a call before it is sent. What a long body asks for is judged at its end, and what a
    /// WebSocket does when its first message says it.
    pub fn judge_call(&self, named: &Named) -> Result<(), Fault> {
        if named.makes_token && self.is_limited {
            let message = "what is begun here passes by this gateway later, so that no limit of this \
                           key would hold; use a key without limits";
            return Err(Fault::new(ErrorType::Unprocessable, message));
        }
        if !named.is_work || named.is_open() {
            return Ok(());
        }
        // Of a member that occurs twice most readers take the last.
        let model = named.model.as_ref().or(named.may_mean.last());
        self.judge(model.map(String::as_str), named.is_plain)
    }

    /// Judges a call of this model; `None` if nobody can tell which one is asked, if one is:
    /// `is_plain` says that there is one.
    pub fn judge(&self, model: Option<&str>, is_plain: bool) -> Result<(), Fault> {
        let Some(name) = model else {
            return if is_plain { self.judge_unnamed() } else { Ok(()) };
        };
        let catalog = &self.snapshot.catalog;
        let slug = &catalog.provider(self.provider).slug;
        let endpoint = endpoint_of(catalog, self.provider, name);
        let unknown = PriceList::default();
        let prices = endpoint.map_or(&unknown, |id| &catalog.endpoint(id).price);
        let shown: String = name.chars().take(80).collect();
        let refused = |why: &str| {
            let message = format!("model: the price of {shown} at {slug} is not known, {why}");
            Err(Fault::new(ErrorType::Unprocessable, message))
        };
        let has_bound = endpoint.is_some_and(|id| {
            let demand = Demand::of_bytes((0, 1), Some(1), true, 0);
            let bound =
                demand.at(catalog.endpoint(id), catalog.dialect_of(id), Markup::default()).most();
            bound.is_some()
        });
        if self.is_limited && !has_bound {
            return refused(
                "so that no limit of this key would hold; enter a price, or use a key without \
                 limits",
            );
        }
        if self.policy.judge(prices, self.paid_by) == PriceVerdict::Refused {
            return refused(
                "and it may not be asked without one; enter a price, or allow it with \
                 unknown_prices_on_credits or unknown_prices_on_own_credential",
            );
        }
        Ok(())
    }

    /// A model that nobody can tell has no price that anybody knows.
    fn judge_unnamed(&self) -> Result<(), Fault> {
        let verdict = self.policy.judge(&PriceList::default(), self.paid_by);
        let (why, otherwise) = match () {
            () if self.is_limited => {
                ("no limit of this key would hold", "use a key without limits")
            }
            () if verdict == PriceVerdict::Refused => (
                "its price is not known",
                "allow it with unknown_prices_on_credits or unknown_prices_on_own_credential",
            ),
            () => return Ok(()),
        };
        let message = format!(
            "model: nobody can tell which model is asked, so that {why}; name it once, as `model` \
             in a JSON body that is not compressed, in a form, or in the address, or {otherwise}"
        );
        Err(Fault::new(ErrorType::Unprocessable, message))
    }
}

/// Holds what a call may cost, as far as limits leave it: at the dearest of the endpoints that it
/// may mean. With it comes what holds more, where one call may have several answers.
pub async fn hold(
    app: &Arc<App>,
    snapshot: &Snapshot,
    caller: &Arc<Caller>,
    access: &Access,
    named: &Named,
    (provider, endpoints): (ProviderId, &[EndpointId]),
) -> Result<(Reservation, Option<Further>), Fault> {
    let limits = &app.limits;
    let (most, least) = match caller.terms.limits.is_empty() {
        true => (NanoUsd::ZERO, NanoUsd::ZERO),
        false => bounds(snapshot, caller, access.is_byok(), named, (provider, endpoints)),
    };
    let spend = |amount| match access.is_byok() {
        true => Spend { credits: NanoUsd::ZERO, byok: amount },
        false => Spend { credits: amount, byok: NanoUsd::ZERO },
    };
    let ask = limits.ask(caller, spend(most.max(least)), spend(least));
    let reservation = held(app, &ask).await?;
    let further = Further::new((app, caller), access.is_byok(), &reservation, (most, least));
    Ok((reservation, further))
}

/// Holds what is asked for, and waits if only running calls are in the way.
pub async fn held(app: &Arc<App>, ask: &Ask) -> Result<Reservation, Fault> {
    let limits = &app.limits;
    let outcome = match limits.reserve(ask).await {
        Err(NotReserved::Refused(told)) if told.blocked_by_holds => {
            let patience = app.settings.limits.reservation_wait;
            limits.reserve_in_turn(ask, told.limit.spender, patience).await
        }
        outcome => outcome,
    };
    match outcome {
        Ok(reservation) => Ok(reservation),
        Err(NotReserved::Refused(told)) => Err(refused_whole(limits, &told).await),
        Err(NotReserved::Unavailable(why)) => Err(unavailable(&why)),
    }
}

/// The most that an answer of a WebSocket may cost, and the least for which it is begun, at the
/// endpoint that its first message named.
pub fn of_answer(
    snapshot: &Snapshot,
    caller: &Caller,
    is_byok: bool,
    endpoint: EndpointId,
) -> (NanoUsd, NanoUsd) {
    let named = Named { is_work: true, answers: 1, ..Named::default() };
    let provider = snapshot.catalog.provider_id_of(endpoint);
    bounds(snapshot, caller, is_byok, &named, (provider, &[endpoint]))
}

/// The most a call may cost, and the least for which it is begun, whichever endpoint it means.
fn bounds(
    snapshot: &Snapshot,
    caller: &Caller,
    is_byok: bool,
    named: &Named,
    (provider, endpoints): (ProviderId, &[EndpointId]),
) -> (NanoUsd, NanoUsd) {
    let something = (SOMETHING, SOMETHING);
    if !named.is_work {
        return something;
    }
    let catalog = &snapshot.catalog;
    let markup = if is_byok { Markup::default() } else { caller.terms.markup };
    let minute = minute_of_day(now_micros());
    // What the body refers to, the provider adds: files, former turns, what it has in its cache.
    let demand = |references| {
        Demand::of_bytes((named.size, named.answers), named.most_output, references, minute)
    };
    let (whole, alone) = (demand(true), demand(false));
    let (mut most, mut least) = something;
    for id in endpoints {
        let (endpoint, dialect) = (catalog.endpoint(*id), catalog.dialect_of(*id));
        let bound = alone.at(endpoint, dialect, markup);
        most = most.max(whole.at(endpoint, dialect, markup).most().unwrap_or(SOMETHING));
        // What is charged whatever comes of it has to be there.
        let begun_with = if named.is_background { bound.most() } else { bound.least() };
        least = least.max(begun_with.unwrap_or(SOMETHING));
    }
    if endpoints.is_empty() && named.is_long {
        // Which one is meant shows when most of it has been sent.
        let own = catalog.endpoints().filter(|(id, _)| catalog.provider_id_of(*id) == provider);
        let bounds = own
            .filter_map(|(id, endpoint)| whole.at(endpoint, catalog.dialect_of(id), markup).most());
        most = bounds.fold(most, NanoUsd::max);
    }
    (most, least)
}
