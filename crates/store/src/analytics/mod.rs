//! What the roll-ups tell: activity, and questions of dashboards.
//! Nothing here reads generations, so that an answer takes as long with a million rows as with
//! ten. Texts of statements are put together from enumerations only; values are bound.

mod activity;
mod condition;
mod metric;
mod query;
mod run;

pub use activity::{ActivityQuery, ActivityRow};
pub(crate) use condition::Conditions;
pub use metric::{Figure, Metric};
pub use query::{
    AnalyticsQuery, AnalyticsResult, AnalyticsRow, Dimension, Direction, Filter, Granularity,
    Operator, Order, OrderBy, TimeRange,
};
