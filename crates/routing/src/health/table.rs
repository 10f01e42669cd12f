//! One recorder per endpoint of a catalogue.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use catalog::{Catalog, EndpointId};

use super::histogram::Percentiles;
use super::recorder::{EndpointHealth, Span};
use super::view::{Condition, HealthView, ToolRecord};

/// The recorders of all endpoints of a catalogue, by position. A new catalogue takes over what
/// was known of the endpoints it shares with the old one.
#[derive(Debug, Default)]
pub struct HealthTable(Vec<OnceLock<Arc<EndpointHealth>>>);

impl HealthTable {
    /// Recorders that know nothing yet.
    pub fn new(catalog: &Catalog) -> Self {
        Self(catalog.endpoints().map(|_| OnceLock::new()).collect())
    }

    /// Recorders for another catalogue: an endpoint with the same model and tag keeps its own.
    #[must_use]
    pub fn carried_over(&self, old: &Catalog, new: &Catalog) -> Self {
        let known: HashMap<(&str, &str), &Arc<EndpointHealth>> = old
            .endpoints()
            .filter_map(|(id, endpoint)| {
                Some(((endpoint.model.as_str(), endpoint.tag.as_str()), self.get(id)?))
            })
            .collect();
        Self(
            new.endpoints()
                .map(|(_, endpoint)| {
                    known
                        .get(&(endpoint.model.as_str(), endpoint.tag.as_str()))
                        .map_or_else(OnceLock::new, |health| OnceLock::from(Arc::clone(health)))
                })
                .collect(),
        )
    }

    /// What is known of an endpoint; `None` if nothing was recorded yet.
    pub fn get(&self, endpoint: EndpointId) -> Option<&Arc<EndpointHealth>> {
        self.0.get(endpoint.0 as usize)?.get()
    }

    /// The recorder of an endpoint, made when it is first needed: most endpoints of a large
    /// catalogue are never asked.
    pub fn recorder(&self, endpoint: EndpointId) -> Option<&Arc<EndpointHealth>> {
        Some(self.0.get(endpoint.0 as usize)?.get_or_init(Arc::default))
    }
}

impl HealthView for HealthTable {
    fn condition(&self, endpoint: EndpointId, now_ms: u64) -> Condition {
        self.get(endpoint).map(|health| health.condition(now_ms)).unwrap_or_default()
    }

    fn latency(&self, endpoint: EndpointId, now_ms: u64) -> Option<Percentiles> {
        let percentiles = self.get(endpoint)?.latency_ms(Span::FiveMinutes, now_ms)?;
        Some(percentiles.scaled(0.001))
    }

    fn throughput(&self, endpoint: EndpointId, now_ms: u64) -> Option<Percentiles> {
        self.get(endpoint)?.throughput(Span::FiveMinutes, now_ms)
    }

    fn tools(&self, endpoint: EndpointId, now_ms: u64) -> ToolRecord {
        self.get(endpoint).map(|health| health.tools(now_ms)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{catalog, endpoint};
    use crate::health::{Observation, Outcome};

    /// PERF-2
    #[test]
    fn a_new_catalogue_keeps_what_was_known_and_latency_is_in_seconds() {
        let old = catalog(vec![endpoint("x/a", "p", "1"), endpoint("x/a", "q", "1")]);
        let table = HealthTable::new(&old);
        for _ in 0..5 {
            let seen =
                Observation { latency_ms: Some(2_000.0), ..Observation::of(Outcome::Failure) };
            table.recorder(EndpointId(1)).unwrap().record(&seen, 1_000);
        }
        let new = catalog(vec![endpoint("x/a", "q", "2"), endpoint("x/b", "q", "1")]);
        let carried = table.carried_over(&old, &new);
        assert!(carried.condition(EndpointId(0), 1_000).failing);
        assert!(!carried.condition(EndpointId(1), 1_000).failing);
        let latency = carried.latency(EndpointId(0), 1_000).unwrap();
        assert!((1.6..2.4).contains(&latency.p50), "{latency:?}");
        assert_eq!(carried.condition(EndpointId(99), 1_000), Condition::default());
    }
}
