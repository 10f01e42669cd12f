//! Kinds of values: spans of time, addresses that may be switched off.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gateway::pages::{BasePath, NotAPath};
use gateway::upstream::Origin;
use serde::Deserialize;

use crate::small_file;

/// A span of time as people write it: `250ms`, `30s`, `5m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fail =
            || format!("`{text}` is not a time: expected a number with ms, s, m or h, such as 30s");
        let unit = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(fail)?;
        let number: u64 = text[..unit].parse().map_err(|_| fail())?;
        let milliseconds = match &text[unit..] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(fail()),
        };
        // A day is longer than any limit makes sense, and far from overflowing a clock.
        let span = number.checked_mul(milliseconds).filter(|total| *total <= 86_400_000);
        Ok(Self(Duration::from_millis(span.ok_or_else(|| format!("`{text}` is longer than 24h"))?)))
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A number of which none at all would let nothing happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "usize")]
pub struct Count(pub usize);

impl TryFrom<usize> for Count {
    type Error = &'static str;

    fn try_from(number: usize) -> Result<Self, Self::Error> {
        if number == 0 {
            return Err("it must be 1 or more: with 0 nothing could be served");
        }
        Ok(Self(number))
    }
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number: usize = text.parse().map_err(|error| format!("{error}"))?;
        Ok(number.try_into()?)
    }
}

/// A span of time of which none at all would let nothing happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Patience(pub Span);

impl FromStr for Patience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span: Span = text.parse()?;
        if span.0.is_zero() {
            return Err("it must be longer: in no time nothing could be served".to_owned());
        }
        Ok(Self(span))
    }
}

impl TryFrom<String> for Patience {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The longest file with an address.
const LONGEST_ADDRESS: u64 = 16 * 1024;

/// The address of a server, which may have a password in it: it is not shown, and not checked
/// where whoever checks would show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// The address in a variable, if it is set.
    pub fn in_variable(name: &str) -> Option<Self> {
        std::env::var(name).ok().filter(|text| !text.is_empty()).map(Self)
    }

    /// Whether it stands for no server at all.
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// The variable that it is to be read from, if it is in one.
    pub fn variable(&self) -> Option<&str> {
        self.0.strip_prefix("env:")
    }

    /// The address itself, from where it is if it is elsewhere. `None` if it is empty.
    pub fn read(&self) -> Result<Option<String>> {
        let text = match self.0.split_once(':') {
            Some(("file", path)) => {
                let read = small_file::read(Path::new(path), LONGEST_ADDRESS);
                read.with_context(|| format!("the file {path} cannot be read"))?
            }
            Some(("env", name)) => std::env::var(name)
                .with_context(|| format!("the variable {name} cannot be read"))?,
            _ => self.0.clone(),
        };
        let text = text.trim();
        if text.chars().any(char::is_control) {
            bail!("it has more than one line");
        }
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }
}

impl FromStr for Address {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.0.is_empty() { "Address()" } else { "Address(***)" })
    }
}

/// The address under which callers know the gateway; empty: where it listens. Links and the answers
/// of sign-on services go there, each with a path behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The address without a slash at its end, if there is one.
    pub fn given(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|url| !url.is_empty())
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = text.trim().trim_end_matches('/');
        let is_usable = Origin::parse(url).is_ok_and(|origin| !origin.authority.host().is_empty());
        if url.is_empty() || is_usable {
            return Ok(Self(url.to_owned()));
        }
        let shown: String = text.chars().take(200).collect();
        Err(format!(
            "`{shown}` is no address of a gateway: expected http://host[:port][/path] or https://…, \
             without a query or a fragment"
        ))
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The path below which everything is served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct GivenPath(pub BasePath);

impl FromStr for GivenPath {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for GivenPath {
    type Error = NotAPath;

    fn try_from(text: String) -> Result<Self, NotAPath> {
        text.parse()
    }
}

/// Where metrics are served, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum MetricsListen {
    /// Nowhere.
    Off,
    /// At this address.
    At(SocketAddr),
}

impl FromStr for MetricsListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse()
            .map(Self::At)
            .map_err(|_| format!("`{text}` is neither off nor an address such as 127.0.0.1:9090"))
    }
}

impl TryFrom<String> for MetricsListen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_or_refused() {
        for (text, milliseconds) in
            [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000)]
        {
            assert_eq!(text.parse(), Ok(Span(Duration::from_millis(milliseconds))));
        }
        for bad in ["", "30", "s", "1.5s", "-1s", "30 s", "25h", "99999999999999999999s", "1d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_read_from_where_it_is_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("address");
        std::fs::write(&path, "postgres://u:hidden@h/x\n").unwrap();
        let address: Address = format!("file:{}", path.display()).parse().unwrap();
        assert_eq!(address.read().unwrap().unwrap(), "postgres://u:hidden@h/x");
        let address: Address = "postgres://u:hidden@h/x".parse().unwrap();
        assert_eq!(address.read().unwrap().unwrap(), "postgres://u:hidden@h/x");
        assert!(!format!("{address:?}").contains("hidden"));
        let nowhere: Address = "file:/nowhere/address".parse().unwrap();
        assert!(nowhere.read().is_err());
        let nothing: Address = "".parse().unwrap();
        assert_eq!(nothing.read().unwrap(), None);
    }

    #[test]
    fn a_public_address_is_one_that_links_can_begin_with() {
        for (text, url) in [
            ("", None),
            ("/", None),
            ("https://llm.example.org/gw/", Some("https://llm.example.org/gw")),
            ("http://[::1]:8080", Some("http://[::1]:8080")),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().given(), url, "{text}");
        }
        for bad in [
            "llm.example.org",
            "ftp://llm.example.org",
            "https://",
            "https://:443",
            "https://a b",
            "https://llm.example.org/?team=1",
            "https://llm.example.org/#top",
            "https://user:password@llm.example.org",
        ] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn metrics_may_be_off() {
        assert_eq!("off".parse(), Ok(MetricsListen::Off));
        assert!(matches!("127.0.0.1:0".parse(), Ok(MetricsListen::At(_))));
        assert!("localhost".parse::<MetricsListen>().is_err());
    }
}
