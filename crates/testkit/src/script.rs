//! How an exchange is to go: timing, shape and fault of one answer.
//!
//! The short form, used in the `x-sim-script` request header, is `key=value` pairs separated by
//! semicolons, for instance `fault=status:429;retry_after=2;latency=50`. A value cannot hold a
//! semicolon here; it can in a script file. Keys:
//!
//! | key | meaning |
//! |---|---|
//! | `latency` | milliseconds before the headers |
//! | `first_token` | milliseconds between the headers and the first content |
//! | `tps` | tokens per second of a stream |
//! | `gap` | milliseconds between content chunks |
//! | `chunks` | number of content chunks the text is cut into |
//! | `split` | bytes per write; `1` drips byte by byte |
//! | `usage` | `normal`, `missing` or `every` (in every chunk) |
//! | `text` | the text to answer instead of the simulator's own |
//! | `fault` | see [`Fault`] |
//! | `retry_after` | seconds, for `status` faults |
//! | `message`, `kind` | message and vendor error type, for `status` and `error` faults |
//! | `body`, `content_type` | a literal body for `status` faults |
//! | `fast` | `chunks,interval_ms`: canned bytes, see [`Script::fast`] |

use std::str::FromStr;

use crate::fault::Fault;

/// Where the usage of a streamed answer is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageMode {
    /// Where the vendor reports it.
    #[default]
    Normal,
    /// Nowhere.
    Missing,
    /// In every chunk, cumulatively, as some compatible hosts do.
    EveryChunk,
}

/// A canned stream for load tests: the same ~190-byte chunk over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fast {
    /// Content chunks in the stream.
    pub chunks: u32,
    /// Milliseconds between chunks; 0 sends them back to back.
    pub interval_ms: u32,
}

/// The course of one exchange. The default is an immediate, faultless answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// Milliseconds before the response headers.
    pub latency_ms: u64,
    /// Milliseconds between the headers and the first content chunk.
    pub first_token_ms: u64,
    /// Tokens per second of a streamed answer; `None` is as fast as the client reads.
    pub tokens_per_second: Option<f64>,
    /// Milliseconds between content chunks, besides `tokens_per_second`.
    pub gap_ms: u64,
    /// Number of content chunks the text is cut into; `None` is one for each word.
    pub chunks: Option<usize>,
    /// Bytes in each write of the body; `None` writes whole events.
    pub split: Option<usize>,
    /// Where a stream reports usage.
    pub usage: UsageMode,
    /// The text to answer instead of the simulator's own.
    pub text: Option<String>,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// Seconds in the Retry-After header (and Gemini's RetryInfo) of a `status` fault.
    pub retry_after: Option<u64>,
    /// Message of a `status` or `error` fault; `None` is the vendor's usual wording.
    pub message: Option<String>,
    /// Vendor error type, code or status of a `status` or `error` fault.
    pub kind: Option<String>,
    /// A literal body for a `status` fault instead of the vendor's error form.
    pub body: Option<String>,
    /// Content type of `body`; `None` is `text/plain`.
    pub content_type: Option<String>,
    /// Canned bytes instead of an answer; everything else but `latency_ms` is ignored.
    pub fast: Option<Fast>,
}

/// Why a script, or a file of scripts, was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// The key is not one of the script's.
    #[error("unknown script key `{0}`")]
    Key(String),
    /// The value does not suit the key.
    #[error("`{value}` is not a valid {key}")]
    Value {
        /// The key or part.
        key: String,
        /// What was given.
        value: String,
    },
    /// A pair without an equals sign.
    #[error("`{0}` is not of the form key=value")]
    Pair(String),
    /// The rules file is neither TOML nor JSON of the expected shape.
    #[error("cannot read the script file: {0}")]
    File(String),
}

impl ScriptError {
    pub(crate) fn value(key: &str, value: &str) -> Self {
        Self::Value { key: key.to_owned(), value: value.to_owned() }
    }
}

impl Script {
    /// A faultless, immediate answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A script with only this fault.
    pub fn fault(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// A script that answers with this HTTP status in the vendor's error form.
    pub fn status(status: u16) -> Self {
        Self::fault(Fault::Status(status))
    }

    /// A script that answers with this text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// Canned bytes for load tests: `chunks` chunks of about 190 bytes, `interval_ms` apart (0 is
    /// back to back). The request is barely read and not kept in the ledger of calls.
    pub fn fast(chunks: u32, interval_ms: u32) -> Self {
        Self { fast: Some(Fast { chunks, interval_ms }), ..Self::default() }
    }

    /// The same script with a Retry-After of so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same script with so many milliseconds before the headers.
    #[must_use]
    pub fn latency(mut self, milliseconds: u64) -> Self {
        self.latency_ms = milliseconds;
        self
    }

    /// The same script with so many milliseconds before the first content chunk.
    #[must_use]
    pub fn first_token(mut self, milliseconds: u64) -> Self {
        self.first_token_ms = milliseconds;
        self
    }

    /// The same script with so many milliseconds between content chunks.
    #[must_use]
    pub fn gap(mut self, milliseconds: u64) -> Self {
        self.gap_ms = milliseconds;
        self
    }

    /// The same script with the body written so many bytes at a time.
    #[must_use]
    pub fn split(mut self, bytes: usize) -> Self {
        self.split = Some(bytes.max(1));
        self
    }

    /// The same script with the text cut into so many chunks.
    #[must_use]
    pub fn chunks(mut self, chunks: usize) -> Self {
        self.chunks = Some(chunks.max(1));
        self
    }

    /// The same script with usage reported as `mode` says.
    #[must_use]
    pub fn usage(mut self, mode: UsageMode) -> Self {
        self.usage = mode;
        self
    }

    /// Sets one key of the short form.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<(), ScriptError> {
        let number = || value.parse::<u64>().map_err(|_| ScriptError::value(key, value));
        let positive = || match value.parse::<usize>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(ScriptError::value(key, value)),
        };
        match key {
            "latency" | "latency_ms" => self.latency_ms = number()?,
            "first_token" | "first_token_ms" => self.first_token_ms = number()?,
            "tps" | "tokens_per_second" => {
                let rate: f64 = value.parse().map_err(|_| ScriptError::value(key, value))?;
                if !(rate.is_finite() && rate > 0.0) {
                    return Err(ScriptError::value(key, value));
                }
                self.tokens_per_second = Some(rate);
            }
            "gap" | "gap_ms" => self.gap_ms = number()?,
            "chunks" => self.chunks = Some(positive()?),
            "split" => self.split = Some(positive()?),
            "usage" => {
                self.usage = match value {
                    "normal" => UsageMode::Normal,
                    "missing" => UsageMode::Missing,
                    "every" => UsageMode::EveryChunk,
                    _ => return Err(ScriptError::value(key, value)),
                }
            }
            "text" => self.text = Some(value.to_owned()),
            "fault" => self.fault = Some(value.parse()?),
            "retry_after" => self.retry_after = Some(number()?),
            "message" => self.message = Some(value.to_owned()),
            "kind" => self.kind = Some(value.to_owned()),
            "body" => self.body = Some(value.to_owned()),
            "content_type" => self.content_type = Some(value.to_owned()),
            "fast" => self.fast = Some(value.parse()?),
            _ => return Err(ScriptError::Key(key.to_owned())),
        }
        Ok(())
    }

    /// The script a model id asks for, so that a fault can be reached through any gateway:
    /// `…sim-fault-<fault>` with dashes for colons (`sim-fault-500`, `sim-fault-reset-2`,
    /// `sim-fault-error-1-529`), `…sim-slow` and `bench-<chunks>-<interval_ms>`.
    pub fn from_model(model: &str) -> Option<Self> {
        if let Some((_, shape)) = model.rsplit_once("bench-") {
            return shape
                .replacen('-', ",", 1)
                .parse()
                .ok()
                .map(|fast: Fast| Self { fast: Some(fast), ..Self::default() });
        }
        if let Some((_, fault)) = model.rsplit_once("sim-fault-") {
            let fault = fault.replace('-', ":");
            let status = format!("status:{fault}");
            return fault.parse().or_else(|_| status.parse()).ok().map(Self::fault);
        }
        model.ends_with("sim-slow").then(|| Self {
            first_token_ms: 2000,
            tokens_per_second: Some(10.0),
            ..Self::default()
        })
    }
}

impl FromStr for Fast {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let invalid = || ScriptError::value("fast", text);
        let (chunks, interval) = text.split_once(',').ok_or_else(invalid)?;
        Ok(Self {
            chunks: chunks.trim().parse().map_err(|_| invalid())?,
            interval_ms: interval.trim().parse().map_err(|_| invalid())?,
        })
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self::default();
        for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| ScriptError::Pair(pair.to_owned()))?;
            script.set(key.trim(), value.trim())?;
        }
        Ok(script)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fault::Point;

    #[test]
    fn the_short_form_sets_every_named_key() {
        let script: Script =
            "fault=status:429; retry_after=2;latency=50;tps=12.5;split=1".parse().unwrap();
        assert_eq!(
            script,
            Script {
                fault: Some(Fault::Status(429)),
                retry_after: Some(2),
                latency_ms: 50,
                tokens_per_second: Some(12.5),
                split: Some(1),
                ..Script::default()
            }
        );
    }

    #[test]
    fn unknown_keys_and_bad_values_are_named() {
        assert_eq!("speed=1".parse::<Script>(), Err(ScriptError::Key("speed".into())));
        assert_eq!("latency=x".parse::<Script>(), Err(ScriptError::value("latency", "x")));
        assert_eq!("split=0".parse::<Script>(), Err(ScriptError::value("split", "0")));
        assert_eq!("tps=NaN".parse::<Script>(), Err(ScriptError::value("tps", "NaN")));
        assert_eq!("latency".parse::<Script>(), Err(ScriptError::Pair("latency".into())));
    }

    #[test]
    fn a_model_id_can_carry_a_script() {
        let fault = |model: &str| Script::from_model(model).and_then(|script| script.fault);
        assert_eq!(fault("acme/sim-fault-500"), Some(Fault::Status(500)));
        assert_eq!(fault("sim-fault-reset-2"), Some(Fault::Reset(Point::After(2))));
        assert_eq!(fault("sim-fault-hang"), Some(Fault::Hang(Point::BeforeHeaders)));
        assert_eq!(fault("sim-fault-empty_body"), Some(Fault::EmptyBody));
        assert_eq!(Script::from_model("bench-100-5"), Some(Script::fast(100, 5)));
        assert!(Script::from_model("sim-slow").is_some());
        assert_eq!(Script::from_model("sim-chat"), None);
        assert_eq!(Script::from_model("bench-many"), None);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,60}") {
            let _ = text.parse::<Script>();
            let _ = Script::from_model(&text);
        }
    }
}
