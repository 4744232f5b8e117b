//! Tests of the desks without a socket: a hidden thing takes as many decisions, and gets the same
//! words, as a missing thing.

use std::{os::unix::net::UnixStream, pin::Pin, sync::Arc};

use axum::{
    Json,
    extract::{FromRequest as _, Path, Query, Request, State},
};
use policy::{authz::role::Role, principal::Principal, retention::Metadata, task::Task};
use serde_json::{Value, json};
use store::{
    custody::{self, Client, Custodian, Trust},
    ledger::{Ledger, Opening},
    tiles::unwitnessed,
};
use tlog::{canon::Digest, entry::Event, note::Signer};

use super::*;
use crate::{
    authority::Authorities,
    config::Config,
    manage::{NewDeployment, NewServedModel, tests::people::People},
    outward,
};

struct Setting {
    people: People,
    desk: Desk,
    _home: tempfile::TempDir,
}

impl Setting {
    fn new() -> Self {
        Self::under(Config::default())
    }

    /// Like `new`, under a configuration.
    fn under(config: Config) -> Self {
        let (people, home) = (People::under(config.clone()), tempfile::tempdir().unwrap());
        let egress = outward::egress(&config).unwrap();
        let policies = policy::authz::policies::Policies::built_in().unwrap();
        let unproved = policy::authz::proof::Unproved::Serve;
        let in_force = policy::authz::proof::InForce::check(policies, None, unproved).unwrap();
        let desk = Desk {
            store: people.management.store().clone(),
            authorities: Arc::new(Authorities::new(in_force, Some("ops".into()))),
            providers: outward::providers(&config, &egress).unwrap(),
            ledger: ledger(home.path()),
            drafts: Drafts::default(),
            names: Names::default(),
            configured: crate::live::Configured::Read(Arc::new(config)),
        };
        Self { people, desk, _home: home }
    }
}

/// A ledger with a custodian in a thread, instead of a process.
fn ledger(home: &std::path::Path) -> Ledger {
    let signer = Arc::new(Signer::new("log.example", &[1; 32]).unwrap());
    let trust = Trust { log: signer.verifier(), witnesses: Vec::new() };
    let key_directory = home.join("keys");
    let keys = key_directory.clone();
    let connect = Box::new(move |expected| {
        let (ours, mut theirs) = UnixStream::pair()?;
        let (mut custodian, _) = Custodian::start((&keys, expected), trust.clone(), clock::read())
            .map_err(std::io::Error::other)?;
        std::thread::spawn(move || custody::serve(&mut custodian, &mut theirs, clock::read));
        Ok(Client::new(ours))
    });
    let started = Event::Started {
        binary: Digest([1; 32]),
        configuration: Digest([2; 32]),
        models: Vec::new(),
        policies: None,
    };
    let opening = Opening {
        signer,
        clock: clock::read,
        connect,
        key_directory,
        keys_are_lost: false,
        metadata: Metadata::DEFAULT,
        cosign: unwitnessed(),
        started,
        proof: None,
        egress: String::new(),
    };
    Ledger::open(&home.join("data"), opening).unwrap().0
}

fn visitor(signed_in: &SignedIn) -> Visitor {
    let Principal::Person(person) = &signed_in.principal else { panic!("a person") };
    let signing = Signing::new(String::new()).unwrap();
    Visitor { person: person.id(), signed_in: signed_in.clone(), signing }
}

type Answer = Pin<Box<dyn Future<Output = Result<(), DeskError>>>>;
type Call = Box<dyn Fn(Desk, Visitor, String) -> Answer>;

fn parsed<T: serde::de::DeserializeOwned>(body: Value) -> Parsed<T> {
    Parsed(serde_json::from_value(body).unwrap())
}

macro_rules! call {
    (|$desk:ident, $visitor:ident, $name:ident| $answer:expr) => {{
        let call: Call =
            Box::new(|$desk, $visitor, $name| Box::pin(async move { $answer.await.map(|_| ()) }));
        call
    }};
}

const NO_RECORD: &str = "req_00000000000000000000000000000001";

/// Every function that takes a resource's name, at both desks.
fn calls() -> Vec<(&'static str, Call)> {
    vec![
        (
            "status",
            call!(|desk, it, name| exemption::status::<ContentLogging>(
                State(desk),
                it,
                Path(name)
            )),
        ),
        (
            "apply",
            call!(|desk, it, name| exemption::apply::<ContentLogging>(
                State(desk),
                it,
                Path(name),
                parsed(json!({"useCase": "u", "measures": "m", "days": 1}))
            )),
        ),
        (
            "decide",
            call!(|desk, it, name| exemption::decide::<ContentLogging>(
                State(desk),
                it,
                Path(name),
                parsed(json!({"approval": "apr_00000000000000000000000000000001",
                    "approve": true, "reason": "r"}))
            )),
        ),
        (
            "withdraw",
            call!(|desk, it, name| exemption::withdraw::<ContentLogging>(
                State(desk),
                it,
                Path(name),
                parsed(json!({"approval": "apr_00000000000000000000000000000001", "reason": "r"}))
            )),
        ),
        (
            "filter: status",
            call!(|desk, it, name| exemption::status::<ContentFilter>(State(desk), it, Path(name))),
        ),
        (
            "filter: apply",
            call!(|desk, it, name| exemption::apply::<ContentFilter>(
                State(desk),
                it,
                Path(name),
                parsed(json!({"useCase": "u", "measures": "m", "days": 1}))
            )),
        ),
        (
            "filter: decide",
            call!(|desk, it, name| exemption::decide::<ContentFilter>(
                State(desk),
                it,
                Path(name),
                parsed(json!({"approval": "apr_00000000000000000000000000000001",
                    "approve": true, "reason": "r"}))
            )),
        ),
        (
            "filter: withdraw",
            call!(|desk, it, name| exemption::withdraw::<ContentFilter>(
                State(desk),
                it,
                Path(name),
                parsed(json!({"approval": "apr_00000000000000000000000000000001", "reason": "r"}))
            )),
        ),
        ("abuse", call!(|desk, it, name| abuse::owned(State(desk), it, Path(name)))),
        (
            "an end user's hash",
            call!(|desk, it, name| abuse::hash(
                State(desk),
                it,
                Path(name),
                parsed(json!({"name": "alice"}))
            )),
        ),
        ("penalty", call!(|_desk, it, name| penalty::status(it, Path(name)))),
        (
            "appeal",
            call!(|desk, it, name| penalty::appeal(
                State(desk),
                it,
                Path(name),
                parsed(json!({"reason": "r"}))
            )),
        ),
        ("looks", call!(|desk, it, name| review::looks(State(desk), it, Path(name)))),
        (
            "acts",
            call!(|desk, it, name| acts::list(
                State(desk),
                it,
                Path(name),
                Query::try_from_uri(&"/".parse().unwrap())
            )),
        ),
        (
            "report",
            call!(|desk, it, name| reports::of_resource(
                State(desk),
                it,
                Path((name, "dpia".into())),
                Query::try_from_uri(&"/".parse().unwrap())
            )),
        ),
        ("processors", call!(|desk, it, name| processors::list(State(desk), it, Path(name)))),
        (
            "allow a processor",
            call!(|desk, it, name| processors::allow(State(desk), it, Path((name, "p".into())))),
        ),
        (
            "withdraw a processor",
            call!(|desk, it, name| processors::withdraw(State(desk), it, Path((name, "p".into())))),
        ),
        (
            "records",
            call!(|desk, it, name| records::list(
                State(desk),
                it,
                Path(name),
                Query::try_from_uri(&"/".parse().unwrap())
            )),
        ),
        (
            "record",
            call!(|desk, it, name| records::read(State(desk), it, Path((name, NO_RECORD.into())))),
        ),
        (
            "erase",
            call!(|desk, it, name| records::delete(
                State(desk),
                it,
                Path((name, NO_RECORD.into()))
            )),
        ),
    ]
}

#[tokio::test]
async fn what_is_hidden_takes_as_many_decisions_as_what_does_not_exist() {
    let setting = Setting::new();
    let signed_in = setting.people.sign_in("acme", 10, &Role::ALL);
    for (what, call) in calls() {
        let mut answers = Vec::new();
        for name in ["else-prod", "elze-prod"] {
            let before = signed_in.questions();
            let refused = call(setting.desk.clone(), visitor(&signed_in), name.into()).await;
            let refused = refused.unwrap_err();
            assert!(matches!(refused, DeskError::NotFound), "{what}: {refused}");
            answers.push((refused.to_string(), signed_in.questions() - before));
        }
        assert_eq!(answers[0], answers[1], "{what}");
        assert!(answers[0].1 > 0, "{what}: the policies were not asked");
    }
}

/// The policies also decide about a record that is not stored, and the answer reveals no
/// difference.
#[tokio::test]
async fn a_record_that_is_not_kept_is_decided_about() {
    let setting = Setting::new();
    let signed_in = setting.people.sign_in("acme", 10, &Role::ALL);
    for request in [NO_RECORD, "no request's id"] {
        let before = signed_in.questions();
        let given = parsed(json!({"grant": "gra_00000000000000000000000000000001"}));
        let desk = State(setting.desk.clone());
        let answer = review::consent(desk, visitor(&signed_in), Path(request.into()), given).await;
        assert!(matches!(answer.map(|Json(_)| ()), Err(DeskError::NotFound)), "{request}");
        assert!(signed_in.questions() > before, "{request}");
    }
}

const ENGINE: &str = "
[[egress]]
url = 'https://gpu.example'
";

/// Two processors: one for everybody, and one whose engine serves another tenant only.
fn offer_processors(setting: &Setting) {
    let management = &setting.people.administrator;
    let new = NewServedModel { name: "qwen".into(), task: Task::Chat, context_tokens: None };
    management.add_served_model(&new).unwrap();
    for (name, cache) in [("gpu-co", "none"), ("private-co", "shared=else")] {
        let new = json!({"name": name, "kind": "openai", "url": "https://gpu.example/v1",
            "region": "local", "models": [{"model": "qwen"}], "prefixCache": cache,
            "processor": {"name": name, "country": "SE", "contract": "DPA-1"}});
        management.create_engine(&serde_json::from_value(new).unwrap()).unwrap();
    }
    let chat = NewDeployment {
        spillover_deployment_name: None,
        rai_policy_name: None,
        name: "far".into(),
        model: "qwen".into(),
        task: Task::Chat,
        sku: None,
        tokens_per_minute: None,
        requests_per_minute: None,
    };
    management.create_deployment("acme-prod", &chat).unwrap();
}

fn listed(answer: Result<Json<Vec<processors::Item>>, DeskError>) -> Value {
    serde_json::to_value(answer.unwrap().0).unwrap()
}

#[tokio::test]
async fn the_customers_own_officer_allows_a_processor_and_withdraws_that() {
    let setting = Setting::under(toml::from_str(ENGINE).unwrap());
    offer_processors(&setting);
    let officer = setting.people.sign_in("acme", 10, &[Role::DataProtectionOfficer]);
    let desk = || State(setting.desk.clone());
    let at = |processor: &str| Path(("acme-prod".to_owned(), processor.to_owned()));
    let item = |allowed: bool, list: &Value| {
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), 1, "another tenant's processor is not offered: {list:?}");
        let item = &list[0];
        assert_eq!(item["processor"], json!("gpu-co"));
        assert_eq!((&item["country"], &item["contract"]), (&json!("SE"), &json!("DPA-1")));
        assert_eq!((&item["regions"], &item["deployments"]), (&json!(["local"]), &json!(["far"])));
        assert_eq!(item["allowed"], json!(allowed));
        assert_eq!(item["since_ms"].is_u64(), allowed);
    };
    let allowed = || {
        let directory = setting.desk.store.directory().unwrap();
        let resource = directory.resource_by_name("acme-prod").unwrap();
        directory.processors_of(resource.id).contains("gpu-co")
    };
    item(
        false,
        &listed(processors::list(desk(), visitor(&officer), Path("acme-prod".into())).await),
    );
    assert!(!allowed());
    for _ in 0..2 {
        item(true, &listed(processors::allow(desk(), visitor(&officer), at("gpu-co")).await));
        assert!(allowed());
    }
    for unknown in ["private-co", "nobody", "a b"] {
        let refused = processors::allow(desk(), visitor(&officer), at(unknown)).await;
        assert!(matches!(refused.map(|_| ()), Err(DeskError::NoSuchProcessor)), "{unknown}");
    }
    // Its terms cannot change under its name any more.
    let update = serde_json::from_value(json!({"processor": {"name": "gpu-co", "country": "US",
        "contract": "DPA-1"}}));
    assert!(setting.people.administrator.update_engine("gpu-co", &update.unwrap()).is_err());
    item(false, &listed(processors::withdraw(desk(), visitor(&officer), at("gpu-co")).await));
    assert!(!allowed());
}

/// Neither the operator's people, nor another tenant's officer, nor another role of the customer.
#[tokio::test]
async fn nobody_but_the_customers_officer_allows_a_processor() {
    let setting = Setting::under(toml::from_str(ENGINE).unwrap());
    offer_processors(&setting);
    let others = Role::ALL.into_iter().filter(|role| *role != Role::DataProtectionOfficer);
    let others: Vec<Role> = others.collect();
    for (tenant, number, roles) in
        [("ops", 20, &Role::ALL[..]), ("else", 21, &Role::ALL), ("acme", 22, &others)]
    {
        let person = setting.people.sign_in(tenant, number, roles);
        for allow in [true, false] {
            let at = Path(("acme-prod".to_owned(), "gpu-co".to_owned()));
            let desk = State(setting.desk.clone());
            let answer = match allow {
                true => processors::allow(desk, visitor(&person), at).await,
                false => processors::withdraw(desk, visitor(&person), at).await,
            };
            let refused =
                matches!(answer.map(|_| ()), Err(DeskError::Forbidden(_) | DeskError::NotFound));
            assert!(refused, "{tenant} {allow}");
        }
    }
}

/// The officer's reports follow the officer's own decision, with the entry of the log about it.
#[tokio::test]
async fn a_report_shows_a_processor_from_the_officers_decision_on() {
    let setting = Setting::under(toml::from_str(ENGINE).unwrap());
    offer_processors(&setting);
    let officer = setting.people.sign_in("acme", 10, &[Role::DataProtectionOfficer]);
    let report = async |kind: &str| {
        let question = Query::try_from_uri(&"/".parse().unwrap());
        let desk = State(setting.desk.clone());
        let answer = reports::of_tenant(desk, visitor(&officer), Path(kind.into()), question).await;
        let body = axum::body::to_bytes(answer.unwrap().into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    let values = |report: &Value, section: &str| {
        let sections = report["sections"].as_array().unwrap();
        let section = sections.iter().find(|one| one["id"] == section).unwrap();
        section["lines"].clone()
    };
    let before = report("sub-processors").await;
    assert_eq!(before["resources"], json!(["acme-prod"]), "another tenant's are not there");
    assert!(values(&before, "allowed")[0]["value"].as_str().unwrap().starts_with("none"));
    let desk = State(setting.desk.clone());
    let at = Path(("acme-prod".to_owned(), "gpu-co".to_owned()));
    let _ = processors::allow(desk, visitor(&officer), at).await.unwrap();
    let after = report("sub-processors").await;
    let line = &values(&after, "allowed")[0];
    assert_eq!((&line["item"], &line["data"]["regions"]), (&json!("gpu-co"), &json!(["local"])));
    let person = visitor(&officer).person.to_string();
    assert_eq!(line["data"]["person"], json!(person), "{line}");
    let entry = line["data"]["entry"].as_u64().unwrap();
    assert!(line["sources"].as_array().unwrap().contains(&json!({"kind": "log", "entry": entry})));
    let map = report("transfers").await;
    let map = values(&map, "reached");
    let far = map.as_array().unwrap().iter().find(|line| line["item"] == "Deployment far").unwrap();
    assert_eq!(far["data"]["reached"][0]["processor"], json!("gpu-co"));

    // Neither another tenant's officer, nor the operator's people.
    for (tenant, number) in [("else", 21), ("ops", 20)] {
        let person = setting.people.sign_in(tenant, number, &Role::ALL);
        let question = Query::try_from_uri(&"/".parse().unwrap());
        let path = Path(("acme-prod".to_owned(), "breach-scope".to_owned()));
        let desk = State(setting.desk.clone());
        let answer = reports::of_resource(desk, visitor(&person), path, question).await;
        let refused =
            matches!(answer.map(|_| ()), Err(DeskError::Forbidden(_) | DeskError::NotFound));
        assert!(refused, "{tenant}");
    }
}

#[test]
fn names_are_remembered_for_people_alone_and_never_printed() {
    let setting = Setting::new();
    let signed_in = setting.people.sign_in("acme", 10, &[]);
    let person = visitor(&signed_in).person;
    let names = Names::default();
    names.remember(&signed_in.principal, None);
    assert_eq!(names.of(person), None);
    names.remember(&signed_in.principal, Some("Ada Lovelace"));
    assert_eq!(names.of(person).as_deref(), Some("Ada Lovelace"));
    names.remember(&signed_in.principal, Some("Ada King"));
    assert_eq!(names.of_all(&[person, PersonId::from_random([9; 16])]), ["Ada King"]);
    let printed = format!("{names:?} {:?} {signed_in:?}", setting.desk);
    assert!(!printed.contains("Ada"), "{printed}");
}

/// The desk decodes compressed bodies within its limit, as the other listeners do.
#[tokio::test]
async fn compressed_bodies_are_read_within_the_limit() {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    let read = async |coding: &str, plain: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        let body = axum::body::Body::from(encoder.finish().unwrap());
        let request = Request::post("/").header("content-encoding", coding).body(body).unwrap();
        let read = Parsed::<Reason>::from_request(request, &()).await;
        read.map(|Parsed(reason)| reason.reason).map_err(|error| error.to_string())
    };
    assert_eq!(read("gzip", br#"{"reason": "why"}"#).await.as_deref(), Ok("why"));
    let bomb = vec![b' '; BODY_BYTES_MAX + 1];
    assert!(read("gzip", &bomb).await.is_err_and(|error| error.contains("65536 bytes")));
    assert!(read("br", b"{}").await.is_err_and(|error| error.contains("`gzip` or `zstd`")));
}
