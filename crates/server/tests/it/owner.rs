//! The owner's own view: a customer's officer lists, reads and deletes the records of their own
//! resource, and nobody else does. (What copies of the data open afterwards: `store::ledger::tests::own`.)

use serde_json::{Value, json};

use crate::{
    canary::mark,
    client::{Reply, Request},
    identity::provider::{AUDIENCE, CONTOSO, Client, Provider},
    process::files_below,
    service::{CHAT, Caller, Service, chat_path, free_addresses},
};

const OPS: &str = "33333333-2222-3333-4444-555555555555";
const FABRIKAM: &str = "44444444-2222-3333-4444-555555555555";
const RECORDS: &str = "/desk/v1/resources/contoso/records";

/// The people, by the names of their clients: directory and object.
const PEOPLE: [(&str, &str, &str); 7] = [
    ("officer", CONTOSO, "0e2f6a1c-0000-4000-8000-000000000011"),
    ("user", CONTOSO, "0e2f6a1c-0000-4000-8000-000000000012"),
    ("operating-officer", CONTOSO, "0e2f6a1c-0000-4000-8000-000000000013"),
    ("auditing-officer", CONTOSO, "0e2f6a1c-0000-4000-8000-000000000014"),
    ("foreign-officer", FABRIKAM, "0e2f6a1c-0000-4000-8000-000000000031"),
    ("operator", OPS, "0e2f6a1c-0000-4000-8000-000000000021"),
    ("auditor", OPS, "0e2f6a1c-0000-4000-8000-000000000022"),
];

/// Who holds which role where.
const ROLES: [(usize, &str, &[&str]); 10] = [
    (0, "Data Protection Officer", &["--resource", "contoso"]),
    (1, "Cognitive Services OpenAI User", &[]),
    (2, "Data Protection Officer", &[]),
    (2, "Operator", &["--service"]),
    (3, "Data Protection Officer", &[]),
    (3, "Auditor", &["--service"]),
    (4, "Data Protection Officer", &["--service"]),
    (5, "Operator", &["--service"]),
    (5, "Data Protection Officer", &["--service"]),
    (6, "Auditor", &["--service"]),
];

#[test]
fn an_owner_reads_and_deletes_its_own_records_and_nobody_else_does() {
    let claims = |tid: &str, oid: &str| json!({"tid": tid, "oid": oid, "scp": "desk"});
    let clients: Vec<Client> =
        PEOPLE.iter().map(|(name, tid, oid)| Client::new(name, claims(tid, oid))).collect();
    let provider = Provider::start(&clients, "rsa-1");
    let issuers = format!(
        "[{{issuer = '{}', audiences = ['{AUDIENCE}'], tenants = {{'{CONTOSO}' = 'contoso', \
         '{FABRIKAM}' = 'fabrikam', '{OPS}' = 'ops'}}}}]",
        provider.issuer()
    );
    let [desk, _] = free_addresses();
    let service = Service::start(&[
        ("BAILIWICK_LISTEN__DESK", &desk.to_string()),
        ("BAILIWICK_IDENTITY__OPERATOR", "ops"),
        ("BAILIWICK_IDENTITY__ISSUERS", &issuers),
        ("BAILIWICK_EGRESS", &format!("[{{url = '{}'}}]", provider.issuer())),
    ]);
    let [contoso, fabrikam] = ["contoso", "fabrikam"].map(|name| service.caller(name));
    let second = ["resource", "create", "contoso-2", "--tenant", "contoso", "--region", "local"];
    service.files.cli(&second);
    service.files.cli(&["tenant", "create", "ops"]);
    for (who, role, more) in ROLES {
        let (_, tid, oid) = PEOPLE[who];
        let tenant = match tid {
            OPS => "ops",
            FABRIKAM => "fabrikam",
            _ => "contoso",
        };
        let words = ["role", "assign", role, "--tenant", tenant, "--object", oid];
        service.files.cli(&[&words[..], more].concat());
    }
    let ask = |who: &str, method: &str, path: &str| -> Reply {
        let token = provider.token(who, AUDIENCE);
        let request = Request::new(method, path);
        request.header("authorization", &format!("Bearer {token}")).send(desk)
    };

    // Three requests of Contoso's with their answers, as they crossed the wire; and one of another's.
    let sent: Vec<Sent> = (0..3).map(|n| Sent::by(&contoso, n == 1)).collect();
    let foreign = Sent::by(&fabrikam, false);
    let of = |sent: &Sent| format!("{RECORDS}/{}", sent.id);

    // The list, page by page.
    let page = ask("officer", "GET", &format!("{RECORDS}?limit=2")).ok();
    assert_eq!((ids(&page), &page["has_more"]), (sent[..2].iter().map(id).collect(), &json!(true)));
    let item = &page["data"][0];
    assert_eq!((&item["deployment"], &item["status"]), (&json!(CHAT), &json!(200)), "{item}");
    assert!(item["prompt_tokens"].as_u64() > Some(0), "{item}");
    let last = page["last_id"].as_str().unwrap();
    let rest = ask("officer", "GET", &format!("{RECORDS}?limit=2&after={last}")).ok();
    assert_eq!((ids(&rest), &rest["has_more"]), (vec![sent[2].id.as_str()], &json!(false)));
    for bad in ["limit=0", "limit=1001", "limit=x", "before=x", "after=x"] {
        assert_eq!(ask("officer", "GET", &format!("{RECORDS}?{bad}")).status, 400, "{bad}");
    }
    let foreign_cursor = ask("officer", "GET", &format!("{RECORDS}?after={}", foreign.id));
    assert_eq!(foreign_cursor.status, 400);

    // What the owner reads is what crossed the wire.
    for sent in &sent {
        let reply = ask("officer", "GET", &of(sent));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let shown = reply.ok();
        assert_eq!(shown["request_body"], sent.request, "{shown}");
        assert_eq!(shown["response_body"], sent.response, "{shown}");
    }

    // Nobody else reads or deletes it; and a record of another's is answered like none.
    let own = of(&sent[0]);
    let nothing = format!("{RECORDS}/req_{}", "0".repeat(32));
    for (who, status) in [
        ("user", 403),
        ("operating-officer", 403),
        ("auditing-officer", 403),
        ("foreign-officer", 404),
        ("operator", 403),
        ("auditor", 403),
    ] {
        let refused = ask(who, "GET", &own);
        assert_eq!(refused.status, status, "{who} reads: {}", refused.text());
        assert!(!refused.text().contains(&sent[0].mark), "{who}");
    }
    for who in ["user", "foreign-officer", "operator", "auditor"] {
        for (method, path) in [("GET", RECORDS), ("DELETE", &own), ("DELETE", &nothing)] {
            let refused = ask(who, method, path);
            assert!([403, 404].contains(&refused.status), "{who} {method}: {}", refused.text());
            // Whether there is such a record, their answer does not tell.
            assert_eq!(refused.body, ask(who, method, &nothing).body, "{who} {method} {path}");
        }
    }
    let none = ask("officer", "GET", &nothing);
    assert_eq!(none.status, 404);
    let elsewhere = format!("/desk/v1/resources/contoso-2/records/{}", sent[0].id);
    let others = [
        format!("{RECORDS}/{}", foreign.id),
        format!("/desk/v1/resources/fabrikam/records/{}", foreign.id),
        elsewhere,
        format!("{RECORDS}/nonsense"),
    ];
    for path in others {
        for method in ["GET", "DELETE"] {
            let refused = ask("officer", method, &path);
            assert_eq!((refused.status, &refused.body), (404, &none.body), "{method} {path}");
        }
    }
    assert_eq!(Request::get(&own).send(desk).status, 401);
    assert_eq!(Request::get(&own).key(&contoso.key1).send(desk).status, 401, "a key is no officer");

    // One record is deleted, while requests come in.
    let deleted = std::thread::scope(|scope| {
        let meanwhile = scope.spawn(|| Sent::by(&contoso, false));
        let deleted = ask("officer", "DELETE", &of(&sent[1])).ok();
        (deleted, meanwhile.join().unwrap())
    });
    let (told, fourth) = deleted;
    let expected = json!({"id": sent[1].id, "object": "record", "deleted": true, "shredded": true});
    assert_eq!(told, expected);

    // Gone, for reading, listing and deleting; the others are as they were.
    for method in ["GET", "DELETE"] {
        let gone = ask("officer", method, &of(&sent[1]));
        assert_eq!((gone.status, &gone.body), (404, &none.body), "{method}");
    }
    let left = ask("officer", "GET", RECORDS).ok();
    assert_eq!(ids(&left), [&sent[0], &sent[2], &fourth].map(id));
    for sent in [&sent[0], &sent[2], &fourth] {
        assert_eq!(ask("officer", "GET", &of(sent)).ok()["response_body"], sent.response);
    }
    // The key that it was sealed under is not there any more; its receipt is as good as before.
    let receipt = Request::get(&format!("/openai/v1/receipts/{}", sent[1].id))
        .header("accept", "application/json")
        .key(&contoso.key1)
        .send(contoso.address)
        .ok();
    let key = receipt["retention"]["key"].as_str().unwrap_or_else(|| panic!("{receipt}"));
    let keys = files_below(&service.files.keys());
    let named = |name: &str| keys.iter().any(|file| file.to_string_lossy().contains(name));
    assert!(named("records/key_") && !named(key), "{key} in {keys:?}");
    // And what was deleted stands nowhere in clear.
    service.files.assert_nowhere(&sent[1].mark);

    // The log tells of each read and of the deletion, and an auditor finds nothing wrong with it.
    let saved = service.files.data().with_extension("receipt");
    let bytes = contoso.get(&format!("/openai/v1/receipts/{}", sent[1].id));
    std::fs::write(&saved, &bytes.body).unwrap();
    let verify = |arguments: &[&std::ffi::OsStr]| {
        let mut verify = service.files.command();
        verify.args(["verify", "--service-key"]).arg(service.files.data().join("service.pub"));
        let output = verify.args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{text}");
        text
    };
    let log = service.files.data().join("log");
    verify(&["log".as_ref(), log.as_ref()]);
    verify(&["receipt".as_ref(), saved.as_ref(), "--log".as_ref(), log.as_ref()]);
}

/// A request with its answer, and what only they have in them.
struct Sent {
    id: String,
    mark: String,
    request: String,
    response: String,
}

impl Sent {
    fn by(caller: &Caller, streamed: bool) -> Self {
        let mark = mark();
        let body = json!({"messages": [{"role": "user", "content": mark}], "max_tokens": 3,
            "stream": streamed});
        let reply = caller.post(&chat_path(CHAT), &body);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let receipt = reply.header("x-bailiwick-receipt").unwrap();
        let id = receipt.rsplit('/').next().unwrap().to_owned();
        Self { id, mark, request: body.to_string(), response: reply.text() }
    }
}

fn id(sent: &Sent) -> &str {
    &sent.id
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}
