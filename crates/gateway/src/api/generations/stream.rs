//! `GET /api/internal/generations/stream`: generations as they are settled. Our own.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use store::{Generation, GenerationFilter, GenerationTail, Settled};
use tokio::time::{Interval, MissedTickBehavior};

use super::query::Filters;
use super::row::GenerationRow;
use crate::api::Refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::Asked;
use crate::api::session::Management;
use crate::app::{App, Stopping};
use crate::clock::now_micros;

/// The comment is for people, the event for pages, whose readers of events see no comments.
const MISSED: &str =
    ": some rows went by unseen: read the list again\n\nevent: missed\ndata: {}\n\n";

/// Tells of generations as they are settled: an event `generation` with a row of the list for each,
/// comments while there is none. Whoever takes them too slowly misses some, and is told so by an
/// event `missed`: the list is to be read again. It ends with the key or session it was asked with.
#[utoipa::path(
    get,
    path = "/api/internal/generations/stream",
    tag = "internal",
    params(Filters),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = "4XX", body = ErrorAnswer),
    )
)]
pub async fn stream(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(filters): Asked<Filters>,
) -> Result<Response, Refused> {
    let filter = filters.read(management.account_id(), management.own_only())?;
    let mut heartbeat = tokio::time::interval(app.settings.heartbeat_interval());
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watching = Watching {
        tail: app.store.watch_generations(now_micros()),
        management,
        stopping: app.stopping(),
        app,
        filter,
        heartbeat,
    };
    let events = stream::unfold(watching, async |mut watching| {
        let event = watching.next().await?;
        Some((Ok::<_, Infallible>(event), watching))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(events)).into_response())
}

/// Somebody who watches.
struct Watching {
    app: Arc<App>,
    filter: GenerationFilter,
    tail: GenerationTail,
    /// Who watches.
    management: Management,
    heartbeat: Interval,
    stopping: Stopping,
}

impl Watching {
    /// The next event or comment; the first comment comes at once.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                biased;
                () = self.stopping.wait() => return None,
                _ = self.heartbeat.tick() => {
                    return self.may_go_on().then(|| Bytes::from_static(b": listening\n\n"));
                }
                settled = self.tail.next() => match settled? {
                    Settled::Missed => return Some(Bytes::from_static(MISSED.as_bytes())),
                    Settled::Row(row) if self.takes(&row) => {
                        return self.may_go_on().then(|| self.event(&row));
                    }
                    Settled::Row(_) => {}
                },
            }
        }
    }

    /// Whether who asked may still do so.
    fn may_go_on(&self) -> bool {
        self.management.goes_on(&self.app.snapshot(), now_micros())
    }

    fn takes(&self, row: &Generation) -> bool {
        let snapshot = self.app.snapshot();
        self.filter.matches(row, |key, member| {
            let caller = snapshot.caller_of(key);
            caller.is_some_and(|caller| caller.member_id.as_deref() == Some(member))
        })
    }

    fn event(&self, row: &Generation) -> Bytes {
        let snapshot = self.app.snapshot();
        let name = snapshot.caller_of(&row.key_hash).map(|caller| caller.name.clone());
        // Numbers and texts always make JSON.
        let data = serde_json::to_string(&GenerationRow::new(row, name)).unwrap_or_default();
        Bytes::from(format!("event: generation\ndata: {data}\n\n"))
    }
}
