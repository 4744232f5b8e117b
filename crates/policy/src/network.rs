//! Which networks a resource answers: Azure's `networkAcls` and `publicNetworkAccess`.
//!
//! [`admit`] gives an [`Admitted`], which a caller cannot be made without.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// What happens to an address that no rule names; Azure's word and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DefaultAction {
    /// It is answered.
    #[default]
    Allow,
    /// It is refused.
    Deny,
}

/// Whether the public listener answers for a resource at all; Azure's word and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PublicNetworkAccess {
    /// To the addresses that the rules allow.
    #[default]
    Enabled,
    /// To nobody: only the private listener answers.
    Disabled,
}

/// A resource's rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkRules {
    /// Whether the public listener answers.
    pub public: PublicNetworkAccess,
    /// What happens to addresses that no rule names.
    pub default_action: DefaultAction,
    /// Addresses that are answered.
    pub ip_rules: Vec<IpRule>,
}

/// How a call arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Over the private listener, which only the operator's own network reaches.
    Private,
    /// Over the public listener, from an address: the socket's, or the one that a trusted proxy names.
    Public(IpAddr),
    /// Over the public listener, through a trusted proxy that does not say for whom.
    Unknown,
}

/// The resource answers this call's network. Only [`admit`] makes one.
///
/// ```compile_fail
/// let forged = policy::network::Admitted(());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted(());

/// The resource does not answer this call's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// Public access is off.
    #[error("public access is off")]
    PublicAccess,
    /// No rule names the address, and what no rule names is refused.
    #[error("no rule allows the address")]
    Address,
}

/// Admits a call, or not.
///
/// # Errors
/// When the rules do not allow it.
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

/// Rules in a resource, at most; Azure's number.
pub const IP_RULES_MAX: usize = 200;

/// An address, or a range of them: `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`.
///
/// An IPv4 address that is written into an IPv6 one (`::ffff:203.0.113.7`) is that IPv4 address, in
/// a rule and in a call: a dual-stack socket shows every IPv4 client so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRule(IpNet);

/// Not an address or a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is no address or range such as `203.0.113.7`, `203.0.113.0/24` or `2001:db8::/32`, \
     with no bits after its prefix"
)]
pub struct BadIpRule {
    given: String,
}

impl IpRule {
    /// Whether an address is in the range.
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
        // A range of addresses that are IPv4 in disguise counts its bits from their beginning.
        let disguised: u8 = if network.is_ipv4() && given.is_ipv6() { 96 } else { 0 };
        let bits = match bits {
            None => most,
            Some(bits) => {
                bits.checked_sub(disguised).filter(|bits| *bits <= most).ok_or_else(bad)?
            }
        };
        let rule = IpNet::new(network, bits).map_err(|_| bad())?;
        // `10.0.0.1/8` is one of two things; which, its author should say.
        if rule.trunc() == rule { Ok(Self(rule)) } else { Err(bad()) }
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

    /// The attack: one family in the other's clothes.
    #[test]
    fn an_ipv4_address_is_the_same_in_ipv6() {
        let v4 = rules(DefaultAction::Deny, &["203.0.113.0/24"]);
        assert!(admit(&v4, from("::ffff:203.0.113.9")).is_ok());
        assert!(admit(&v4, from("::ffff:192.0.2.1")).is_err());
        // The deprecated compatible form is an IPv6 address like any other.
        assert!(admit(&v4, from("::203.0.113.9")).is_err());
        let mapped = rules(DefaultAction::Deny, &["::ffff:203.0.113.0/120"]);
        assert_eq!(mapped, v4);
        // All of IPv6 is not all of IPv4, nor the other way round.
        assert!(admit(&rules(DefaultAction::Deny, &["::/0"]), from("203.0.113.9")).is_err());
        assert!(admit(&rules(DefaultAction::Deny, &["::/0"]), from("::ffff:203.0.113.9")).is_err());
        assert!(admit(&rules(DefaultAction::Deny, &["0.0.0.0/0"]), from("2001:db8::1")).is_err());
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
