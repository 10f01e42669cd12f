//! Prices as integers.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A price in pico-dollars (10⁻¹² USD) per unit: real token prices are not whole nano-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoUsd(pub i64);

/// A text that is no price.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a price: expected a decimal number of US dollars, at most 12 digits after the point, from 0 to 1,000,000"
)]
pub struct PriceTextError(pub String);

impl PicoUsd {
    /// Free.
    pub const ZERO: Self = Self(0);

    /// Reads a decimal text in USD (`0.0000025`, `2.5e-6`), without passing through a float.
    /// Digits beyond 10⁻¹² are refused unless they are zeros: a price is never rounded silently.
    pub fn parse(text: &str) -> Result<Self, PriceTextError> {
        parse_decimal(text).map(Self).ok_or_else(|| PriceTextError(text.to_owned()))
    }

    /// Reads a price given in USD per million units.
    pub fn per_million(text: &str) -> Result<Self, PriceTextError> {
        shifted_decimal(text, 6).map(Self).ok_or_else(|| PriceTextError(text.to_owned()))
    }

    /// The price of a million units, as a text.
    pub fn millions(self) -> String {
        // The same digits, six places on.
        Self(self.0.saturating_mul(1_000_000)).to_string()
    }
}

fn parse_decimal(text: &str) -> Option<i64> {
    shifted_decimal(text, 12)
}

/// `text` × 10^`shift` as an integer.
fn shifted_decimal(text: &str, shift: i32) -> Option<i64> {
    let text = text.trim();
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    if !(-40..=40).contains(&exponent) || mantissa.len() > 60 {
        return None;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut digits: String = format!("{whole}{fraction}");
    let mut power = shift + exponent - i32::try_from(fraction.len()).ok()?;
    while power < 0 {
        // Only zeros may fall off the end.
        match digits.pop() {
            Some('0') => power += 1,
            Some(_) => return None,
            None => return Some(0),
        }
    }
    let value: i128 = digits
        .trim_start_matches('0')
        .parse()
        .or_else(|error| if digits.bytes().all(|byte| byte == b'0') { Ok(0) } else { Err(error) })
        .ok()?;
    let value = value.checked_mul(10_i128.checked_pow(u32::try_from(power).ok()?)?)?;
    let value = i64::try_from(value).ok()?;
    (value <= 1_000_000_000_000_000_000).then_some(value)
}

impl fmt::Display for PicoUsd {
    /// The decimal text in USD, exact and without trailing zeros: `0.0000025`. MODELS-6
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let value = self.0.unsigned_abs();
        let whole = value / 1_000_000_000_000;
        let fraction = value % 1_000_000_000_000;
        if fraction == 0 {
            return write!(formatter, "{sign}{whole}");
        }
        let digits = format!("{fraction:012}");
        write!(formatter, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl Serialize for PicoUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PicoUsd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What is metered. The names are those of the public price object. MODELS-6
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// Input tokens.
    Prompt,
    /// Output tokens.
    Completion,
    /// One request.
    Request,
    /// One request that brings more of what is found on the web into the prompt, in place of
    /// `request`.
    RequestMediumContext,
    /// One request that brings much of what is found on the web into the prompt, in place of
    /// `request`.
    RequestHighContext,
    /// One input image.
    Image,
    /// Input tokens that are images.
    ImageToken,
    /// One output image.
    ImageOutput,
    /// Output tokens that are images.
    ImageOutputToken,
    /// Input tokens that are audio.
    Audio,
    /// Output tokens that are audio.
    AudioOutput,
    /// Input audio tokens read from a cache.
    InputAudioCache,
    /// One web search.
    WebSearch,
    /// Reasoning tokens, where they have a price of their own.
    InternalReasoning,
    /// Input tokens read from a cache.
    InputCacheRead,
    /// Input tokens written to a cache (five minutes).
    InputCacheWrite,
    /// Input tokens written to a cache for an hour.
    #[serde(rename = "input_cache_write_1h")]
    InputCacheWrite1h,
    /// Seconds of input.
    SecondIn,
    /// Seconds of output.
    SecondOut,
    /// Characters.
    Character,
    /// Search units of a rerank.
    SearchUnit,
    /// Pages of a document.
    Page,
    /// Seconds of video.
    VideoSecond,
}

/// The prices of an endpoint: a base and conditional overrides. MODELS-6, MODELS-7
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceList {
    /// Price per unit, by meter, sorted by meter. A meter that is absent is not billed by itself:
    /// its units fall under `prompt` or `completion`.
    pub base: Vec<(Meter, PicoUsd)>,
    /// Overrides, in order; a later one that applies wins per meter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<PriceOverride>,
}

/// Prices that hold under conditions, all of which must be met. MODELS-7
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceOverride {
    /// Applies when the prompt has strictly more tokens than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_prompt_tokens: Option<u64>,
    /// Start of a daily window in UTC as HHMM, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_start: Option<u16>,
    /// End of the window, exclusive; before the start it wraps midnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_end: Option<u16>,
    /// The prices.
    pub prices: Vec<(Meter, PicoUsd)>,
}

/// Whether a price is known. Unknown is an error state, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceState {
    /// It is.
    Known,
    /// It is, and it is nothing.
    Free,
    /// It is not.
    #[default]
    Unknown,
}

impl PriceList {
    /// The base price of a meter.
    pub fn get(&self, meter: Meter) -> Option<PicoUsd> {
        self.base.iter().find(|(known, _)| *known == meter).map(|(_, price)| *price)
    }

    /// The price of a meter for a prompt of `prompt_tokens` at `utc_minute_of_day` (0–1439).
    pub fn effective(
        &self,
        meter: Meter,
        prompt_tokens: u64,
        utc_minute_of_day: u16,
    ) -> Option<PicoUsd> {
        self.overrides
            .iter()
            .rev()
            .filter(|condition| condition.applies(prompt_tokens, utc_minute_of_day))
            .find_map(|condition| {
                condition.prices.iter().find(|(known, _)| *known == meter).map(|(_, price)| *price)
            })
            .or_else(|| self.get(meter))
    }

    /// Whether the price is known, and whether it is nothing.
    pub fn state(&self) -> PriceState {
        if self.base.is_empty() {
            return PriceState::Unknown;
        }
        let all = self.base.iter().chain(self.overrides.iter().flat_map(|entry| &entry.prices));
        if all.clone().all(|(_, price)| price.0 == 0) {
            return PriceState::Free;
        }
        PriceState::Known
    }
}

impl PriceOverride {
    fn applies(&self, prompt_tokens: u64, utc_minute_of_day: u16) -> bool {
        if self.min_prompt_tokens.is_some_and(|minimum| prompt_tokens <= minimum) {
            return false;
        }
        match (self.utc_start, self.utc_end) {
            (Some(start), Some(end)) => {
                let minute = |hhmm: u16| hhmm / 100 * 60 + hhmm % 100;
                let (start, end) = (minute(start), minute(end));
                if start <= end {
                    (start..end).contains(&utc_minute_of_day)
                } else {
                    utc_minute_of_day >= start || utc_minute_of_day < end
                }
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_exactly_and_written_back() {
        for (text, pico) in [
            ("0", 0),
            ("0.0000025", 2_500_000),
            ("2.5e-6", 2_500_000),
            ("0.0000000375", 37_500),
            ("15", 15_000_000_000_000),
            ("1e-12", 1),
            ("0.10", 100_000_000_000),
        ] {
            assert_eq!(PicoUsd::parse(text), Ok(PicoUsd(pico)), "{text}");
        }
        assert_eq!(PicoUsd(2_500_000).to_string(), "0.0000025");
        assert_eq!(PicoUsd(15_000_000_000_000).to_string(), "15");
        assert_eq!(PicoUsd::per_million("2.50"), Ok(PicoUsd(2_500_000)));
        for bad in ["", "-1", "NaN", "1e99", "0.0000000000001", "1,5", ".", "1000001"] {
            assert!(PicoUsd::parse(bad).is_err(), "{bad}");
        }
    }

    /// MODELS-7
    #[test]
    fn overrides_apply_strictly_above_and_inside_half_open_windows() {
        let list = PriceList {
            base: vec![(Meter::Prompt, PicoUsd(10)), (Meter::Completion, PicoUsd(20))],
            overrides: vec![
                PriceOverride {
                    min_prompt_tokens: Some(200),
                    prices: vec![(Meter::Prompt, PicoUsd(30))],
                    ..PriceOverride::default()
                },
                PriceOverride {
                    utc_start: Some(2330),
                    utc_end: Some(130),
                    prices: vec![(Meter::Prompt, PicoUsd(5))],
                    ..PriceOverride::default()
                },
            ],
        };
        let price = |tokens, minute| list.effective(Meter::Prompt, tokens, minute).unwrap().0;
        assert_eq!(price(200, 720), 10, "exactly at the limit is not above it");
        assert_eq!(price(201, 720), 30);
        assert_eq!(price(201, 1410), 5, "the later entry wins");
        assert_eq!(price(0, 89), 5);
        assert_eq!(price(0, 90), 10, "the end is exclusive");
        assert_eq!(list.effective(Meter::Completion, 201, 1410), Some(PicoUsd(20)));
    }
}
