//! The guarded review, mounted as PROMISES says: self-approval, another team's manager, expired and
//! used grants, workstations that are not enrolled or revoked, and a hundred looks at once.

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
    canary::mark,
    identity::provider::{AUDIENCE, CONTOSO, Client, Provider},
    service::{CHAT, Service, chat_path, free_addresses},
};

const OPS: &str = "33333333-2222-3333-4444-555555555555";

/// The people, by the names of their clients: directory and object.
const PEOPLE: [(&str, &str, &str); 7] = [
    ("reviewer", OPS, "0e2f6a1c-0000-4000-8000-000000000031"),
    ("colleague", OPS, "0e2f6a1c-0000-4000-8000-000000000032"),
    ("manager", OPS, "0e2f6a1c-0000-4000-8000-000000000033"),
    ("other-manager", OPS, "0e2f6a1c-0000-4000-8000-000000000034"),
    ("both", OPS, "0e2f6a1c-0000-4000-8000-000000000035"),
    ("operator", OPS, "0e2f6a1c-0000-4000-8000-000000000036"),
    ("customer", CONTOSO, "0e2f6a1c-0000-4000-8000-000000000037"),
];

/// Certificates of the operator's own authority, as files.
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

    /// A certificate and key of this name, as `NAME.pem` and `NAME-key.pem`.
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

/// One workstation's way to the review desk.
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

    /// Status and JSON; none where the connection is not taken at all.
    pub(crate) fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let session = ClientConnection::new(Arc::clone(&self.tls), name).unwrap();
        let mut stream = StreamOwned::new(session, TcpStream::connect(self.address).unwrap());
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: desk\r\nauthorization: Bearer {token}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let json = body.find(['{', '[']).map_or("null", |at| body.split_at(at).1);
        let end = json.rfind(['}', ']']).map_or(json.len(), |at| at + 1);
        Some((status, serde_json::from_str(json.split_at(end).0).unwrap_or(Value::Null)))
    }
}

/// A service with a review desk and a desk, a provider that knows the people, and their authority.
pub(crate) struct Setting {
    provider: Provider,
    pub(crate) service: Service,
    authority: Authority,
    review: SocketAddr,
    pub(crate) desk: SocketAddr,
}

impl Setting {
    pub(crate) fn start() -> Self {
        let claims = |tid: &str, oid: &str| json!({"tid": tid, "oid": oid, "scp": "desk"});
        let clients: Vec<Client> =
            PEOPLE.iter().map(|(name, tid, oid)| Client::new(name, claims(tid, oid))).collect();
        let provider = Provider::start(&clients, "rsa-1");
        let authority = Authority::new();
        authority.issue("server", ExtendedKeyUsagePurpose::ServerAuth);
        for name in ["desk-1", "desk-2", "stolen"] {
            authority.issue(name, ExtendedKeyUsagePurpose::ClientAuth);
        }
        let [review, desk] = free_addresses();
        let path = |name: &str| authority.path(name).display().to_string();
        let listener = format!(
            "{{listen = '{review}', certificate = '{}', key = '{}', workstation_ca = '{}'}}",
            path("server.pem"),
            path("server-key.pem"),
            path("ca.pem")
        );
        let issuers = format!(
            "[{{issuer = '{}', audiences = ['{AUDIENCE}'], tenants = {{'{CONTOSO}' = 'contoso', \
             '{OPS}' = 'ops'}}}}]",
            provider.issuer()
        );
        let service = Service::start(&[
            ("BAILIWICK_REVIEW", &listener),
            ("BAILIWICK_LISTEN__DESK", &desk.to_string()),
            ("BAILIWICK_IDENTITY__OPERATOR", "ops"),
            ("BAILIWICK_IDENTITY__ISSUERS", &issuers),
            ("BAILIWICK_EGRESS", &format!("[{{url = '{}'}}]", provider.issuer())),
        ]);
        service.files.cli(&["tenant", "create", "ops"]);
        Self { provider, service, authority, review, desk }
    }

    /// The command line, with who is meant.
    pub(crate) fn who(&self, words: &[&str], name: &str) {
        let (_, tid, oid) = PEOPLE.iter().find(|person| person.0 == name).unwrap();
        let tenant = if *tid == OPS { "ops" } else { "contoso" };
        self.service.files.cli(&[words, &["--tenant", tenant, "--object", oid]].concat());
    }

    pub(crate) fn enroll(&self, name: &str, region: &str) {
        let file = self.authority.path(&format!("{name}.pem")).display().to_string();
        let words = ["workstation", "enroll", &file, "--name", name, "--region", region];
        self.who(&words, "operator");
    }

    pub(crate) fn seat(&self, certificate: Option<&str>) -> Seat {
        Seat::new(&self.authority, self.review, certificate)
    }

    pub(crate) fn token(&self, who: &str) -> String {
        self.provider.token(who, AUDIENCE)
    }
}

#[test]
fn a_record_is_seen_once_by_whom_the_manager_allowed_and_the_customer_knows() {
    let setting = Setting::start();
    let contoso = setting.service.caller("contoso");
    for name in ["reviewer", "colleague", "both"] {
        setting.who(&["role", "assign", "Reviewer", "--service"], name);
    }
    for name in ["manager", "other-manager", "both"] {
        setting.who(&["role", "assign", "Review Manager", "--service"], name);
    }
    setting.who(&["role", "assign", "Operator", "--service"], "operator");
    setting.who(&["role", "assign", "Data Protection Officer"], "customer");
    for name in ["reviewer", "colleague", "manager", "both"] {
        setting.who(&["role", "team", "north"], name);
    }
    setting.who(&["role", "team", "south"], "other-manager");
    setting.enroll("desk-1", "local");
    setting.enroll("desk-2", "elsewhere");

    let canary = mark();
    let body = json!({"messages": [{"role": "user", "content": canary}], "max_tokens": 2});
    let reply = contoso.post(&chat_path(CHAT), &body);
    reply.ok();
    let request = reply.header("x-request-id").unwrap().to_owned();
    let path = |what: &str| format!("/review/v1/records/{request}/{what}");
    let desk = setting.seat(Some("desk-1"));
    let post = |who: &str, what: &str, body: &Value| {
        desk.ask(&setting.token(who), "POST", &path(what), body).unwrap()
    };
    let get = |seat: &Seat, who: &str| {
        seat.ask(&setting.token(who), "GET", "/review/v1/queue", &Value::Null)
    };

    // No certificate, one that nobody enrolled, one that stands elsewhere; no token, no role.
    assert_eq!(get(&setting.seat(None), "reviewer"), None);
    assert_eq!(get(&setting.seat(Some("stolen")), "reviewer").unwrap().0, 403);
    assert_eq!(desk.ask("", "GET", "/review/v1/queue", &Value::Null).unwrap().0, 401);
    for nobody in ["operator", "customer"] {
        assert!(matches!(get(&desk, nobody).unwrap().0, 403 | 404), "{nobody}");
    }
    let reason = json!({"reason": "looks like an attack on the instructions"});
    assert_eq!(post("reviewer", "look", &reason).0, 403, "not flagged");
    assert_eq!(post("reviewer", "flag", &json!({"category": "jailbreak"})).0, 200);
    let (status, queue) = get(&desk, "reviewer").unwrap();
    assert_eq!((status, &queue[0]["request"]), (200, &json!(request)), "{queue}");
    assert!(!queue.to_string().contains(&canary));
    let elsewhere = setting.seat(Some("desk-2"));
    assert_eq!(get(&elsewhere, "reviewer").unwrap().1, json!([]), "another region's queue");
    let far = elsewhere.ask(&setting.token("reviewer"), "POST", &path("look"), &reason);
    assert_eq!(far.unwrap().0, 403, "another region");

    // Asked for; approved by nobody but the manager of the team, who is another person.
    let (status, asked) = post("both", "look", &reason);
    assert_eq!((status, &asked["waiting"]), (200, &json!("manager")), "{asked}");
    let grant = json!({"grant": asked["grant"]});
    assert_eq!(post("both", "approval", &grant).0, 403, "self-approval");
    assert_eq!(post("both", "open", &grant).0, 403, "not approved");
    for nobody in ["other-manager", "colleague", "operator"] {
        assert!(matches!(post(nobody, "approval", &grant).0, 403 | 404), "{nobody}");
    }
    let foreign = json!({"grant": "gra_00000000000000000000000000000000"});
    assert_eq!(post("manager", "approval", &foreign).0, 404);
    let refusal = json!({"grant": asked["grant"], "reason": "say more"});
    assert_eq!(post("manager", "refusal", &refusal).0, 200);
    assert_eq!(post("both", "open", &grant).0, 404, "refused");

    let (_, asked) = post("reviewer", "look", &reason);
    let grant = json!({"grant": asked["grant"]});
    let (status, allowed) = post("manager", "approval", &grant);
    assert_eq!((status, &allowed["waiting"]), (200, &json!("look")), "{allowed}");
    // Transferred: to another reviewer, to another workstation.
    assert_eq!(post("colleague", "open", &grant).0, 403);
    setting.enroll("stolen", "local");
    let other = setting.seat(Some("stolen"));
    let from_other = other.ask(&setting.token("reviewer"), "POST", &path("open"), &grant);
    assert_eq!(from_other.unwrap().0, 403, "another workstation");

    // A hundred at once: one look.
    let token = setting.token("reviewer");
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let ask = || desk.ask(&token, "POST", &path("open"), &grant).unwrap();
        let all: Vec<_> = (0..100).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let seen: Vec<&Value> =
        answers.iter().filter(|answer| answer.0 == 200).map(|answer| &answer.1).collect();
    assert_eq!(seen.len(), 1, "{answers:?}");
    assert!(seen[0]["request_body"].as_str().unwrap().contains(&canary), "{}", seen[0]);
    let others = answers.iter().filter(|answer| answer.0 != 200);
    assert!(others.clone().all(|answer| !answer.1.to_string().contains(&canary)));

    // The customer sees who (by an opaque id), why and which request.
    let looks = || {
        let looks = crate::client::Request::get("/desk/v1/resources/contoso/looks")
            .header("authorization", &format!("Bearer {}", setting.token("customer")))
            .send(setting.desk)
            .ok();
        assert_eq!(looks.as_array().unwrap().len(), 1, "{looks}");
        looks[0].clone()
    };
    let look = looks();
    assert_eq!(look["request"], request.as_str(), "{look}");
    assert!(look["reviewer"].as_str().unwrap().starts_with("per_"), "{look}");
    assert_eq!(look["waiting"], "judgement", "{look}");
    let judgement = json!({"grant": asked["grant"], "outcome": "confirmed", "reason": "no joke"});
    assert_eq!(post("colleague", "judgement", &judgement).0, 403, "did not look");
    let (status, judged) = post("reviewer", "judgement", &judgement);
    let next = judged["next"].as_str().unwrap_or_default();
    assert_eq!((status, next.contains("resources/contoso/penalty")), (200, true), "{judged}");
    assert_eq!(get(&desk, "reviewer").unwrap().1, json!([]));

    // The look stays in the customer's list.
    let mut over = look;
    over["waiting"] = Value::Null;
    assert_eq!(looks(), over);

    // A revoked workstation sees nothing more.
    let file = setting.authority.path("desk-1.pem").display().to_string();
    setting.who(&["workstation", "revoke", &file, "--reason", "lost"], "operator");
    assert_eq!(get(&desk, "reviewer").unwrap().0, 403);

    let mut verify = setting.service.files.command();
    verify.args(["verify", "--service-key"]).arg(setting.service.files.data().join("service.pub"));
    let output = verify.arg("log").arg(setting.service.files.data().join("log")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 looks"), "{text}");
    setting.service.files.assert_nowhere(&canary);
}
