//! Keeping in step with the server, and rebuilding it. The module's page says why it is done so.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use ledger::{Micros, ReservationId, Spend, day_of};

use super::books::{BooksError, Reading, Usage};
use super::counters::{SharedCounters, add_used, field, id};
use super::link::Unavailable;
use super::requests::{Entry, Joined, Settled, State};
use super::script;
use super::wire::{Reader, exact};

/// How many requests the server is told of at once.
const AT_ONCE: usize = 64;
/// How many spenders or requests go into one run of a script: it holds up everybody else.
const A_PAGE: usize = 200;

/// How fast things are done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How long nodes have to tell what they know, once the books were read. Longer than the
    /// pauses between calls of [`SharedCounters::tend`].
    pub gather: Duration,
    /// How long a node that rebuilds may be silent before another takes over.
    pub lock: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { gather: Duration::from_secs(1), lock: Duration::from_secs(10) }
    }
}

/// What [`SharedCounters::tend`] found or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tended {
    /// Requests are served.
    InStep,
    /// Another node is at rebuilding.
    Waiting,
    /// This node has rebuilt the figures.
    Rebuilt,
}

/// Why tending did not come to its end. It is to be tried again.
#[derive(Debug, thiserror::Error)]
pub enum TendError {
    /// The server is away, or changed under this node's hands.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The books could not be read.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// What the server says of its epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    /// The state and the name of the epoch; empty if there is none.
    epoch: Arc<str>,
    /// Whether somebody is at rebuilding.
    locked: bool,
}

const READY: &str = "ready";
const GATHERING: &str = "gathering";
const CLOSING: &str = "closing";

/// An epoch in a state. Its name tells the run of the server in which it began.
fn in_state(state: &str, name: &str) -> Arc<str> {
    format!("{state} {name}").into()
}

/// The state and the name of an epoch.
fn parts(epoch: &str) -> (&str, &str) {
    epoch.split_once(' ').unwrap_or(("", epoch))
}

/// The run of the server that has an epoch.
pub(super) fn server_of(epoch: &str) -> Option<&str> {
    parts(epoch).1.split_once('.').map(|(server, _)| server)
}

impl SharedCounters {
    /// Completes when something is to be tended at once.
    pub async fn trouble(&self) {
        self.0.trouble.notified().await;
    }

    /// Keeps in step with the server: joins its epoch, delivers what could not be, rebuilds it if
    /// it has lost its data. To be called every 200 ms, and after each [`Self::trouble`].
    pub async fn tend(&self, now: Micros) -> Result<Tended, TendError> {
        let _alone = self.0.tending.lock().await;
        self.0.valkey.compare_clock().await?;
        let now = self.0.valkey.now(now);
        let settled = self.requests().known_to_all();
        let server = self.0.valkey.server().await?;
        let standing = self.standing(&server).await?;
        let (state, name) = parts(&standing.epoch);
        let of_this_run = server_of(&standing.epoch) == Some(&*server);
        let joined = self.requests().joined().cloned();
        let ready = state == READY && of_this_run;
        if let Some(joined) = joined.filter(|joined| parts(&joined.epoch).1 == name) {
            if ready {
                // Whoever has the lock may have read books without the last rows.
                let settled = if standing.locked { Vec::new() } else { settled };
                self.requests().go_on(&standing.epoch, &settled);
                self.deliver(now, &standing.epoch, joined.serial).await?;
                self.ask_for_rows(now).await?;
                return Ok(Tended::InStep);
            }
            self.requests().set_open(false);
        } else {
            self.requests().set_open(false);
            if ready {
                return self.join_late(now, &standing).await;
            }
            if standing.locked && state == GATHERING && of_this_run {
                self.join(now, &standing.epoch).await?;
            }
        }
        match standing.locked {
            true => Ok(Tended::Waiting),
            false => self.rebuild_from(now, &standing).await,
        }
    }

    /// Reads the books anew while requests run, and replaces what the server has: after rows came
    /// into the books of which nobody told the server, or to be sure.
    pub async fn rebuild(&self, now: Micros) -> Result<Tended, TendError> {
        let _alone = self.0.tending.lock().await;
        self.0.valkey.compare_clock().await?;
        let now = self.0.valkey.now(now);
        let server = self.0.valkey.server().await?;
        let standing = self.standing(&server).await?;
        match standing.locked {
            true => Ok(Tended::Waiting),
            false => self.rebuild_from(now, &standing).await,
        }
    }

    async fn standing(&self, server: &str) -> Result<Standing, Unavailable> {
        let call = self.script(&script::STANDING, "");
        let mut answer = Reader::of(self.0.valkey.run(true, Some(server), &call).await?)?;
        answer.text()?;
        Ok(Standing { epoch: answer.text()?.into(), locked: answer.number()? == 1 })
    }

    /// Joins an epoch that is open already. What runs is in no books, so that the server can be
    /// told. Of what was settled that holds only if its row is not in the books even now: else it
    /// may have been read or not, and the books have to be read again, with this node present.
    async fn join_late(&self, now: Micros, standing: &Standing) -> Result<Tended, TendError> {
        let known = self.requests().to_join();
        let settled: Vec<Arc<str>> = known.iter().filter_map(|(_, entry)| row(entry)).collect();
        if !settled.is_empty() && !self.0.books.recorded(&settled).await?.is_empty() {
            if standing.locked {
                return Ok(Tended::Waiting);
            }
            return self.rebuild_from(now, standing).await;
        }
        let joined = self.tell(now, &standing.epoch, known).await?;
        self.requests().opened(&standing.epoch);
        self.deliver(now, &standing.epoch, joined.serial).await?;
        Ok(Tended::InStep)
    }

    /// Tells the server what it cannot know.
    async fn join(&self, now: Micros, epoch: &Arc<str>) -> Result<(), Unavailable> {
        let known = self.requests().to_join();
        self.tell(now, epoch, known).await.map(drop)
    }

    async fn tell(
        &self,
        now: Micros,
        epoch: &Arc<str>,
        known: Vec<(ReservationId, Entry)>,
    ) -> Result<Joined, Unavailable> {
        self.adopt_all(now, epoch, &known).await?;
        let mut requests = self.requests();
        requests.join(epoch, &known);
        requests.joined().cloned().ok_or(Unavailable::Rebuilding)
    }

    async fn adopt_all(
        &self,
        now: Micros,
        epoch: &str,
        entries: &[(ReservationId, Entry)],
    ) -> Result<(), Unavailable> {
        for page in entries.chunks(AT_ONCE) {
            let told: Vec<_> =
                page.iter().map(|(id, entry)| self.adopt(now, epoch, *id, entry)).collect();
            try_join_all(told).await?;
        }
        Ok(())
    }

    async fn adopt(
        &self,
        now: Micros,
        epoch: &str,
        reservation: ReservationId,
        entry: &Entry,
    ) -> Result<(), Unavailable> {
        let (held, deadline) = match &entry.state {
            State::Running { granted } => (*granted, entry.deadline),
            // It holds nothing, and is settled in a moment.
            _ => (Spend::ZERO, entry.deadline.max(now.saturating_add(60_000_000))),
        };
        let mut call = self.script(&script::ADOPT, epoch);
        call.arg(id(reservation)).arg(exact(deadline));
        call.arg(held.credits.0).arg(held.byok.0);
        let asked = row(entry).filter(|_| parts(epoch).0 == GATHERING);
        call.arg(asked.as_deref().unwrap_or("")).arg(self.names(&entry.spenders)?);
        self.run(epoch, &call).await.map(drop)
    }

    /// Brings the server what it does not know yet.
    async fn deliver(&self, now: Micros, epoch: &str, serial: u64) -> Result<(), Unavailable> {
        let mut due = self.requests().due(serial);
        self.adopt_all(now, epoch, &due.adopt).await?;
        if !due.adopt.is_empty() {
            let mut requests = self.requests();
            due.adopt.iter().for_each(|(id, _)| requests.registered(*id, serial));
            due.settle = requests.due(serial).settle;
        }
        for page in due.settle.chunks(AT_ONCE) {
            let settle = |(id, settled): &(ReservationId, Settled)| {
                self.deliver_settlement(epoch, settled.at, *id, settled.actual)
            };
            let settled: Vec<_> = page.iter().map(settle).collect();
            try_join_all(settled).await?;
        }
        for page in due.release.chunks(A_PAGE) {
            self.release_all(epoch, page).await?;
            let mut requests = self.requests();
            page.iter().for_each(|id| requests.released(*id));
        }
        Ok(())
    }

    /// Asks the books for rows that nobody has confirmed.
    async fn ask_for_rows(&self, now: Micros) -> Result<(), BooksError> {
        let overdue = self.requests().sweep(now);
        for page in overdue.chunks(A_PAGE) {
            let rows: Vec<Arc<str>> = page.iter().map(|(_, row)| Arc::clone(row)).collect();
            let recorded: HashSet<Arc<str>> =
                self.0.books.recorded(&rows).await?.into_iter().collect();
            let mut requests = self.requests();
            for (id, row) in page {
                if recorded.contains(row) {
                    requests.confirm(*id);
                }
            }
        }
        Ok(())
    }

    /// Rebuilds the figures, unless the server is not as it was seen any more.
    async fn rebuild_from(&self, now: Micros, seen: &Standing) -> Result<Tended, TendError> {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            return Err(Unavailable::Failed("no random number".into()).into());
        }
        let token = format!("{:032x}", u128::from_le_bytes(bytes));
        let server = self.0.valkey.server().await?;
        match self.lock(&seen.epoch, &token, self.0.pace.lock).await {
            Ok(()) => {}
            // Another node was faster.
            Err(Unavailable::Rebuilding) => return Ok(Tended::Waiting),
            Err(error) => return Err(error.into()),
        }
        let name = format!("{server}.{token}");
        let rebuilt = self.rebuild_locked(now, seen, &name, &token).await;
        if rebuilt.is_err() {
            // If this does not reach the server either, the lock ends by itself.
            let _ = self.lock("", &token, Duration::ZERO).await;
        }
        rebuilt.map(|()| Tended::Rebuilt)
    }

    async fn rebuild_locked(
        &self,
        now: Micros,
        seen: &Standing,
        name: &str,
        token: &str,
    ) -> Result<(), TendError> {
        let (usage, mut reading) =
            self.keeping_lock(&seen.epoch, token, self.0.books.read(now)).await??;
        // From here on nothing is counted any more, and what nodes tell they tell after the books
        // were read.
        let gathering = in_state(GATHERING, name);
        let mut call = self.script(&script::GATHER, &gathering);
        call.arg(token).arg(self.life());
        self.run(&gathering, &call).await?;
        self.requests().set_open(false);
        let begun = tokio::time::Instant::now();
        self.join(now, &gathering).await?;
        self.write_usage(now, &gathering, token, &usage).await?;
        tokio::time::sleep_until(begun + self.0.pace.gather).await;
        let closing = in_state(CLOSING, name);
        self.turn(&gathering, token, &closing, true).await?;
        self.leave_out_included(&closing, token, &mut *reading).await?;
        let ready = in_state(READY, name);
        self.turn(&closing, token, &ready, false).await?;
        let joined = {
            let mut requests = self.requests();
            requests.opened(&ready);
            requests.epoch()
        };
        tracing::info!(spenders = usage.len(), "rebuilt the figures in Valkey from the books");
        if let Some(joined) = joined {
            self.deliver(now, &ready, joined.serial).await?;
        }
        Ok(())
    }

    async fn write_usage(
        &self,
        now: Micros,
        gathering: &str,
        token: &str,
        usage: &[Usage],
    ) -> Result<(), Unavailable> {
        for page in usage.chunks(A_PAGE) {
            let mut call = self.script(&script::USED, gathering);
            call.arg(day_of(now)).arg("set");
            for usage in page {
                add_used(&mut call, &field(usage.kind, &usage.name), &usage.spent);
            }
            self.run(gathering, &call).await?;
            self.lock(gathering, token, self.0.pace.lock).await?;
        }
        Ok(())
    }

    /// Takes out requests whose rows the usage that was read has in it already: settling them
    /// changes nothing after this.
    async fn leave_out_included(
        &self,
        closing: &str,
        token: &str,
        reading: &mut dyn Reading,
    ) -> Result<(), TendError> {
        let mut cursor = "0".to_owned();
        loop {
            let (next, page) = self.asked(closing, &cursor).await?;
            let rows: Vec<Arc<str>> = page.iter().map(|(_, row)| Arc::clone(row)).collect();
            let included = self.keeping_lock(closing, token, reading.includes(&rows)).await??;
            let included: HashSet<Arc<str>> = included.into_iter().collect();
            let counted = page.iter().filter(|(_, row)| included.contains(row));
            let counted: Vec<ReservationId> = counted.map(|(id, _)| *id).collect();
            for page in counted.chunks(A_PAGE) {
                self.release_all(closing, page).await?;
            }
            if next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn asked(
        &self,
        closing: &str,
        cursor: &str,
    ) -> Result<(String, Vec<(ReservationId, Arc<str>)>), Unavailable> {
        let mut call = self.script(&script::ASKED, closing);
        call.arg(cursor);
        let mut answer = self.run(closing, &call).await?;
        answer.text()?;
        let next = answer.text()?;
        let mut page = Vec::new();
        while let Some(id) = answer.next() {
            let id = Reader::of(redis::Value::Array(vec![id]))?.id()?;
            page.push((ReservationId(id), answer.text()?.into()));
        }
        Ok((next, page))
    }

    /// Awaits something slow without losing the lock.
    async fn keeping_lock<T>(
        &self,
        epoch: &str,
        token: &str,
        slow: impl Future<Output = T>,
    ) -> Result<T, Unavailable> {
        let mut slow = std::pin::pin!(slow);
        loop {
            match tokio::time::timeout(self.0.pace.lock / 3, slow.as_mut()).await {
                Ok(done) => return Ok(done),
                Err(_) => self.lock(epoch, token, self.0.pace.lock).await?,
            }
        }
    }

    async fn lock(&self, epoch: &str, token: &str, life: Duration) -> Result<(), Unavailable> {
        let mut call = self.script(&script::LOCK, epoch);
        call.arg(token).arg(u64::try_from(life.as_millis()).unwrap_or(u64::MAX));
        self.run("", &call).await.map(drop)
    }

    async fn turn(
        &self,
        from: &str,
        token: &str,
        to: &str,
        keep_lock: bool,
    ) -> Result<(), Unavailable> {
        let mut call = self.script(&script::TURN, from);
        call.arg(token).arg(if keep_lock { self.life() } else { 0 }).arg(to);
        self.run(from, &call).await.map(drop)
    }

    /// Of the lock, in milliseconds.
    fn life(&self) -> u64 {
        u64::try_from(self.0.pace.lock.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The row of a request that is over.
fn row(entry: &Entry) -> Option<Arc<str>> {
    match &entry.state {
        State::Settled(settled) => Some(Arc::clone(&settled.generation)),
        _ => None,
    }
}
