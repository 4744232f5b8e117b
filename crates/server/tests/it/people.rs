//! People and programs of several directories, a provider that knows them, and a service with all
//! its listeners: the desk, and the review desk with workstations of its authority.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use serde_json::{Value, json};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};

use crate::{
    client::{Reply, Request},
    identity::provider::{AUDIENCE, CONTOSO, Client, Provider, SECRET},
    process::succeed,
    service::{Files, Service, free_addresses},
};

/// The tenants, with their mapped directories. The operator's own tenant is `ops`.
const DIRECTORIES: [(&str, &str); 3] = [
    ("contoso", CONTOSO),
    ("fabrikam", "11111111-2222-3333-4444-555555555555"),
    ("ops", "33333333-2222-3333-4444-555555555555"),
];

/// A person or program: its name and tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    name: &'static str,
    tenant: &'static str,
    program: bool,
}

impl Account {
    /// Returns the name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

/// A person.
pub(crate) const fn person(name: &'static str, tenant: &'static str) -> Account {
    Account { name, tenant, program: false }
}

/// A program.
pub(crate) const fn program(name: &'static str, tenant: &'static str) -> Account {
    Account { name, tenant, program: true }
}

/// The service, the provider, and all people.
pub(crate) struct People {
    provider: Provider,
    pub(crate) service: Service,
    pub(crate) authority: Authority,
    everybody: &'static [Account],
    review: SocketAddr,
    pub(crate) desk: SocketAddr,
    settings: Vec<(&'static str, String)>,
}

impl People {
    pub(crate) fn start(everybody: &'static [Account]) -> Self {
        Self::beside(everybody, &[])
    }

    /// The same, with a service that may also dial these URLs.
    pub(crate) fn beside(everybody: &'static [Account], others: &[&str]) -> Self {
        Self::beside_with(everybody, others, &[])
    }

    /// The same, with more settings.
    pub(crate) fn beside_with(
        everybody: &'static [Account],
        others: &[&str],
        more: &[(&'static str, &str)],
    ) -> Self {
        let clients = clients(everybody);
        let [review, desk] = free_addresses();
        let redirects = [format!("http://localhost:{}", desk.port()), format!("https://{review}")];
        let redirects = redirects.map(|origin| format!("{origin}/pages/signed-in")).to_vec();
        let provider = Provider::with_redirects(&clients, "rsa-1", redirects);
        let authority = Authority::new();
        authority.issue("server", ExtendedKeyUsagePurpose::ServerAuth);
        for name in ["desk-1", "desk-2", "stolen"] {
            authority.issue(name, ExtendedKeyUsagePurpose::ClientAuth);
        }
        let path = |name: &str| authority.path(name).display().to_string();
        let listener = format!(
            "{{listen = '{review}', certificate = '{}', key = '{}', workstation_ca = '{}'}}",
            path("server.pem"),
            path("server-key.pem"),
            path("ca.pem")
        );
        let tenants = DIRECTORIES.map(|(name, tid)| format!("'{tid}' = '{name}'")).join(", ");
        let issuers = format!(
            "[{{issuer = '{}', audiences = ['{AUDIENCE}'], tenants = {{{tenants}}}, sign_in = \
             {{client_id = 'pages', scope = 'openid', resource = '{AUDIENCE}', client_secret_env = \
             'PAGES_SECRET'}}}}]",
            provider.issuer()
        );
        let issuer = provider.issuer();
        let urls = others.iter().copied().chain([issuer.as_str()]);
        let egress: Vec<_> = urls.map(|url| format!("{{url = '{url}'}}")).collect();
        let egress = format!("[{}]", egress.join(", "));
        let mut settings = vec![
            // One test sends a hundred requests at once: more connections than one address may have
            // by default.
            ("BAILIWICK_LIMITS__OPERATORS_CONNECTIONS_MAX", "256".to_owned()),
            ("BAILIWICK_REVIEW", listener),
            ("BAILIWICK_LISTEN__DESK", desk.to_string()),
            ("BAILIWICK_LISTEN__DOMAIN", "openai.test".to_owned()),
            ("BAILIWICK_IDENTITY__OPERATOR", "ops".to_owned()),
            ("BAILIWICK_IDENTITY__ISSUERS", issuers),
            ("BAILIWICK_EGRESS", egress),
            ("PAGES_SECRET", SECRET.to_owned()),
        ];
        settings.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let service = Service::start(&lent(&settings));
        service.files.cli(&["tenant", "create", "ops"]);
        Self { provider, service, authority, everybody, review, desk, settings }
    }

    /// Stops the service, lets `act` change its files, and starts it again.
    pub(crate) fn restarted_after(mut self, act: impl FnOnce(&Files)) -> Self {
        let files = self.service.into_files();
        act(&files);
        self.service = Service::begin(files, free_addresses(), &lent(&self.settings));
        self.service.wait_until_ready();
        self
    }

    /// Stops the service, puts another provider in the place of the configured one, which makes tokens
    /// for the same people, and starts the service again.
    pub(crate) fn restarted_with_a_provider_of_the_attacker(mut self) -> Self {
        let issuer = self.provider.issuer();
        self.provider = Provider::start(&clients(self.everybody), "rsa-1");
        let attackers = self.provider.issuer();
        assert_ne!(issuer, attackers);
        for (_, setting) in &mut self.settings {
            *setting = setting.replace(&issuer, &attackers);
        }
        self.restarted_after(|_| ())
    }

    /// Returns the issuer of the people's tokens.
    pub(crate) fn issuer(&self) -> String {
        self.provider.issuer()
    }

    /// Returns tenant and object id of a person or program, and whether it is a program.
    pub(crate) fn find(&self, name: &str) -> (&'static str, String, bool) {
        let index = self.everybody.iter().position(|subject| subject.name == name).unwrap();
        let Account { tenant, program, .. } = self.everybody[index];
        (tenant, object(index), program)
    }

    /// Runs the command line with this person as its subject.
    pub(crate) fn who(&self, words: &[&str], name: &str) {
        let (tenant, object, _) = self.find(name);
        self.service.files.cli(&[words, &["--tenant", tenant, "--object", &object]].concat());
    }

    /// Assigns a role, at the tenant or as `more` specifies.
    pub(crate) fn assign(&self, role: &str, name: &str, more: &[&str]) {
        let kind: &[&str] = if self.find(name).2 { &["--workload"] } else { &[] };
        self.who(&[&["role", "assign", role], kind, more].concat(), name);
    }

    /// Enrolls a workstation for review.
    pub(crate) fn enroll(&self, workstation: &str, region: &str) {
        let file = self.authority.path(&format!("{workstation}.pem")).display().to_string();
        let words = ["workstation", "enroll", &file, "--name", workstation, "--region", region];
        self.who(&words, "operator");
    }

    /// Returns the connection of a workstation to the review desk, with or without a certificate.
    pub(crate) fn seat(&self, certificate: Option<&str>) -> Seat {
        Seat::new(&self.authority, self.review, certificate)
    }

    /// Returns the address of the review desk.
    pub(crate) fn review_address(&self) -> SocketAddr {
        self.review
    }

    pub(crate) fn token(&self, name: &str) -> String {
        self.provider.token(name, AUDIENCE)
    }

    pub(crate) fn bearer(&self, name: &str) -> String {
        format!("Bearer {}", self.token(name))
    }

    /// Sends a person's request to the desk.
    pub(crate) fn ask(&self, name: &str, request: Request) -> Reply {
        request.header("authorization", &self.bearer(name)).send(self.desk)
    }

    /// Runs a person's command against a desk; returns its output.
    pub(crate) fn types(&self, name: &str, words: &[&str]) -> Value {
        let path = |file: &str| self.authority.path(file);
        let mut command = self.service.files.command();
        command
            .env("BAILIWICK_TOKEN", self.token(name))
            .env("BAILIWICK_DESK_URL", format!("http://{}", self.desk))
            .env("BAILIWICK_REVIEW_URL", format!("https://{}", self.review))
            .env("BAILIWICK_CA_FILE", path("ca.pem"))
            .env("BAILIWICK_CERTIFICATE", path("desk-1.pem"))
            .env("BAILIWICK_CERTIFICATE_KEY", path("desk-1-key.pem"));
        let text = succeed(command.args(words).arg("--json"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words:?}: {error}: {text}"))
    }

    /// An auditor replays the log and finds no fault; returns the replay's output.
    pub(crate) fn verify_log(&self) -> String {
        let files = &self.service.files;
        let mut verify = files.command();
        verify.args(["verify", "--service-key"]).arg(files.data().join("service.pub"));
        succeed(verify.arg("log").arg(files.data().join("log")))
    }
}

/// Returns what a provider knows of everybody.
fn clients(everybody: &[Account]) -> Vec<Client> {
    let client = |(index, subject): (usize, &Account)| {
        let (_, tid) = DIRECTORIES.iter().find(|known| known.0 == subject.tenant).unwrap();
        let name = format!("{} of {}", subject.name, subject.tenant);
        let mut claims = json!({"tid": tid, "oid": object(index), "name": name});
        let (claim, value) = if subject.program { ("idtyp", "app") } else { ("scp", "desk") };
        claims[claim] = value.into();
        Client::new(subject.name, claims)
    };
    everybody.iter().enumerate().map(client).collect()
}

/// Returns the object id of the person or program with this number.
fn lent<'a>(settings: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn object(index: usize) -> String {
    format!("0e2f6a1c-0000-4000-8000-{index:012}")
}

/// The certificate authority of the operator, as files.
pub(crate) struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, "workstations of the tests");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), parameters.self_signed(&key).unwrap().pem())
            .unwrap();
        Self { folder, issuer: Issuer::new(parameters, key) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Issues a certificate and key of this name, as `NAME.pem` and `NAME-key.pem`.
    pub(crate) fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) {
        let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.path(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.path(&format!("{name}-key.pem")), key.serialize_pem()).unwrap();
    }
}

/// One workstation's connection to the review desk.
#[derive(Clone)]
pub(crate) struct Seat {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
}

impl Seat {
    pub(crate) fn new(
        authority: &Authority,
        address: SocketAddr,
        certificate: Option<&str>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority.path("ca.pem")).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let tls = match certificate {
            None => builder.with_no_client_auth(),
            Some(name) => {
                let file = |end: &str| authority.path(&format!("{name}{end}"));
                let chain = vec![CertificateDer::from_pem_file(file(".pem")).unwrap()];
                let key = PrivateKeyDer::from_pem_file(file("-key.pem")).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        Self { address, tls: Arc::new(tls) }
    }

    /// Returns status and JSON; `None` if the connection itself is refused.
    pub(crate) fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: desk\r\nauthorization: Bearer {token}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = self.text(&head)?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let json = body.find(['{', '[']).map_or("null", |at| body.split_at(at).1);
        let end = json.rfind(['}', ']']).map_or(json.len(), |at| at + 1);
        Some((status, serde_json::from_str(json.split_at(end).0).unwrap_or(Value::Null)))
    }

    /// Sends text, and reads until the connection ends.
    pub(crate) fn text(&self, wire: &str) -> Option<String> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let session = ClientConnection::new(Arc::clone(&self.tls), name).unwrap();
        let mut stream = StreamOwned::new(session, TcpStream::connect(self.address).unwrap());
        stream.write_all(wire.as_bytes()).ok()?;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).ok()
    }
}
