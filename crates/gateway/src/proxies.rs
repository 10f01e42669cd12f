//! Proxies before the gateway, whose word for where a request came from is taken.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::HeaderMap;
use serde::Deserialize;

/// Networks of proxies that are trusted. Without a setting only this machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TrustedProxies(Vec<Network>);

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self(vec![
            Network { address: Ipv4Addr::new(127, 0, 0, 0).into(), bits: 8 },
            Network { address: Ipv6Addr::LOCALHOST.into(), bits: 128 },
        ])
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    /// Reads addresses and networks, with commas between; empty: nobody.
    fn from_str(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl TryFrom<String> for TrustedProxies {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither an address nor a network such as 10.0.0.0/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        (bits <= most).then_some(Self { address, bits }).ok_or_else(wrong)
    }
}

impl Network {
    fn holds(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = (own.to_bits() ^ other.to_bits()).leading_zeros();
                differing >= u32::from(self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = (own.to_bits() ^ other.to_bits()).leading_zeros();
                differing >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

impl TrustedProxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// The address a request came from: that at the other end or, where that is a trusted proxy's,
    /// the one that the proxy names in `X-Forwarded-For`, and so on from the last one named. What
    /// stands before an address that is not trusted are the caller's own words.
    pub fn beyond(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut from = peer.to_canonical();
        let named = headers.get_all("x-forwarded-for").iter().rev();
        let named = named.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        for name in named {
            if !self.trust(from) {
                break;
            }
            let Ok(address) = name.trim().parse::<IpAddr>() else { break };
            from = address.to_canonical();
        }
        from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed_and_only_their_own_words() {
        let beyond = |trusted: Option<&str>, peer: &str, forwarded: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", http::HeaderValue::from_static(value));
            }
            let trusted: TrustedProxies =
                trusted.map_or_else(TrustedProxies::default, |text| text.parse().unwrap());
            trusted.beyond(peer.parse().unwrap(), &headers).to_string()
        };
        assert_eq!(beyond(None, "127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(beyond(None, "127.0.0.1", &["192.0.2.9, 192.0.2.1"]), "192.0.2.1");
        assert_eq!(beyond(None, "127.0.0.1", &["192.0.2.9", "192.0.2.1"]), "192.0.2.1");
        assert_eq!(beyond(None, "::ffff:127.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(beyond(None, "::1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(beyond(None, "127.0.0.1", &["unknown"]), "127.0.0.1");
        // A private address alone is no proxy's.
        assert_eq!(beyond(None, "10.0.0.7", &["192.0.2.1"]), "10.0.0.7");
        assert_eq!(beyond(Some("10.0.0.0/8"), "10.0.0.7", &["192.0.2.1"]), "192.0.2.1");
        assert_eq!(beyond(Some("10.0.0.0/8"), "127.0.0.1", &["192.0.2.1"]), "127.0.0.1");
        assert_eq!(beyond(Some(""), "127.0.0.1", &["192.0.2.1"]), "127.0.0.1");
        let chain = ["192.0.2.9, 192.0.2.1, 10.0.0.8"];
        assert_eq!(beyond(Some("10.0.0.7,10.0.0.8"), "10.0.0.7", &chain), "192.0.2.1");
        assert_eq!(beyond(Some("10.0.0.7"), "10.0.0.7", &chain), "10.0.0.8");
        assert_eq!(beyond(Some("0.0.0.0/0"), "10.0.0.7", &chain), "192.0.2.9");
        assert_eq!(beyond(Some("2001:db8::/32"), "2001:db8:1::1", &["192.0.2.1"]), "192.0.2.1");
    }

    #[test]
    fn what_is_no_network_is_refused_by_name() {
        for text in ["x", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.1 10.0.0.2"] {
            let refused = text.parse::<TrustedProxies>().unwrap_err();
            assert!(refused.contains(text), "{refused}");
        }
        assert_eq!("127.0.0.0/8, ::1".parse(), Ok(TrustedProxies::default()));
    }
}
