//! The same protocol on both sides: requests and answers are edited at the top level, and what
//! nobody here knows survives byte for byte.

mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;

pub use request::{RequestPatch, patch_request, patch_request_with};
pub use response::{PatchedResponse, patch_response};
pub use stream::PatchStream;

use super::usage;
use super::wire::{into_text, raw};
use crate::exchange::{Additions, Usage};
use crate::json::{Object, RawJson};

/// The provider's `usage` with what the answer cost; made from the counts where it sent none.
/// USAGE-7
fn usage_with_charge(
    told: Option<&RawJson>,
    counts: Option<&Usage>,
    service_tier: Option<&str>,
    additions: Additions<'_>,
) -> Option<String> {
    let mut out = Vec::with_capacity(256);
    match told.and_then(|told| Object::of(told.as_raw()).ok()) {
        Some(object) => {
            out.push(b'{');
            let ours = ["cost", "is_byok", "cost_details"];
            for (name, value) in object.iter().filter(|(name, _)| !ours.contains(name)) {
                raw(&mut out, name, value.get());
            }
            if let Some(charge) = additions.charge {
                usage::write_charge(&mut out, charge);
            }
            out.push(b'}');
        }
        None if counts.is_some() || additions.charge.is_some() => {
            usage::write(&mut out, counts, service_tier, additions.charge);
        }
        None => return None,
    }
    Some(into_text(out))
}
