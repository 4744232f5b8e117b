//! Network rules: allowed clients, refused clients, and clients with a forged address.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{
    client::{Reply, Request},
    service::{Caller, Service, free_addresses, shared},
};

const MODELS: &str = "/openai/v1/models";

fn call(caller: &Caller, address: SocketAddr, forwarded: &[&str]) -> Reply {
    let request = forwarded
        .iter()
        .fold(Request::get(MODELS), |request, value| request.header("x-forwarded-for", value));
    request.key(&caller.key1).send(address)
}

fn refused(reply: &Reply, says: &str) {
    let error = reply.error(403);
    assert_eq!(error["code"], "403", "{error}");
    assert!(error["message"].as_str().unwrap().starts_with(says), "{error}");
}

const FIREWALL: &str = "Access denied due to Virtual Network/Firewall rules.";
const PRIVATE_ONLY: &str = "Public access is disabled.";

/// Without a trusted proxy, the socket's address is the client's; its headers are ignored.
#[test]
fn a_forwarded_address_is_nobodys_word() {
    let service = &shared().service;
    let caller = service.caller("spoofed");
    let rules = ["--default-action", "deny", "--ip-rule", "203.0.113.0/24"];
    service.files.cli(&[&["resource", "network", "spoofed"][..], &rules].concat());
    refused(&call(&caller, caller.address, &[]), FIREWALL);
    for spoof in ["203.0.113.9", "127.0.0.1, 203.0.113.9", "203.0.113.9, 127.0.0.1"] {
        refused(&call(&caller, caller.address, &[spoof]), FIREWALL);
    }
    // A caller with a wrong key cannot find out anything about the rules.
    Request::get(MODELS).key("wrong").send(caller.address).error(401);
    // Receipts and all other paths follow the same rules.
    refused(&caller.get("/openai/v1/receipts/req_00000000000000000000000000000000"), FIREWALL);

    service.files.cli(&["resource", "network", "spoofed", "--ip-rule", "127.0.0.1"]);
    call(&caller, caller.address, &[]).ok();
    let shown = service.files.cli(&["resource", "show", "spoofed"]);
    assert_eq!(
        shown["networkAcls"],
        json!({"defaultAction": "Deny", "ipRules": [{"value": "127.0.0.1"}]})
    );
}

#[test]
fn a_trusted_proxy_and_the_private_listener() {
    let [private, _] = free_addresses();
    let service = Service::start(&[
        ("BAILIWICK_LISTEN__PROXIES", "['127.0.0.1']"),
        ("BAILIWICK_LISTEN__PRIVATE", &private.to_string()),
    ]);
    let caller = service.caller("closed");
    let change = |body: Value| {
        let request = Request::new("PATCH", "/admin/v1/resources/closed");
        let reply = service.as_administrator(&request.bytes(body.to_string()));
        (reply.status, reply.text())
    };
    let deny = json!({"networkAcls": {"defaultAction": "Deny",
        "ipRules": [{"value": "203.0.113.0/24"}, {"value": "2001:db8::/32"}]}});
    assert_eq!(change(deny).0, 200);
    for inside in ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1", "192.0.2.1, 203.0.113.9"] {
        call(&caller, service.api, &[inside]).ok();
    }
    call(&caller, service.api, &["192.0.2.1", "203.0.113.9"]).ok();
    for outside in ["192.0.2.1", "203.0.113.9, 192.0.2.1", "unknown", "127.0.0.1", "::203.0.113.9"]
    {
        refused(&call(&caller, service.api, &[outside]), FIREWALL);
    }
    refused(&call(&caller, service.api, &[]), FIREWALL);
    call(&caller, private, &[]).ok();

    assert_eq!(change(json!({"publicNetworkAccess": "Disabled"})).0, 200);
    refused(&call(&caller, service.api, &["203.0.113.9"]), PRIVATE_ONLY);
    call(&caller, private, &[]).ok();

    let (status, told) = change(json!({"networkAcls": {"defaultAction": "Deny",
        "ipRules": [{"value": "203.0.113.9/24"}]}}));
    assert!(status == 400 && told.contains("203.0.113.9/24"), "{told}");
    let many: Vec<Value> =
        (0..201).map(|n| json!({"value": format!("10.0.0.{}", n % 250)})).collect();
    let (status, told) = change(json!({"networkAcls": {"defaultAction": "Deny", "ipRules": many}}));
    assert!(status == 400 && told.contains("IP_RULES_MAX"), "{told}");

    let metrics = service.metrics();
    assert!(metrics.contains("bailiwick_refused_total{status=\"403\"}"), "{metrics}");
}
