//! What the caller wants of the route: the `provider` object. PROV-1

mod limit;
mod parse;

use catalog::{PicoUsd, Quantization};

pub use parse::PreferencesError;

use crate::pattern::ProviderPattern;

/// The `provider` object of a request. PROV-1
#[derive(Clone, Debug, PartialEq)]
pub struct Preferences {
    /// Tried first, in this order. PROV-2
    pub order: Vec<ProviderPattern>,
    /// Whether others may be tried after the preferred ones. PROV-2, PROV-3
    pub allow_fallbacks: bool,
    /// Only endpoints that support every parameter sent. PROV-5
    pub require_parameters: bool,
    /// Only endpoints that neither store nor train. PROV-6
    pub deny_data_collection: bool,
    /// Only endpoints without retention. PROV-7
    pub zdr: bool,
    /// Only models whose output may train other models. PROV-8
    pub enforce_distillable_text: bool,
    /// Nothing but these; empty: no restriction. PROV-4
    pub only: Vec<ProviderPattern>,
    /// None of these. PROV-4
    pub ignore: Vec<ProviderPattern>,
    /// Only weights stored so. PROV-10
    pub quantizations: Option<Quantizations>,
    /// The order instead of load balancing. PROV-11
    pub sort: Option<Sort>,
    /// Whether models are kept apart while sorting; `None`: not said, which means
    /// [`Partition::Model`]. PERF-6
    pub partition: Option<Partition>,
    /// Tokens per second that an endpoint should reach. PERF-1
    pub preferred_min_throughput: Option<Cutoffs>,
    /// Seconds to the first token that an endpoint should keep below. PERF-1
    pub preferred_max_latency: Option<Cutoffs>,
    /// Prices that must not be exceeded. PROV-12
    pub max_price: MaxPrice,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            order: Vec::new(),
            allow_fallbacks: true,
            require_parameters: false,
            deny_data_collection: false,
            zdr: false,
            enforce_distillable_text: false,
            only: Vec::new(),
            ignore: Vec::new(),
            quantizations: None,
            sort: None,
            partition: None,
            preferred_min_throughput: None,
            preferred_max_latency: None,
            max_price: MaxPrice::default(),
        }
    }
}

impl Preferences {
    /// Applies the deprecated `route`: `fallback` keeps models apart, `sort` does not. A partition
    /// given by `sort` wins; other values have no effect. CHAT-3
    pub fn apply_route(&mut self, route: &str) {
        let partition = match route {
            "fallback" => Partition::Model,
            "sort" => Partition::None,
            _ => return,
        };
        self.partition.get_or_insert(partition);
    }
}

/// What endpoints are sorted by. PROV-11
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The cheapest first.
    Price,
    /// The fastest first: most tokens per second.
    Throughput,
    /// The quickest first: least time to the first token.
    Latency,
    /// The best with tools first.
    Exacto,
}

impl Sort {
    /// The sort of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "price" => Self::Price,
            "throughput" => Self::Throughput,
            "latency" => Self::Latency,
            "exacto" => Self::Exacto,
            _ => return None,
        })
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Exacto => "exacto",
        }
    }
}

/// Whether models are kept apart while sorting. PERF-6
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partition {
    /// Endpoints are sorted inside each model; the order of models stays.
    #[default]
    Model,
    /// The endpoints of all models are sorted together.
    None,
}

/// Thresholds by percentile; all that are given must hold. PERF-1, PERF-3
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cutoffs {
    /// What half of the requests must reach.
    pub p50: Option<f64>,
    /// What three quarters must reach.
    pub p75: Option<f64>,
    /// What nine tenths must reach.
    pub p90: Option<f64>,
    /// What ninety-nine hundredths must reach.
    pub p99: Option<f64>,
}

/// The highest prices accepted. PROV-12
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaxPrice {
    /// Per prompt token.
    pub prompt: Option<PicoUsd>,
    /// Per completion token.
    pub completion: Option<PicoUsd>,
    /// Per request.
    pub request: Option<PicoUsd>,
    /// Per image.
    pub image: Option<PicoUsd>,
    /// Per unit of audio, as the catalogue prices it.
    pub audio: Option<PicoUsd>,
}

/// A set of quantizations. PROV-10
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantizations(u16);

impl Quantizations {
    /// With one more; `fp4` brings `mxfp4` and `nvfp4`, `fp8` brings `mxfp8`. PROV-10
    #[must_use]
    pub const fn with(self, quantization: Quantization) -> Self {
        let family = match quantization {
            Quantization::Fp4 => 1 << Quantization::Mxfp4 as u16 | 1 << Quantization::Nvfp4 as u16,
            Quantization::Fp8 => 1 << Quantization::Mxfp8 as u16,
            _ => 0,
        };
        Self(self.0 | 1 << quantization as u16 | family)
    }

    /// Whether one is in the set.
    pub const fn has(self, quantization: Quantization) -> bool {
        self.0 & (1 << quantization as u16) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROV-10
    #[test]
    fn families_of_four_and_eight_bits_come_together() {
        let four = Quantizations::default().with(Quantization::Fp4);
        for (quantization, inside) in [
            (Quantization::Fp4, true),
            (Quantization::Mxfp4, true),
            (Quantization::Nvfp4, true),
            (Quantization::Int4, false),
            (Quantization::Fp8, false),
            (Quantization::Unknown, false),
        ] {
            assert_eq!(four.has(quantization), inside, "{quantization:?}");
        }
        let eight = Quantizations::default().with(Quantization::Fp8);
        assert!(eight.has(Quantization::Mxfp8) && !eight.has(Quantization::Int8));
        let narrow = Quantizations::default().with(Quantization::Mxfp8);
        assert!(!narrow.has(Quantization::Fp8), "a member does not bring its family");
    }

    /// CHAT-3
    #[test]
    fn the_deprecated_route_sets_the_partition_unless_one_is_given() {
        for (given, route, expected) in [
            (None, "fallback", Some(Partition::Model)),
            (None, "sort", Some(Partition::None)),
            (Some(Partition::Model), "sort", Some(Partition::Model)),
            (None, "else", None),
        ] {
            let mut preferences = Preferences { partition: given, ..Preferences::default() };
            preferences.apply_route(route);
            assert_eq!(preferences.partition, expected, "{route}");
        }
    }
}
