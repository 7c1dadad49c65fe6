//! The client's address: decided in one place, from trusted proxies only, and carried as a type.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The address that a request came from, after trusted proxies were looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The key under which limits count this address: IPv4 whole, IPv6 by its /64, since one customer
    /// of an access provider owns a whole /64. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn limit_key(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A network in CIDR form, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether the network holds `address`.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                net.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                net.to_bits() & mask == ip.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// The text is not an address or a CIDR network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an IP address or network such as 10.0.0.0/8")]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(prefix) => prefix.parse().ok().filter(|p| *p <= width).ok_or(InvalidNetwork)?,
        };
        Ok(Self { address, prefix })
    }
}

/// The proxies whose forwarding headers are believed. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(pub Vec<Network>);

impl TrustedProxies {
    /// Whether `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Finds the client behind `peer`: walks `X-Forwarded-For` from the right for as long as the
    /// address that spoke is a trusted proxy. What an untrusted peer claims is not looked at, and an
    /// entry that is not an address ends the walk at the last proxy.
    pub fn client_address<'a>(
        &self,
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'a str>,
    ) -> ClientAddress {
        let mut current = peer;
        for entry in forwarded_for.rev().flat_map(|value| value.rsplit(',')) {
            if !self.contains(current) {
                break;
            }
            match entry.trim().parse() {
                Ok(address) => current = address,
                Err(_) => break,
            }
        }
        ClientAddress(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(trusted: &[&str], peer: &str, forwarded: &[&str], expect: &str) {
        let proxies = TrustedProxies(trusted.iter().map(|n| n.parse().unwrap()).collect());
        let found = proxies.client_address(peer.parse().unwrap(), forwarded.iter().copied());
        assert_eq!(found.to_string(), expect);
    }

    #[test]
    fn forwarded_for_of_an_untrusted_peer_is_ignored() {
        check(&[], "203.0.113.9", &["10.0.0.1"], "203.0.113.9");
        check(&["10.0.0.0/8"], "203.0.113.9", &["198.51.100.1"], "203.0.113.9");
    }

    #[test]
    fn walk_ends_at_the_first_untrusted_hop() {
        check(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6, 198.51.100.7, 10.0.0.2"], "198.51.100.7");
        check(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6", "198.51.100.7"], "198.51.100.7");
    }

    #[test]
    fn garbage_entry_ends_the_walk() {
        check(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7, unknown"], "10.0.0.1");
    }

    #[test]
    fn ipv6_counts_by_its_64() {
        let a = ClientAddress("2001:db8:1:2:3::4".parse().unwrap());
        let b = ClientAddress("2001:db8:1:2:ffff::1".parse().unwrap());
        assert_eq!(a.limit_key(), b.limit_key());
        assert_eq!(ClientAddress("::ffff:192.0.2.1".parse().unwrap()).limit_key().to_string(), "192.0.2.1");
    }

    #[test]
    fn networks_parse_strictly() {
        for (text, valid) in
            [("10.0.0.0/8", true), ("::1", true), ("10.0.0.0/33", false), ("ten", false), ("0.0.0.0/0", true)]
        {
            assert_eq!(text.parse::<Network>().is_ok(), valid, "{text}");
        }
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("9.9.9.9".parse().unwrap()));
    }
}
