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
    let mut purposes = Vec::new();
    if !here.is_empty() {
        purposes.push(Purpose::Engine);
    }
    if config.witnesses.iter().any(|witness| is_at(&witness.url, address)) {
        purposes.push(Purpose::Witness);
    }
    if config.identity.issuers.iter().any(|issuer| is_at(&issuer.issuer, address)) {
        purposes.push(Purpose::Identity);
    }
    if purposes.is_empty() {
        purposes.push(Purpose::Other);
    }
    let companies = here.iter().filter_map(|engine| engine.processor.as_ref());
    Destination {
        address: address.clone(),
        purposes,
        companies: sorted(
            companies.map(|company| format!("{} ({})", company.name, company.country)),
        ),
        regions: sorted(here.iter().map(|engine| engine.region.clone())),
        dials: visits.dials,
    }
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    texts.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// Whether a URL leads to an origin.
fn is_at(url: &str, origin: &str) -> bool {
    let origin = origin.trim_end_matches('/');
    let rest = |port: &str| {
        let rest = url.strip_prefix(origin)?;
        rest.strip_prefix(port).or(Some(rest)).map(str::to_owned)
    };
    // Origins leave the scheme's own port out; a URL may have it.
    let port = if origin.starts_with("https:") { ":443" } else { ":80" };
    rest(port).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
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

    #[test]
    fn a_url_is_at_its_own_origin_only() {
        for (url, origin) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example/v1", "https://a.example"),
            ("https://a.example:443/v1", "https://a.example"),
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
