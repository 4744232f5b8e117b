use super::*;

fn lines(pieces: &[&[u8]]) -> Vec<(u32, Vec<u8>)> {
    let mut lines = Lines::new(1000);
    let mut found = Vec::new();
    for piece in pieces {
        lines.push(piece).unwrap();
    }
    lines.finish();
    while let Some(line) = lines.next_ready() {
        found.push((line.number, line.bytes.reveal().to_vec()));
    }
    found
}

#[test]
fn a_file_is_cut_into_lines_wherever_its_pieces_end() {
    let text = b"\xef\xbb\xbf{\"a\":1}\r\n\r\n{\"b\":2}\n{\"c\":3}";
    let expected =
        vec![(1, b"{\"a\":1}".to_vec()), (3, b"{\"b\":2}".to_vec()), (4, b"{\"c\":3}".to_vec())];
    for cut in 0..text.len() {
        let (one, two) = text.split_at(cut);
        assert_eq!(lines(&[one, two]), expected, "{cut}");
    }
    let bytes: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(lines(&bytes), expected);
    assert_eq!(lines(&[b"", b"\n\n"]), vec![]);
    let mut short = Lines::new(3);
    assert!(short.push(b"abc\nabc").is_ok());
    assert!(short.push(b"d").is_err());
}

fn check(text: &str) -> Counted {
    let mut lines = Lines::new(10_000);
    lines.push(text.as_bytes()).unwrap();
    lines.finish();
    let mut checker = Checker::new(Endpoint::Chat, 3);
    while let Some(line) = lines.next_ready() {
        if checker.line(&line).is_err() {
            break;
        }
    }
    checker.finish()
}

fn line(id: &str, url: &str, body: &str) -> String {
    format!(r#"{{"custom_id":"{id}","method":"POST","url":"{url}","body":{body}}}"#)
}

#[test]
fn both_spellings_of_an_endpoint_are_the_same() {
    let body = r#"{"model":"chat","messages":[]}"#;
    let text = [line("a", "/v1/chat/completions", body), line("b", "/chat/completions", body)];
    let counted = check(&text.join("\n"));
    assert!(counted.errors.is_empty(), "{:?}", counted.errors);
    assert_eq!((counted.lines, counted.model.unwrap().0.reveal()), (2, "chat"));
    for (path, endpoint) in [
        ("/v1/embeddings", Some(Endpoint::Embeddings)),
        ("/completions", Some(Endpoint::Completions)),
        ("/v1/responses", None),
        ("v1/embeddings", None),
    ] {
        assert_eq!(Endpoint::parse(path), endpoint);
    }
}

#[test]
fn errors_of_lines_are_named_and_never_repeat_a_value() {
    let good = r#"{"model":"chat"}"#;
    for (text, code, at) in [
        ("nonsense canary".to_owned(), "invalid_json_line", Some(1)),
        (line("a", "/canary", good), "url_mismatch", Some(1)),
        (line("", "/v1/chat/completions", good), "invalid_request", Some(1)),
        (line("a", "/v1/chat/completions", r#""canary""#), "invalid_request", Some(1)),
        (line("a", "/v1/chat/completions", r#"{"canary":1}"#), "invalid_request", Some(1)),
        (
            line("a", "/v1/chat/completions", r#"{"model":"canary","stream":true}"#),
            "invalid_request",
            Some(1),
        ),
        (String::new(), "empty_batch", None),
        (
            format!("{0}\n{0}", line("canary", "/v1/chat/completions", good)),
            "duplicate_custom_id",
            Some(2),
        ),
        (
            format!(
                "{}\n{}",
                line("a", "/v1/chat/completions", good),
                line("b", "/v1/chat/completions", r#"{"model":"canary"}"#)
            ),
            "model_mismatch",
            Some(2),
        ),
        (
            (0..4)
                .map(|at| line(&at.to_string(), "/v1/chat/completions", good))
                .collect::<Vec<_>>()
                .join("\n"),
            "too_many_tasks",
            None,
        ),
    ] {
        let counted = check(&text);
        let [error] = &counted.errors[..] else { panic!("{code}: {:?}", counted.errors) };
        assert_eq!((error.code.as_str(), error.line), (code, at), "{error:?}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn a_request_names_its_wrong_fields() {
    let created = |text: &str| create(text.as_bytes());
    let good = r#"{"input_file_id":"file-1","endpoint":"/chat/completions",
        "completion_window":"24h","metadata":{"a":"b"},
        "output_expires_after":{"anchor":"created_at","seconds":3600}}"#;
    let wanted = created(good).unwrap();
    assert_eq!((wanted.endpoint, wanted.output_ms), (Endpoint::Chat, Some(3_600_000)));
    for (text, param) in [
        (r#"{"endpoint":"/chat/completions","completion_window":"24h"}"#, "input_file_id"),
        (r#"{"input_file_id":"f","endpoint":"canary","completion_window":"24h"}"#, "endpoint"),
        (
            r#"{"input_file_id":"f","endpoint":"/v1/embeddings","completion_window":"1h"}"#,
            "completion_window",
        ),
    ] {
        let wrong = created(text).unwrap_err();
        assert_eq!(wrong.param.as_deref(), Some(param), "{wrong:?}");
        assert!(!wrong.message.contains("canary"));
    }
}

#[test]
fn a_batch_is_described_as_openai_does() {
    let text = r#"{"input_file_id":"file-1","endpoint":"/chat/completions",
        "completion_window":"24h","metadata":{"a":"b"}}"#;
    let mut head = Head::new(&create(text.as_bytes()).unwrap());
    head.begin(Status::InProgress, 7);
    head.begin(Status::InProgress, 8);
    let head = Head::read(&head.write()).unwrap();
    let batch = BatchObject::new(
        "batch_1".to_owned(),
        5_000,
        Status::InProgress,
        &head,
        &Counts::default(),
    );
    let json = serde_json::to_value(&batch).unwrap();
    assert_eq!(json["status"], "in_progress");
    assert_eq!(json["in_progress_at"], 7);
    assert_eq!(json["expires_at"], 5 + 86_400);
    assert_eq!(json["endpoint"], "/v1/chat/completions");
    assert_eq!(json["metadata"]["a"], "b");
    assert!(json["errors"].is_null() && json["output_file_id"].is_null());
    for status in Status::ALL {
        assert_eq!(Status::of(status.number()), Some(status));
    }
}

#[test]
fn an_output_line_has_openais_form() {
    let line = answered(("batch_req_1", "a"), (200, "req"), br#"{"x":1}"#).unwrap();
    assert_eq!(
        std::str::from_utf8(line.reveal()).unwrap(),
        "{\"id\":\"batch_req_1\",\"custom_id\":\"a\",\"response\":{\"status_code\":200,\
         \"request_id\":\"req\",\"body\":{\"x\":1}},\"error\":null}\n"
    );
    let line = unanswered(("batch_req_1", "a"), Unanswered::EXPIRED);
    assert!(std::str::from_utf8(line.reveal()).unwrap().contains("batch_expired"));
}
