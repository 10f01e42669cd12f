//! What a caller is told about the route, when asked. RMETA

use protocol::json::RawJson;
use serde::Serialize;
use store::{Attempt, Generation};

use super::plan::{NoRouteFault, Route};
use super::prepare::Call;

/// The member that is added. RMETA-2
#[derive(Serialize)]
struct RouterMetadata<'a> {
    requested: &'a str,
    strategy: &'a str,
    region: &'a str,
    summary: String,
    /// Which attempt answered, from 1; 0: none. RMETA-5
    attempt: usize,
    is_byok: bool,
    endpoints: Endpoints<'a>,
    attempts: Vec<AttemptMetadata<'a>>,
    pipeline: [(); 0],
}

#[derive(Serialize)]
struct Endpoints<'a> {
    total: usize,
    available: Vec<Available<'a>>,
}

#[derive(Serialize)]
struct Available<'a> {
    provider: &'a str,
    model: &'a str,
    selected: bool,
}

#[derive(Serialize)]
struct AttemptMetadata<'a> {
    provider: &'a str,
    model: &'a str,
    status: u16,
}

impl Call {
    /// The members beside an answer.
    pub fn metadata(&self, generation: &Generation) -> Vec<(String, RawJson)> {
        self.members(generation, true)
    }

    /// The members beside the error of attempts that all failed: none is marked as selected.
    /// RMETA-5
    pub fn failed_metadata(&self, generation: &Generation, status: u16) -> Vec<(String, RawJson)> {
        if told_with(status) { self.members(generation, false) } else { Vec::new() }
    }

    /// The members beside the error of a request no endpoint could take. RMETA-5
    pub fn refused_metadata(&self, refused: &NoRouteFault) -> Vec<(String, RawJson)> {
        if !self.wants_metadata || !told_with(refused.fault.status) {
            return Vec::new();
        }
        render(&RouterMetadata {
            requested: &self.model_requested,
            strategy: refused.strategy,
            region: &self.app.settings.region,
            summary: "available=0".to_owned(),
            attempt: 0,
            is_byok: false,
            endpoints: Endpoints { total: refused.considered, available: Vec::new() },
            attempts: Vec::new(),
            pipeline: [],
        })
    }

    fn members(&self, generation: &Generation, answered: bool) -> Vec<(String, RawJson)> {
        let Some(route) = self.route().filter(|_| self.wants_metadata) else { return Vec::new() };
        let selected = |candidate: &str, model: &str| {
            answered && candidate == &*generation.endpoint_tag && model == &*generation.model
        };
        let available: Vec<_> = route
            .endpoints()
            .map(|candidate| {
                let state = self.snapshot.endpoint(candidate.endpoint);
                Available {
                    provider: &state.provider_name,
                    model: &state.model,
                    selected: selected(&state.tag, &state.model),
                }
            })
            .collect();
        let mut summary = format!("available={}", available.len());
        if answered {
            summary.push_str(&format!(", selected={}", generation.provider_name));
        }
        render(&RouterMetadata {
            requested: &self.model_requested,
            strategy: route.strategy(),
            region: &self.app.settings.region,
            summary,
            attempt: generation.attempts.len(),
            is_byok: generation.is_byok,
            endpoints: Endpoints { total: route.considered(), available },
            attempts: generation
                .attempts
                .iter()
                .map(|attempt| AttemptMetadata {
                    provider: &attempt.provider_name,
                    model: self.model_of(route, attempt),
                    status: attempt.status.unwrap_or(0),
                })
                .collect(),
            pipeline: [],
        })
    }

    /// The id of an attempt's model, by which the endpoints are named too.
    fn model_of<'a>(&'a self, route: &Route, attempt: &'a Attempt) -> &'a str {
        route
            .endpoints()
            .map(|candidate| self.snapshot.endpoint(candidate.endpoint))
            .find(|state| {
                state.tag == attempt.endpoint_id && state.permaslug == attempt.model_permaslug
            })
            .map_or(&attempt.model_permaslug, |state| &state.model)
    }

    /// Keeps the route for the metadata at the end.
    pub fn keep_route(&self, route: Route) {
        // Set once for each call; a second one could only be the same.
        let _ = self.route.set(route);
    }

    fn route(&self) -> Option<&Route> {
        self.route.get()
    }
}

/// Whether an error of this status tells about the route. RMETA-5
fn told_with(status: u16) -> bool {
    matches!(status, 403 | 404 | 502 | 503 | 504 | 524 | 529)
}

fn render(metadata: &RouterMetadata<'_>) -> Vec<(String, RawJson)> {
    RawJson::of(metadata)
        .map(|raw| vec![("openrouter_metadata".to_owned(), raw)])
        .unwrap_or_default()
}
