//! A question to the roll-ups, and its answer (ACT-3).

use super::metric::{Figure, Metric};
use crate::{Micros, StoreError};

macro_rules! words {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $name:ident $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$doc])* $name,)*
        }

        impl $type {
            /// Every one.
            pub const ALL: &[$type] = &[$($type::$name),*];

            /// The word used in the API.
            pub fn as_str(self) -> &'static str {
                match self { $($type::$name => $word,)* }
            }

            /// Reads the word of `as_str`.
            pub fn parse(text: &str) -> Option<$type> {
                $type::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }
    };
}

words! {
    /// By what usage can be told apart and narrowed.
    Dimension {
        /// The account.
        Account "account",
        /// The workspace.
        Workspace "workspace",
        /// The hash of the API key.
        ApiKey "api_key",
        /// The member whose key it is; empty for a key that is nobody's.
        Member "user",
        /// Slug of the model served.
        Model "model",
        /// Dated slug of the model served.
        ModelPermaslug "model_permaslug",
        /// Tag of the endpoint.
        Endpoint "endpoint",
        /// Name of the provider.
        Provider "provider",
        /// Slug of the provider.
        ProviderSlug "provider_slug",
        /// What the calling application calls itself; `other` for those beyond the thousand that
        /// are told apart, empty for those that say nothing.
        App "app",
        /// Whether the caller's own provider key was used: `true` or `false`.
        Byok "is_byok",
    }
}

words! {
    /// How long the stretches of time are that figures are told for, UTC.
    Granularity {
        /// A minute.
        Minute "minute",
        /// An hour.
        Hour "hour",
        /// A day.
        Day "day",
        /// A week from Monday.
        Week "week",
        /// A calendar month.
        Month "month",
    }
}

words! {
    /// How a dimension is compared; texts by their bytes.
    Operator {
        /// Equal to the one value.
        Eq "eq",
        /// Other than the one value.
        Neq "neq",
        /// Equal to any of the values.
        In "in",
        /// Equal to none of the values.
        NotIn "not_in",
        /// After the one value.
        Gt "gt",
        /// After or equal to the one value.
        Gte "gte",
        /// Before the one value.
        Lt "lt",
        /// Before or equal to the one value.
        Lte "lte",
    }
}

words! {
    /// Which end comes first.
    Direction {
        /// The least first.
        Ascending "asc",
        /// The greatest first.
        Descending "desc",
    }
}

/// One condition on a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// What is compared.
    pub dimension: Dimension,
    /// How.
    pub operator: Operator,
    /// With what: one value, or up to a hundred for [`Operator::In`] and [`Operator::NotIn`].
    pub values: Vec<String>,
}

/// A stretch of time: microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// Its first moment.
    pub start: Micros,
    /// The moment after its last.
    pub end: Micros,
}

/// What rows are put in order by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The time; without a granularity it orders nothing.
    Time,
    /// A metric, which must be among those asked for unless it is [`Metric::RequestCount`].
    Metric(Metric),
    /// A dimension, which must be among those asked for.
    Dimension(Dimension),
}

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderBy {
    /// By what.
    pub order: Order,
    /// Which end first.
    pub direction: Direction,
}

/// A question (ACT-3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticsQuery {
    /// What to tell; at least one.
    pub metrics: Vec<Metric>,
    /// What to tell apart; at most two.
    pub dimensions: Vec<Dimension>,
    /// Which usage; at most twenty-one conditions, which all have to hold.
    pub filters: Vec<Filter>,
    /// The stretches to tell it for; `None` for the range as a whole.
    pub granularity: Option<Granularity>,
    /// Which time. By hour and minute it is taken to the minute; otherwise too as long as the
    /// minutes are kept, and beyond that by whole days.
    pub time_range: TimeRange,
    /// The order; without one the oldest come first, and of one time those with the most of the
    /// first metric.
    pub order_by: Vec<OrderBy>,
    /// The most rows, at most 1000.
    pub limit: u32,
    /// How many rows are told of each combination of dimensions, those first in the order;
    /// nothing where there are no dimensions.
    pub group_limit: Option<u32>,
}

/// One row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalyticsRow {
    /// The first moment of its stretch, if there is a granularity.
    pub time: Option<Micros>,
    /// The values of the dimensions, in the order asked for.
    pub dimensions: Vec<String>,
    /// How many answers there were, whether asked for or not.
    pub requests: i64,
    /// The values of the metrics, in the order asked for; `None` where there is nothing to tell
    /// it from.
    pub figures: Vec<Option<Figure>>,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnalyticsResult {
    /// The rows.
    pub rows: Vec<AnalyticsRow>,
    /// Whether there were more than asked for.
    pub truncated: bool,
    /// Whether whole days stand for a range that does not begin and end with one, because the
    /// minutes of it are no longer kept.
    pub by_whole_days: bool,
    /// Whether a question by hour or minute goes back further than minutes are kept, so that some
    /// of what there was is not told.
    pub is_cut_short: bool,
}

/// The most conditions: twenty of whoever asks, and one that it is about their account.
const MAX_FILTERS: usize = 21;
/// The most values of a condition.
const MAX_VALUES: usize = 100;
/// The most dimensions.
const MAX_DIMENSIONS: usize = 2;
/// The most rows of an answer.
const MAX_LIMIT: u32 = 1_000;

impl AnalyticsQuery {
    /// Refuses what is beyond the bounds (ACT-3).
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let wrong_values = |filter: &Filter| match filter.operator {
            Operator::In | Operator::NotIn => filter.values.len() > MAX_VALUES,
            _ => filter.values.len() != 1,
        };
        let unasked = |order: &OrderBy| match order.order {
            Order::Time => false,
            Order::Metric(Metric::RequestCount) => false,
            Order::Metric(metric) => !self.metrics.contains(&metric),
            Order::Dimension(dimension) => !self.dimensions.contains(&dimension),
        };
        let repeated = matches!(self.dimensions.as_slice(), [one, two] if one == two);
        let faults = [
            (self.metrics.is_empty(), "metrics", "at least one is needed"),
            (self.dimensions.len() > MAX_DIMENSIONS, "dimensions", "there are more than two"),
            (repeated, "dimensions", "one is there twice"),
            (self.filters.len() > MAX_FILTERS, "filters", "there are more than twenty-one"),
            (
                self.filters.iter().any(wrong_values),
                "filters",
                "one value is needed, or up to a hundred for in and not_in",
            ),
            (
                self.time_range.start >= self.time_range.end,
                "time range",
                "it ends before it begins",
            ),
            (
                self.order_by.iter().any(unasked),
                "order",
                "it is by something that is not asked for",
            ),
            (!(1..=MAX_LIMIT).contains(&self.limit), "limit", "it is not from 1 to 1000"),
            (self.group_limit == Some(0), "group limit", "it is zero"),
        ];
        match faults.into_iter().find(|(is_fault, ..)| *is_fault) {
            Some((_, what, reason)) => Err(StoreError::Invalid { what, reason: reason.to_owned() }),
            None => Ok(()),
        }
    }
}
