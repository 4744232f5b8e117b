//! Transport encryption, network rules, and the list of destinations.

use std::net::SocketAddr;

use policy::network::{DefaultAction, PublicNetworkAccess};
use serde_json::json;
use tlog::entry::Subject;

use super::super::{Facts, Line, Source, history::At};

/// Returns the lines about TLS.
pub(super) fn tls(facts: &Facts) -> Vec<Line> {
    let config = &facts.config;
    let line = |name: &str, secure: bool, address: SocketAddr, key: &str| {
        let value = match (secure, address.ip().is_loopback()) {
            (true, _) => "TLS 1.3 or 1.2",
            (false, true) => "plain HTTP, on this machine only; a proxy before it may speak TLS",
            (false, false) => "PLAIN HTTP: other machines on the way can read the traffic",
        };
        Line::new(name, value)
            .source(Source::configuration(key))
            .check("openssl s_client -connect HOST:PORT")
            .data(json!({"tls": secure}))
    };
    let mut lines = vec![line("Transport: API", config.tls.is_some(), config.listen.api, "tls")];
    if let Some(desk) = config.listen.desk {
        lines.push(line("Transport: desk", config.tls.is_some(), desk, "tls"));
    }
    let operations = config.operations_tls().is_some();
    lines.push(line(
        "Transport: administration",
        operations,
        config.listen.operations,
        "operations",
    ));
    lines.push(match &config.review {
        Some(_) => {
            Line::new("Transport: review", "TLS with the certificate of an enrolled workstation")
                .source(Source::configuration("review"))
                .check("a connection without a workstation's certificate is refused")
        }
        None => Line::new("Transport: review", "off: nobody can see a record for review")
            .source(Source::configuration("review")),
    });
    lines
}

/// Returns the lines about networks.
pub(super) fn lines(facts: &Facts) -> Vec<Line> {
    let mut lines: Vec<Line> = facts.resources().map(|resource| {
        let network = &resource.network;
        let rules: Vec<String> = network.ip_rules.iter().map(ToString::to_string).collect();
        let value = match (network.public, network.default_action) {
            (PublicNetworkAccess::Disabled, _) => "the operator's private listener only".to_owned(),
            (PublicNetworkAccess::Enabled, DefaultAction::Allow) => "all networks".to_owned(),
            (PublicNetworkAccess::Enabled, DefaultAction::Deny) if rules.is_empty() => "no network".to_owned(),
            (PublicNetworkAccess::Enabled, DefaultAction::Deny) => format!("only {}", rules.join(", ")),
        };
        Line::new("Callers' networks", value)
            .of(&resource.name)
            .sources(facts.setting(resource, "network rules", Subject::NetworkRules))
            .check(format!("bailiwick resource show {}; a call from elsewhere is refused", resource.name))
            .data(json!({"public": network.public.name(), "default_action": network.default_action.name(),
                         "rules": rules}))
    }).collect();
    let destinations: Vec<&str> =
        facts.config.egress.iter().map(|destination| destination.url.as_str()).collect();
    let value = if destinations.is_empty() {
        "none: the service opens no connection to another machine".to_owned()
    } else {
        destinations.join(", ")
    };
    lines.push(
        Line::new("Destinations that the service may dial", value)
            .source(Source::configuration("egress"))
            .sources(facts.history.egress.map(At::source))
            .check("GET /egress on the operations listener counts the dials; the log commits to each change")
            .data(json!({"destinations": destinations})),
    );
    lines
}
