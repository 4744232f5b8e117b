//! The provider as a process: `tests/oidc/provider.js`.

use std::{net::SocketAddr, process::Command};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{
    client::Request,
    process::{Process, eventually, project, succeed},
    service::{Service, free_addresses},
};

/// The audience that the service accepts.
pub(crate) const AUDIENCE: &str = "api://bailiwick";
/// The id of an Entra directory.
pub(crate) const CONTOSO: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// One client of the provider, and the claims of its tokens.
pub(crate) struct Client {
    name: &'static str,
    claims: Value,
    alg: &'static str,
    ttl_s: u32,
}

impl Client {
    pub(crate) fn new(name: &'static str, claims: Value) -> Self {
        Self { name, claims, alg: "RS256", ttl_s: 600 }
    }

    /// The same client, with tokens signed by another algorithm.
    pub(crate) fn signed_by(self, alg: &'static str) -> Self {
        Self { alg, ..self }
    }

    /// The same client, with tokens of another lifetime.
    pub(crate) fn living(self, ttl_s: u32) -> Self {
        Self { ttl_s, ..self }
    }
}

/// A running provider; ends when dropped.
pub(crate) struct Provider {
    process: Option<Process>,
    address: SocketAddr,
    /// The addresses that browsers are led back to.
    redirects: Vec<String>,
    /// The provider's keys, by name, and its log.
    folder: TempDir,
}

impl Provider {
    pub(crate) fn start(clients: &[Client], keys: &str) -> Self {
        Self::with_redirects(clients, keys, Vec::new())
    }

    /// The same; people can sign in with a browser, too, and are led back to one of these addresses.
    pub(crate) fn with_redirects(clients: &[Client], keys: &str, redirects: Vec<String>) -> Self {
        succeed(&mut Command::new(project().join("scripts/sdk.sh")));
        let [address, _] = free_addresses();
        let folder = TempDir::with_prefix("bailiwick-oidc-").unwrap();
        let mut provider = Self { process: None, address, redirects, folder };
        provider.restart(clients, keys);
        provider
    }

    /// Restarts the same provider with other keys.
    pub(crate) fn restart(&mut self, clients: &[Client], keys: &str) {
        self.stop();
        let clients: Map<String, Value> = clients
            .iter()
            .map(|client| {
                let Client { name, claims, alg, ttl_s } = client;
                let given = json!({"secret": SECRET, "claims": claims, "alg": alg, "ttl": ttl_s});
                ((*name).to_owned(), given)
            })
            .collect();
        // The installed `node` is a wrapper that starts the real one as a child, and the child
        // would outlive it.
        let mut node = Command::new(project().join(".cache/venv/bin/node"));
        let node = succeed(node.args(["-p", "process.execPath"]));
        let mut command = Command::new(node.trim_end());
        command
            .arg(project().join("tests/oidc/provider.js"))
            .env("PORT", self.address.port().to_string())
            .env("KEYS", keys)
            .env("KEYS_DIR", self.folder.path())
            .env("CLIENTS", Value::Object(clients).to_string());
        if !self.redirects.is_empty() {
            command.env("REDIRECTS", self.redirects.join(","));
        }
        let log = self.folder.path().join("provider.log");
        let process = self.process.insert(Process::start(&command, &log));
        eventually("the provider answers", || {
            let log = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(process.is_running(), "the provider has ended:\n{}", log());
            Service::answers(self.address, "/jwks").then_some(())
        });
    }

    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests an access token for a client, with the audience `audience`.
    pub(crate) fn token(&self, client: &str, audience: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret={SECRET}&\
             resource={audience}"
        );
        let reply = Request::new("POST", "/token")
            .bytes(form)
            .header("content-type", "application/x-www-form-urlencoded")
            .send(self.address)
            .ok();
        reply["access_token"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
    }
}

/// The secret of each client.
pub(crate) const SECRET: &str = "only-for-tests";
