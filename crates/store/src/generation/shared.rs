//! What SQLite keeps once for many generations. PostgreSQL keeps its rows whole: nodes of several
//! versions read them.

use super::record::{Generation, PriceState, SettledBy};
use crate::roll_up::Combination;

/// How an answer was made. Few combinations are in use at any time.
pub(crate) const MANNER: Combination<12> = Combination {
    table: "generation_manner",
    columns: [
        "api_type",
        "model_requested",
        "upstream_model",
        "finish_reason",
        "native_finish_reason",
        "price_version",
        "price_state",
        "settled_by",
        "router",
        "service_tier",
        "preset_id",
        "data_region",
    ],
    texts: |row| {
        [
            Some(&*row.api_type),
            Some(&*row.model_requested),
            Some(&*row.upstream_model),
            row.finish_reason.as_deref(),
            row.native_finish_reason.as_deref(),
            row.price_version.as_deref(),
            Some(PriceState::as_str(row.price_state)),
            Some(SettledBy::as_str(row.settled_by)),
            row.router.as_deref(),
            row.service_tier.as_deref(),
            row.preset_id.as_deref(),
            row.data_region.as_deref(),
        ]
    },
};

/// Who called. Callers choose these texts, so that there may be many.
pub(crate) const APP: Combination<5> = Combination {
    table: "generation_app",
    columns: ["app_referer", "app_title", "app_categories", "user_agent", "origin"],
    texts: |row: &Generation| {
        [
            row.app_referer.as_deref(),
            row.app_title.as_deref(),
            row.app_categories.as_deref(),
            row.user_agent.as_deref(),
            row.origin.as_deref(),
        ]
    },
};
