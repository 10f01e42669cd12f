//! Tests of the same-protocol path.

mod members;
mod reasoning;
mod request;
mod response;
mod stream;
mod think;
mod usage;

use crate::exchange::{Charge, Identity};

fn identity() -> Identity {
    Identity { id: "gen-1".into(), model: "a/b".into(), provider: "P".into(), created: 7 }
}

fn charge() -> Charge {
    Charge { cost: "0.5".into(), is_byok: false, ..Charge::default() }
}
