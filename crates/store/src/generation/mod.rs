//! Generations: one frozen, typed row per billable answer, and the only source of every figure
//! about it. Rows are written by the settlement writer alone and never changed.

mod column_list;
mod columns;
mod content;
mod feedback;
mod identity;
mod postgres_columns;
mod read;
mod record;

pub(crate) use columns::{COLUMNS, bind, from_row};
pub use feedback::{FeedbackCategory, GenerationFeedback};
pub use identity::generation_id;
pub(crate) use postgres_columns::{ELEMENTS, bind_arrays};
pub use read::{GenerationCursor, GenerationFilter, GenerationPage};
pub use record::{Attempt, Generation, PriceState, SettledBy};
