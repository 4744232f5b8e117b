use super::*;

const KIND: &[u8] = b"multipart/form-data; boundary=XyZ";

/// A field as a test compares it: its name, its file's name, its bytes.
type Field = (String, Option<String>, Vec<u8>);

fn read(kind: &[u8], pieces: &[&[u8]]) -> Result<Vec<Field>, Malformed> {
    let mut reader = Reader::new(kind)?;
    let mut fields: Vec<Field> = Vec::new();
    let mut open = false;
    for piece in pieces {
        reader.push(piece);
        while let Some(event) = reader.event()? {
            match event {
                Event::Field(head) => {
                    assert!(!open);
                    open = true;
                    let filename = head.filename.map(|name| name.reveal().to_owned());
                    fields.push((head.name.reveal().to_owned(), filename, Vec::new()));
                }
                Event::Data(bytes) => {
                    assert!(open && !bytes.is_empty());
                    fields.last_mut().unwrap().2.extend_from_slice(&bytes);
                }
                Event::End => {
                    assert!(open);
                    open = false;
                }
            }
        }
        assert!(reader.held.len() <= HEAD_BYTES_MAX + piece.len() + 100);
    }
    reader.finish()?;
    assert!(!open);
    Ok(fields)
}

fn whole(body: &[u8]) -> Result<Vec<Field>, Malformed> {
    let found = read(KIND, &[body]);
    // However the body is cut, the result is the same.
    for size in [1, 2, 3, 5, 7, 64] {
        let pieces: Vec<&[u8]> = body.chunks(size).collect();
        assert_eq!(read(KIND, &pieces), found, "in pieces of {size}");
    }
    found
}

fn field(disposition: &str, bytes: &str) -> String {
    format!("--XyZ\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{bytes}\r\n")
}

fn owned(name: &str, filename: Option<&str>, bytes: &[u8]) -> Field {
    (name.to_owned(), filename.map(str::to_owned), bytes.to_vec())
}

#[test]
fn what_the_clients_send_is_read() {
    let purpose = field("name=\"purpose\"", "fine-tune");
    let file = "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"t.jsonl\"\r\n\
                Content-Type: application/octet-stream\r\n\r\n{\"a\":1}\n\r\n";
    let fields =
        [owned("purpose", None, b"fine-tune"), owned("file", Some("t.jsonl"), b"{\"a\":1}\n")];
    let one = format!("{purpose}{file}--XyZ--\r\n");
    assert_eq!(whole(one.as_bytes()).unwrap(), fields);
    let other = format!("{file}{purpose}--XyZ--");
    let [first, second] = fields;
    assert_eq!(whole(other.as_bytes()).unwrap(), [second, first]);
    assert_eq!(whole(b"--XyZ--\r\n").unwrap(), []);
}

#[test]
fn bytes_that_look_like_a_boundary_stay_bytes() {
    for bytes in [
        "",
        "\r\n",
        "\r",
        "\n--XyZ",
        "\r\n--Xy",
        "\r\n-XyZ\r\n",
        "\r\r\n--\r\n--X",
        "--XyY\r\n",
        "XyZ--XyZ--",
        "\0\x01\r\n\r\n",
    ] {
        let body = format!("{}--XyZ--", field("name=a", bytes));
        assert_eq!(
            whole(body.as_bytes()).unwrap(),
            [owned("a", None, bytes.as_bytes())],
            "{bytes:?}"
        );
    }
    // RFC 2046: a field without bytes may do without the second line break.
    let body = b"--XyZ  \r\nContent-Disposition: form-data; name=a\r\n\r\n--XyZ--";
    assert_eq!(whole(body).unwrap(), [owned("a", None, b"")]);
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let good = field("name=a", "b");
    let head = "--XyZ\r\nContent-Disposition: form-data; name=a";
    for (body, why) in [
        (String::new(), Malformed::Incomplete),
        ("preamble\r\n--XyZ--".to_owned(), Malformed::Start),
        ("\r\n--XyZ--".to_owned(), Malformed::Start),
        ("--xyz--".to_owned(), Malformed::Start),
        ("--XyZ".to_owned(), Malformed::Incomplete),
        ("--XyZ-".to_owned(), Malformed::Incomplete),
        ("--XyZa".to_owned(), Malformed::Boundary),
        (format!("{}--XyZ--", field("name=a", "b\r\n--XyZc")), Malformed::Boundary),
        (format!("{good}--XyZ-x"), Malformed::Boundary),
        (format!("{good}--XyZ--epilogue"), Malformed::Trailing),
        (format!("{good}--XyZ--\r\n\r\n"), Malformed::Trailing),
        (format!("{good}--XyZ--\r\n{good}"), Malformed::Trailing),
        (format!("{good}--XyZ--\r"), Malformed::Trailing),
        (good.clone(), Malformed::Incomplete),
        (head.to_owned(), Malformed::Incomplete),
        ("--XyZ\r\n\r\nb\r\n--XyZ--".to_owned(), Malformed::Head),
        ("--XyZ\r\nContent-Type: a\r\n\r\nb\r\n--XyZ--".to_owned(), Malformed::Head),
        (format!("{head}; name=b\r\n\r\nb\r\n--XyZ--"), Malformed::Head),
        (
            format!("{head}\r\nContent-Disposition: form-data; name=b\r\n\r\n\r\n--XyZ--"),
            Malformed::Head,
        ),
        (format!("{head}\r\n folded: b\r\n\r\nb\r\n--XyZ--"), Malformed::Head),
        (format!("{head}\nx: y\r\n\r\nb\r\n--XyZ--"), Malformed::Head),
        (
            format!("{head}\r\nContent-Transfer-Encoding: base64\r\n\r\nb\r\n--XyZ--"),
            Malformed::Encoding,
        ),
        (good.repeat(FIELDS_MAX + 1), Malformed::Fields),
        (format!("{}--XyZ--", field("filename=a", "b")), Malformed::Head),
        (format!("{}--XyZ--", field("name=\"a", "b")), Malformed::Head),
        (format!("{}--XyZ--", field("name=\"a\" b=c", "b")), Malformed::Head),
    ] {
        assert_eq!(whole(body.as_bytes()), Err(why), "{body:?}");
    }
    let mut body =
        b"--XyZ\r\nContent-Disposition: form-data; name=\xff\r\n\r\nb\r\n--XyZ--".to_vec();
    assert_eq!(whole(&body), Err(Malformed::Head));
    body.truncate(40);
    assert_eq!(whole(&body), Err(Malformed::Incomplete));
}

#[test]
fn a_long_name_ends_the_reading_and_not_the_memory() {
    let name = "a".repeat(HEAD_BYTES_MAX);
    assert_eq!(whole(field(&format!("name={name}"), "b").as_bytes()), Err(Malformed::HeadTooLong));
    let mut reader = Reader::new(KIND).unwrap();
    reader.push(b"--XyZ\r\nContent-Disposition: form-data; name=");
    let mut pushed = 0;
    let refused = loop {
        match reader.event() {
            Ok(_) => reader.push(&[b'a'; 1024]),
            Err(why) => break why,
        }
        pushed += 1;
    };
    assert_eq!((refused, pushed), (Malformed::HeadTooLong, 8));
}

#[test]
fn names_are_read_as_their_writers_meant_them() {
    for (given, name) in [
        ("filename=plain.txt", "plain.txt"),
        (r#"filename="two words; and more.txt""#, "two words; and more.txt"),
        (r#"filename="a\"b\\c.txt""#, r#"a"b\c.txt"#),
        (r#"filename="C:\data\t.jsonl""#, r"C:\data\t.jsonl"),
        ("filename=\"a%22b%0D%0A.txt\"", "a\"b\r\n.txt"),
        ("filename=\"größe.txt\"", "größe.txt"),
        ("filename=\"x\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt", "größe.txt"),
        ("filename=\"\"", ""),
    ] {
        let body = format!("{}--XyZ--", field(&format!("name=file; {given}"), "b"));
        assert_eq!(whole(body.as_bytes()).unwrap(), [owned("file", Some(name), b"b")], "{given}");
    }
    for bad in ["filename*=latin1''a", "filename*=UTF-8''%zz", "filename*=UTF-8''%ff", "filename"] {
        let body = format!("{}--XyZ--", field(&format!("name=file; {bad}"), "b"));
        assert_eq!(whole(body.as_bytes()), Err(Malformed::Head), "{bad}");
    }
}

#[test]
fn only_usable_boundaries_are_used() {
    let long = format!("multipart/form-data; boundary={}", "a".repeat(70));
    for good in [
        "multipart/form-data; boundary=XyZ",
        "Multipart/Form-Data;boundary=\"a b\"; charset=utf-8",
        "multipart/form-data; charset=utf-8; boundary=----formdata-undici-008294670054",
        &long,
    ] {
        assert!(Reader::new(good.as_bytes()).is_ok(), "{good}");
    }
    for bad in [
        "",
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=\"a\\\r\nb\"",
        "multipart/form-data; boundary=ä",
        "multipart/mixed; boundary=XyZ",
        &format!("{long}a"),
    ] {
        assert_eq!(Reader::new(bad.as_bytes()).err(), Some(Malformed::ContentType), "{bad}");
    }
}

#[test]
fn events_do_not_show_content() {
    let mut reader = Reader::new(KIND).unwrap();
    reader.push(field("name=canary; filename=canary", "canary").as_bytes());
    let mut shown = format!("{reader:?}");
    while let Some(event) = reader.event().unwrap() {
        shown.push_str(&format!("{event:?}"));
        if let Event::Field(head) = event {
            shown.push_str(&format!("{head:?}"));
        }
    }
    assert!(!shown.contains("canary"), "{shown}");
}
