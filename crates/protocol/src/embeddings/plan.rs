//! The calls one request becomes, and one answer out of theirs.

use std::ops::Range;

use super::read::broken;
use super::response::Response;
use crate::exchange::{Fault, Losses};

/// What is expected of the answer to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// How many vectors.
    pub inputs: usize,
    /// Of how many dimensions; `None` if nobody said.
    pub dimensions: Option<u32>,
}

/// The calls one request becomes: one, unless the provider takes fewer inputs a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The calls, in the order of their inputs; never none.
    pub calls: Vec<Call>,
    /// What could not be carried.
    pub losses: Losses,
}

/// One call to a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The path below the provider's base URL.
    pub path: String,
    /// The JSON body.
    pub body: Vec<u8>,
    /// Which of the request's inputs it answers.
    pub inputs: Range<usize>,
    /// What its answer has to be like.
    pub expected: Expected,
}

/// One answer out of those to the calls of a plan, in the order of the calls. Token counts are
/// added up; they are unknown if one of them is.
pub fn join(plan: &Plan, answers: Vec<Response>) -> Result<Response, Fault> {
    if answers.is_empty() || answers.len() != plan.calls.len() {
        return Err(broken(format_args!(
            "{} of {} calls were answered",
            answers.len(),
            plan.calls.len()
        )));
    }
    let mut joined: Option<Response> = None;
    for (call, answer) in plan.calls.iter().zip(answers) {
        call.expected.check(&answer.vectors)?;
        joined = Some(match joined {
            None => answer,
            Some(joined) => both(joined, answer),
        });
    }
    let joined = joined.unwrap_or_default();
    same_length(&joined.vectors)?;
    Ok(joined)
}

fn both(mut first: Response, second: Response) -> Response {
    first.vectors.extend(second.vectors);
    first.usage = match (first.usage, second.usage) {
        (Some(one), Some(other)) => Some(one.and(&other)),
        _ => None,
    };
    first.model = first.model.or(second.model);
    first.upstream_id = first.upstream_id.or(second.upstream_id);
    first
}

/// Vectors of one answer can only be compared if they have as many dimensions.
pub(super) fn same_length(vectors: &[Vec<f32>]) -> Result<(), Fault> {
    let Some((first, others)) = vectors.split_first() else { return Ok(()) };
    match others.iter().find(|vector| vector.len() != first.len()) {
        Some(other) => Err(broken(format_args!(
            "one vector has {} dimensions, another {}",
            first.len(),
            other.len()
        ))),
        None => Ok(()),
    }
}

impl Expected {
    /// Refuses vectors of the wrong number or length.
    pub(super) fn check(&self, vectors: &[Vec<f32>]) -> Result<(), Fault> {
        if vectors.len() != self.inputs {
            return Err(broken(format_args!(
                "it has {} vectors for {} inputs",
                vectors.len(),
                self.inputs
            )));
        }
        same_length(vectors)?;
        match vectors.first() {
            Some(vector) => self.check_dimensions(vector.len()),
            None => Ok(()),
        }
    }

    pub(super) fn check_dimensions(&self, found: usize) -> Result<(), Fault> {
        match self.dimensions {
            Some(wanted) if u32::try_from(found) != Ok(wanted) => Err(broken(format_args!(
                "its vectors have {found} dimensions; {wanted} were asked for"
            ))),
            _ => Ok(()),
        }
    }
}
