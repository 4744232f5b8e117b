//! Tests of the admin API's surface: its callers and its refusals. The tests of `manage` cover the
//! functions behind it.

use axum::{
    body::{Body, to_bytes},
    http::Method,
};
use engine::protocol::Confinement;
use policy::authz::{
    policies::Policies,
    proof::{InForce, Unproved},
};
use serde_json::{Value, json};
use store::Store;
use tlog::note::Signer;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::*;
use crate::{config::Config, manage::tests::configured, outward};

struct Fixture {
    router: Router,
    key: Key,
    _data: tempfile::TempDir,
}

fn fixture() -> Fixture {
    fixture_at(AdminKey::Taken)
}

fn fixture_at(taken: AdminKey) -> Fixture {
    let data = tempfile::tempdir().unwrap();
    let (store, administrator) =
        Store::open_as_administrator(data.path(), crate::clock::read).unwrap();
    let config = Config { data: data.path().to_owned(), ..Config::default() };
    let management = Management::new(store, data.path(), configured(config.clone()));
    let acting = management.on_behalf_of(Actor::Administrator(administrator));
    acting.ensure_admin_key().unwrap();
    let key = acting.admin_key().unwrap().unwrap();
    let fleet = Fleet::new(&config, TaskTracker::new());
    let policies = Policies::built_in().unwrap();
    let in_force = InForce::check(policies, None, Unproved::Serve).unwrap();
    let egress = outward::egress(&config).unwrap();
    let admin = Admin {
        management,
        fleet,
        engines: Engines::new(egress.clone(), &Signer::new("test", &[7; 32]).unwrap()),
        authorities: Arc::new(Authorities::new(in_force, None)),
        providers: outward::providers(&config, &egress).unwrap(),
        key: taken,
        confinement: Arc::new(Confinement {
            landlock_abi: 0,
            seccomp: false,
            memory_locked: false,
            attempts: Vec::new(),
        }),
        prices: Arc::default(),
        metadata: policy::retention::Metadata::DEFAULT,
        errors: Arc::default(),
    };
    Fixture { router: router(admin), key, _data: data }
}

impl Fixture {
    async fn call(&self, method: Method, path: &str, body: impl Into<Body>) -> (u16, Value) {
        let key = self.key.reveal().to_owned();
        self.call_with(&format!("Bearer {key}"), method, path, body).await
    }

    async fn call_with(
        &self,
        authorization: &str,
        method: Method,
        path: &str,
        body: impl Into<Body>,
    ) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, authorization)
            .body(body.into())
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn only_the_administrator_is_served() {
    let fixture = fixture();
    let (status, _) = fixture.call(Method::GET, "/admin/v1/tenants", "").await;
    assert_eq!(status, 200);
    let key = fixture.key.reveal();
    let almost = key.get(1..).unwrap();
    let wrong =
        ["", "Bearer", "Bearer ", key, &format!("Basic {key}"), &format!("Bearer {almost}")]
            .map(str::to_owned);
    for authorization in wrong {
        for path in ["/admin/v1/tenants", "/admin/v1/nothing"] {
            let (status, body) = fixture.call_with(&authorization, Method::GET, path, "").await;
            assert_eq!((status, &body["error"]["code"]), (401, &json!("Unauthorized")));
        }
    }
}

/// A listener that customers reach refuses the administrator's key.
#[tokio::test]
async fn the_administrators_key_is_for_the_operators_listener() {
    let fixture = fixture_at(AdminKey::Refused);
    let (status, body) = fixture.call(Method::GET, "/admin/v1/tenants", "").await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!("Unauthorized")));
}

#[tokio::test]
async fn a_tenant_with_a_resource_lives_and_ends() {
    let fixture = fixture();
    let post = |path: &'static str, body: Value| fixture.call(Method::POST, path, body.to_string());
    let (status, tenant) = post("/admin/v1/tenants", json!({"name": "acme"})).await;
    assert_eq!((status, &tenant["name"]), (201, &json!("acme")));
    let new = json!({"name": "prod", "tenant": "acme", "region": "local"});
    let (status, resource) = post("/admin/v1/resources", new).await;
    assert_eq!(status, 201);
    let key = resource["key1"].as_str().unwrap();

    let which = json!({"keyName": "Key1"});
    let (status, rotated) = post("/admin/v1/resources/prod/regenerateKey", which).await;
    assert_eq!((status, &rotated["keyName"]), (200, &json!("Key1")));
    assert_ne!(rotated["key"], json!(key));
    let (_, keys) = fixture.call(Method::GET, "/admin/v1/resources/prod/listKeys", "").await;
    assert_eq!(keys[1]["keyName"], json!("Key2"));

    let (status, refusal) = fixture.call(Method::DELETE, "/admin/v1/tenants/acme", "").await;
    assert_eq!((status, &refusal["error"]["code"]), (409, &json!("Conflict")));
    for path in ["/admin/v1/resources/prod", "/admin/v1/tenants/acme"] {
        assert_eq!(fixture.call(Method::DELETE, path, "").await, (204, Value::Null));
        assert_eq!(fixture.call(Method::DELETE, path, "").await.0, 404);
    }
}

/// Each time in the answer to a change is the moment of the change, and equals the time in a later
/// read.
#[tokio::test]
async fn times_in_the_answers_to_changes_are_those_of_the_change() {
    fn times(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::String(text) if humantime::parse_rfc3339(text).is_ok() => {
                found.push((path.to_owned(), text.clone()));
            }
            Value::Array(items) => items.iter().for_each(|item| times(item, path, found)),
            Value::Object(fields) => {
                fields
                    .iter()
                    .for_each(|(name, value)| times(value, &format!("{path}.{name}"), found));
            }
            _ => {}
        }
    }
    let fixture = fixture();
    let began = audit::rfc3339(crate::clock::now_ms() / 1000);
    let resource = "/admin/v1/resources/prod";
    let new = r#"{"name": "prod", "tenant": "acme", "region": "local"}"#;
    for (method, path, body, look, least) in [
        (Method::POST, "/admin/v1/tenants", r#"{"name": "acme"}"#, "/admin/v1/tenants/acme", 1),
        (Method::POST, "/admin/v1/resources", new, resource, 4),
        (Method::PATCH, resource, r#"{"lockbox": true}"#, resource, 4),
        (Method::PATCH, resource, r#"{"retentionDays": 7}"#, resource, 4),
    ] {
        let (status, told) = fixture.call(method.clone(), path, body).await;
        assert!((200..300).contains(&status), "{path}: {told}");
        let mut of_the_change = Vec::new();
        times(&told, "", &mut of_the_change);
        assert!(of_the_change.len() >= least, "{method} {path}: {told}");
        for (place, time) in &of_the_change {
            assert!(*time >= began, "{method} {path}: `{place}` is {time}, before {began}");
        }
        let mut afterwards = Vec::new();
        times(&fixture.call(Method::GET, look, "").await.1, "", &mut afterwards);
        assert_eq!(of_the_change, afterwards, "{method} {path}");
    }
}

/// Coded bodies are decoded within the limit; a refusal of another coding lists the supported ones.
#[tokio::test]
async fn coded_bodies_are_decoded_or_refused() {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let fixture = fixture();
    let tenant = gzip(br#"{"name": "acme"}"#);
    let bomb = gzip(&vec![b' '; BODY_BYTES_MAX + 1]);
    assert!(bomb.len() < BODY_BYTES_MAX / 100);
    for (coding, body, status, code) in [
        ("gzip", &tenant[..], 201, ""),
        ("gzip", b"{\"name\": \"b\"}", 400, "BadRequest"),
        ("gzip", &tenant[..tenant.len() - 1], 400, "BadRequest"),
        ("gzip", &bomb, 413, "PayloadTooLarge"),
        ("br", &tenant, 415, "UnsupportedMediaType"),
        ("gzip, gzip", &tenant, 415, "UnsupportedMediaType"),
    ] {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/admin/v1/tenants")
            .header(header::AUTHORIZATION, format!("Bearer {}", fixture.key.reveal()))
            .header(header::CONTENT_ENCODING, coding)
            .body(Body::from(body.to_vec()))
            .unwrap();
        let response = fixture.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{coding}");
        let accepted = response.headers().get(header::ACCEPT_ENCODING).cloned();
        assert_eq!(accepted.is_some(), status == 415, "{coding}: {accepted:?}");
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(answer["error"]["code"].as_str().unwrap_or_default(), code, "{answer}");
    }
}

#[tokio::test]
async fn engines_are_managed_in_the_apis_own_shape() {
    let fixture = fixture();
    let post = |path: &'static str, body: Value| fixture.call(Method::POST, path, body.to_string());
    let model = json!({"name": "qwen", "served": true, "task": "chat", "contextTokens": 32768});
    let (status, model) = post("/admin/v1/models", model).await;
    assert_eq!((status, &model["servedBy"]), (201, &json!([])));
    let new = json!({"name": "gpu1", "kind": "openai", "url": "https://gpu1.example/v1",
        "region": "local", "models": [{"model": "qwen"}], "prefixCache": "salted"});
    let (status, refused) = post("/admin/v1/engines", new).await;
    assert_eq!((status, &refused["error"]["code"]), (400, &json!("BadRequest")));
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("[[egress]]") && message.contains("https://gpu1.example:443"));
    let (status, engines) = fixture.call(Method::GET, "/admin/v1/engines", "").await;
    assert_eq!((status, &engines[0]["kind"]), (200, &json!("embedded")));
    assert_eq!(engines[0]["state"], json!("serving"));
    for (method, body, status) in [
        (Method::GET, "", 200),
        (Method::PATCH, r#"{"serving":false}"#, 400),
        (Method::DELETE, "", 400),
    ] {
        let (got, answer) = fixture.call(method, "/admin/v1/engines/embedded", body).await;
        assert_eq!(got, status, "{answer}");
    }
    let (status, _) = fixture.call(Method::DELETE, "/admin/v1/engines/none", "").await;
    assert_eq!(status, 404);
    let (status, none) = fixture.call(Method::GET, "/admin/v1/processors", "").await;
    assert_eq!((status, none), (200, json!([])));
}

#[tokio::test]
async fn refusals_are_in_the_apis_own_shape() {
    let fixture = fixture();
    let long = "x".repeat(BODY_BYTES_MAX + 1);
    let cases = [
        (Method::POST, "/admin/v1/tenants", "{", 400, "BadRequest"),
        (Method::POST, "/admin/v1/tenants", r#"{"nam":"x"}"#, 400, "BadRequest"),
        (Method::POST, "/admin/v1/tenants", r#"{"name":"a b"}"#, 400, "BadRequest"),
        (Method::POST, "/admin/v1/tenants", &long, 413, "PayloadTooLarge"),
        (Method::GET, "/admin/v1/resources?tennant=x", "", 400, "BadRequest"),
        (Method::GET, "/admin/v1/tenants/none", "", 404, "NotFound"),
        (Method::GET, "/admin/v1/nothing", "", 404, "NotFound"),
        (Method::PUT, "/admin/v1/tenants", "", 405, "MethodNotAllowed"),
        (Method::PATCH, "/admin/v1/resources/none/deployments/d", "{}", 404, "NotFound"),
        (
            Method::PATCH,
            "/admin/v1/resources/none/deployments/d",
            r#"{"tokensPerMinute":-1}"#,
            400,
            "BadRequest",
        ),
    ];
    for (method, path, body, status, code) in cases {
        let (got, answer) = fixture.call(method, path, body.to_owned()).await;
        assert_eq!((got, &answer["error"]["code"]), (status, &json!(code)), "{path} {answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|text| text.len() > 10));
    }
}
