//! Which addresses a connection may go to.
//!
//! In enforced mode people without any right on the machine name the servers of their accounts, and the service connects:
//! without a rule it would reach what listens inside for the machine alone. The address that is connected to decides, not
//! the name, which may mean another one a moment later.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Where connections may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Anywhere,
    /// To public addresses, and what is listed.
    Public(Vec<Allowed>),
}

/// One entry of `allowed_hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// All addresses of this host name; lower case.
    Name(String),
    /// Addresses with these first bits; a single one with all of them.
    Network(IpAddr, u8),
}

impl Reach {
    /// Whether a connection may go to `address`, which is one of those that `host` has now.
    pub fn allows(&self, host: &str, address: IpAddr) -> bool {
        let Reach::Public(allowed) = self else { return true };
        let address = address.to_canonical();
        is_public(address) || allowed.iter().any(|one| one.covers(host, address))
    }
}

impl Allowed {
    fn covers(&self, host: &str, address: IpAddr) -> bool {
        match (self, address) {
            (Allowed::Name(name), _) => name.eq_ignore_ascii_case(host),
            (Allowed::Network(IpAddr::V4(network), bits), IpAddr::V4(address)) => {
                let shift = 32_u32.saturating_sub(u32::from(*bits));
                (u32::from(*network) ^ u32::from(address)).checked_shr(shift).unwrap_or(0) == 0
            }
            (Allowed::Network(IpAddr::V6(network), bits), IpAddr::V6(address)) => {
                let shift = 128_u32.saturating_sub(u32::from(*bits));
                (u128::from(*network) ^ u128::from(address)).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Allowed, String> {
        let wrong = || format!("\"{text}\" is not a host name, an address or a network such as 10.0.0.0/8");
        let (head, bits) = match text.split_once('/') {
            Some((head, bits)) => (head, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        if let Ok(address) = head.parse::<IpAddr>() {
            let all = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.unwrap_or(all);
            return if bits <= all { Ok(Allowed::Network(address, bits)) } else { Err(wrong()) };
        }
        let is_label =
            |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        match bits.is_none() && head.split('.').all(is_label) {
            true => Ok(Allowed::Name(head.to_ascii_lowercase())),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Allowed::Name(name) => f.write_str(name),
            Allowed::Network(address, bits) => write!(f, "{address}/{bits}"),
        }
    }
}

impl Serialize for Allowed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Allowed, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// Whether the whole internet may mean this address (the special-purpose registries of IANA, RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    const SPECIAL: [(u32, u32); 15] = [
        (0x0000_0000, 8),  // this host
        (0x0a00_0000, 8),  // private
        (0x6440_0000, 10), // shared by carriers
        (0x7f00_0000, 8),  // loopback
        (0xa9fe_0000, 16), // link-local, where clouds answer with secrets
        (0xac10_0000, 12), // private
        (0xc000_0000, 24), // protocol assignments
        (0xc000_0200, 24), // documentation
        (0xc058_6300, 24), // 6to4 relays
        (0xc0a8_0000, 16), // private
        (0xc612_0000, 15), // benchmarks
        (0xc633_6400, 24), // documentation
        (0xcb00_7100, 24), // documentation
        (0xe000_0000, 4),  // multicast
        (0xf000_0000, 4),  // reserved, broadcast
    ];
    !SPECIAL.iter().any(|(network, bits)| (network ^ u32::from(address)) >> (32 - bits) == 0)
}

/// Only 2000::/3 is given out; in it, what is special or wraps an IPv4 address is not public.
fn is_public_v6(address: Ipv6Addr) -> bool {
    const GIVEN_OUT: (u128, u32) = (0x2000 << 112, 3);
    const SPECIAL: [(u128, u32); 4] = [
        (0x2001 << 112, 23),                   // protocol assignments, Teredo
        ((0x2001 << 112) | (0xdb8 << 96), 32), // documentation
        (0x2002 << 112, 16),                   // 6to4
        (0x3fff << 112, 20),                   // documentation
    ];
    let is_in = |(network, bits): &(u128, u32)| (network ^ u128::from(address)) >> (128 - bits) == 0;
    is_in(&GIVEN_OUT) && !SPECIAL.iter().any(is_in)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for (address, expected) in [
            ("93.184.216.34", true),
            ("9.255.255.255", true),
            ("11.0.0.0", true),
            ("100.63.255.255", true),
            ("100.128.0.0", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("192.167.255.255", true),
            ("223.255.255.255", true),
            ("2606:4700::1111", true),
            ("2a00:1450::1", true),
            ("::ffff:93.184.216.34", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("10.255.255.255", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.255", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.1", false),
            ("192.0.2.1", false),
            ("192.88.99.1", false),
            ("192.168.0.1", false),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("64:ff9b::a00:1", false),
            ("100::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::1", false),
            ("3fff::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn what_is_listed_is_allowed_too() {
        let listed = ["mail.intern.example", "10.1.0.0/16", "127.0.0.1", "fd00::/8", "192.168.7.9/32"];
        let reach = Reach::Public(listed.iter().map(|one| one.parse().unwrap()).collect());
        for (host, address, expected) in [
            ("Mail.Intern.Example", "172.16.3.4", true),
            ("other.example", "172.16.3.4", false),
            ("x", "10.1.255.1", true),
            ("x", "10.2.0.1", false),
            ("x", "127.0.0.1", true),
            ("x", "::ffff:127.0.0.1", true),
            ("x", "127.0.0.2", false),
            ("x", "fd99::1", true),
            ("x", "fc99::1", false),
            ("x", "192.168.7.9", true),
            ("x", "192.168.7.8", false),
            ("x", "93.184.216.34", true),
        ] {
            assert_eq!(reach.allows(host, address.parse().unwrap()), expected, "{host} {address}");
            assert!(Reach::Anywhere.allows(host, address.parse().unwrap()));
        }
        let all = Reach::Public(vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()]);
        assert!(all.allows("x", "10.0.0.1".parse().unwrap()) && all.allows("x", "::1".parse().unwrap()));
    }

    #[test]
    fn entries_round_trip_and_mistakes_are_refused() {
        for (text, written) in [
            ("imap.example.org", "imap.example.org"),
            ("LocalHost", "localhost"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.1", "10.0.0.1/32"),
            ("fd00::/8", "fd00::/8"),
        ] {
            let entry: Allowed = text.parse().unwrap();
            assert_eq!(entry.to_string(), written);
            assert_eq!(written.parse::<Allowed>().unwrap(), entry);
        }
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0.0/x", "a b", "host/8", "*.example.org", "a..b", "10.0.0.0/-1"]
        {
            assert!(text.parse::<Allowed>().is_err(), "{text}");
        }
    }
}
