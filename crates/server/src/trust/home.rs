//! What the page about the promises shows of the service.

use egress::Visits;
use pages::trust::{Destination, Head, Purpose, Service};
use policy::engine::Engine;
use store::Directory;
use tlog::checkpoint::Checkpoint;

use crate::{
    config::{Audience, Config},
    exchange::ServiceIdentity,
    live::Current,
    promises::Promises,
    services::Services,
};

/// Gathers it.
pub(super) fn service(services: &Services, current: &Current, directory: &Directory) -> Service {
    let promises = &services.promises;
    let Current { config, identity, .. } = current;
    let ServiceIdentity { binary, configuration, .. } = identity;
    let key = promises.key.to_string();
    let note = services.ledger.tiles().checkpoint().ok().flatten();
    let head = note.and_then(|note| Checkpoint::verify(&note, &promises.key).ok());
    let party = config.operator.party();
    let zones = config.regions.zones.iter();
    Service {
        name: promises.key.name().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary: binary.to_string(),
        configuration: configuration.to_string(),
        operator: party.name.map(str::to_owned),
        contact: party.contact.map(str::to_owned),
        security_contact: config.trust.security_contact.as_ref().map(|one| one.as_str().to_owned()),
        region: config.regions.here.clone(),
        zones: zones.map(|(zone, of)| (zone.clone(), of.iter().cloned().collect())).collect(),
        head: head.map(|head| Head { size: head.size, root: head.root.to_string() }),
        fingerprint: pages::receipt::fingerprint(&key),
        key,
        destinations: destinations(promises, config, directory),
    }
}

fn destinations(promises: &Promises, config: &Config, directory: &Directory) -> Vec<Destination> {
    let engines = directory.engines();
    let visits = promises.egress.visits();
    visits.iter().map(|visits| destination(visits, config, &engines)).collect()
}

fn destination(visits: &Visits, config: &Config, engines: &[&Engine]) -> Destination {
    let address = &visits.destination;
    let here: Vec<_> = engines.iter().filter(|engine| is_at(&engine.address, address)).collect();
    let purposes = purposes(address, config, !here.is_empty());
    let companies = here.iter().filter_map(|engine| engine.processor.as_ref());
    Destination {
        address: if is_hidden(&purposes) { String::new() } else { address.clone() },
        purposes,
        companies: sorted(
            companies.map(|company| format!("{} ({})", company.name, company.country)),
        ),
        regions: sorted(here.iter().map(|engine| engine.region.clone())),
        dials: visits.dials,
    }
}

/// Whether an address is hidden: it would name a customer to the others.
pub(crate) fn is_hidden(purposes: &[Purpose]) -> bool {
    purposes == [Purpose::CustomerNotices]
}

/// Returns what the service dials an address for.
pub(crate) fn purposes(address: &str, config: &Config, has_engine: bool) -> Vec<Purpose> {
    let mut purposes = Vec::new();
    if has_engine {
        purposes.push(Purpose::Engine);
    }
    if config.witnesses.iter().any(|witness| is_at(&witness.url, address)) {
        purposes.push(Purpose::Witness);
    }
    if config.identity.issuers.iter().any(|issuer| is_at(&issuer.issuer, address)) {
        purposes.push(Purpose::Identity);
    }
    let notices = || config.notices.iter().filter(|one| is_at(&one.url, address));
    if notices().any(|one| one.tenant.is_none()) {
        purposes.push(Purpose::Notices);
    }
    if notices().any(|one| one.tenant.is_some()) {
        purposes.push(Purpose::CustomerNotices);
    }
    if config.telemetry.otlp.as_ref().is_some_and(|url| is_at(url, address)) {
        purposes.push(Purpose::Telemetry);
    }
    if purposes.is_empty() {
        purposes.push(Purpose::Other);
    }
    purposes
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    texts.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// Whether a URL leads to an origin.
pub(crate) fn is_at(url: &str, origin: &str) -> bool {
    // Either may have the scheme's own port, or leave it out.
    let port = if origin.starts_with("https:") { ":443" } else { ":80" };
    let origin = origin.trim_end_matches('/');
    let origin = origin.strip_suffix(port).unwrap_or(origin);
    let rest = url.strip_prefix(origin).map(|rest| rest.strip_prefix(port).unwrap_or(rest));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Returns `security.txt` (RFC 9116), if there is a contact. It must not be older than its `Expires`,
/// so each answer has a new one.
pub(super) fn security_txt(config: &Config, now_ms: u64) -> Option<String> {
    let contact = config.trust.security_contact.as_ref()?.as_str();
    let expires = now_ms.saturating_add(90 * pages::time::DAY_MS);
    let expires = pages::time::rfc3339(expires - expires % pages::time::DAY_MS);
    let page = match config.trust.pages {
        Audience::Public => "# What this service promises, and whether it keeps it: /trust\n",
        Audience::Customers | Audience::Off => "",
    };
    Some(format!("{page}Contact: {contact}\nExpires: {expires}\nPreferred-Languages: en, de\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NoticesConfig;

    #[test]
    fn a_url_is_at_its_own_origin_only() {
        for (url, origin) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example/v1", "https://a.example"),
            ("https://a.example:443/v1", "https://a.example"),
            ("https://a.example/v1", "https://a.example:443"),
            ("http://127.0.0.1:9/x", "http://127.0.0.1:9"),
        ] {
            assert!(is_at(url, origin), "{url}");
        }
        for (url, origin) in [
            ("https://a.example.com", "https://a.example"),
            ("https://a.example:8443", "https://a.example"),
            ("http://a.example", "https://a.example"),
        ] {
            assert!(!is_at(url, origin), "{url}");
        }
    }

    #[test]
    fn an_address_that_only_a_customers_notices_go_to_is_hidden() {
        let address = "https://hooks.example";
        let to = |tenant: Option<&str>| NoticesConfig {
            url: format!("{address}/secret"),
            tenant: tenant.map(str::to_owned),
            kinds: None,
            secret_file: None,
            secret_env: None,
        };
        let mut config = Config { notices: vec![to(Some("contoso"))], ..Config::default() };
        assert!(is_hidden(&purposes(address, &config, false)));
        assert!(!is_hidden(&purposes(address, &config, true)), "an engine is there, too");
        assert!(!is_hidden(&purposes("https://other.example", &config, false)));
        config.notices.push(to(None));
        assert!(!is_hidden(&purposes(address, &config, false)), "the operator's go there, too");
    }

    #[test]
    fn a_contact_has_a_file_with_an_end() {
        let mut config = Config::default();
        assert_eq!(security_txt(&config, 1_795_491_985_000), None);
        let contact = "mailto:security@example.com".to_owned().try_into().unwrap();
        config.trust.security_contact = Some(contact);
        let text = security_txt(&config, 1_795_491_985_000).unwrap();
        assert_eq!(
            text,
            "Contact: mailto:security@example.com\nExpires: 2027-02-22T00:00:00Z\n\
             Preferred-Languages: en, de\n"
        );
    }
}
