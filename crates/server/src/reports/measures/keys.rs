//! Sealing, and who holds the keys.

use serde_json::json;

use super::super::{Facts, Line, Source, history::At};

/// Returns the lines about keys.
pub(super) fn lines(facts: &Facts) -> Vec<Line> {
    vec![sealing(), custody(facts), destroyed(facts)]
}

fn sealing() -> Line {
    Line::new(
        "Sealing of records",
        "each record is sealed (X-Wing, HKDF-SHA256, AES-256-GCM) to a public key of its tenant and deadline; \
         the process that answers requests cannot open it",
    )
    .source(Source::program("docs/spec/sealed-record.md"))
    .check("`bailiwick verify log` shows the keys with their deadlines")
}

/// Returns the line about who holds the key-encryption key of the tenant.
fn custody(facts: &Facts) -> Line {
    let name = facts.tenant_name();
    let held = facts.config.customer_keys.iter().any(|key| key.tenant == name);
    let value = if held {
        "the customer holds the key-encryption key, in its own process or PKCS#11 token; without it, nothing \
         opens or runs"
    } else {
        "the operator's custodian process holds the keys, in a directory that no other process opens"
    };
    let withdrawn = facts.history.withheld.last();
    Line::new("Custody of keys", value)
        .source(Source::configuration(if held { "customer_keys" } else { "keys" }))
        .sources(withdrawn.map(|(at, _)| at.source()))
        .check(if held {
            "stop the key holder: every request of the tenant is refused, and the log has an entry"
        } else {
            "docs/operate/customer-keys.md says how the customer takes the keys over"
        })
        .data(json!({"customer_holds": held}))
}

/// Returns the line about the keys of the tenant's records.
fn destroyed(facts: &Facts) -> Line {
    let keys = facts.history.keys;
    let value = format!("{} made, {} destroyed, {} lost", keys.made, keys.destroyed, keys.lost);
    Line::new("Keys of the tenant's records", value)
        .sources(facts.history.lost.iter().copied().map(At::source))
        .source(Source::service("the log's entries about keys"))
        .check("`bailiwick verify log` counts them, and finds each that was destroyed late")
        .data(json!({"made": keys.made, "destroyed": keys.destroyed, "lost": keys.lost}))
}
