//! SIGHUP: reloadable settings change after a check of the whole configuration; no others do.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::{
    client::Request,
    identity::provider::{AUDIENCE, CONTOSO, Client, Provider},
    process::{eventually, signal, succeed},
    service::{CHAT, Caller, Files, Service, chat_path, free_addresses, say},
};

/// A service with a configuration file.
struct Configured {
    service: Service,
    file: PathBuf,
    caller: Caller,
    _folder: TempDir,
}

impl Configured {
    fn start(text: &str) -> Self {
        let folder = TempDir::with_prefix("bailiwick-config-").unwrap();
        let file = folder.path().join("bailiwick.toml");
        fs::write(&file, text).unwrap();
        let (files, addresses) = (Files::new(), free_addresses());
        let caller = files.chat_caller("contoso", addresses[0], &[]);
        let settings = [("BAILIWICK_CONFIG", file.to_str().unwrap())];
        let service = Service::begin(files, addresses, &settings);
        Self { service, file, caller, _folder: folder }
    }

    fn ready(self) -> Self {
        self.service.wait_until_ready();
        self
    }

    /// Writes another configuration, triggers a reload, and waits for `word` in the log after that.
    fn reload(&self, text: &str, word: &str) -> String {
        fs::write(&self.file, text).unwrap();
        let before = self.service.files.log().len();
        signal("HUP", self.service.process.pid);
        eventually("the service says what it makes of that", || {
            assert!(self.service.process.is_running(), "{}", self.service.files.log());
            let log = self.service.files.log();
            log[before..].contains(word).then(|| log[before..].to_owned())
        })
    }

    fn status_of(&self, bytes: usize) -> u16 {
        let mut body = self.caller.short();
        body["messages"][0]["content"] = json!("a ".repeat(bytes / 2));
        self.caller.post(&chat_path(CHAT), &body).status
    }
}

const TAKEN: &str = "the configuration was loaded again";
const REFUSED: &str = "nothing has changed";

#[test]
fn limits_and_log_level_change_while_requests_run() {
    let configured = Configured::start("[limits]\nbody_bytes_max = 1048576\n").ready();
    assert_eq!(configured.status_of(4000), 400, "the prompt is too long for the model");
    let mut body = say("Tell a story.");
    body["logit_bias"] = json!({"0": -100, "2": -100});
    body["max_tokens"] = json!(100);
    body["stream"] = json!(true);
    let request = Request::post(&chat_path(CHAT), &body).key(&configured.caller.key1);
    let mut events = request.open(configured.caller.address).events();
    events.next().unwrap();

    let text = "[limits]\nbody_bytes_max = 2048\nqueue_max = 7\n[log]\nlevel = 'debug'\n\
                [requests]\nno_effect_fields = 'refuse'\n";
    let hinted = || {
        let mut body = configured.caller.short();
        body["verbosity"] = json!("low");
        configured.caller.post(&chat_path(CHAT), &body).status
    };
    assert_eq!(hinted(), 200);
    let said = configured.reload(text, "need a restart");
    assert!(said.contains(TAKEN), "{said}");
    assert!(said.contains("limits.queue_max"), "{said}");
    assert!(!said.contains("limits.body_bytes_max") && !said.contains("requests"), "{said}");
    assert_eq!(configured.status_of(4000), 413);
    assert_eq!(hinted(), 400);
    // Running requests continue.
    let rest: Vec<_> = events.collect();
    // Or `content_filter`: the small model's stories are random.
    let finished = |event: &Value| event["choices"][0]["finish_reason"].is_string();
    assert!(rest.iter().any(finished), "{rest:?}");

    // A configuration with a mistake changes nothing; the error names the line.
    let said = configured.reload("[limits]\nbody_bytes_max = 5\n", REFUSED);
    assert!(said.contains("bailiwick.toml:2"), "{said}");
    assert_eq!(configured.status_of(4000), 413);

    // Receipts name the active configuration, and the log records it.
    let data = configured.service.files.data();
    let reply = configured.caller.post(&chat_path(CHAT), &configured.caller.short());
    assert_eq!(reply.status, 200);
    let receipt = configured.caller.get(reply.header("x-bailiwick-receipt").unwrap());
    let receipt_file = data.join("receipt-of-the-test");
    fs::write(&receipt_file, &receipt.body).unwrap();
    let mut verify = configured.service.files.command();
    verify.args(["verify", "--service-key"]).arg(data.join("service.pub"));
    verify.arg("receipt").arg(&receipt_file).arg("--log").arg(data.join("log"));
    succeed(&mut verify);
}

#[test]
fn the_list_of_destinations_is_logged_before_it_is_in_force() {
    let one = "egress = [{ url = 'http://127.0.0.1:9' }]\n";
    let configured = Configured::start(one);
    eventually("it listens", || configured.service.files.log().contains("listening").then_some(()));
    let lists = || {
        let reply: Value = Request::get("/egress").send(configured.service.operations).ok();
        let listed = reply["destinations"].as_array().unwrap().clone();
        listed.iter().map(|one| one["destination"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(lists(), ["http://127.0.0.1:9"]);
    let changes = || {
        let data = configured.service.files.data();
        let mut verify = configured.service.files.command();
        verify.args(["verify", "--service-key"]).arg(data.join("service.pub"));
        succeed(verify.arg("log").arg(data.join("log")))
    };
    let two = "egress = [{ url = 'http://127.0.0.1:9' }, { url = 'http://localhost:9' }]\n";
    configured.reload(two, TAKEN);
    assert_eq!(lists(), ["http://127.0.0.1:9", "http://localhost:9"]);
    // The start logged the first list.
    eventually("the log tells of it", || changes().contains(" 2 changes").then_some(()));
    // The kernel restricts the process to the ports of its start.
    let said = configured.reload("egress = [{ url = 'http://127.0.0.1:10' }]\n", REFUSED);
    assert!(said.contains("port 10") && said.contains("restart"), "{said}");
    assert_eq!(lists(), ["http://127.0.0.1:9", "http://localhost:9"]);
    // An issuer must be on a listed destination.
    let issuer = format!(
        "{one}[identity]\nissuers = [{{ issuer = 'https://login.example.com', audiences = ['a'], \
         tenants = {{ '{CONTOSO}' = 'contoso' }} }}]\n"
    );
    let said = configured.reload(&issuer, REFUSED);
    assert!(said.contains("login.example.com") && said.contains("egress"), "{said}");
    configured.reload("", TAKEN);
    assert!(lists().is_empty());
    eventually("the log tells of it", || changes().contains(" 3 changes").then_some(()));
}

#[test]
fn issuers_come_and_go() {
    let usual = json!({"tid": CONTOSO, "oid": "0e2f6a1c-0000-4000-8000-000000000001",
                       "idtyp": "app", "roles": ["OpenAI.User"]});
    let provider = Provider::start(&[Client::new("app", usual)], "rsa-1");
    let without = format!("egress = [{{ url = '{}' }}]\n", provider.issuer());
    let with = format!(
        "{without}[identity]\nissuers = [{{ issuer = '{}', audiences = ['{AUDIENCE}'], tenants = \
         {{ '{CONTOSO}' = 'contoso' }} }}]\n",
        provider.issuer()
    );
    let configured = Configured::start(&without);
    eventually("it listens", || configured.service.files.log().contains("listening").then_some(()));
    let token = provider.token("app", AUDIENCE);
    let models = || {
        let request = Request::get("/openai/v1/models");
        let bearer = format!("Bearer {token}");
        request.header("authorization", &bearer).send(configured.service.api).status
    };
    assert_eq!(models(), 401);
    configured.reload(&with, TAKEN);
    // Wait until the issuer's keys are fetched.
    eventually("the issuer is believed", || (models() == 200).then_some(()));
    configured.reload(&without, TAKEN);
    assert_eq!(models(), 401);
}

/// A certificate authority, and files for its certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, "authority of the tests");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(parameters, key) }
    }

    /// Writes a certificate for this machine and its key, as a renewal does: a new file, moved over
    /// the old.
    fn sign(&self, certificate: &Path, key: &Path) {
        let pair = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let signed = CertificateParams::new(names).unwrap().signed_by(&pair, &self.issuer).unwrap();
        for (path, text) in [(certificate, signed.pem()), (key, pair.serialize_pem())] {
            let part = path.with_extension("part");
            fs::write(&part, text).unwrap();
            fs::rename(part, path).unwrap();
        }
    }

    /// Whether `url` answers over TLS to a client that trusts only this authority.
    fn reaches(&self, url: &str) -> bool {
        let root = Certificate::from_pem(self.pem.as_bytes()).unwrap();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[root])).build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(Duration::from_secs(20)))
            .http_status_as_error(false)
            .build();
        ureq::Agent::new_with_config(agent).get(url).call().is_ok()
    }
}

#[test]
fn certificates_of_all_listeners_are_renewed() {
    let folder = TempDir::with_prefix("bailiwick-tls-").unwrap();
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    let (old, new) = (Authority::new(), Authority::new());
    old.sign(&certificate, &key);
    let section = |name: &str| {
        format!("[{name}]\ncertificate = '{}'\nkey = '{}'\n", certificate.display(), key.display())
    };
    let text = section("tls") + &section("operations");
    let configured = Configured::start(&text);
    eventually("it listens", || configured.service.files.log().contains("listening").then_some(()));
    let Service { api, operations, .. } = configured.service;
    let urls = [format!("https://{api}/openapi.json"), format!("https://{operations}/healthz")];
    for url in &urls {
        assert!(old.reaches(url) && !new.reaches(url), "{url}");
    }
    new.sign(&certificate, &key);
    assert!(old.reaches(&urls[0]), "nothing is read before it is asked for");
    configured.reload(&text, TAKEN);
    for url in &urls {
        assert!(new.reaches(url) && !old.reaches(url), "{url}");
    }
    // A key that does not match the certificate: nothing changes.
    fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let said = configured.reload(&text, REFUSED);
    assert!(said.contains("k.pem"), "{said}");
    for url in &urls {
        assert!(new.reaches(url), "{url}");
    }
}
