//! Which addresses a credential may name that is stored over HTTP. With calls that are passed through,
//! whoever stores it reads all that is answered there: the gateway's own machine, its metrics and what
//! clouds tell machines of themselves are for whoever runs it. Private networks are not refused, since
//! servers of models stand there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use catalog::Provider;
use protocol::exchange::Fault;

use crate::app::App;
use crate::upstream::Origin;

/// How long the name in an address is looked up.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where Azure, Alibaba, EC2 and Google tell machines of themselves, beside the link-local addresses.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// The name of Google's, which is known on its machines alone.
const METADATA_NAME: &str = "metadata.google.internal";

/// Refuses a base URL of this machine, of its link or of what tells it secrets, unless the operator
/// allows them. The provider's own is the operator's word. A name is looked up once, now: what it
/// stands for later is not known, and neither is one that nobody has yet.
pub async fn check(app: &App, provider: &Provider, base_url: Option<&str>) -> Result<(), Fault> {
    let Some(url) = base_url.filter(|_| !app.settings.allow_local_providers) else {
        return Ok(());
    };
    // Whatever cannot be read is refused by whoever needs it.
    let Ok(origin) = Origin::parse(url) else { return Ok(()) };
    let own = Origin::parse(&provider.base_url);
    if own.is_ok_and(|own| own.scheme == origin.scheme && own.authority == origin.authority) {
        return Ok(());
    }
    let host = origin.authority.host();
    match leads_home(host).await {
        false => Ok(()),
        true => Err(Fault::invalid(format!(
            "base_url: {host} is the gateway's own machine or link-local: add the credential on the \
             machine (`trunkline credential add`), or let the operator set `allow_local_providers`"
        ))),
    }
}

/// Whether a host is one of those addresses, or a name of one.
async fn leads_home(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse() {
        return is_home(address);
    }
    let name = bare.trim_end_matches('.').to_ascii_lowercase();
    if name == METADATA_NAME || name == "localhost" || name.ends_with(".localhost") {
        return true;
    }
    // Addresses in forms of old, such as 127.1, are names to everybody but the resolver.
    let looking = tokio::net::lookup_host((bare.to_owned(), 0));
    let Ok(Ok(found)) = tokio::time::timeout(PATIENCE, looking).await else { return false };
    found.map(|address: SocketAddr| address.ip()).any(is_home)
}

fn is_home(address: IpAddr) -> bool {
    let is_home_v4 = |v4: Ipv4Addr| {
        v4.is_loopback()
            || v4.is_link_local()
            // Everything that begins with 0 is this host.
            || v4.octets()[0] == 0
            || METADATA.contains(&IpAddr::V4(v4))
    };
    match address {
        IpAddr::V4(v4) => is_home_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unicast_link_local()
                || METADATA.contains(&address)
                || inside(v6).is_some_and(is_home_v4)
        }
    }
}

/// The IPv4 address within one of IPv6 that leads to it: mapped, compatible, by NAT64 or by 6to4.
fn inside(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(join(high, low))
        }
        [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_near_is_told_from_what_is_in_the_network() {
        for near in [
            "127.0.0.1",
            "127.255.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[febf::1]",
            "[fd00:ec2::254]",
            "[::ffff:169.254.1.1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "localhost",
            "LocalHost.",
            "a.b.localhost",
            "metadata.google.internal.",
            "127.1",
            "0x7f.1",
            "2130706433",
        ] {
            assert!(leads_home(near).await, "{near}");
        }
        for far in [
            "1.1.1.1",
            "10.0.0.1",
            "172.17.0.1",
            "192.168.1.5",
            "100.64.0.1",
            "[fd12::1]",
            "[2606:4700::1111]",
            "[::ffff:10.0.0.1]",
            "name.invalid",
        ] {
            assert!(!leads_home(far).await, "{far}");
        }
    }
}
