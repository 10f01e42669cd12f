//! `/api/internal/status`: how providers do. Our own.

mod outcome;
pub mod providers;
