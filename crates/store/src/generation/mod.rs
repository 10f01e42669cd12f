//! Generations: one frozen, typed row per billable answer, and the only source of every figure
//! about it. Rows are written by the settlement writer alone and never changed.

mod columns;
mod content;
mod feedback;
mod filter;
mod histogram;
mod identity;
mod read;
mod record;
mod shared;

pub(crate) use columns::{
    COLUMNS, Cell, KINDS, Kind, RARE, from_row, has_rare, read_cells, selection, write_cells,
};
pub use feedback::{FeedbackCategory, GenerationFeedback};
pub(crate) use filter::Kept;
pub use filter::{GenerationFilter, GenerationStatus};
pub use histogram::HistogramLine;
pub use identity::generation_id;
pub use read::{GenerationCursor, GenerationExport, GenerationPage};
pub use record::{Attempt, Generation, PriceState, SettledBy};
pub(crate) use shared::{APP, MANNER};
