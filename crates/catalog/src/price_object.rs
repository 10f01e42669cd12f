//! Price lists as the public price object: `{"prompt": "0.000003", …, "overrides": […]}`. MODELS-6
//!
//! One form for the shipped catalogue, for operators' documents and for stored changes.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::price::{Meter, PicoUsd, PriceList, PriceOverride};

/// A price list in object form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceObject(pub PriceList);

impl Meter {
    /// All, in the order in which they are listed.
    pub const ALL: [Self; 23] = [
        Self::Prompt,
        Self::Completion,
        Self::Request,
        Self::RequestMediumContext,
        Self::RequestHighContext,
        Self::Image,
        Self::ImageToken,
        Self::ImageOutput,
        Self::ImageOutputToken,
        Self::Audio,
        Self::AudioOutput,
        Self::InputAudioCache,
        Self::WebSearch,
        Self::InternalReasoning,
        Self::InputCacheRead,
        Self::InputCacheWrite,
        Self::InputCacheWrite1h,
        Self::SecondIn,
        Self::SecondOut,
        Self::Character,
        Self::SearchUnit,
        Self::Page,
        Self::VideoSecond,
    ];

    /// The name in the public price object. MODELS-6
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Completion => "completion",
            Self::Request => "request",
            Self::RequestMediumContext => "request_medium_context",
            Self::RequestHighContext => "request_high_context",
            Self::Image => "image",
            Self::ImageToken => "image_token",
            Self::ImageOutput => "image_output",
            Self::ImageOutputToken => "image_output_token",
            Self::Audio => "audio",
            Self::AudioOutput => "audio_output",
            Self::InputAudioCache => "input_audio_cache",
            Self::WebSearch => "web_search",
            Self::InternalReasoning => "internal_reasoning",
            Self::InputCacheRead => "input_cache_read",
            Self::InputCacheWrite => "input_cache_write",
            Self::InputCacheWrite1h => "input_cache_write_1h",
            Self::SecondIn => "second_in",
            Self::SecondOut => "second_out",
            Self::Character => "character",
            Self::SearchUnit => "search_unit",
            Self::Page => "page",
            Self::VideoSecond => "video_second",
        }
    }

    /// Whether it counts tokens; the others count pieces or time.
    pub const fn counts_tokens(self) -> bool {
        !matches!(
            self,
            Self::Request
                | Self::RequestMediumContext
                | Self::RequestHighContext
                | Self::Image
                | Self::ImageOutput
                | Self::WebSearch
                | Self::SecondIn
                | Self::SecondOut
                | Self::Character
                | Self::SearchUnit
                | Self::Page
                | Self::VideoSecond
        )
    }

    /// The meter of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|meter| meter.name() == name)
    }
}

impl Serialize for PriceObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (meter, price) in &self.0.base {
            map.serialize_entry(meter.name(), price)?;
        }
        if !self.0.overrides.is_empty() {
            let entries: Vec<_> = self.0.overrides.iter().map(OverrideObject).collect();
            map.serialize_entry("overrides", &entries)?;
        }
        map.end()
    }
}

/// An override in object form. MODELS-7
struct OverrideObject<'a>(&'a PriceOverride);

impl Serialize for OverrideObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(minimum) = self.0.min_prompt_tokens {
            map.serialize_entry("min_prompt_tokens", &minimum)?;
        }
        for (name, bound) in [("utc_start", self.0.utc_start), ("utc_end", self.0.utc_end)] {
            if let Some(bound) = bound {
                map.serialize_entry(name, &bound)?;
            }
        }
        for (meter, price) in &self.0.prices {
            map.serialize_entry(meter.name(), price)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for PriceObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BaseVisitor).map(Self)
    }
}

struct BaseVisitor;

impl<'de> Visitor<'de> for BaseVisitor {
    type Value = PriceList;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of prices, e.g. { prompt = \"0.000003\" }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PriceList, A::Error> {
        let mut list = PriceList::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Meter(meter) => push(&mut list.base, meter, map.next_value::<Price>()?.0)?,
                Key::Overrides => list.overrides = map.next_value::<Overrides>()?.0,
                other => return Err(A::Error::custom(other.misplaced())),
            }
        }
        list.base.sort_by_key(|(meter, _)| *meter);
        Ok(list)
    }
}

fn push<E: Error>(
    prices: &mut Vec<(Meter, PicoUsd)>,
    meter: Meter,
    price: PicoUsd,
) -> Result<(), E> {
    if prices.iter().any(|(known, _)| *known == meter) {
        return Err(E::custom(format!("`{}` occurs twice", meter.name())));
    }
    prices.push((meter, price));
    Ok(())
}

struct Overrides(Vec<PriceOverride>);

impl<'de> Deserialize<'de> for Overrides {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Vec<PriceOverride>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of overrides")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut overrides = Vec::new();
                while let Some(Override(entry)) = seq.next_element()? {
                    overrides.push(entry);
                }
                Ok(overrides)
            }
        }
        deserializer.deserialize_seq(List).map(Self)
    }
}

struct Override(PriceOverride);

impl<'de> Deserialize<'de> for Override {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = PriceOverride;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an override: conditions and prices")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entry = PriceOverride::default();
                while let Some(key) = map.next_key::<Key>()? {
                    match key {
                        Key::Meter(meter) => {
                            push(&mut entry.prices, meter, map.next_value::<Price>()?.0)?;
                        }
                        Key::MinPromptTokens => entry.min_prompt_tokens = Some(map.next_value()?),
                        Key::UtcStart => entry.utc_start = Some(clock(map.next_value()?)?),
                        Key::UtcEnd => entry.utc_end = Some(clock(map.next_value()?)?),
                        Key::Overrides => return Err(A::Error::custom(key.misplaced())),
                    }
                }
                if entry.utc_start.is_some() != entry.utc_end.is_some() {
                    return Err(A::Error::custom(
                        "`utc_start` and `utc_end` belong together: give both",
                    ));
                }
                entry.prices.sort_by_key(|(meter, _)| *meter);
                Ok(entry)
            }
        }
        deserializer.deserialize_map(Entry).map(Self)
    }
}

/// A clock time as HHMM.
fn clock<E: Error>(hhmm: u16) -> Result<u16, E> {
    if hhmm / 100 > 24 || hhmm % 100 > 59 || hhmm > 2400 {
        return Err(E::custom(format!("`{hhmm}` is no time of day: write HHMM, e.g. 1630")));
    }
    Ok(hhmm)
}

/// A price as text; a number is refused, because it may have been rounded on its way.
struct Price(PicoUsd);

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = PicoUsd;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a price as text in quotes, e.g. \"0.000003\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PicoUsd, E> {
                PicoUsd::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text).map(Self)
    }
}

/// A member's name.
enum Key {
    Meter(Meter),
    Overrides,
    MinPromptTokens,
    UtcStart,
    UtcEnd,
}

impl Key {
    fn misplaced(&self) -> &'static str {
        match self {
            Self::Overrides => "`overrides` cannot stand inside an override",
            _ => "conditions belong into an entry of `overrides`",
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of a price")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    "overrides" => Key::Overrides,
                    "min_prompt_tokens" => Key::MinPromptTokens,
                    "utc_start" => Key::UtcStart,
                    "utc_end" => Key::UtcEnd,
                    _ => Key::Meter(Meter::from_name(name).ok_or_else(|| {
                        let known = Meter::ALL.map(Meter::name).join(", ");
                        E::custom(format!("unknown price `{name}`: one of {known}, overrides"))
                    })?),
                })
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<PriceList, String> {
        serde_json::from_str::<PriceObject>(text)
            .map(|object| object.0)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn mistakes_are_named_with_their_fix() {
        for (text, expected) in [
            (r#"{"promt": "1"}"#, "unknown price `promt`"),
            (r#"{"prompt": 0.1}"#, "in quotes"),
            (r#"{"prompt": "-1"}"#, "is not a price"),
            (r#"{"min_prompt_tokens": 1}"#, "belong into an entry of `overrides`"),
            (r#"{"overrides": [{"utc_start": 100}]}"#, "give both"),
            (r#"{"overrides": [{"utc_start": 100, "utc_end": 2475}]}"#, "no time of day"),
            (r#"{"prompt": "1", "prompt": "2"}"#, "occurs twice"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_names_are_those_of_the_serialised_meters() {
        for meter in Meter::ALL {
            assert_eq!(serde_json::to_value(meter).unwrap(), meter.name());
        }
    }

    fn prices() -> impl Strategy<Value = Vec<(Meter, PicoUsd)>> {
        proptest::collection::btree_map(0..Meter::ALL.len(), 0..10_i64.pow(15), 0..6).prop_map(
            |map| map.into_iter().map(|(at, price)| (Meter::ALL[at], PicoUsd(price))).collect(),
        )
    }

    proptest! {
        #[test]
        fn a_price_list_survives_the_way_to_text_and_back(
            base in prices(),
            above in prices(),
            minimum in proptest::option::of(0..10_000_000_u64),
            window in proptest::option::of((0..24_u16, 0..24_u16)),
        ) {
            let list = PriceList {
                base,
                overrides: vec![PriceOverride {
                    min_prompt_tokens: minimum,
                    utc_start: window.map(|(start, _)| start * 100),
                    utc_end: window.map(|(_, end)| end * 100),
                    prices: above,
                }],
            };
            let text = serde_json::to_string(&PriceObject(list.clone())).unwrap();
            prop_assert_eq!(read(&text), Ok(list));
        }
    }
}
