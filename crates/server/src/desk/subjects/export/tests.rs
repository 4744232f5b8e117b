use std::io::{Cursor, Read as _};

use policy::id::RequestId;
use tlog::receipt::Outcome;
use zip::ZipArchive;

use super::*;

const HOSTILE: &str = "</pre><script>alert(1)</script><img src=x onerror=a()>";

fn about() -> About {
    About {
        subject: Name::new(format!("customer-4711 {HOSTILE}")),
        request: "dsr_1".to_owned(),
        tenant: "contoso".to_owned(),
        officer: "per_1".to_owned(),
        now_ms: 1_795_491_985_000,
    }
}

fn opened() -> Content {
    let body = json!({"messages": [{"role": "user", "content": HOSTILE}]});
    let answer = json!({"choices": [{"message": {"role": "assistant", "content": "an answer"}}]});
    Content {
        request: RequestId::from_random([7; 16]),
        caller: "Key1".to_owned(),
        deployment: None,
        region: "local".to_owned(),
        route: "/chat".to_owned(),
        started_ms: 1_795_491_985_000,
        status: 200,
        outcome: Outcome::Answered,
        request_body: body.to_string().into_bytes(),
        response_body: answer.to_string().into_bytes(),
    }
}

fn facts(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn made() -> ZipArchive<Cursor<Vec<u8>>> {
    let mut export = Export::begin(about(), Vec::new());
    let id = opened().request.to_string();
    let record = json!({"id": id, "resource": HOSTILE, "started_ms": 1_795_491_985_000_u64,
        "looks": [{"reason": HOSTILE}]});
    export.record(facts(&record), &opened(), Some(b"cose")).unwrap();
    export.record_without_content(facts(&json!({"id": "req_gone"})), "it was deleted meanwhile");
    let mut pieces = [b"line one\n".to_vec(), b"line two\n".to_vec()].into_iter();
    let body = Some((18, || Ok(pieces.next())));
    let object = json!({"id": "file-1", "class": "file", "lines": [1, 2], "why": HOSTILE});
    export.object("file-1", facts(&object), b"{\"filename\": \"a\"}", body).unwrap();
    let rest = json!({"stores": [{"name": "records", "found": 2, "note": HOSTILE}],
        "looks": [{"what": "opened", "by": HOSTILE, "reason": HOSTILE}], "restricted": true});
    let bytes = export.finish(facts(&rest)).unwrap();
    ZipArchive::new(Cursor::new(bytes)).unwrap()
}

fn read(archive: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> String {
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_archive_has_all_of_it_for_people_and_for_programs() {
    let mut archive = made();
    let id = opened().request.to_string();
    let mut names: Vec<String> =
        archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.sort();
    let mut expected = vec![
        "SHA256SUMS".to_owned(),
        EXPORT.to_owned(),
        INDEX.to_owned(),
        "objects/file-1.content".to_owned(),
        "objects/file-1.json".to_owned(),
        format!("receipts/{id}.cose"),
        format!("records/{id}.html"),
        format!("records/{id}.json"),
    ];
    expected.sort();
    assert_eq!(names, expected);
    let export: Value = serde_json::from_str(&read(&mut archive, EXPORT)).unwrap();
    assert_eq!(export["subject"], format!("customer-4711 {HOSTILE}"));
    assert_eq!(export["records"][0]["file"], format!("records/{id}.json"));
    assert_eq!(export["records"][1]["missing"], "it was deleted meanwhile");
    assert_eq!(export["objects"][0]["content"], "objects/file-1.content");
    assert_eq!(export["restricted"], true);
    let record: Value =
        serde_json::from_str(&read(&mut archive, &format!("records/{id}.json"))).unwrap();
    assert_eq!(record["request_body"].as_str().unwrap().as_bytes(), opened().request_body);
    assert_eq!(read(&mut archive, "objects/file-1.content"), "line one\nline two\n");
    let page = read(&mut archive, &format!("records/{id}.html"));
    assert!(page.contains("an answer"), "{page}");
    // Every file but the list itself is in the list.
    let sums = read(&mut archive, "SHA256SUMS");
    assert_eq!(sums.lines().count() + 1, names.len(), "{sums}");
}

/// Names, reasons and content come from strangers.
#[test]
fn a_hostile_text_stays_text_in_every_page() {
    let mut archive = made();
    for name in [INDEX.to_owned(), format!("records/{}.html", opened().request)] {
        let page = read(&mut archive, &name);
        assert!(page.contains("&lt;script&gt;alert(1)"), "{name} shows it");
        for bad in ["<script", "<img", "onerror=a()>\"", "javascript:"] {
            assert!(!page.contains(bad), "{name} has {bad}");
        }
        assert!(page.contains("Content-Security-Policy"), "{name}");
        let links = page.matches("href=\"").count();
        assert!(links > 0 && !page.contains("href=\"http"), "{name} refers to nothing outside");
    }
}
