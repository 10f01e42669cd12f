//! Reading the `provider` object. Members that are not known are passed over: newer clients must
//! not fail here. A known member of the wrong form is an error that names it.

use catalog::Quantization;
use protocol::json::Object;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::limit::{Unit, ceiling, number};
use super::{Cutoffs, MaxPrice, Partition, Preferences, Quantizations, Sort};
use crate::pattern::ProviderPattern;

/// The most entries in one list of providers.
const MAX_ENTRIES: usize = 256;

/// A `provider` object that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct PreferencesError {
    /// The member, e.g. `provider.sort.by`.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

fn fail<T>(field: &str, problem: impl Into<String>) -> Result<T, PreferencesError> {
    Err(PreferencesError { field: field.to_owned(), problem: problem.into() })
}

impl Preferences {
    /// Reads the `provider` object of a request; `null` means nothing was asked. PROV-1
    pub fn parse(raw: &RawValue) -> Result<Self, PreferencesError> {
        let mut preferences = Self::default();
        let Some(mut object) = object("provider", raw)? else { return Ok(preferences) };
        if let Some(raw) = take(&mut object, "order") {
            preferences.order = patterns("provider.order", raw)?;
        }
        if let Some(raw) = take(&mut object, "only") {
            preferences.only = patterns("provider.only", raw)?;
        }
        if let Some(raw) = take(&mut object, "ignore") {
            preferences.ignore = patterns("provider.ignore", raw)?;
        }
        for (name, target) in [
            ("allow_fallbacks", &mut preferences.allow_fallbacks),
            ("require_parameters", &mut preferences.require_parameters),
            ("zdr", &mut preferences.zdr),
            ("enforce_distillable_text", &mut preferences.enforce_distillable_text),
        ] {
            if let Some(raw) = take(&mut object, name) {
                *target = match raw.get() {
                    "true" => true,
                    "false" => false,
                    _ => return fail(&format!("provider.{name}"), "expected true or false"),
                };
            }
        }
        if let Some(raw) = take(&mut object, "data_collection") {
            preferences.deny_data_collection = match raw.get() {
                "\"allow\"" => false,
                "\"deny\"" => true,
                _ => return fail("provider.data_collection", "expected \"allow\" or \"deny\""),
            };
        }
        if let Some(raw) = take(&mut object, "quantizations") {
            preferences.quantizations = quantizations(raw)?;
        }
        if let Some(raw) = take(&mut object, "sort") {
            (preferences.sort, preferences.partition) = sort(raw)?;
        }
        if let Some(raw) = take(&mut object, "preferred_min_throughput") {
            preferences.preferred_min_throughput =
                cutoffs("provider.preferred_min_throughput", raw)?;
        }
        if let Some(raw) = take(&mut object, "preferred_max_latency") {
            preferences.preferred_max_latency = cutoffs("provider.preferred_max_latency", raw)?;
        }
        if let Some(raw) = take(&mut object, "max_price") {
            preferences.max_price = max_price(raw)?;
        }
        Ok(preferences)
    }
}

/// Takes a member that is there and not `null`.
fn take<'a>(object: &mut Object<'a>, name: &str) -> Option<&'a RawValue> {
    object.take_raw(name).filter(|raw| raw.get() != "null")
}

fn object<'a>(field: &str, raw: &'a RawValue) -> Result<Option<Object<'a>>, PreferencesError> {
    if raw.get() == "null" {
        return Ok(None);
    }
    match Object::parse(raw.get()) {
        Ok(object) => Ok(Some(object)),
        Err(error) => fail(field, format!("expected an object ({error})")),
    }
}

fn read<'a, T: Deserialize<'a>>(
    field: &str,
    raw: &'a RawValue,
    expected: &str,
) -> Result<T, PreferencesError> {
    serde_json::from_str(raw.get()).or_else(|_| fail(field, format!("expected {expected}")))
}

fn strings(field: &str, raw: &RawValue) -> Result<Vec<String>, PreferencesError> {
    let entries: Vec<String> = read(field, raw, "an array of strings")?;
    if entries.len() > MAX_ENTRIES {
        return fail(field, format!("at most {MAX_ENTRIES} entries are allowed"));
    }
    Ok(entries)
}

/// An empty list says nothing: clients send one where nothing is chosen.
fn patterns(field: &str, raw: &RawValue) -> Result<Vec<ProviderPattern>, PreferencesError> {
    Ok(strings(field, raw)?.iter().map(|entry| ProviderPattern::new(entry)).collect())
}

fn quantizations(raw: &RawValue) -> Result<Option<Quantizations>, PreferencesError> {
    let field = "provider.quantizations";
    let mut set = None;
    for name in strings(field, raw)? {
        let quoted = serde_json::to_string(&name).unwrap_or_default();
        let Ok(quantization) = serde_json::from_str::<Quantization>(&quoted) else {
            return fail(
                field,
                format!(
                    "`{}` is not one of int4, int8, fp4, mxfp4, nvfp4, fp6, fp8, mxfp8, fp16, \
                     bf16, fp32, unknown",
                    name.chars().take(50).collect::<String>()
                ),
            );
        };
        set = Some(set.unwrap_or(Quantizations::default()).with(quantization));
    }
    Ok(set)
}

fn sort(raw: &RawValue) -> Result<(Option<Sort>, Option<Partition>), PreferencesError> {
    if raw.get().starts_with('"') {
        return Ok((Some(sort_name("provider.sort", raw)?), None));
    }
    let Some(mut object) = object("provider.sort", raw)? else { return Ok((None, None)) };
    let by = match take(&mut object, "by") {
        Some(raw) => Some(sort_name("provider.sort.by", raw)?),
        None => None,
    };
    let partition = match take(&mut object, "partition").map(RawValue::get) {
        None => None,
        Some("\"model\"") => Some(Partition::Model),
        Some("\"none\"") => Some(Partition::None),
        Some(_) => return fail("provider.sort.partition", "expected \"model\" or \"none\""),
    };
    Ok((by, partition))
}

fn sort_name(field: &str, raw: &RawValue) -> Result<Sort, PreferencesError> {
    let name: String = read(field, raw, "a string")?;
    match Sort::from_name(&name) {
        Some(sort) => Ok(sort),
        None => fail(field, "expected one of price, throughput, latency, exacto"),
    }
}

fn cutoffs(field: &str, raw: &RawValue) -> Result<Option<Cutoffs>, PreferencesError> {
    if !raw.get().starts_with('{') {
        return match number(raw.get()) {
            Some(value) => Ok(Some(Cutoffs { p50: Some(value), ..Cutoffs::default() })),
            None => fail(field, "expected a number, or an object of p50, p75, p90, p99"),
        };
    }
    let Some(mut object) = object(field, raw)? else { return Ok(None) };
    let mut cutoffs = Cutoffs::default();
    for (name, target) in [
        ("p50", &mut cutoffs.p50),
        ("p75", &mut cutoffs.p75),
        ("p90", &mut cutoffs.p90),
        ("p99", &mut cutoffs.p99),
    ] {
        if let Some(raw) = take(&mut object, name) {
            *target = match number(raw.get()) {
                Some(value) => Some(value),
                None => return fail(&format!("{field}.{name}"), "expected a number, not negative"),
            };
        }
    }
    Ok((cutoffs != Cutoffs::default()).then_some(cutoffs))
}

fn max_price(raw: &RawValue) -> Result<MaxPrice, PreferencesError> {
    let mut limits = MaxPrice::default();
    let Some(mut object) = object("provider.max_price", raw)? else { return Ok(limits) };
    for (name, unit, target) in [
        ("prompt", Unit::MillionTokens, &mut limits.prompt),
        ("completion", Unit::MillionTokens, &mut limits.completion),
        ("request", Unit::One, &mut limits.request),
        ("image", Unit::One, &mut limits.image),
        ("audio", Unit::One, &mut limits.audio),
    ] {
        if let Some(raw) = take(&mut object, name) {
            *target = match ceiling(raw.get(), unit) {
                Some(price) => Some(price),
                None => {
                    return fail(
                        &format!("provider.max_price.{name}"),
                        "expected a number of US dollars, not negative",
                    );
                }
            };
        }
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use catalog::PicoUsd;
    use proptest::prelude::*;

    use super::*;

    fn parse(json: &str) -> Result<Preferences, PreferencesError> {
        Preferences::parse(serde_json::from_str(json).unwrap())
    }

    /// PROV-1
    #[test]
    fn every_member_is_read() {
        let preferences = parse(
            r#"{"order":["openai","Azure"],"allow_fallbacks":false,"require_parameters":true,
               "data_collection":"deny","zdr":true,"enforce_distillable_text":true,
               "only":["openai/priority"],"ignore":["deepinfra"],"quantizations":["fp8","bf16"],
               "sort":{"by":"latency","partition":"none"},"preferred_min_throughput":{"p90":50},
               "preferred_max_latency":"1.5","max_price":{"prompt":1,"completion":"2.5",
               "request":0.01,"image":"0.1","audio":3},"something_new":[1]}"#,
        )
        .unwrap();
        assert_eq!(
            preferences.order.iter().map(ProviderPattern::text).collect::<Vec<_>>(),
            ["openai", "Azure"]
        );
        assert!(!preferences.allow_fallbacks && preferences.require_parameters);
        assert!(preferences.deny_data_collection && preferences.zdr);
        assert!(preferences.enforce_distillable_text);
        assert_eq!((preferences.only.len(), preferences.ignore.len()), (1, 1));
        assert!(preferences.quantizations.unwrap().has(Quantization::Mxfp8));
        assert_eq!(preferences.sort, Some(Sort::Latency));
        assert_eq!(preferences.partition, Some(Partition::None));
        assert_eq!(preferences.preferred_min_throughput.unwrap().p90, Some(50.0));
        assert_eq!(preferences.preferred_max_latency.unwrap().p50, Some(1.5));
        assert_eq!(preferences.max_price.prompt, Some(PicoUsd(1_000_000)));
        assert_eq!(preferences.max_price.completion, Some(PicoUsd(2_500_000)));
        assert_eq!(preferences.max_price.request, Some(PicoUsd(10_000_000_000)));
        assert_eq!(preferences.max_price.audio, Some(PicoUsd(3_000_000_000_000)));
    }

    #[test]
    fn nulls_empty_lists_and_unknown_members_ask_for_nothing() {
        for json in [
            "null",
            "{}",
            r#"{"order":null,"only":[],"ignore":[],"quantizations":[],"sort":null,"zdr":null,
                "max_price":{},"preferred_min_throughput":{},"preferred_max_latency":null,
                "allow_fallbacks":null,"data_collection":null,"x":{"y":1}}"#,
            r#"{"sort":{"by":null,"partition":null}}"#,
        ] {
            assert_eq!(parse(json).unwrap(), Preferences::default(), "{json}");
        }
    }

    #[test]
    fn an_error_names_the_member() {
        for (json, field) in [
            ("[]", "provider"),
            (r#"{"order":"openai"}"#, "provider.order"),
            (r#"{"only":[1]}"#, "provider.only"),
            (r#"{"allow_fallbacks":"yes"}"#, "provider.allow_fallbacks"),
            (r#"{"data_collection":"maybe"}"#, "provider.data_collection"),
            (r#"{"quantizations":["fp5"]}"#, "provider.quantizations"),
            (r#"{"sort":"fame"}"#, "provider.sort"),
            (r#"{"sort":{"by":"fame"}}"#, "provider.sort.by"),
            (r#"{"sort":{"partition":"all"}}"#, "provider.sort.partition"),
            (r#"{"sort":3}"#, "provider.sort"),
            (r#"{"preferred_min_throughput":"quick"}"#, "provider.preferred_min_throughput"),
            (r#"{"preferred_max_latency":{"p90":-1}}"#, "provider.preferred_max_latency.p90"),
            (r#"{"max_price":{"prompt":"cheap"}}"#, "provider.max_price.prompt"),
            (r#"{"max_price":1}"#, "provider.max_price"),
        ] {
            assert_eq!(parse(json).unwrap_err().field, field, "{json}");
        }
        let long = format!(r#"{{"only":[{}"a"]}}"#, "\"a\",".repeat(MAX_ENTRIES));
        assert_eq!(parse(&long).unwrap_err().field, "provider.only");
    }

    proptest! {
        #[test]
        fn no_json_value_makes_the_parser_panic(
            name in prop::sample::select(vec!["order", "sort", "max_price", "quantizations",
                "preferred_max_latency", "zdr", "data_collection"]),
            value in prop::sample::select(vec!["1", "-1e400", "\"\"", "\"\\u0000\"", "{}", "[[]]",
                "{\"by\":[]}", "{\"p50\":\"1e999\"}", "{\"prompt\":1e308}", "true", "[null]"]),
        ) {
            // `-1e400` is no number to the reader of raw values either way.
            if let Ok(raw) = serde_json::from_str(&format!("{{\"{name}\":{value}}}")) {
                let _ = Preferences::parse(raw);
            }
        }
    }
}
