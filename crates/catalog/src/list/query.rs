//! What a caller asks of the list of models. MODELS-1, MODELS-2, MODELS-3

use crate::modality::{Modalities, Modality};
use crate::price::PicoUsd;
use crate::region::Region;
use crate::{Parameter, Parameters};

/// The use cases that may be asked for. MODELS-2
const CATEGORIES: [&str; 12] = [
    "programming",
    "roleplay",
    "marketing",
    "marketing/seo",
    "technology",
    "science",
    "translation",
    "legal",
    "finance",
    "health",
    "trivia",
    "academia",
];

/// A parameter of the query that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{parameter}: {reason}")]
pub struct QueryError {
    /// Its name.
    pub parameter: &'static str,
    /// What is wrong, and what is possible.
    pub reason: String,
}

/// An order of the list. MODELS-3
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ModelSort {
    /// The newest first: also the order without a request.
    #[default]
    Newest,
    MostPopular,
    TopWeekly,
    PricingLowToHigh,
    PricingHighToLow,
    ContextHighToLow,
    ThroughputHighToLow,
    LatencyLowToHigh,
    IntelligenceHighToLow,
    CodingHighToLow,
    AgenticHighToLow,
    DesignArenaEloHighToLow,
}

impl ModelSort {
    /// All, with their names.
    pub const ALL: [(&str, Self); 12] = [
        ("most-popular", Self::MostPopular),
        ("newest", Self::Newest),
        ("top-weekly", Self::TopWeekly),
        ("pricing-low-to-high", Self::PricingLowToHigh),
        ("pricing-high-to-low", Self::PricingHighToLow),
        ("context-high-to-low", Self::ContextHighToLow),
        ("throughput-high-to-low", Self::ThroughputHighToLow),
        ("latency-low-to-high", Self::LatencyLowToHigh),
        ("intelligence-high-to-low", Self::IntelligenceHighToLow),
        ("coding-high-to-low", Self::CodingHighToLow),
        ("agentic-high-to-low", Self::AgenticHighToLow),
        ("design-arena-elo-high-to-low", Self::DesignArenaEloHighToLow),
    ];
}

/// What a caller asks of the list of models. MODELS-2
///
/// `category` is checked, but has no effect: nothing here knows what models are used for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelQuery {
    /// All of these are supported.
    pub supported_parameters: Parameters,
    /// At least one of these is given, to an API of the gateway's; `None`: any at all, to calls that
    /// are passed through too. Text if nothing is said.
    pub output_modalities: Option<Modalities>,
    /// All of these are taken.
    pub input_modalities: Modalities,
    /// Words that occur in name or id, in lower case.
    pub words: Vec<String>,
    /// The least context, in tokens.
    pub context: Option<u64>,
    /// Bounds of the input price, per token.
    pub prompt_price: (Option<PicoUsd>, Option<PicoUsd>),
    /// Bounds of the output price, per token.
    pub completion_price: (Option<PicoUsd>, Option<PicoUsd>),
    /// A part of the tokenizer's name, in lower case.
    pub architecture: Option<String>,
    /// One of these authors, in lower case; empty: any.
    pub authors: Vec<String>,
    /// At one of these providers (slug or name, in lower case); empty: any.
    pub providers: Vec<String>,
    /// May be distilled, or may not.
    pub distillable: Option<bool>,
    /// With an endpoint that retains nothing.
    pub zero_retention: bool,
    /// With an endpoint in the region.
    pub region: Option<Region>,
    /// Bounds of the age, in days.
    pub age_days: (Option<u64>, Option<u64>),
    /// Bounds of the index of intelligence.
    pub intelligence: (Option<f64>, Option<f64>),
    /// Bounds of the index of coding.
    pub coding: (Option<f64>, Option<f64>),
    /// Bounds of the index of agency.
    pub agentic: (Option<f64>, Option<f64>),
    /// Bounds of the share of tool calls that succeed.
    pub tool_success_rate: (Option<f64>, Option<f64>),
    /// The order.
    pub sort: ModelSort,
    /// How many are skipped.
    pub offset: Option<usize>,
    /// How many are given, 1 to 1,000.
    pub limit: Option<usize>,
}

impl ModelQuery {
    /// The query of a caller who says nothing: all models that give text.
    pub fn text() -> Self {
        Self { output_modalities: Some(Modalities::TEXT), ..Self::default() }
    }

    /// Reads the decoded pairs of a query. Empty values and unknown names are passed over.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, QueryError> {
        let mut query = Self::text();
        for (name, value) in pairs {
            let value = value.trim();
            if !value.is_empty() {
                query.read(name, value)?;
            }
        }
        Ok(query)
    }

    fn read(&mut self, name: &str, value: &str) -> Result<(), QueryError> {
        match name {
            "category" => {
                one_of("category", value, &CATEGORIES)?;
            }
            "supported_parameters" => {
                for name in list(value) {
                    let parameter = Parameter::from_name(&name).ok_or_else(|| {
                        let known: Vec<_> = Parameter::ALL.iter().map(|one| one.name()).collect();
                        unknown("supported_parameters", &name, &known)
                    })?;
                    self.supported_parameters = self.supported_parameters.with(parameter);
                }
            }
            "output_modalities" => {
                self.output_modalities = match value {
                    "all" => None,
                    _ => Some(modalities("output_modalities", value)?),
                };
            }
            "input_modalities" => self.input_modalities = modalities("input_modalities", value)?,
            "q" => {
                self.words = value.to_lowercase().split_whitespace().map(str::to_owned).collect();
            }
            "context" => self.context = Some(whole("context", value)?),
            "min_price" => self.prompt_price.0 = Some(price("min_price", value)?),
            "max_price" => self.prompt_price.1 = Some(price("max_price", value)?),
            "min_output_price" => {
                self.completion_price.0 = Some(price("min_output_price", value)?);
            }
            "max_output_price" => {
                self.completion_price.1 = Some(price("max_output_price", value)?);
            }
            "arch" => self.architecture = Some(value.to_lowercase()),
            "model_authors" => self.authors = list(value).collect(),
            "providers" => self.providers = list(value).collect(),
            "distillable" => {
                self.distillable =
                    Some(one_of("distillable", value, &["true", "false"])? == "true");
            }
            "zdr" => {
                self.zero_retention = one_of("zdr", value, &["true", "false"])? == "true";
            }
            "region" => {
                self.region = Some(match one_of("region", value, &["eu", "us"])? {
                    "eu" => Region::Eu,
                    _ => Region::Us,
                });
            }
            "min_age_days" => self.age_days.0 = Some(whole("min_age_days", value)?),
            "max_age_days" => self.age_days.1 = Some(whole("max_age_days", value)?),
            "sort" => {
                let names = ModelSort::ALL.map(|(name, _)| name);
                let wanted = one_of("sort", value, &names)?;
                self.sort = ModelSort::ALL
                    .into_iter()
                    .find(|(name, _)| *name == wanted)
                    .map(|(_, sort)| sort)
                    .unwrap_or_default();
            }
            "offset" => self.offset = Some(position("offset", value)?),
            "limit" => {
                let limit = position("limit", value)?;
                if !(1..=1000).contains(&limit) {
                    return Err(wrong("limit", "must be from 1 to 1000"));
                }
                self.limit = Some(limit);
            }
            _ => self.read_index(name, value)?,
        }
        Ok(())
    }

    fn read_index(&mut self, name: &str, value: &str) -> Result<(), QueryError> {
        let (field, parameter, most) = match name {
            "min_intelligence_index" => {
                (&mut self.intelligence.0, "min_intelligence_index", f64::MAX)
            }
            "max_intelligence_index" => {
                (&mut self.intelligence.1, "max_intelligence_index", f64::MAX)
            }
            "min_coding_index" => (&mut self.coding.0, "min_coding_index", f64::MAX),
            "max_coding_index" => (&mut self.coding.1, "max_coding_index", f64::MAX),
            "min_agentic_index" => (&mut self.agentic.0, "min_agentic_index", f64::MAX),
            "max_agentic_index" => (&mut self.agentic.1, "max_agentic_index", f64::MAX),
            "min_tool_success_rate" => {
                (&mut self.tool_success_rate.0, "min_tool_success_rate", 1.0)
            }
            "max_tool_success_rate" => {
                (&mut self.tool_success_rate.1, "max_tool_success_rate", 1.0)
            }
            _ => return Ok(()),
        };
        let number =
            value.parse().ok().filter(|number| (0.0..=most).contains(number)).ok_or_else(|| {
                let bound = if most > 1.0 { "of 0 or more" } else { "from 0 to 1" };
                wrong(parameter, format!("must be a number {bound}"))
            })?;
        *field = Some(number);
        Ok(())
    }
}

fn wrong(parameter: &'static str, reason: impl Into<String>) -> QueryError {
    QueryError { parameter, reason: reason.into() }
}

fn unknown(parameter: &'static str, value: &str, known: &[&str]) -> QueryError {
    let value: String = value.chars().take(60).collect();
    wrong(parameter, format!("`{value}` is not one of {}", known.join(", ")))
}

fn one_of<'k>(
    parameter: &'static str,
    value: &str,
    known: &[&'k str],
) -> Result<&'k str, QueryError> {
    known.iter().copied().find(|one| *one == value).ok_or_else(|| unknown(parameter, value, known))
}

fn list(value: &str) -> impl Iterator<Item = String> + '_ {
    value.split(',').map(|part| part.trim().to_lowercase()).filter(|part| !part.is_empty())
}

fn modalities(parameter: &'static str, value: &str) -> Result<Modalities, QueryError> {
    list(value).try_fold(Modalities::NONE, |set, name| {
        Modality::from_name(&name).map(|modality| set.with(modality)).ok_or_else(|| {
            let known = Modality::ALL.map(Modality::name);
            unknown(parameter, &name, &known)
        })
    })
}

fn whole(parameter: &'static str, value: &str) -> Result<u64, QueryError> {
    value.parse().map_err(|_| wrong(parameter, "must be a whole number of 0 or more"))
}

fn position(parameter: &'static str, value: &str) -> Result<usize, QueryError> {
    value.parse().map_err(|_| wrong(parameter, "must be a whole number of 0 or more"))
}

fn price(parameter: &'static str, value: &str) -> Result<PicoUsd, QueryError> {
    PicoUsd::per_million(value)
        .map_err(|_| wrong(parameter, "must be a price in USD per million tokens, e.g. 2.5"))
}
