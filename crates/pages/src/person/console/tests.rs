use serde_json::{Value, json};

use crate::{
    format::Query,
    person::{
        Desk,
        build::tests::{deployments, filters, resource},
        checks::{NOW, checked},
        find,
    },
};

fn tenants() -> Value {
    json!([
        {"id": "ten_1", "name": "acme", "createdAt": "2026-10-01T07:00:00Z", "root": "5f1c0a"},
        {"id": "ten_2", "name": "umbrella", "createdAt": "2026-10-01T07:00:00Z", "root": null},
    ])
}

#[test]
fn tenants_have_their_roots_and_resources() {
    let html = checked("/console/tenants", &[tenants(), json!([resource()])]);
    for text in ["5f1c0a", "none", "/pages/console/resources/acme-prod", "POST /admin/v1/tenants"] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    checked("/console/tenants", &[tenants(), json!([])]);
    let one = checked("/console/tenants/acme", &[tenants()[0].clone(), json!([resource()])]);
    for text in [
        "ten_1",
        "POST /admin/v1/resources",
        "text:tenant",
        "DELETE /admin/v1/tenants/acme",
        "pattern=\"acme\"",
        "name=\"back\" value=\"/pages/console/tenants\"",
        "penalty",
    ] {
        assert!(one.contains(text), "{text}\n{one}");
    }
}

#[test]
fn a_resource_can_be_managed() {
    let models = json!([{"name": "qwen3"}, {"name": "bge"}]);
    let address = "/console/resources/acme-prod";
    let html = checked(address, &[resource(), deployments(), models.clone(), filters()]);
    for text in [
        "PATCH /admin/v1/resources/acme-prod\"",
        "number:retentionDays",
        "flag:lockbox",
        "flag:prefixCache",
        "flag:disableLocalAuth",
        "text:publicNetworkAccess",
        "Deny: 203.0.113.0/24",
        "PATCH /admin/v1/resources/acme-prod/deployments/chat\"",
        "DELETE /admin/v1/resources/acme-prod/deployments/embed\"",
        "POST /admin/v1/resources/acme-prod/deployments\"",
        "<option value=\"qwen3\">",
        "text:spilloverDeploymentName",
        "text:raiPolicyName",
        "number:tokensPerMinute",
        "name=\"confirm\" required pattern=\"acme-prod\"",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    checked(address, &[resource(), json!([]), json!([]), filters()]);
    let many: Vec<_> = (0..200)
        .map(|number| {
            let mut one = deployments()[0].clone();
            one["name"] = format!("deployment-with-a-long-name-{number}").into();
            one
        })
        .collect();
    let models: Vec<_> =
        (0..300).map(|number| json!({"name": format!("model-{number}")})).collect();
    let values = [resource(), json!(many), json!(models), filters()];
    let html = checked(address, &values);
    assert!(html.contains("1 to 15 of 200") && html.contains("?from=15"));
    let html = checked(&format!("{address}?from=195"), &values);
    assert!(html.contains("196 to 200 of 200") && html.contains("deployment-with-a-long-name-199"));
}

#[test]
fn health_shows_each_process() {
    let confinement = json!({"landlockAbi": 6, "seccomp": true, "memoryLocked": false,
                             "attempts": [{"attempt": "open /etc/passwd", "error": "EACCES"}]});
    let workers = json!([
        {"name": "qwen3/chat", "model": "qwen3", "task": "chat", "state": "ready", "pid": 42,
         "contextTokens": 8192, "devices": ["NVIDIA H200"], "load": 3, "restarts": 1, "confinement": confinement},
        {"name": "bge/embeddings", "model": "bge", "task": "embeddings", "state": "loading",
         "progress": 0.5, "load": 0, "restarts": 0},
        {"name": "bad/chat", "model": "bad", "task": "chat", "state": "failed", "reason": "the file differs",
         "load": 0, "restarts": 5},
    ]);
    let engines = json!([{"name": "embedded", "kind": "embedded", "region": "local", "models": [], "state": "serving"}]);
    let gateway = json!({"pid": 41, "confinement": confinement});
    let html = checked("/console", &[workers, engines.clone(), gateway.clone()]);
    for text in [
        "NVIDIA H200",
        "50\u{202f}%",
        "the file differs",
        "EACCES",
        "1 attempts",
        "8\u{202f}192",
        "serving",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    checked("/console", &[json!([]), engines, gateway]);
}

#[test]
fn models_are_added_and_deleted() {
    let models = json!([
        {"id": "mod_1", "name": "qwen3", "path": "/data/models/ab.gguf", "sha256": "ab12", "sizeBytes": 5_000_000_000_u64,
         "source": "hf.co/Qwen/Qwen3", "license": "apache-2.0", "architecture": "qwen3", "title": "Qwen3",
         "parameters": 8_000_000_000_u64, "contextTokens": 32768, "embeddingLength": 4096, "vocabulary": 151936,
         "generates": true, "chatTemplate": true, "createdAt": "2026-10-01T07:00:00Z"},
        {"id": "mod_2", "name": "gpt", "servedBy": ["gpu1"], "architecture": "", "title": null, "parameters": 0,
         "contextTokens": 0, "embeddingLength": 0, "vocabulary": 0, "generates": true, "chatTemplate": true,
         "createdAt": "2026-10-01T07:00:00Z"},
        {"id": "mod_3", "name": "qwen3.ft-1", "fineTuned": {"resource": "acme-prod", "job": "ftjob_1", "adapterSha256": "cd"},
         "architecture": "qwen3", "title": null, "parameters": 1, "contextTokens": 1, "embeddingLength": 1,
         "vocabulary": 1, "generates": false, "chatTemplate": false, "createdAt": "2026-10-01T07:00:00Z"},
    ]);
    let html = checked("/console/models", &[models]);
    for text in [
        "4\u{202f}769 MiB",
        "apache-2.0",
        "gpu1",
        "ftjob_1",
        "DELETE /admin/v1/models/qwen3\"",
        "text:path",
        "text:sha256",
        "flag:inPlace",
        "flag:served",
        "number:contextTokens",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
}

#[test]
fn engines_are_drained_and_deleted() {
    let engines = json!([
        {"name": "embedded", "kind": "embedded", "region": "local", "models": [{"model": "qwen3", "served": "qwen3"}],
         "state": "serving"},
        {"name": "gpu1", "kind": "openai", "region": "swedencentral", "zone": "eu",
         "processor": {"name": "hoster", "country": "SE", "contract": "DPA-7"},
         "models": [{"model": "qwen3", "served": "Qwen/Qwen3-8B"}], "state": "ejected", "reason": "it failed",
         "id": "eng_1", "url": "https://gpu1.example/v1", "credential": "GPU1_KEY",
         "capabilities": ["tools"], "prefixCache": "salted", "concurrency": 64, "weight": 1,
         "firstByteMs": 120_000, "silenceMs": 30_000, "createdAt": "2026-10-01T07:00:00Z"},
    ]);
    let processors = json!([{"name": "hoster", "country": "SE", "contract": "DPA-7", "since": "2026-10-01T07:00:00Z",
        "engines": [], "allowed": [{"resource": "acme-prod", "since": "2026-10-01T07:00:00Z", "by": "per_1"}],
        "requests": [{"resource": "acme-prod", "requests": 1200}]}]);
    let html = checked("/console/engines", &[engines.clone(), processors]);
    for text in [
        "flag:serving",
        "PATCH /admin/v1/engines/gpu1\"",
        "DELETE /admin/v1/engines/gpu1\"",
        "Qwen/Qwen3-8B",
        "ejected",
        "zone eu",
        "1\u{202f}200",
        "DPA-7",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    assert!(!html.contains("/admin/v1/engines/embedded"), "the embedded engine cannot be changed");
    checked("/console/engines", &[engines, json!([])]);
}

#[test]
fn a_role_is_removed_where_it_was_assigned() {
    let one = |scope: Value| {
        json!({"principal": "per_1", "kind": "person", "tenant": "acme", "objectId": "00000000-0000-0000-0000-000000000001",
               "role": "Auditor", "scope": scope, "team": "north"})
    };
    let html = checked(
        "/console/people",
        &[json!([
            one(json!("tenant")),
            one(json!("service")),
            one(json!({"resource": {"name": "acme-prod"}})),
            one(json!({"deployment": {"resource": "acme-prod", "name": "chat"}})),
        ])],
    );
    for text in [
        "name=\"text:scope\" value=\"tenant\"",
        "name=\"text:scope\" value=\"service\"",
        "name=\"text:scope.resource.name\" value=\"acme-prod\"",
        "name=\"text:scope.deployment.name\" value=\"chat\"",
        "DELETE /admin/v1/roleAssignments",
        "POST /admin/v1/roleAssignments",
        "north",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
}

fn row(deployment: &str, amount: Option<&str>) -> Value {
    let mut row = json!({"period": "2026-11", "tenant": "acme", "resource": "acme-prod", "deployment": deployment,
           "caller": "Key1", "requests": 1000, "refused": 20, "failed": 3, "promptTokens": 100_000,
           "cachedTokens": 5000, "completionTokens": 20_000});
    if let Some(amount) = amount {
        row["amount"] = amount.into();
        row["currency"] = "EUR".into();
    }
    row
}

#[test]
fn use_is_added_up_exactly() {
    let rows = json!([row("chat", Some("0.1")), row("embed", Some("0.2")), row("other", None)]);
    let html = checked("/console/usage", &[rows]);
    for text in [
        "0.30 EUR",
        "3\u{202f}069",
        "leaves out: 1.",
        "2026-10",
        "bailiwick doctor",
        "GET /admin/v1/usage?by=month&amp;from=2026-11&amp;to=2026-11&amp;format=csv",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    let many: Vec<_> =
        (0..3000).map(|number| row(&format!("deployment-{number}"), Some("0.1"))).collect();
    let html = checked("/console/usage?from=100", &[json!(many)]);
    assert!(html.contains("101 to 200 of 3000") && html.contains("300.00 EUR"), "{html}");
    let view = |query: &str| find(Desk::Owner, "/console/usage", &Query::parse(query)).unwrap();
    assert_eq!(view("").asks_at(NOW), ["/admin/v1/usage?by=month&from=2026-11&to=2026-11"]);
    assert_eq!(
        view("month=2026-02&tenant=acme&resource=a%26b").asks_at(NOW),
        ["/admin/v1/usage?by=month&from=2026-02&to=2026-02&tenant=acme"]
    );
    assert_eq!(view("month=2026-13").asks(), ["/admin/v1/usage?by=month"]);
}
