//! What this node knows of its own requests: enough to tell a server that lost everything.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::{Micros, ReservationId, Spend, SpenderId};

/// How long after the end of a lease a request is kept that nobody settles: a day.
const REMEMBERED: Micros = 86_400_000_000;
/// How long after settling the books are asked for a row nobody has confirmed: a minute.
const ASKED_AFTER: Micros = 60_000_000;
/// How long between two such questions, at least: ten seconds.
const ASKED_EVERY: Micros = 10_000_000;

/// A request of this node.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub spenders: Arc<[SpenderId]>,
    /// When the lease ends.
    pub deadline: Micros,
    pub state: State,
    /// In which joining of an epoch the server was told of it.
    registered: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// The server is being asked.
    Asking,
    /// Whether it holds anything is not known, and it is not to hold anything.
    Abandoned,
    /// Under way.
    Running { granted: Spend },
    /// Over.
    Settled(Settled),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settled {
    pub at: Micros,
    pub actual: Spend,
    /// The row in the books.
    pub generation: Arc<str>,
    /// Whether the server of the current epoch has counted it.
    delivered: bool,
    /// Whether its row is in the books.
    confirmed: bool,
}

/// What is to be done before the server knows all that this node does.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub adopt: Vec<(ReservationId, Entry)>,
    pub settle: Vec<(ReservationId, Settled)>,
    pub release: Vec<ReservationId>,
}

/// Where a settlement has to go.
pub(super) enum Way {
    /// To the server, now.
    Now(Arc<str>),
    /// To the server, later.
    Later,
}

/// An epoch this node has joined.
#[derive(Debug, Clone)]
pub(super) struct Joined {
    pub epoch: Arc<str>,
    /// Counts up with each joining.
    pub serial: u64,
}

#[derive(Debug, Default)]
pub(super) struct Requests {
    entries: HashMap<ReservationId, Entry>,
    joined: Option<Joined>,
    /// Whether the epoch is open for requests.
    open: bool,
    serial: u64,
    /// When the books were last asked for rows.
    asked: Option<Micros>,
}

impl Requests {
    /// The epoch that is open for requests, if this node is in it.
    pub fn epoch(&self) -> Option<Joined> {
        self.joined.clone().filter(|_| self.open)
    }

    pub fn joined(&self) -> Option<&Joined> {
        self.joined.as_ref()
    }

    /// The epoch that was joined is open for requests, and goes by this from now on.
    pub fn opened(&mut self, epoch: &Arc<str>) {
        if let Some(joined) = &mut self.joined {
            joined.epoch = Arc::clone(epoch);
            self.open = true;
        }
    }

    /// Lets requests in, or not.
    pub fn set_open(&mut self, open: bool) {
        self.open = open;
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// A request about to be reserved for. `None` if its end is open yet.
    pub fn asking(
        &mut self,
        id: ReservationId,
        spenders: Arc<[SpenderId]>,
        deadline: Micros,
    ) -> Option<()> {
        match self.entries.get(&id).map(|entry| &entry.state) {
            Some(State::Running { .. }) => return Some(()),
            Some(State::Asking | State::Abandoned) => return None,
            Some(State::Settled(settled)) if !settled.delivered => return None,
            _ => {}
        }
        let entry = Entry { spenders, deadline, state: State::Asking, registered: 0 };
        self.entries.insert(id, entry);
        Some(())
    }

    /// The server granted it, in that joining of an epoch.
    pub fn granted(&mut self, id: ReservationId, granted: Spend, serial: u64) {
        if let Some(entry) = self.entries.get_mut(&id)
            && matches!(entry.state, State::Asking | State::Abandoned)
        {
            entry.state = State::Running { granted };
            entry.registered = serial;
        }
    }

    /// The server refused it, or has forgotten it.
    pub fn forget(&mut self, id: ReservationId) {
        self.entries.remove(&id);
    }

    /// The server did not say whether it granted it.
    pub fn undecided(&mut self, id: ReservationId) {
        if let Some(entry) = self.entries.get_mut(&id)
            && entry.state == State::Asking
        {
            entry.state = State::Abandoned;
        }
    }

    /// It is not to hold anything any more.
    pub fn abandon(&mut self, id: ReservationId) {
        if let Some(entry) = self.entries.get_mut(&id)
            && matches!(entry.state, State::Asking | State::Running { .. })
        {
            entry.state = State::Abandoned;
        }
    }

    /// What was abandoned is done with.
    pub fn released(&mut self, id: ReservationId) {
        if self.entries.get(&id).is_some_and(|entry| entry.state == State::Abandoned) {
            self.entries.remove(&id);
        }
    }

    /// A request that is made though nothing is reserved for it.
    pub fn note(&mut self, id: ReservationId, spenders: Arc<[SpenderId]>, deadline: Micros) {
        let state = State::Running { granted: Spend::ZERO };
        self.entries.insert(id, Entry { spenders, deadline, state, registered: 0 });
    }

    pub fn renewed(&mut self, id: ReservationId, deadline: Micros) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.deadline = deadline;
        }
    }

    /// A request is over. What is said first is what counts.
    pub fn settle(
        &mut self,
        id: ReservationId,
        at: Micros,
        actual: Spend,
        generation: &Arc<str>,
    ) -> Way {
        let epoch = self.epoch();
        let way = |known: bool| match &epoch {
            Some(joined) if known => Way::Now(Arc::clone(&joined.epoch)),
            _ => Way::Later,
        };
        let Some(entry) = self.entries.get_mut(&id) else {
            // Of another node, or of this one before it was started anew: the server may know.
            return way(true);
        };
        if !matches!(entry.state, State::Settled(_)) {
            let generation = Arc::clone(generation);
            let (delivered, confirmed) = (false, false);
            entry.state = State::Settled(Settled { at, actual, generation, delivered, confirmed });
        }
        let known = epoch.as_ref().is_some_and(|joined| joined.serial == entry.registered);
        way(known)
    }

    fn settled(&mut self, id: ReservationId) -> Option<&mut Settled> {
        match &mut self.entries.get_mut(&id)?.state {
            State::Settled(settled) => Some(settled),
            _ => None,
        }
    }

    /// The server of that epoch has counted it.
    pub fn delivered(&mut self, id: ReservationId, epoch: &str) {
        if self.joined.as_ref().is_some_and(|joined| *joined.epoch == *epoch)
            && let Some(settled) = self.settled(id)
        {
            settled.delivered = true;
        }
    }

    /// Its row is in the books.
    pub fn confirm(&mut self, id: ReservationId) {
        if let Some(settled) = self.settled(id) {
            settled.confirmed = true;
        }
    }

    /// Requests of which the server and the books both know. As soon as the server answers
    /// *after* this that it still is of the epoch, nothing can be lost of them any more: whoever
    /// rebuilds it will read books that have their rows.
    pub fn known_to_all(&self) -> Vec<ReservationId> {
        let known = |entry: &Entry| match &entry.state {
            State::Settled(settled) => settled.delivered && settled.confirmed,
            _ => false,
        };
        self.entries.iter().filter(|(_, entry)| known(entry)).map(|(id, _)| *id).collect()
    }

    /// The epoch that was joined is open, and such requests are known to all.
    pub fn go_on(&mut self, epoch: &Arc<str>, known_to_all: &[ReservationId]) {
        self.opened(epoch);
        for id in known_to_all {
            if self.settled(*id).is_some_and(|settled| settled.delivered && settled.confirmed) {
                self.entries.remove(id);
            }
        }
    }

    /// Drops requests whose lease has been over for a day, and names rows that should have been
    /// confirmed by now.
    pub fn sweep(&mut self, now: Micros) -> Vec<(ReservationId, Arc<str>)> {
        let since = self.asked.map(|asked| now.saturating_sub(asked));
        if since.is_some_and(|since| (0..ASKED_EVERY).contains(&since)) {
            return Vec::new();
        }
        self.asked = Some(now);
        self.entries.retain(|_, entry| {
            matches!(entry.state, State::Settled(_))
                || entry.deadline.saturating_add(REMEMBERED) > now
        });
        let overdue = |(id, entry): (&ReservationId, &Entry)| match &entry.state {
            State::Settled(settled) if !settled.confirmed => {
                (settled.at.saturating_add(ASKED_AFTER) <= now)
                    .then(|| (*id, Arc::clone(&settled.generation)))
            }
            _ => None,
        };
        self.entries.iter().filter_map(overdue).collect()
    }

    /// What the server has to be told of in a new epoch: what runs, which no books can have yet,
    /// and what was settled, which they may have.
    pub fn to_join(&self) -> Vec<(ReservationId, Entry)> {
        let told = |entry: &Entry| matches!(entry.state, State::Running { .. } | State::Settled(_));
        let entries = self.entries.iter().filter(|(_, entry)| told(entry));
        entries.map(|(id, entry)| (*id, entry.clone())).collect()
    }

    /// The server was told of these in that epoch.
    pub fn join(&mut self, epoch: &Arc<str>, told: &[(ReservationId, Entry)]) {
        self.serial += 1;
        self.joined = Some(Joined { epoch: Arc::clone(epoch), serial: self.serial });
        self.open = false;
        // Nothing is held there of what was abandoned before.
        self.entries.retain(|_, entry| entry.state != State::Abandoned);
        for entry in self.entries.values_mut() {
            if let State::Settled(settled) = &mut entry.state {
                settled.delivered = false;
            }
        }
        for (id, _) in told {
            self.registered(*id, self.serial);
        }
    }

    pub fn registered(&mut self, id: ReservationId, serial: u64) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.registered = serial;
        }
    }

    /// What the server has not been told of yet.
    pub fn due(&self, serial: u64) -> Due {
        let mut due = Due::default();
        for (id, entry) in &self.entries {
            let told = entry.registered == serial;
            match &entry.state {
                State::Asking => {}
                State::Abandoned => due.release.push(*id),
                State::Running { .. } if told => {}
                State::Settled(settled) if told => {
                    if !settled.delivered {
                        due.settle.push((*id, settled.clone()));
                    }
                }
                State::Running { .. } | State::Settled(_) => due.adopt.push((*id, entry.clone())),
            }
        }
        due
    }
}
