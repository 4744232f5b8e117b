//! Settings that can change while the service runs.

use serde_json::Value;

use super::{Config, HttpLimits, Tls};

impl Config {
    /// Returns this configuration with the reloadable settings taken from `new`, and the names of
    /// the changed settings that need a restart.
    ///
    /// A setting that is not named here needs a restart.
    #[must_use]
    pub(crate) fn reloaded(&self, new: &Self) -> (Self, Vec<String>) {
        let mut next = self.clone();
        // An open listener cannot switch between TLS and plain HTTP.
        if let (Some(ours), Some(theirs)) = (&mut next.tls, &new.tls) {
            ours.clone_from(theirs);
        }
        if let (Some(ours), Some(theirs)) = (&mut next.operations, &new.operations) {
            ours.clone_from(theirs);
        }
        if let (Some(ours), Some(theirs)) = (&mut next.review, &new.review) {
            ours.certificate.clone_from(&theirs.certificate);
            ours.key.clone_from(&theirs.key);
            ours.workstation_ca.clone_from(&theirs.workstation_ca);
        }
        // The data stay where they are: another `here` needs a restart.
        next.regions.zones.clone_from(&new.regions.zones);
        next.regions.countries.clone_from(&new.regions.countries);
        next.egress.clone_from(&new.egress);
        next.identity.issuers.clone_from(&new.identity.issuers);
        next.identity.clock_leeway_s = new.identity.clock_leeway_s;
        next.limits = self.limits.reloaded(&new.limits);
        next.requests = new.requests.clone();
        // The detectors are prepared at the start.
        next.guard.floor = new.guard.floor;
        next.log.level = new.log.level;
        // Reports alone read them.
        next.operator.clone_from(&new.operator);
        next.customers.clone_from(&new.customers);
        next.trust.clone_from(&new.trust);
        // Read for each request of a page.
        next.pages.clone_from(&new.pages);
        // The running service fetches no models: only `model add` reads it.
        next.models.clone_from(&new.models);
        let restart = different(&next, new);
        (next, restart)
    }

    /// The certificates of all listeners, with the names of their sections.
    #[must_use]
    pub(crate) fn certificates(&self) -> Vec<(&'static str, &Tls)> {
        let own = [("tls", self.tls.as_ref()), ("operations", self.operations.as_ref())];
        own.into_iter().filter_map(|(section, tls)| Some((section, tls?))).collect()
    }
}

impl HttpLimits {
    /// Takes the limits that apply anew to each request. Listeners and workers are built with the
    /// others.
    fn reloaded(&self, new: &Self) -> Self {
        Self {
            body_bytes_max: new.body_bytes_max,
            body_read_ms: new.body_read_ms,
            request_ms: new.request_ms,
            file_bytes_max: new.file_bytes_max,
            file_idle_ms: new.file_idle_ms,
            files_at_once_max: new.files_at_once_max,
            line_bytes_max: new.line_bytes_max,
            messages_max: new.messages_max,
            tools_max: new.tools_max,
            choices_max: new.choices_max,
            stop_max: new.stop_max,
            embed_inputs_max: new.embed_inputs_max,
            media_max: new.media_max,
            media_bytes_max: new.media_bytes_max,
            drain_ms: new.drain_ms,
            ..self.clone()
        }
    }
}

/// Returns the names of the settings in which two configurations differ.
fn different(one: &Config, other: &Config) -> Vec<String> {
    fn compare(name: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
        let (Value::Object(ours), Value::Object(theirs)) = (one, other) else {
            if one != other {
                found.push(name.to_owned());
            }
            return;
        };
        let mut fields: Vec<_> = ours.keys().chain(theirs.keys()).collect();
        fields.sort_unstable();
        fields.dedup();
        for field in fields {
            let dot = if name.is_empty() { "" } else { "." };
            let of = |value: &serde_json::Map<String, Value>| {
                value.get(field).cloned().unwrap_or(Value::Null)
            };
            compare(&format!("{name}{dot}{field}"), &of(ours), &of(theirs), found);
        }
    }
    let value = |config: &Config| serde_json::to_value(config).unwrap_or_default();
    let mut found = Vec::new();
    compare("", &value(one), &value(other), &mut found);
    found
}
