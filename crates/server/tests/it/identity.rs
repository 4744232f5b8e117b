//! Tokens of a real OpenID Connect provider, panva's `oidc-provider`, with access tokens shaped
//! like Entra's: accepted tokens, refused tokens, and key rotation.

pub(crate) mod provider;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use policy::{
    authz::{context::Moment, facts::Service as TheService},
    id::TenantId,
    permit::CreateTenant,
    retention::clock::Reading,
};
use serde_json::{Value, json};
use store::{Store, Tenant};

use self::provider::{AUDIENCE, CONTOSO, Client, Provider};
use crate::{
    client::{Reply, Request},
    process::{eventually, succeed},
    sdk,
    service::{CHAT, Caller, Files, Service, chat_path, free_addresses},
};

/// A service that accepts one provider's tokens, and the two tenants with mapped directories.
struct Setting {
    provider: Provider,
    service: Service,
    contoso: Caller,
    fabrikam: Caller,
}

const FABRIKAM: &str = "11111111-2222-3333-4444-555555555555";
const NOBODYS: &str = "99999999-2222-3333-4444-555555555555";
const ROLE: &str = "OpenAI.User";
const MODELS: &str = "/openai/v1/models";
/// An address without a listener.
const DEAD: &str = "http://127.0.0.1:9";

/// The claims of the provider's clients: a valid workload, and various faulty ones.
fn clients() -> Vec<Client> {
    let usual = json!({"tid": CONTOSO, "oid": "0e2f6a1c-0000-4000-8000-000000000001",
                       "idtyp": "app", "roles": [ROLE]});
    let with = |name: &str, value: Value| {
        let mut claims = usual.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = usual.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let mut person = without("idtyp");
    person["scp"] = "user_impersonation".into();
    vec![
        Client::new("app", usual.clone()),
        Client::new("app-ec", usual.clone()).signed_by("ES256"),
        Client::new("app-ed", usual.clone()).signed_by("EdDSA"),
        Client::new("person", person),
        Client::new("fabrikam", with("tid", FABRIKAM.into())),
        Client::new("no-role", with("roles", json!(["Other"]))),
        Client::new("nobodys", with("tid", NOBODYS.into())),
        Client::new("no-tid", without("tid")),
        Client::new("no-oid", without("oid")),
        Client::new("no-kind", without("idtyp")),
        Client::new("not-yet", with("nbf", json!(4_000_000_000_u64))),
        Client::new("short", usual).living(2),
    ]
}

fn setting() -> Setting {
    let provider = Provider::start(&clients(), "rsa-1,ec-1,ed-1");
    let issuer = |issuer: &str| {
        format!(
            "{{issuer = '{issuer}', audiences = ['{AUDIENCE}'], \
             tenants = {{'{CONTOSO}' = 'contoso', '{FABRIKAM}' = 'fabrikam'}}}}"
        )
    };
    let issuers = format!("[{}, {}]", issuer(&provider.issuer()), issuer(DEAD));
    let destinations = format!("[{{url = '{}'}}, {{url = '{DEAD}'}}]", provider.issuer());
    let service = Service::start(&[
        ("BAILIWICK_LISTEN__DOMAIN", "openai.test"),
        // Provider and service share a clock.
        ("BAILIWICK_IDENTITY__CLOCK_LEEWAY_S", "0"),
        ("BAILIWICK_IDENTITY__ISSUERS", &issuers),
        ("BAILIWICK_EGRESS", &destinations),
    ]);
    let (contoso, fabrikam) = (service.caller("contoso"), service.caller("fabrikam"));
    Setting { provider, service, contoso, fabrikam }
}

impl Setting {
    /// Lists the models of `resource`, with a bearer value.
    fn models(&self, resource: &str, bearer: &str) -> Reply {
        Request::get(MODELS)
            .header("host", &format!("{resource}.openai.test"))
            .header("authorization", &format!("Bearer {bearer}"))
            .send(self.service.api)
    }
}

/// One service for all steps, since loading the model is slow. Each step describes itself.
#[test]
fn a_providers_tokens_are_believed_as_far_as_they_are_trusted() {
    let mut setting = setting();
    whose_tokens_open_what(&setting);
    what_is_refused(&setting);
    roles_are_given_and_taken(&setting);
    the_log_says_why_and_never_who(&setting);
    keys_can_be_switched_off(&setting);
    rotation_is_followed(&mut setting);
}

/// An expired token stays expired when the wall clock is set back: the log's time counts.
#[test]
fn a_clock_that_is_set_back_revives_no_token() {
    fn ahead() -> Reading {
        let mut reading = server::clock::read();
        reading.wall_ms += 30 * 60 * 1000;
        reading
    }
    let usual = json!({"tid": CONTOSO, "oid": "0e2f6a1c-0000-4000-8000-000000000001",
                       "idtyp": "app", "roles": [ROLE]});
    let clients = [
        Client::new("ten-minutes", usual.clone()).living(600),
        Client::new("two-hours", usual).living(7200),
    ];
    let provider = Provider::start(&clients, "rsa-1");
    let (files, addresses) = (Files::new(), free_addresses());
    files.chat_caller("contoso", addresses[0], &[]);
    // The service ran half an hour in the future; then the clock was set back to the real time.
    let (store, administrator) = Store::open_as_administrator(&files.data(), ahead).unwrap();
    let id = TenantId::from_random([7; 16]);
    let tenant = Tenant { id, name: "later".to_owned(), created_at: 0 };
    let permit = administrator.permit::<CreateTenant>(TheService, Moment { now_ms: 0 });
    store.create_tenant(permit, &tenant).unwrap();
    drop(store);
    let issuers = format!(
        "[{{issuer = '{}', audiences = ['{AUDIENCE}'], tenants = {{'{CONTOSO}' = 'contoso'}}}}]",
        provider.issuer()
    );
    let destinations = format!("[{{url = '{}'}}]", provider.issuer());
    let service = Service::begin(
        files,
        addresses,
        &[
            ("BAILIWICK_IDENTITY__CLOCK_LEEWAY_S", "0"),
            ("BAILIWICK_IDENTITY__ISSUERS", &issuers),
            ("BAILIWICK_EGRESS", &destinations),
        ],
    );
    eventually("it listens", || service.files.log().contains("listening").then_some(()));
    let models = |client: &str| {
        let bearer = format!("Bearer {}", provider.token(client, AUDIENCE));
        Request::get(MODELS).header("authorization", &bearer).send(service.api).status
    };
    // Wait until the issuer's keys are fetched.
    eventually("its tokens are believed", || (models("two-hours") == 200).then_some(()));
    assert_eq!(models("ten-minutes"), 401, "by the log's time it has expired");
}

fn whose_tokens_open_what(setting: &Setting) {
    let Setting { provider, contoso, .. } = setting;
    for client in ["app", "app-ec", "app-ed", "person"] {
        let token = provider.token(client, AUDIENCE);
        setting.models("contoso", &token).ok();
        let body = contoso.short();
        let chat = Request::post(&chat_path(CHAT), &body)
            .header("host", "contoso.openai.test")
            .header("authorization", &format!("Bearer {token}"))
            .send(setting.service.api);
        chat.ok();
        // Every caller that may use the resource may read the receipt.
        let receipt = chat.header("x-bailiwick-receipt").unwrap().to_owned();
        let receipt = Request::get(&receipt)
            .header("host", "contoso.openai.test")
            .header("authorization", &format!("Bearer {token}"));
        assert_eq!(receipt.send(setting.service.api).status, 200);
    }
    // OpenAI's own library, with a token passed in Azure's and in OpenAI's way. The address names
    // no resource, and the tenant has only one.
    let url = format!("http://{}", contoso.address);
    let token = provider.token("app", AUDIENCE);
    let mut python = sdk::program("python", &url, contoso);
    succeed(python.arg("python/test_token.py").env("TOKEN", token));

    let theirs = provider.token("fabrikam", AUDIENCE);
    setting.models("fabrikam", &theirs).ok();
    // Each tenant has one resource, so requests need not name it.
    let unnamed = Request::get(MODELS).header("authorization", &format!("Bearer {theirs}"));
    unnamed.send(setting.service.api).ok();
    // Usage shows the kind of caller, not its identity.
    let usage = setting.service.admin("/admin/v1/usage").to_string();
    assert!(usage.contains("\"workload\"") && usage.contains("\"person\""), "{usage}");
    assert!(!usage.contains("0e2f6a1c"), "{usage}");
}

/// A role is assigned at a resource or one deployment, and removed again.
fn roles_are_given_and_taken(setting: &Setting) {
    let Setting { provider, service, contoso, .. } = setting;
    let token = provider.token("no-role", AUDIENCE);
    let models = || setting.models("contoso", &token).status;
    let chat = |deployment: &str| {
        let request = Request::post(&chat_path(deployment), &contoso.short());
        let request = request.header("host", "contoso.openai.test");
        request.header("authorization", &format!("Bearer {token}")).send(service.api).status
    };
    let role = |what: &str, at: &[&str]| {
        let role = ["role", what, "Cognitive Services OpenAI User", "--tenant", "contoso"];
        let who = ["--object", "0e2f6a1c-0000-4000-8000-000000000001", "--workload"];
        service.files.cli(&[&role[..], &who, at].concat())
    };
    // Without a role, existing and missing deployments get the same answer.
    assert_eq!((models(), chat(CHAT), chat("nothing")), (403, 403, 403));
    let given = role("assign", &["--resource", "contoso"]);
    assert_eq!(given[0]["scope"], json!({"resource": {"name": "contoso"}}), "{given}");
    assert_eq!((models(), chat(CHAT), chat("nothing")), (200, 200, 404));
    role("remove", &["--resource", "contoso"]);
    assert_eq!((models(), chat(CHAT)), (403, 403));
    let one = ["--resource", "contoso", "--deployment", CHAT];
    role("assign", &one);
    assert_eq!((models(), chat(CHAT), chat("nothing")), (403, 200, 403));
    // Another tenant's resource stays closed.
    assert_eq!(setting.models("fabrikam", &token).status, 401);
    role("remove", &one);
    // An operator's role gives a customer's people no access.
    let mut operator = service.files.command();
    operator.args(["role", "assign", "Operator", "--tenant", "contoso", "--workload", "--service"]);
    succeed(operator.args(["--object", "0e2f6a1c-0000-4000-8000-000000000001"]));
    assert_eq!((models(), chat(CHAT)), (403, 403));
}

fn what_is_refused(setting: &Setting) {
    let provider = &setting.provider;
    let good = provider.token("app", AUDIENCE);
    let refused = |resource: &str, bearer: &str| {
        let reply = setting.models(resource, bearer);
        let error = reply.error(401);
        assert_eq!(error["code"], "401");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("Unauthorized. Access token is missing"), "{message}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    };
    for client in ["nobodys", "no-tid", "no-oid", "no-kind", "not-yet"] {
        refused("contoso", &provider.token(client, AUDIENCE));
    }
    refused("contoso", &provider.token("app", "api://other"));
    // Another tenant's resource and a missing one are refused in the same words.
    refused("fabrikam", &good);
    refused("nowhere", &good);
    // Without the role, a caller is recognised but may do nothing.
    let reply = setting.models("contoso", &provider.token("no-role", AUDIENCE));
    assert_eq!(reply.error(403)["code"], "PermissionDenied");

    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let encode = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let decode = |part: &str| -> Value {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let mut others = decode(claims);
    others["tid"] = FABRIKAM.into();
    for algorithm in ["none", "HS256"] {
        let header = encode(json!({"alg": algorithm, "kid": "rsa-1"}));
        refused("contoso", &format!("{header}.{claims}."));
        refused("contoso", &format!("{header}.{claims}.{signature}"));
    }
    refused("fabrikam", &format!("{header}.{}.{signature}", encode(others)));
    refused("contoso", &format!("{header}.{claims}."));
    refused("contoso", &format!("{header}.{claims}.{}", signature.replace('A', "B")));
    let mut elsewhere = decode(claims);
    elsewhere["iss"] = "https://login.example.com".into();
    refused("contoso", &format!("{header}.{}.{signature}", encode(elsewhere)));
    // For unknown key names the issuer is contacted at most once more: configuration and keys.
    let dials = || {
        let counted = Request::get("/egress").send(setting.service.operations).ok();
        counted["destinations"][0]["dials"].as_u64().unwrap()
    };
    let before = dials();
    for at in 0..20 {
        let header = encode(json!({"alg": "RS256", "kid": format!("made-up-{at}")}));
        refused("contoso", &format!("{header}.{claims}.{signature}"));
    }
    assert!(dials() <= before + 2, "{before} {}", dials());
    // An unreachable issuer is not the caller's fault.
    let mut dead = decode(claims);
    dead["iss"] = DEAD.into();
    let reply = setting.models("contoso", &format!("{header}.{}.{signature}", encode(dead)));
    assert_eq!(reply.error(503)["code"], "503");

    let short = provider.token("short", AUDIENCE);
    setting.models("contoso", &short).ok();
    eventually("the token expires", || {
        (setting.models("contoso", &short).status == 401).then_some(())
    });
}

fn the_log_says_why_and_never_who(setting: &Setting) {
    let log = setting.service.files.log();
    for reason in [
        "the token's audience is not this service",
        "the token's tenant (`tid`) is mapped to no tenant of this service",
        "the token has expired",
        "the token's signature is wrong",
        "the token's algorithm is none of RS256, ES256 and EdDSA",
    ] {
        assert!(log.contains(reason), "{reason}\n{log}");
    }
    let [_, claims, signature] =
        &setting.provider.token("app", AUDIENCE).split('.').map(str::to_owned).collect::<Vec<_>>()
            [..]
    else {
        panic!()
    };
    for text in ["0e2f6a1c-0000-4000-8000-000000000001", "made-up-3", NOBODYS, claims, signature] {
        setting.service.files.assert_nowhere(text);
    }
}

fn keys_can_be_switched_off(setting: &Setting) {
    let Setting { provider, service, contoso, fabrikam } = setting;
    let key = |key: &str| Request::get(MODELS).key(key).send(service.api);
    let token = provider.token("app", AUDIENCE);
    let update = ["resource", "update", "contoso", "--disable-local-auth"];
    let shown = service.files.cli(&[&update[..], &["on"]].concat());
    assert_eq!(shown["disableLocalAuth"], true);
    for own in [&contoso.key1, &contoso.key2] {
        let error = key(own).error(403);
        assert_eq!(error["code"], "AuthenticationTypeDisabled");
        assert_eq!(error["message"], "Key based authentication is disabled for this resource.");
    }
    // A caller without a key of the resource gets the usual answer.
    let wrong = Request::get(MODELS).header("host", "contoso.openai.test").key(&fabrikam.key1);
    assert_eq!(wrong.send(service.api).error(401)["code"], "401");
    setting.models("contoso", &token).ok();
    key(&fabrikam.key1).ok();

    let path = "/admin/v1/resources/contoso";
    let back = Request::new("PATCH", path).bytes(json!({"disableLocalAuth": false}).to_string());
    assert_eq!(service.as_administrator(&back).ok()["disableLocalAuth"], false);
    key(&contoso.key1).ok();
}

/// A new key works as soon as it is needed. A key that the provider no longer serves does not work,
/// and a new key under the old name does not verify old tokens.
fn rotation_is_followed(setting: &mut Setting) {
    let old = setting.provider.token("app", AUDIENCE);
    let old_ec = setting.provider.token("app-ec", AUDIENCE);
    setting.models("contoso", &old).ok();
    // Another RSA key under a new name; another EC key under the old name.
    setting.provider.restart(&clients(), "rsa-2,ec-2:ec-1,ed-1");
    let new = setting.provider.token("app", AUDIENCE);
    eventually("the new key is fetched", || {
        (setting.models("contoso", &new).status == 200).then_some(())
    });
    setting.models("contoso", &setting.provider.token("app-ec", AUDIENCE)).ok();
    setting.models("contoso", &setting.provider.token("app-ed", AUDIENCE)).ok();
    for old in [old, old_ec] {
        setting.models("contoso", &old).error(401);
    }
    // Without the provider, its known keys are still accepted.
    setting.provider.stop();
    setting.models("contoso", &new).ok();
}
