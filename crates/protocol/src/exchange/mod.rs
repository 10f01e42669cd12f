//! The neutral exchange between dialects: a superset of all of them.
//!
//! A decoder reads everything it knows and keeps the rest as [`Extras`]. An encoder for the same
//! dialect writes the extras back; one for another dialect drops them and records a [`Loss`].

mod event;
mod extras;
mod fault;
mod finish;
mod fold;
mod loss;
mod origin;
mod patch_outcome;
mod request;
mod response;
mod tap;
mod turn;
mod usage;

pub use event::{Event, ReasoningDelta};
pub use extras::Extras;
pub use fault::{ErrorType, Fault, RenderedError};
pub use finish::FinishReason;
pub use fold::{fold, unfold};
pub(crate) use loss::CITATIONS;
pub use loss::{Loss, Losses};
pub use origin::Origin;
pub use patch_outcome::PatchOutcome;
pub(crate) use request::NO_TOOL_LEFT;
pub use request::{
    Effort, OutputFormat, Reasoning, Request, Sampling, StopSequences, Tool, ToolChoice, ToolKind,
};
pub use response::{Additions, Charge, Choice, Identity, Response};
pub(crate) use tap::Tap;
pub use turn::{
    Block, BlockKind, CacheMark, MediaSource, ReasoningBlock, ReasoningContent, ReasoningFormat,
    Role, Turn,
};
pub(crate) use turn::{OPENING, titled};
pub(crate) use usage::MOST_COUNTED;
pub use usage::{SearchContext, Usage};
