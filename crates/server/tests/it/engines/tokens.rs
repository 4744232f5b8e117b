//! Access tokens for an engine, as Entra gives them for Azure OpenAI: a real provider gives them, and
//! the engine, a second Bailiwick, checks them.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::*;
use crate::{
    identity::provider::{AUDIENCE, CONTOSO, Client, Provider, SECRET},
    process::signal,
};

/// The service that serves as the engine: it knows callers by the provider's tokens, and its own
/// engine is a stand-in.
fn inner(provider: &Provider, stub: &Stub) -> Service {
    let (issuer, tenants) = (provider.issuer(), format!("{{'{CONTOSO}' = 'contoso'}}"));
    let issuers =
        format!("[{{issuer = '{issuer}', audiences = ['{AUDIENCE}'], tenants = {tenants}}}]");
    let listed = egress([stub.url().as_str(), &issuer]);
    let settings = [
        ("BAILIWICK_EGRESS", listed.as_str()),
        ("BAILIWICK_REGIONS__ZONES", ZONES),
        ("BAILIWICK_IDENTITY__ISSUERS", &issuers),
    ];
    let (files, addresses) = (Files::new(), free_addresses());
    tenant(&files, "contoso", addresses[0]);
    files.cli(&["model", "add", SERVED, "--served", "--task", "chat", "--context-tokens", "4096"]);
    deploy(&files, "contoso", "Standard");
    add(&files, &Entry::of("one", stub, "local"), &settings);
    let service = Service::begin(files, addresses, &settings);
    service.wait_until_ready();
    service
}

/// Starts the service in front of it, whose secret is in this file.
fn outer(provider: &Provider, inner: &Service, secret: &Path) -> World {
    let url = format!("http://{}", inner.api);
    let listed = format!(
        "[{{ url = \"{url}\", token = {{ url = \"{issuer}/token\", client_id = \"gateway\", \
         client_secret_file = \"{}\", scope = \"{AUDIENCE}/.default\" }} }}, \
         {{ url = \"{issuer}\" }}]",
        secret.display(),
        issuer = provider.issuer(),
    );
    let settings = [("BAILIWICK_EGRESS", listed.as_str()), ("BAILIWICK_REGIONS__ZONES", ZONES)];
    let (files, addresses) = (Files::new(), free_addresses());
    let caller = tenant(&files, "contoso", addresses[0]);
    files.cli(&["model", "add", SERVED, "--served", "--task", "chat", "--context-tokens", "4096"]);
    deploy(&files, "contoso", "Standard");
    let more = ["--prefix-cache", "shared=contoso"];
    let entry = Entry { name: "inner", kind: "azure", url, region: "local", more: &more };
    let added = add_as(&files, &entry, DEPLOYMENT, &settings);
    let source = format!("token:{}/token", provider.issuer());
    assert_eq!(added["credential"], source.as_str(), "{added}");
    let service = Service::begin(files, addresses, &settings);
    service.wait_until_ready();
    World { service, caller }
}

fn write(path: &Path, secret: &str) {
    fs::write(path, secret).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The requests at a destination, as the service counts them.
fn requests(world: &World, destination: &str) -> u64 {
    let left = Request::get("/egress").send(world.service.operations).ok();
    let all = left["destinations"].as_array().unwrap();
    let one = all.iter().find(|one| one["destination"] == destination).unwrap();
    one["requests"].as_u64().unwrap()
}

#[test]
fn a_token_of_a_real_provider_opens_an_engine() {
    let claims = json!({"tid": CONTOSO, "oid": "0e2f6a1c-0000-4000-8000-000000000001",
                        "idtyp": "app", "roles": ["OpenAI.User"]});
    let clients = [Client::new("gateway", claims)];
    let mut provider = Provider::start(&clients, "rsa-1");
    let stub = Stub::start("one", "big");
    let inner = inner(&provider, &stub);
    let home = tempfile::TempDir::new().unwrap();
    let secret = home.path().join("secret");
    write(&secret, SECRET);
    let world = outer(&provider, &inner, &secret);

    eventually("the inner service knows the issuer's keys", || {
        let bearer = format!("Bearer {}", provider.token("gateway", AUDIENCE));
        let models = Request::get("/openai/v1/models").header("authorization", &bearer);
        (models.send(inner.api).status == 200).then_some(())
    });
    assert_eq!(text(&world.ask(&say("hi")).ok()), "hello from one");
    // The token is in memory: the provider is not needed for it.
    let asked = requests(&world, &provider.issuer());
    provider.stop();
    for _ in 0..3 {
        assert_eq!(text(&world.ask(&say("hi")).ok()), "hello from one");
    }
    assert_eq!(requests(&world, &provider.issuer()), asked);

    // The operator replaces the secret by a wrong one.
    provider.restart(&clients, "rsa-1");
    write(&secret, "the-wrong-canary");
    signal("HUP", world.service.process.pid);
    let refused = eventually("the new secret is in use", || {
        let reply = world.ask(&say("hi"));
        (reply.status != 200).then_some(reply)
    });
    let before = stub.got().len();
    assert_eq!(refused.status, 503, "{}", refused.text());
    for part in ["secret", "canary", "token"] {
        assert!(!refused.text().contains(part), "{}", refused.text());
    }
    assert_eq!(world.claims(&refused)["outcome"], "failed");
    let state = eventually("the engine is ejected", || {
        world.ask(&say("hi"));
        let ready = Request::get("/readyz").send(world.service.operations).ok();
        let engine = ready["engines"][0].clone();
        (engine["state"] == "ejected").then_some(engine)
    });
    let reason = state["reason"].as_str().unwrap();
    assert!(reason.contains("the token endpoint refused the client id or its secret"), "{reason}");
    let listed = world.service.admin("/admin/v1/engines").to_string();
    assert!(listed.contains("refused the client id"), "{listed}");
    assert_eq!(stub.got().len(), before, "without a token nothing is sent");
    let log = world.service.files.log();
    assert!(log.contains("refused the client id"), "{log}");
    let files = world.service.into_files();
    for secret in [SECRET, "the-wrong-canary"] {
        files.assert_nowhere(secret);
    }
}
