//! What makes of one node one of many.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use ledger::Spenders;
use store::shared::{SharedCounters, SharedRates, SharedSticky, StoreBooks, Valkey};
use store::{ControlState, Store};

use super::counters::Limits;
use super::rates::Rates;
use super::shared::Shared;
use crate::inference::sticky::Stickiness;
use crate::settings::WithoutValkey;

/// What nodes of a deployment share beside the database.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// The server where they share it.
    pub valkey: Valkey,
}

/// What all requests of a node count with.
pub(crate) struct Tables {
    pub limits: Arc<Limits>,
    pub rates: Rates,
    pub sticky: Stickiness,
}

impl Tables {
    /// Those of one node alone.
    pub fn local(lease: Duration) -> Self {
        Self {
            limits: Arc::new(Limits::new(lease)),
            rates: Rates::default(),
            sticky: Stickiness::default(),
        }
    }

    /// Those that nodes over the same database share.
    pub fn shared(
        nodes: &Nodes,
        store: &Store,
        state: &ControlState,
        lease: Duration,
        without: WithoutValkey,
    ) -> Self {
        // Deployments that share a server by mistake, or on purpose, do not meet there.
        let first = state.accounts.iter().min_by_key(|account| (account.created_at, &account.id));
        let account = first.map_or("none", |account| account.id.as_str());
        let namespace = format!("trunkline:{account}");
        let names: Arc<RwLock<Spenders>> = Arc::default();
        let books = Arc::new(StoreBooks::new(store.clone()));
        let valkey = || nodes.valkey.clone();
        let counters = SharedCounters::new(valkey(), &namespace, Arc::clone(&names), books);
        let shared = Shared::begin(counters, without);
        Self {
            limits: Arc::new(Limits::shared(shared, Arc::clone(&names), lease)),
            rates: Rates::shared(SharedRates::new(valkey(), &namespace), names),
            sticky: Stickiness::shared(SharedSticky::new(valkey(), &namespace)),
        }
    }
}
