use super::*;
use crate::multipart::FieldHead;

fn head(name: &str, filename: Option<&str>) -> FieldHead {
    let content = |text: &str| Content::new(text.to_owned());
    FieldHead { name: content(name), filename: filename.map(content) }
}

/// Fills a form with fields in this order; a value begins with `@` if it is the name of a file.
fn fill(fields: &[(&str, &str)]) -> Result<FileForm, Invalid> {
    let mut form = Form::default();
    for (name, value) in fields {
        let filename = value.strip_prefix('@');
        let field = form.begin(head(name, filename))?;
        if field != Field::File {
            form.set(field, value.as_bytes())?;
        }
    }
    form.finish()
}

#[test]
fn the_fields_of_a_form_come_in_any_order() {
    let fields = [
        ("file", "@t.jsonl"),
        ("purpose", "fine-tune"),
        ("expires_after[seconds]", "7200"),
        ("expires_after[anchor]", "created_at"),
    ];
    for turn in 0..fields.len() {
        let mut turned = fields;
        turned.rotate_left(turn);
        let form = fill(&turned).unwrap();
        assert_eq!(form.filename.reveal(), "t.jsonl");
        assert_eq!(form.purpose, Purpose::FineTune);
        assert_eq!(form.expires_after_ms, Some(7_200_000));
    }
    let json = r#"{"anchor":"created_at","seconds":3600}"#;
    let form = fill(&[("purpose", "batch"), ("file", "@a"), ("expires_after", json)]).unwrap();
    assert_eq!(form.expires_after_ms, Some(3_600_000));
    assert_eq!(fill(&[("purpose", "batch"), ("file", "@a")]).unwrap().expires_after_ms, None);
}

#[test]
fn a_wrong_form_is_refused_with_the_fields_name_and_without_its_value() {
    let long = "c".repeat(FIELD_BYTES_MAX + 1);
    let name = format!("@{}", "c".repeat(FILENAME_BYTES_MAX + 1));
    let file = ("file", "@canary");
    let batch = ("purpose", "batch");
    let anchor = ("expires_after[anchor]", "created_at");
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Fields<'_>, &str, Code); 19] = [
        (&[], "file", Code::Missing),
        (&[file], "purpose", Code::Missing),
        (&[batch], "file", Code::Missing),
        (&[file, file], "file", Code::InvalidValue),
        (&[batch, batch], "purpose", Code::InvalidValue),
        (&[("file", "canary")], "file", Code::InvalidValue),
        (&[("file", "@")], "file", Code::InvalidValue),
        (&[("file", "@canary\n")], "file", Code::InvalidValue),
        (&[("file", &name)], "file", Code::StringAboveMax),
        (&[("purpose", "@batch")], "purpose", Code::InvalidValue),
        (&[("purpose", "canary")], "purpose", Code::InvalidValue),
        (&[("purpose", "assistants")], "purpose", Code::UnsupportedValue),
        (&[("purpose", &long)], "purpose", Code::StringAboveMax),
        (&[("canary", "canary")], "", Code::UnknownParameter),
        (&[file, batch, anchor], "expires_after[seconds]", Code::Missing),
        (&[("expires_after[seconds]", "canary")], "expires_after[seconds]", Code::InvalidType),
        (&[("expires_after[anchor]", "canary")], "expires_after[anchor]", Code::InvalidValue),
        (
            &[file, batch, anchor, ("expires_after[seconds]", "3599")],
            "expires_after[seconds]",
            Code::IntegerBelowMin,
        ),
        (
            &[("expires_after", r#"{"anchor":"canary","seconds":1}"#)],
            "expires_after.anchor",
            Code::InvalidValue,
        ),
    ];
    for (fields, param, code) in cases {
        let wrong = fill(fields).unwrap_err();
        assert_eq!(wrong.param.as_deref().unwrap_or_default(), param, "{fields:?}");
        assert_eq!(wrong.code, code, "{fields:?}");
        assert!(!wrong.message.contains("canary"), "{fields:?}: {}", wrong.message);
    }
}

#[test]
fn purposes_of_other_interfaces_are_refused_by_name_with_what_to_do() {
    for (purpose, said) in [
        ("assistants", "Assistants API"),
        ("vision", "data URL"),
        ("user_data", "into the messages"),
        ("evals", "Evals API"),
        ("batch_output", "Only the service"),
    ] {
        let wrong = Purpose::parse(purpose).unwrap_err();
        assert_eq!(wrong.code, Code::UnsupportedValue);
        assert!(wrong.message.contains(said), "{purpose}: {}", wrong.message);
    }
    for purpose in [Purpose::FineTune, Purpose::Batch] {
        assert_eq!(Purpose::parse(purpose.label()), Ok(purpose));
    }
}

#[test]
fn a_list_is_asked_for_in_openais_words() {
    let all = Listing::parse(None).unwrap();
    assert_eq!((all.page.limit, all.page.ascending, all.purpose), (FILES_PAGE_MAX, false, None));
    let query = "limit=2&order=asc&after=file-1&purpose=batch_output&api-version=v1";
    let some = Listing::parse(Some(query)).unwrap();
    assert_eq!((some.page.limit, some.page.ascending), (2, true));
    assert_eq!((some.page.after.as_deref(), some.purpose), (Some("file-1"), Some("batch_output")));
    assert_eq!(Listing::parse(Some("limit=10000")).unwrap().page.limit, FILES_PAGE_MAX);
    for (name, value) in [("limit", "0"), ("limit", "10001"), ("purpose", "canary")] {
        let wrong = Listing::parse(Some(&format!("{name}={value}"))).unwrap_err();
        assert_eq!(wrong.param.as_deref(), Some(name));
        assert!(!wrong.message.contains("canary"));
    }
}

#[test]
fn a_file_is_described_as_the_clients_expect_it() {
    let file = FileOut {
        id: "file-1".to_owned(),
        object: "file",
        bytes: 8,
        created_at: 7,
        expires_at: None,
        filename: Content::new("t.jsonl".to_owned()),
        purpose: "batch".to_owned(),
        status: "processed",
        status_details: None,
    };
    assert_eq!(
        serde_json::to_string(&FileList::new(vec![file], false)).unwrap(),
        r#"{"object":"list","data":[{"id":"file-1","object":"file","bytes":8,"created_at":7,"expires_at":null,"filename":"t.jsonl","purpose":"batch","status":"processed","status_details":null}],"first_id":"file-1","last_id":"file-1","has_more":false}"#
    );
    let head = FileHead { filename: Content::new("größe.txt".to_owned()) };
    let read = FileHead::parse(&head.to_bytes()).unwrap();
    assert_eq!(read.filename.reveal(), "größe.txt");
    assert!(FileHead::parse(&ContentBytes::new(b"{".to_vec())).is_none());
}
