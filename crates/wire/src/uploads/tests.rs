use super::*;

#[test]
fn an_upload_begins_as_the_clients_ask() {
    let body = br#"{"filename":"t.jsonl","purpose":"batch","bytes":10,"mime_type":"text/jsonl","expires_after":{"anchor":"created_at","seconds":3600}}"#;
    let new = parse(body, 10).unwrap();
    assert_eq!(
        (new.purpose, new.head.bytes, new.head.expires_after_ms),
        (Purpose::Batch, 10, Some(3_600_000))
    );
    let read = UploadHead::parse(&new.head.to_bytes()).unwrap();
    assert_eq!((read.filename.reveal(), read.bytes), ("t.jsonl", 10));
    for (body, param, code) in [
        (r#"{"filename":"a","purpose":"batch","bytes":1}"#, "mime_type", Code::Missing),
        (
            r#"{"filename":"a","purpose":"batch","bytes":11,"mime_type":"a"}"#,
            "bytes",
            Code::IntegerAboveMax,
        ),
        (
            r#"{"filename":"a","purpose":"batch","bytes":0,"mime_type":"a"}"#,
            "bytes",
            Code::IntegerBelowMin,
        ),
        (
            r#"{"filename":"","purpose":"batch","bytes":1,"mime_type":"a"}"#,
            "filename",
            Code::InvalidValue,
        ),
        (
            r#"{"filename":"a","purpose":"vision","bytes":1,"mime_type":"a"}"#,
            "purpose",
            Code::UnsupportedValue,
        ),
        (
            r#"{"filename":"a","purpose":"canary","bytes":1,"mime_type":"a"}"#,
            "purpose",
            Code::InvalidValue,
        ),
        (
            r#"{"filename":"a","purpose":"batch","bytes":1,"mime_type":"a","model":1}"#,
            "model",
            Code::UnknownParameter,
        ),
        (
            r#"{"filename":"a","purpose":"batch","bytes":1,"mime_type":"a","expires_after":{"anchor":"created_at","seconds":1}}"#,
            "expires_after.seconds",
            Code::IntegerBelowMin,
        ),
    ] {
        let wrong = parse(body.as_bytes(), 10).unwrap_err();
        assert_eq!((wrong.param.as_deref(), wrong.code), (Some(param), code), "{body}");
        assert!(!wrong.message.contains("canary"), "{}", wrong.message);
    }
}

#[test]
fn parts_are_named_once_and_in_order() {
    let body = br#"{"part_ids":["part_2","part_1"],"md5":"000102030405060708090a0b0c0d0e0F"}"#;
    let complete = parse_completion(body).unwrap();
    let ids: Vec<_> = complete.part_ids.iter().map(Content::reveal).collect();
    assert_eq!(ids, ["part_2", "part_1"]);
    assert_eq!(complete.md5.unwrap()[14..], [14, 15]);
    let many: Vec<_> = (0..=PARTS_MAX).map(|n| format!("\"p{n}\"")).collect();
    let many = format!(r#"{{"part_ids":[{}]}}"#, many.join(","));
    for (body, param, code) in [
        (r#"{"part_ids":[]}"#, "part_ids", Code::EmptyArray),
        (r#"{"part_ids":["canary","canary"]}"#, "part_ids[1]", Code::InvalidValue),
        (r#"{"part_ids":["a"],"md5":"canary"}"#, "md5", Code::InvalidValue),
        (r#"{"part_ids":["a"],"md5":"00"}"#, "md5", Code::InvalidValue),
        (&many, "part_ids", Code::ArrayAboveMax),
    ] {
        let wrong = parse_completion(body.as_bytes()).unwrap_err();
        assert_eq!((wrong.param.as_deref(), wrong.code), (Some(param), code));
        assert!(!wrong.message.contains("canary"));
    }
    assert!(parse_completion(br#"{"part_ids":["a"],"md5":null}"#).unwrap().md5.is_none());
    assert!(parse_completion(br#"{"part_ids":["a"],"md5":""}"#).unwrap().md5.is_none());
}
