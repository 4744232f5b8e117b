//! The networks that may call a resource: Azure's `networkAcls` and `publicNetworkAccess`.
//!
//! [`admit`] returns an [`Admitted`]; a caller cannot be authenticated without it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::principal::Delegation;

/// The default for addresses that no rule names. Word and values are Azure's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DefaultAction {
    /// The call is admitted.
    #[default]
    Allow,
    /// The call is refused.
    Deny,
}

impl DefaultAction {
    /// Returns the value's name in Azure's spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }

    /// Returns the value with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Allow, Self::Deny].into_iter().find(|value| value.name() == name)
    }
}

/// Whether a resource accepts calls on the public listener. Word and values are Azure's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PublicNetworkAccess {
    /// Yes, from the addresses that the rules allow.
    #[default]
    Enabled,
    /// No: only the private listener serves the resource.
    Disabled,
}

impl PublicNetworkAccess {
    /// Returns the value's name in Azure's spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
        }
    }

    /// Returns the value with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Enabled, Self::Disabled].into_iter().find(|value| value.name() == name)
    }
}

/// A resource's network rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkRules {
    /// Access over the public listener.
    pub public: PublicNetworkAccess,
    /// The default for addresses that no rule names.
    pub default_action: DefaultAction,
    /// The addresses that are admitted.
    pub ip_rules: Vec<IpRule>,
}

/// The way a call arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Over the private listener, which is reachable only from the operator's own network.
    Private,
    /// Over the public listener, from this address: the socket's, or the one that a trusted proxy
    /// reports.
    Public(IpAddr),
    /// Over the public listener, through a trusted proxy that does not report the client's address.
    Unknown,
}

/// Determines how a call over the public listener arrived. The address is the socket's, unless the
/// socket belongs to a trusted proxy. In that case it is the last address in `forwarded`
/// (`X-Forwarded-For`) that is not a trusted proxy's. Each proxy appends its peer's address; the
/// client can forge everything before that address.
#[must_use]
pub fn arrival<'a>(
    socket: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
    proxies: &[IpRule],
) -> Arrival {
    let trusted = |address: IpAddr| proxies.iter().any(|proxy| proxy.holds(address));
    if !trusted(socket) {
        return Arrival::Public(socket);
    }
    for text in forwarded.rev() {
        match forwarded_address(text.trim()) {
            None => return Arrival::Unknown,
            Some(address) if trusted(address) => {}
            Some(address) => return Arrival::Public(address),
        }
    }
    Arrival::Unknown
}

/// Parses an address in `X-Forwarded-For`. Some proxies add the port.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let socket = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    text.parse().ok().or_else(socket)
}

/// Proof that the resource accepts calls from this network. Only [`admit`] makes one, and [`inside`].
///
/// ```compile_fail
/// let forged = policy::network::Admitted(());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted(());

/// The resource does not accept calls from this network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// Public access is off.
    #[error("public access is off")]
    PublicAccess,
    /// No rule names the address, and the default action is to refuse.
    #[error("no rule allows the address")]
    Address,
}

/// Admits a call, or refuses it.
///
/// # Errors
/// [`NotAdmitted::PublicAccess`] for a call over the public listener if public access is off.
/// [`NotAdmitted::Address`] if no rule names the address and the default action is
/// [`DefaultAction::Deny`].
pub fn admit(rules: &NetworkRules, arrival: Arrival) -> Result<Admitted, NotAdmitted> {
    let address = match (arrival, rules.public) {
        (Arrival::Private, _) => return Ok(Admitted(())),
        (_, PublicNetworkAccess::Disabled) => return Err(NotAdmitted::PublicAccess),
        (Arrival::Public(address), PublicNetworkAccess::Enabled) => Some(address),
        (Arrival::Unknown, PublicNetworkAccess::Enabled) => None,
    };
    let named =
        address.is_some_and(|address| rules.ip_rules.iter().any(|rule| rule.holds(address)));
    match rules.default_action {
        DefaultAction::Allow => Ok(Admitted(())),
        DefaultAction::Deny if named => Ok(Admitted(())),
        DefaultAction::Deny => Err(NotAdmitted::Address),
    }
}

/// Admits work that goes on inside the service after the request that began it: no network call
/// arrives for it, and the request was admitted.
#[must_use]
pub fn inside(_work: &Delegation) -> Admitted {
    Admitted(())
}

/// The maximum number of rules in a resource; Azure's limit.
pub const IP_RULES_MAX: usize = 200;

/// An address or a range: `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`.
///
/// An IPv4-mapped IPv6 address (`::ffff:203.0.113.7`) counts as the IPv4 address, in a rule and in
/// a call: a dual-stack socket reports every IPv4 client in this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRule(IpNet);

/// The text is not an address or a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is not an address or range such as `203.0.113.7`, `203.0.113.0/24` or \
     `2001:db8::/32`; a range has no bits set after its prefix"
)]
pub struct BadIpRule {
    given: String,
}

impl IpRule {
    /// Returns true if the address is in the range.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for IpRule {
    type Err = BadIpRule;

    fn from_str(text: &str) -> Result<Self, BadIpRule> {
        let bad = || BadIpRule { given: text.chars().take(64).collect() };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => {
                let plain = bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit());
                let bits: Option<u8> = bits.parse().ok().filter(|_| plain);
                (address, Some(bits.ok_or_else(bad)?))
            }
            None => (text, None),
        };
        let given: IpAddr = address.parse().map_err(|_| bad())?;
        let network = given.to_canonical();
        let most = if network.is_ipv4() { 32 } else { 128 };
        // In an IPv4-mapped range, the prefix length includes the first 96 bits.
        let disguised: u8 = if network.is_ipv4() && given.is_ipv6() { 96 } else { 0 };
        let bits = match bits {
            None => most,
            Some(bits) => {
                bits.checked_sub(disguised).filter(|bits| *bits <= most).ok_or_else(bad)?
            }
        };
        let rule = IpNet::new(network, bits).map_err(|_| bad())?;
        // `10.0.0.1/8` is ambiguous: one address or the whole range. The author must write one of
        // the two.
        if rule.trunc() == rule { Ok(Self(rule)) } else { Err(bad()) }
    }
}

impl Serialize for IpRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IpRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for IpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            return self.0.addr().fmt(f);
        }
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(default_action: DefaultAction, ip_rules: &[&str]) -> NetworkRules {
        let ip_rules = ip_rules.iter().map(|rule| rule.parse().unwrap()).collect();
        NetworkRules { public: PublicNetworkAccess::Enabled, default_action, ip_rules }
    }

    fn from(address: &str) -> Arrival {
        Arrival::Public(address.parse().unwrap())
    }

    #[test]
    fn only_named_networks_are_admitted_where_the_default_is_deny() {
        let closed =
            rules(DefaultAction::Deny, &["203.0.113.0/24", "198.51.100.7", "2001:db8::/32"]);
        for inside in ["203.0.113.0", "203.0.113.255", "198.51.100.7", "2001:db8:ffff::1"] {
            assert!(admit(&closed, from(inside)).is_ok(), "{inside}");
        }
        for outside in ["203.0.112.255", "203.0.114.0", "198.51.100.8", "2001:db9::1", "::1"] {
            assert_eq!(admit(&closed, from(outside)), Err(NotAdmitted::Address), "{outside}");
        }
        assert_eq!(admit(&closed, Arrival::Unknown), Err(NotAdmitted::Address));
        assert!(admit(&closed, Arrival::Private).is_ok());
        assert!(admit(&rules(DefaultAction::Allow, &[]), from("192.0.2.1")).is_ok());
    }

    /// Attack: an address of one family written in the other family.
    #[test]
    fn an_ipv4_address_is_the_same_in_ipv6() {
        let v4 = rules(DefaultAction::Deny, &["203.0.113.0/24"]);
        assert!(admit(&v4, from("::ffff:203.0.113.9")).is_ok());
        assert!(admit(&v4, from("::ffff:192.0.2.1")).is_err());
        // The deprecated IPv4-compatible form is an ordinary IPv6 address.
        assert!(admit(&v4, from("::203.0.113.9")).is_err());
        let mapped = rules(DefaultAction::Deny, &["::ffff:203.0.113.0/120"]);
        assert_eq!(mapped, v4);
        // All of IPv6 does not include all of IPv4, nor the reverse.
        assert!(admit(&rules(DefaultAction::Deny, &["::/0"]), from("203.0.113.9")).is_err());
        assert!(admit(&rules(DefaultAction::Deny, &["::/0"]), from("::ffff:203.0.113.9")).is_err());
        assert!(admit(&rules(DefaultAction::Deny, &["0.0.0.0/0"]), from("2001:db8::1")).is_err());
    }

    /// Attack: a client that forges its own address in the header.
    #[test]
    fn only_a_trusted_proxy_says_who_is_behind_it() {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "2001:db8::5".parse().unwrap()];
        let seen = |socket: &str, header: &str| {
            let values = header.split(',').filter(|value| !value.is_empty());
            arrival(socket.parse().unwrap(), values, &proxies)
        };
        assert_eq!(seen("192.0.2.1", "203.0.113.9"), from("192.0.2.1"));
        assert_eq!(seen("10.0.0.1", "203.0.113.9"), from("203.0.113.9"));
        assert_eq!(seen("::ffff:10.0.0.1", "203.0.113.9"), from("203.0.113.9"));
        assert_eq!(seen("2001:db8::5", " 203.0.113.9:4711 "), from("203.0.113.9"));
        assert_eq!(seen("10.0.0.1", "[2001:db8::9]:4711"), from("2001:db8::9"));
        // The client's own text comes first, and the proxy's observation last.
        assert_eq!(seen("10.0.0.1", "127.0.0.1, 203.0.113.9"), from("203.0.113.9"));
        assert_eq!(seen("10.0.0.1", "203.0.113.9, 10.9.9.9"), from("203.0.113.9"));
        assert_eq!(seen("10.0.0.1", "10.0.0.7, 192.0.2.1, 10.9.9.9"), from("192.0.2.1"));
        for unknown in ["", "10.9.9.9", "unknown", "203.0.113.9, unknown", "203.0.113.9, 1.2.3"] {
            assert_eq!(seen("10.0.0.1", unknown), Arrival::Unknown, "{unknown}");
        }
        assert_eq!(
            arrival("192.0.2.1".parse().unwrap(), ["x"].into_iter(), &[]),
            from("192.0.2.1")
        );
    }

    #[test]
    fn with_public_access_off_only_the_private_listener_answers() {
        let mut off = rules(DefaultAction::Allow, &["0.0.0.0/0", "::/0"]);
        off.public = PublicNetworkAccess::Disabled;
        assert_eq!(admit(&off, from("10.0.0.1")), Err(NotAdmitted::PublicAccess));
        assert_eq!(admit(&off, Arrival::Unknown), Err(NotAdmitted::PublicAccess));
        assert!(admit(&off, Arrival::Private).is_ok());
    }

    #[test]
    fn a_rule_is_read_in_one_way_or_not_at_all() {
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.1/32", "10.0.0.1"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::1", "2001:db8::1"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ] {
            let rule: IpRule = text.parse().unwrap();
            assert_eq!(rule.to_string(), shown);
            assert_eq!(shown.parse(), Ok(rule));
        }
        for bad in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10.0.0/24",
            "010.0.0.0/8",
            "0x0a.0.0.0",
            "10.0.0.0/8 ",
            "::/129",
            "::ffff:10.0.0.0/8",
            "fe80::1%eth0",
            "example.com",
            "10.0.0.1-10.0.0.9",
        ] {
            assert!(bad.parse::<IpRule>().is_err(), "{bad}");
        }
    }
}
