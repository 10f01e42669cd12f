//! The counters of many nodes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ledger::{
    Expired, Granted, Limit, Micros, NanoUsd, Refused, ReservationId, ReservationRequest,
    Settlement, Spend, SpenderId, SpenderKind, Spenders, Spent, Window, day_of,
};
use redis::{Script, ScriptInvocation};
use tokio::sync::Notify;

use super::books::Books;
use super::link::{Unavailable, Valkey};
use super::requests::{Requests, Way};
use super::script;
use super::wire::{Figures, Reader, exact, place, saturated};

/// How many leases end in one run of a script: it holds up everybody else.
const EXPIRED_AT_ONCE: usize = 500;

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReserved {
    /// It does not fit a limit.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It cannot be known whether it fits.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What spenders have used, and what is held for requests under way, of all nodes. Clones are the
/// same. Operations mean what those of [`ledger::Counters`] mean; the module's page says what
/// becomes of them while the server is away.
#[derive(Clone)]
pub struct SharedCounters(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub valkey: Valkey,
    pub spenders: Arc<RwLock<Spenders>>,
    pub books: Arc<dyn Books>,
    pub requests: Mutex<Requests>,
    pub pace: super::rebuild::Pace,
    /// Held by who tends.
    pub tending: tokio::sync::Mutex<()>,
    /// Told when something is to be tended.
    pub trouble: Notify,
    keys: [String; 5],
}

impl SharedCounters {
    /// The counters of a deployment, which goes by `namespace` on that server. Spenders are named
    /// as in `spenders`. Nothing is available before [`Self::tend`] was called.
    pub fn new(
        valkey: Valkey,
        namespace: &str,
        spenders: Arc<RwLock<Spenders>>,
        books: Arc<dyn Books>,
    ) -> Self {
        Self::with_pace(valkey, namespace, spenders, books, super::rebuild::Pace::default())
    }

    pub(super) fn with_pace(
        valkey: Valkey,
        namespace: &str,
        spenders: Arc<RwLock<Spenders>>,
        books: Arc<dyn Books>,
        pace: super::rebuild::Pace,
    ) -> Self {
        // The braces make one slot of a cluster of all keys: scripts need them on one primary.
        let keys = ["state", "leases", "lapsed", "lock", "asked"]
            .map(|name| format!("{{{namespace}}}:{name}"));
        let (requests, trouble, tending) = Default::default();
        Self(Arc::new(Inner { valkey, spenders, books, requests, pace, tending, trouble, keys }))
    }

    /// Reserves an amount under all limits, or none. Repeated under the same name it grants the
    /// same. If it is [`Unavailable`], what it may have held is given back when the server returns.
    pub async fn reserve(
        &self,
        now: Micros,
        request: &ReservationRequest<'_>,
    ) -> Result<Granted, NotReserved> {
        let now = self.0.valkey.now(now);
        let mut spenders: Vec<SpenderId> = Vec::with_capacity(request.spenders.len() + 1);
        let limited = request.limits.iter().map(|limit| limit.spender);
        for spender in request.spenders.iter().copied().chain(limited) {
            if !spenders.contains(&spender) {
                spenders.push(spender);
            }
        }
        let names = self.names(&spenders)?;
        let deadline = now.saturating_add(request.lease.max(0));
        let joined = {
            let mut requests = self.requests();
            let joined = requests.epoch().ok_or(Unavailable::Rebuilding)?;
            let spenders: Arc<[SpenderId]> = spenders.as_slice().into();
            requests.asking(request.id, spenders, deadline).ok_or(Unavailable::Undecided)?;
            joined
        };
        let undecided = Undecided { counters: self, id: request.id };
        let amount = request.amount.sane();
        let least = request.least.sane().at_most(amount);
        let mut call = self.script(&script::RESERVE, &joined.epoch);
        call.arg(id(request.id)).arg(day_of(now)).arg(exact(deadline));
        for part in [amount.credits, amount.byok, least.credits, least.byok] {
            call.arg(part.0);
        }
        call.arg(names.len()).arg(names);
        for limit in request.limits {
            let at = spenders.iter().position(|spender| *spender == limit.spender);
            call.arg(at.unwrap_or_default() + 1).arg(2 + 4 * place(limit.span()));
            call.arg(u8::from(limit.counts_byok())).arg(u8::from(limit.is_balance()));
            call.arg(breadth(limit)).arg(limit.amount.0);
        }
        let mut answer = self.run(&joined.epoch, &call).await?;
        let answered = match answer.text()?.as_str() {
            "granted" => Ok(Granted { amount: answer.spend()? }),
            "refused" => Err(refused(request.limits, &mut answer)?),
            other => return Err(unexpected(other).into()),
        };
        std::mem::forget(undecided);
        match answered {
            Ok(granted) => {
                self.requests().granted(request.id, granted.amount, joined.serial);
                Ok(granted)
            }
            Err(refused) => {
                self.requests().forget(request.id);
                Err(refused.into())
            }
        }
    }

    /// Puts down a request that is made though nothing could be reserved for it, so that its
    /// settlement will count all the same.
    pub fn note(
        &self,
        now: Micros,
        id: ReservationId,
        spenders: &[SpenderId],
        lease: Micros,
    ) -> Result<(), Unavailable> {
        let now = self.0.valkey.now(now);
        self.names(spenders)?;
        self.requests().note(id, spenders.into(), now.saturating_add(lease.max(0)));
        Ok(())
    }

    /// Frees what a reservation holds and counts what its request did cost. `generation` is its
    /// row in the books: this has to be called *before* the row is handed in, while the call
    /// itself is enough and its future may be awaited later, or never. If it is [`Unavailable`],
    /// it is delivered when the server returns, provided that this node has reserved or noted it:
    /// of others it does not know who spends. It counts once, however often it is called.
    pub fn settle(
        &self,
        now: Micros,
        id: ReservationId,
        actual: Spend,
        generation: &Arc<str>,
    ) -> impl Future<Output = Result<Settlement, Unavailable>> + Send + use<> {
        let (now, actual) = (self.0.valkey.now(now), actual.sane());
        let way = self.requests().settle(id, now, actual, generation);
        let counters = self.clone();
        async move {
            let Way::Now(epoch) = way else { return Err(Unavailable::Rebuilding) };
            counters.deliver_settlement(&epoch, now, id, actual).await
        }
    }

    pub(super) async fn deliver_settlement(
        &self,
        epoch: &str,
        now: Micros,
        reservation: ReservationId,
        actual: Spend,
    ) -> Result<Settlement, Unavailable> {
        let mut call = self.script(&script::SETTLE, epoch);
        call.arg(id(reservation)).arg(day_of(now));
        call.arg(actual.credits.0).arg(actual.byok.0);
        let mut answer = self.run(epoch, &call).await?;
        let settlement = match answer.text()?.as_str() {
            "counted" => Settlement::Counted { held: answer.spend()? },
            "late" => Settlement::CountedLate,
            "none" => Settlement::NotHeld,
            other => return Err(unexpected(other)),
        };
        self.requests().delivered(reservation, epoch);
        Ok(settlement)
    }

    /// The row of a settled request is in the database. Until this is said, or the books are seen
    /// to have it, its settlement is kept in memory for a rebuilding.
    pub fn confirm(&self, id: ReservationId) {
        self.requests().confirm(id);
    }

    /// Frees what a reservation holds; says whether it held anything. It cannot be settled after.
    /// If it is [`Unavailable`], it is done when the server returns.
    pub async fn release(&self, id: ReservationId) -> Result<bool, Unavailable> {
        let epoch = {
            let mut requests = self.requests();
            requests.abandon(id);
            requests.epoch().ok_or(Unavailable::Rebuilding)?.epoch
        };
        let held = self.release_all(&epoch, &[id]).await?;
        self.requests().released(id);
        Ok(held == [true])
    }

    pub(super) async fn release_all(
        &self,
        epoch: &str,
        ids: &[ReservationId],
    ) -> Result<Vec<bool>, Unavailable> {
        let mut call = self.script(&script::RELEASE, epoch);
        for reservation in ids {
            call.arg(id(*reservation));
        }
        let mut answer = self.run(epoch, &call).await?;
        answer.text()?;
        ids.iter().map(|_| Ok(answer.number()? == 1)).collect()
    }

    /// Begins the lease of a held reservation anew; says whether it was held.
    pub async fn renew(
        &self,
        now: Micros,
        reservation: ReservationId,
        lease: Micros,
    ) -> Result<bool, Unavailable> {
        let deadline = self.0.valkey.now(now).saturating_add(lease.max(0));
        self.requests().renewed(reservation, deadline);
        let epoch = self.epoch()?;
        let mut call = self.script(&script::RENEW, &epoch);
        call.arg(id(reservation)).arg(exact(deadline));
        let mut answer = self.run(&epoch, &call).await?;
        answer.text()?;
        Ok(answer.number()? == 1)
    }

    /// Frees what reservations hold whose lease has run out, of this node or of another, and names
    /// them. One node names each; any may call it, as often as it likes.
    pub async fn expire(&self, now: Micros) -> Result<Vec<Expired>, Unavailable> {
        let (now, epoch) = (self.0.valkey.now(now), self.epoch()?);
        // Those forgotten first: what lapses now can be settled until the next time at least.
        while self.end_leases(&epoch, "forget", now).await?.next().is_some() {}
        let mut expired = Vec::new();
        loop {
            let mut answer = self.end_leases(&epoch, "lapse", now).await?;
            let before = expired.len();
            while let Some(one) = answer.next() {
                let mut one = Reader::of(one)?;
                expired.push(Expired { id: ReservationId(one.id()?), held: one.spend()? });
            }
            if expired.len() - before < EXPIRED_AT_ONCE {
                return Ok(expired);
            }
        }
    }

    async fn end_leases(&self, epoch: &str, how: &str, now: Micros) -> Result<Reader, Unavailable> {
        let mut call = self.script(&script::EXPIRE, epoch);
        call.arg(how).arg(exact(now)).arg(EXPIRED_AT_ONCE);
        let mut answer = self.run(epoch, &call).await?;
        answer.text()?;
        Ok(answer)
    }

    /// Adds what a spender used before it was counted here. Not to be repeated when it is
    /// [`Unavailable`]: it may have been added.
    pub async fn load(
        &self,
        now: Micros,
        spender: SpenderId,
        spent: &Spent,
    ) -> Result<(), Unavailable> {
        self.change_used(now, "add", spender, spent).await
    }

    /// Replaces what a spender has used, and leaves what is held.
    pub async fn set_used(
        &self,
        now: Micros,
        spender: SpenderId,
        spent: &Spent,
    ) -> Result<(), Unavailable> {
        self.change_used(now, "set", spender, spent).await
    }

    async fn change_used(
        &self,
        now: Micros,
        how: &str,
        spender: SpenderId,
        spent: &Spent,
    ) -> Result<(), Unavailable> {
        let (now, epoch) = (self.0.valkey.now(now), self.epoch()?);
        let [name] = self.names(&[spender])?.try_into().map_err(|_| Unavailable::UnknownSpender)?;
        let mut call = self.script(&script::USED, &epoch);
        call.arg(day_of(now)).arg(how);
        add_used(&mut call, &name, spent);
        // Adding twice would be wrong, so that is not tried again.
        let repeatable = how == "set";
        self.run_as(&epoch, &call, repeatable).await.map(drop)
    }

    /// What a spender has used in the current windows. KEYS-1
    pub async fn used(&self, now: Micros, spender: SpenderId) -> Result<Spent, Unavailable> {
        Ok(self.figures(now, spender).await?.spent())
    }

    /// What is held for a spender's requests under way.
    pub async fn held(&self, spender: SpenderId) -> Result<Spend, Unavailable> {
        Ok(self.figures(0, spender).await?.held())
    }

    /// What is neither used nor held of a limit, in nano-dollars; may be negative.
    pub async fn left(&self, now: Micros, limit: &Limit) -> Result<NanoUsd, Unavailable> {
        Ok(self.figures(now, limit.spender).await?.left(limit).1)
    }

    /// What is not used of a limit, in nano-dollars, whatever is held: `limit_remaining`. KEYS-8
    pub async fn unused(&self, now: Micros, limit: &Limit) -> Result<NanoUsd, Unavailable> {
        Ok(self.figures(now, limit.spender).await?.left(limit).0)
    }

    /// How many reservations are held, of all nodes.
    pub async fn running(&self) -> Result<u64, Unavailable> {
        let (running, _) = self.read(0, Vec::new()).await?;
        Ok(running.unsigned_abs())
    }

    async fn figures(&self, now: Micros, spender: SpenderId) -> Result<Figures, Unavailable> {
        let (_, mut answer) = self.read(now, self.names(&[spender])?).await?;
        Figures::read(answer.part()?)
    }

    async fn read(&self, now: Micros, names: Vec<String>) -> Result<(i64, Reader), Unavailable> {
        let (now, epoch) = (self.0.valkey.now(now), self.epoch()?);
        let mut call = self.script(&script::READ, &epoch);
        call.arg(day_of(now)).arg(names);
        let mut answer = self.run(&epoch, &call).await?;
        answer.text()?;
        Ok((answer.number()?, answer))
    }

    /// By how much this node's clock, which says `own`, is ahead of the one that all nodes go by, in
    /// microseconds; `None` where it is not known.
    pub fn ahead(&self, own: Micros) -> Option<Micros> {
        self.0.valkey.ahead(own)
    }

    /// How many requests this node keeps in memory for a rebuilding.
    pub fn kept(&self) -> usize {
        self.requests().len()
    }

    pub(super) fn requests(&self) -> MutexGuard<'_, Requests> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn epoch(&self) -> Result<Arc<str>, Unavailable> {
        Ok(self.requests().epoch().ok_or(Unavailable::Rebuilding)?.epoch)
    }

    /// The names under which the server knows spenders.
    pub(super) fn names(&self, spenders: &[SpenderId]) -> Result<Vec<String>, Unavailable> {
        let known = self.0.spenders.read().unwrap_or_else(PoisonError::into_inner);
        let name = |spender: &SpenderId| known.name(*spender).map(|(kind, name)| field(kind, name));
        spenders.iter().map(|spender| name(spender).ok_or(Unavailable::UnknownSpender)).collect()
    }

    /// A script with its keys, for who lives in that epoch.
    pub(super) fn script<'a>(&self, script: &'a Script, epoch: &str) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        for key in &self.0.keys {
            call.key(key);
        }
        call.arg(epoch);
        call
    }

    /// Runs a script that may be run twice.
    pub(super) async fn run(
        &self,
        epoch: &str,
        call: &ScriptInvocation<'_>,
    ) -> Result<Reader, Unavailable> {
        self.run_as(epoch, call, true).await
    }

    async fn run_as(
        &self,
        epoch: &str,
        call: &ScriptInvocation<'_>,
        repeatable: bool,
    ) -> Result<Reader, Unavailable> {
        let server = super::rebuild::server_of(epoch);
        let answer = self.0.valkey.run(repeatable, server, call).await;
        let answer = answer.and_then(|answer| match &answer {
            redis::Value::Array(values)
                if values.first() == Some(&redis::Value::BulkString(b"moved".to_vec())) =>
            {
                Err(Unavailable::Rebuilding)
            }
            _ => Reader::of(answer),
        });
        if let Err(Unavailable::Rebuilding) = &answer {
            self.out_of_step(epoch);
        }
        answer
    }

    /// The server is not of that epoch any more.
    fn out_of_step(&self, epoch: &str) {
        let mut requests = self.requests();
        if requests.epoch().is_some_and(|joined| *joined.epoch == *epoch) {
            requests.set_open(false);
            self.0.trouble.notify_one();
        }
    }
}

/// A reservation whose answer is waited for. When the wait ends without one, what may be held is
/// to be given back.
struct Undecided<'a> {
    counters: &'a SharedCounters,
    id: ReservationId,
}

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        self.counters.requests().undecided(self.id);
    }
}

/// The name under which the server knows a spender.
pub(super) fn field(kind: SpenderKind, name: &str) -> String {
    let kind = match kind {
        SpenderKind::Account => 'a',
        SpenderKind::Workspace => 'w',
        SpenderKind::Member => 'm',
        SpenderKind::Key => 'k',
    };
    format!("{kind}:{name}")
}

pub(super) fn id(id: ReservationId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

/// The arguments that tell what a spender has used.
pub(super) fn add_used(call: &mut ScriptInvocation<'_>, name: &str, spent: &Spent) {
    call.arg(name);
    for window in Window::ALL {
        call.arg(spent.credits.get(window).0).arg(spent.byok.get(window).0);
    }
}

/// A number in the order of breadths.
fn breadth(limit: &Limit) -> usize {
    let (kind, window) = limit.breadth();
    kind as usize * Window::ALL.len() + place(window)
}

fn refused(limits: &[Limit], answer: &mut Reader) -> Result<Refused, Unavailable> {
    let at = usize::try_from(answer.number()?).unwrap_or(usize::MAX);
    let limit = *limits.get(at).ok_or_else(|| unexpected("refused"))?;
    let blocked_by_holds = answer.number()? == 0;
    let day = answer.number()?;
    let (left, needed) = (answer.amount()?, answer.amount()?);
    Ok(Refused {
        limit,
        left: saturated(left),
        needed: saturated(needed),
        resets_at: limit.span().next_day(day).map(|day| day.saturating_mul(86_400_000_000)),
        blocked_by_holds,
    })
}

fn unexpected(answer: &str) -> Unavailable {
    Unavailable::Failed(format!("an answer of another form: {answer}"))
}
