//! Files and uploads in parts: what goes in comes out, for its owner only, and nothing of it is
//! readable on the disk.

use std::{fs, io::Write as _};

use serde_json::{Value, json};

use crate::{
    canary::mark,
    client::{Answer, Reply, Request, connect},
    process::eventually,
    service::{Caller, Service, shared},
};

const FILES: &str = "/openai/v1/files";
const CLASSIC: &str = "/openai/files?api-version=2024-10-21";
const UPLOADS: &str = "/openai/v1/uploads";

/// A field of a form: its name, the name of its file, its bytes.
type Field<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// A form as a request.
fn form(path: &str, fields: &[Field<'_>]) -> Request {
    let mut body = Vec::new();
    for (name, filename, bytes) in fields {
        let filename = filename.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let head = format!("Content-Disposition: form-data; name=\"{name}\"{filename}");
        body.extend_from_slice(format!("--of-the-test\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--of-the-test--\r\n");
    let kind = "multipart/form-data; boundary=of-the-test";
    Request::new("POST", path).bytes(body).header("content-type", kind)
}

fn upload(caller: &Caller, fields: &[Field<'_>]) -> Reply {
    form(FILES, fields).key(&caller.key1).send(caller.address)
}

/// Uploads a good file, and returns its id.
fn uploaded(caller: &Caller, bytes: &[u8]) -> String {
    let file = ("file", Some("t.jsonl"), bytes);
    let reply = upload(caller, &[file, ("purpose", None, b"batch")]).ok();
    reply["id"].as_str().unwrap().to_owned()
}

fn delete(caller: &Caller, path: &str) -> Reply {
    Request::new("DELETE", path).key(&caller.key1).send(caller.address)
}

#[test]
fn a_file_is_uploaded_listed_read_and_deleted_on_both_surfaces() {
    let caller = shared().service.caller("files");
    let bytes = b"\xef\xbb\xbf{\"a\":1}\r\n{\"b\":\"gr\xc3\xb6\xc3\x9fe\"}\n";
    let file: Field<'_> = ("file", Some("größe.jsonl"), bytes);
    let fields: [Field<'_>; 4] = [
        file,
        ("purpose", None, b"fine-tune"),
        ("expires_after[anchor]", None, b"created_at"),
        ("expires_after[seconds]", None, b"3600"),
    ];
    let mut made = Vec::new();
    for turn in 0..fields.len() {
        let mut turned = fields;
        turned.rotate_left(turn);
        let reply = upload(&caller, &turned).ok();
        assert_eq!(reply["object"], "file");
        assert_eq!(reply["bytes"], bytes.len());
        assert_eq!(reply["filename"], "größe.jsonl");
        assert_eq!(reply["purpose"], "fine-tune");
        assert_eq!(reply["status"], "processed");
        let life = reply["expires_at"].as_u64().unwrap() - reply["created_at"].as_u64().unwrap();
        assert!((3600..=3601).contains(&life), "{reply}");
        made.push(reply);
    }
    let classic = form(CLASSIC, &[file, ("purpose", None, b"batch")]).key(&caller.key1);
    let classic = classic.send(caller.address);
    assert_eq!(classic.status, 201, "{}", classic.text());
    let id = classic.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(classic.header("location").unwrap(), format!("/openai/files/{id}"));
    assert_eq!(classic.json()["expires_at"], Value::Null);

    let first = made[0]["id"].as_str().unwrap();
    assert_eq!(caller.get(&format!("{FILES}/{first}")).ok(), made[0]);
    assert_eq!(caller.get(&format!("/openai/files/{first}")).ok(), made[0]);
    let content = caller.get(&format!("{FILES}/{first}/content"));
    assert_eq!((content.status, &content.body[..]), (200, &bytes[..]));
    assert_eq!(content.header("content-type"), Some("application/octet-stream"));

    let all = caller.get(FILES).ok();
    assert_eq!(all["data"].as_array().unwrap().len(), 5);
    assert_eq!(all["data"][0]["id"], id.as_str(), "newest first");
    assert_eq!(all["has_more"], false);
    let batch = caller.get("/openai/files?purpose=batch&api-version=2024-10-21").ok();
    assert_eq!(batch["data"].as_array().unwrap().len(), 1);
    let page = caller.get(&format!("{FILES}?limit=2&order=asc&purpose=fine-tune")).ok();
    assert_eq!((&page["data"][0], &page["has_more"]), (&made[0], &json!(true)));
    let last = page["last_id"].as_str().unwrap();
    let page = caller.get(&format!("{FILES}?limit=2&order=asc&after={last}")).ok();
    assert_eq!(page["data"][0], made[2]);
    caller.get(&format!("{FILES}?limit=0")).error(400);

    let gone = json!({"id": first, "object": "file", "deleted": true});
    assert_eq!(delete(&caller, &format!("{FILES}/{first}")).ok(), gone);
    let second = made[1]["id"].as_str().unwrap();
    delete(&caller, &format!("/openai/files/{second}?api-version=2024-10-21")).ok();
    for path in [format!("{FILES}/{first}"), format!("{FILES}/{second}/content")] {
        caller.get(&path).error(404);
    }
    delete(&caller, &format!("{FILES}/{first}")).error(404);
    assert_eq!(caller.get(FILES).ok()["data"].as_array().unwrap().len(), 3);
}

#[test]
fn a_wrong_file_is_refused_with_the_reason_and_nothing_of_it_is_kept() {
    let caller = shared().service.caller("files-wrong");
    let file: Field<'_> = ("file", Some("t.jsonl"), b"{}\n");
    let batch: Field<'_> = ("purpose", None, b"batch");
    let lines = |bytes: &[u8]| upload(&caller, &[("file", Some("t"), bytes), batch]);
    let long = [b"{\"a\":\"".as_slice(), &vec![b'a'; 16 << 20], b"\"}"].concat();
    let message = |reply: Reply| reply.error(400)["message"].as_str().unwrap().to_owned();
    for (reply, said) in [
        (lines(b"{}\n[1]\ncanary\n"), "line 2 is not a JSON object; line 3 is not valid JSON"),
        (lines(b"{}\n{\"a\":\"\xff\"}\n{}"), "line 2 is not UTF-8 at byte 7"),
        (lines(b"\x1f\x8b\x08canary"), "line 1 is not"),
        (lines(b""), "has none"),
        (lines(b"\n\n"), "has none"),
        (lines(&long), "limits.line_bytes_max"),
        (upload(&caller, &[file]), "Missing required parameter: 'purpose'"),
        (upload(&caller, &[batch]), "Missing required parameter: 'file'"),
        (upload(&caller, &[file, batch, file]), "Duplicate field: 'file'"),
        (upload(&caller, &[file, ("purpose", None, b"assistants")]), "Assistants API"),
        (upload(&caller, &[file, batch, ("canary", None, b"x")]), "Unknown field"),
    ] {
        let message = message(reply);
        assert!(message.contains(said) && !message.contains("canary"), "{message}");
    }
    let code = |path: &str| {
        let bad = form(path, &[("file", Some("t"), b"x"), batch]).key(&caller.key1);
        bad.send(caller.address).error(400)["code"].clone()
    };
    assert_eq!(
        (code(FILES), code(CLASSIC)),
        (json!("invalid_jsonl"), json!("jsonlValidationFailed"))
    );
    let good = form(FILES, &[file, batch]).key(&caller.key1);
    good.clone().header("content-encoding", "gzip").send(caller.address).error(415);
    good.clone().header("content-type", "application/json").send(caller.address).error(415);
    good.clone().header("content-type", "multipart/form-data").send(caller.address).error(415);
    good.clone().header("x-bailiwick-share", "all").send(caller.address).error(400);
    let other = "multipart/form-data; boundary=another";
    good.header("content-type", other).send(caller.address).error(400);
    let import =
        json!({"content_url": "https://canary.example", "filename": "a", "purpose": "batch"});
    let refused = caller.post("/openai/files/import?api-version=2024-10-21", &import).error(404);
    assert!(refused["message"].as_str().unwrap().contains("fetches no URL"), "{refused}");
    assert_eq!(caller.get(FILES).ok()["data"], json!([]));
}

#[test]
fn a_file_is_there_for_its_owner_only() {
    let (caller, other) = (shared().service.caller("files-own"), &shared().other);
    let id = uploaded(&caller, b"{}\n");
    let missing = "file-00000000000000000000000000000000";
    let ask = |key: &str, method: &str, id: &str, more: &str| {
        let reply =
            Request::new(method, &format!("{FILES}/{id}{more}")).key(key).send(caller.address);
        (reply.status, reply.text())
    };
    for (method, more) in [("GET", ""), ("GET", "/content"), ("DELETE", "")] {
        let nothing = ask(&caller.key1, method, missing, more);
        assert_eq!(nothing.0, 404);
        for (key, id) in [
            (&other.key1, id.as_str()),
            (&caller.key2, id.as_str()),
            (&caller.key1, "file-1"),
            (&caller.key1, "..%2f..%2fetc%2fpasswd"),
            (&caller.key1, "%2e%2e"),
            (&caller.key1, id.replace("file-", "batch_").as_str()),
            (&caller.key1, id.to_uppercase().as_str()),
            (&caller.key1, format!("{id}%00").as_str()),
        ] {
            assert_eq!(ask(key, method, id, more), nothing, "{method} {id}{more}");
        }
    }
    assert_eq!(ask(&caller.key1, "GET", "../v1/models", "").0, 404);
    let with = |key: &str| Request::get(FILES).key(key).send(caller.address).ok();
    assert_eq!(with(&caller.key2)["data"], json!([]));
    assert_eq!(with(&caller.key1)["data"][0]["id"], id.as_str());

    let file: Field<'_> = ("file", Some("t"), b"{}");
    let shared = form(FILES, &[file, ("purpose", None, b"batch")]).key(&caller.key1);
    let shared = shared.header("x-bailiwick-share", "resource").send(caller.address).ok();
    let shared = shared["id"].as_str().unwrap();
    assert_eq!(ask(&caller.key2, "GET", shared, "/content"), (200, "{}".to_owned()));
    assert_eq!(ask(&caller.key2, "DELETE", shared, "").0, 403);
    assert_eq!(ask(&other.key1, "GET", shared, "").0, 404);
}

#[test]
fn no_byte_of_a_file_is_readable_on_the_disk() {
    let service = Service::start(&[("BAILIWICK_LOG__LEVEL", "trace")]);
    let caller = service.caller("files-canary");
    let mark = mark();
    let line = format!("{{\"a\":\"{mark}\"}}\n");
    let bytes = line.repeat(20_000);
    let name = format!("{mark}.jsonl");
    let file: Field<'_> = ("file", Some(&name), bytes.as_bytes());
    let id = upload(&caller, &[file, ("purpose", None, b"batch")]).ok()["id"].clone();
    let id = id.as_str().unwrap();
    let bad: Field<'_> = ("file", Some(&name), mark.as_bytes());
    let refused = upload(&caller, &[bad, ("purpose", None, mark.as_bytes())]);
    assert!(!refused.text().contains(&mark));
    service.files.assert_nowhere(&mark);
    assert!(!service.metrics().contains(&mark));
    assert_eq!(caller.get(&format!("{FILES}/{id}/content")).text(), bytes);
    let kept =
        |service: &Service| fs::read_dir(service.files.data().join("objects")).unwrap().count();
    assert_eq!(kept(&service), 1);
    delete(&caller, &format!("{FILES}/{id}")).ok();
    assert_eq!(kept(&service), 0);
    service.files.assert_nowhere(&mark);
}

#[test]
fn a_large_file_takes_no_memory_and_a_cut_one_leaves_nothing() {
    let service = Service::start(&[("BAILIWICK_LIMITS__REQUEST_MS", "4000")]);
    let caller = service.caller("files-large");
    let piece = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1 << 20)).repeat(4);
    let pieces = 75;
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"t\"\r\n\r\n";
    let tail =
        "\r\n--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b--\r\n";
    let length = head.len() + tail.len() + piece.len() * pieces;
    let open = || {
        let mut stream = connect(caller.address);
        let key = &caller.key1;
        write!(
            stream,
            "POST {FILES} HTTP/1.1\r\nhost: a\r\napi-key: {key}\r\ncontent-length: {length}\r\n\
             content-type: multipart/form-data; boundary=b\r\nconnection: close\r\n\r\n{head}"
        )
        .unwrap();
        stream
    };
    let peak = || {
        let status = fs::read_to_string(format!("/proc/{}/status", service.process.pid)).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned();
        line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    uploaded(&caller, b"{}");
    let before = peak();
    let mut stream = open();
    (0..pieces).for_each(|_| stream.write_all(piece.as_bytes()).unwrap());
    stream.write_all(tail.as_bytes()).unwrap();
    let reply = Answer::read(stream).unwrap().finish().ok();
    assert_eq!(reply["bytes"], piece.len() * pieces);
    let grown = peak() - before;
    println!("300 MB went through, and the gateway's memory grew by {grown} MiB");
    assert!(grown < 40, "{grown} MiB");

    // Reading it back takes no memory either.
    let id = reply["id"].as_str().unwrap();
    let content = caller.get(&format!("{FILES}/{id}/content"));
    assert_eq!(content.body.len(), piece.len() * pieces);
    assert!(peak() - before < 40, "{} MiB", peak() - before);

    let kept = || fs::read_dir(service.files.data().join("objects")).unwrap().count();
    assert_eq!(kept(), 2);
    let mut stream = open();
    (0..10).for_each(|_| stream.write_all(piece.as_bytes()).unwrap());
    eventually("the file is begun", || (kept() == 3).then_some(()));
    drop(stream);
    eventually("the cut file is gone", || (kept() == 2).then_some(()));
    assert_eq!(caller.get(FILES).ok()["data"].as_array().unwrap().len(), 2);
}

#[test]
fn a_file_has_its_limits() {
    let service = Service::start(&[
        ("BAILIWICK_LIMITS__FILE_BYTES_MAX", "100000"),
        ("BAILIWICK_LIMITS__FILE_IDLE_MS", "300"),
        ("BAILIWICK_LIMITS__FILES_AT_ONCE_MAX", "1"),
    ]);
    let caller = service.caller("files-limits");
    let line = "{\"a\":\"0123456789\"}\n";
    for (bytes, status) in [(99_990, 200), (100_001, 413), (300_000, 413)] {
        let mut bytes = line.repeat(bytes / line.len() + 1).as_bytes()[..bytes].to_vec();
        let end = bytes.iter().rposition(|byte| *byte == b'\n').unwrap();
        bytes[end..].fill(b' ');
        let reply = upload(&caller, &[("purpose", None, b"batch"), ("file", Some("t"), &bytes)]);
        assert_eq!(reply.status, status, "{}", reply.text());
        if status == 413 {
            assert!(reply.error(413)["message"].as_str().unwrap().contains("file_bytes_max"));
        }
    }
    let mut stream = connect(caller.address);
    let key = &caller.key1;
    write!(
        stream,
        "POST {FILES} HTTP/1.1\r\nhost: a\r\napi-key: {key}\r\ncontent-length: 500\r\n\
         content-type: multipart/form-data; boundary=b\r\nconnection: close\r\n\r\n--b\r\n"
    )
    .unwrap();
    let slow = Answer::read(stream).unwrap().finish();
    assert!(slow.error(408)["message"].as_str().unwrap().contains("file_idle_ms"));
}

#[test]
fn parts_become_one_file_and_are_gone() {
    let caller = shared().service.caller("files-parts");
    let create = json!({"filename": "t.jsonl", "purpose": "batch", "bytes": 14, "mime_type": "text/jsonl",
        "expires_after": {"anchor": "created_at", "seconds": 7200}});
    let begun = caller.post(UPLOADS, &create).ok();
    let id = begun["id"].as_str().unwrap();
    assert_eq!((&begun["status"], &begun["bytes"]), (&json!("pending"), &json!(14)));
    assert_eq!(begun["expires_at"].as_u64().unwrap() - begun["created_at"].as_u64().unwrap(), 3600);
    let add = |bytes: &[u8]| {
        let path = format!("{UPLOADS}/{id}/parts");
        form(&path, &[("data", Some("blob"), bytes)]).key(&caller.key1).send(caller.address)
    };
    let part = |bytes: &[u8]| {
        let part = add(bytes).ok();
        assert_eq!((&part["object"], &part["upload_id"]), (&json!("upload.part"), &json!(id)));
        part["id"].as_str().unwrap().to_owned()
    };
    let (second, first) = (part(b":2}\n{}\n"), part(b"{\"a\"  "));
    let last = part(b"{\"a\"  x");
    assert!(add(&[b'a'; 29]).error(413)["message"].as_str().unwrap().contains("twice"));
    let complete = |body: Value| caller.post(&format!("{UPLOADS}/{id}/complete"), &body);
    let error = |body: Value| complete(body).error(400)["code"].clone();
    assert_eq!(error(json!({"part_ids": [first]})), "upload_length_mismatch");
    assert_eq!(error(json!({"part_ids": [first, second, last]})), "upload_length_mismatch");
    assert_eq!(error(json!({"part_ids": [second, last]})), "invalid_jsonl");
    let wrong = "00000000000000000000000000000000";
    assert_eq!(error(json!({"part_ids": [first, second], "md5": wrong})), "upload_length_mismatch");
    let seventh = part(b" ");
    let ids = json!([first, seventh, second]);
    assert_eq!(error(json!({"part_ids": ids, "md5": wrong})), "upload_digest_mismatch");
    let stranger = "part_00000000000000000000000000000000";
    complete(json!({"part_ids": [first, stranger]})).error(404);
    for key in [&caller.key2, &shared().other.key1] {
        let body = json!({"part_ids": ids});
        let path = format!("{UPLOADS}/{id}/complete");
        Request::post(&path, &body).key(key).send(caller.address).error(404);
        let path = format!("{UPLOADS}/{id}/parts");
        form(&path, &[("data", Some("b"), b"x")]).key(key).send(caller.address).error(404);
    }
    let done = complete(json!({"part_ids": ids})).ok();
    assert_eq!((&done["status"], &done["file"]["bytes"]), (&json!("completed"), &json!(14)));
    let file = done["file"]["id"].as_str().unwrap();
    let content = caller.get(&format!("{FILES}/{file}/content"));
    assert_eq!(content.text(), "{\"a\"   :2}\n{}\n");
    let life = &done["file"];
    assert_eq!(life["expires_at"].as_u64().unwrap() - life["created_at"].as_u64().unwrap(), 7200);
    complete(json!({"part_ids": ids})).error(404);
    add(b"x").error(404);

    let cancelled = caller.post(UPLOADS, &create).ok();
    let path = format!("{UPLOADS}/{}/cancel", cancelled["id"].as_str().unwrap());
    assert_eq!(caller.post(&path, &json!({})).ok()["status"], "cancelled");
    caller.post(&path, &json!({})).error(404);
}

#[test]
fn a_receipt_names_the_file_that_a_request_wrote() {
    let caller = shared().service.caller("files-receipt");
    let file: Field<'_> = ("file", Some("t"), b"{}");
    let reply = upload(&caller, &[file, ("purpose", None, b"batch")]);
    reply.ok();
    let receipt = caller.get(reply.header("x-bailiwick-receipt").unwrap());
    assert_eq!(receipt.status, 200, "{}", receipt.text());
}
