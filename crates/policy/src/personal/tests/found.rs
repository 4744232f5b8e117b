//! Each kind, in its forms, and texts that are alike and are of no kind.

use super::{Detector, Kind, Kinds, Terms, find, values};
use crate::content::Content;

#[track_caller]
fn is(kind: Kind, text: &str, value: &str) {
    assert_eq!(values(text), [(kind, value)], "{text}");
}

#[track_caller]
fn nothing(text: &str) {
    assert!(values(text).is_empty(), "{text}: {:?}", values(text));
}

#[test]
fn addresses_of_mail() {
    is(Kind::Email, "write to ann.lee+x@mail.example.com.", "ann.lee+x@mail.example.com");
    is(Kind::Email, "mailto:ann@example.org?subject=x", "ann@example.org");
    is(Kind::Email, "пишите иван@пример.рф сегодня", "иван@пример.рф");
    is(Kind::Email, "我的邮箱是zhang@example.cn，谢谢", "zhang@example.cn");
    is(Kind::Email, "用户@例子.广告", "用户@例子.广告");
    is(Kind::Email, "이메일은 kim@example.kr으로", "kim@example.kr");
    is(Kind::Email, "josé.müller@exämple.de", "josé.müller@exämple.de");
    is(Kind::Email, "\"ann lee\"@example.org", "\"ann lee\"@example.org");
    is(Kind::Email, "ann@[192.168.7.20]", "ann@[192.168.7.20]");
    is(Kind::Email, "ann [at] example [dot] com", "ann [at] example [dot] com");
    is(Kind::Email, "ann(at)example.com", "ann(at)example.com");
    is(Kind::Email, "ann dot lee at example dot com", "ann dot lee at example dot com");
    is(Kind::Email, "ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ａｎｎ＠ｅｘａｍｐｌｅ．ｃｏｍ");
    is(Kind::Email, "an\u{200b}n@exam\u{200d}ple.com", "an\u{200b}n@exam\u{200d}ple.com");
    for none in [
        "a@b",
        "logo@2x.png",
        "git@github.com:a/b.git",
        "@decorator",
        "x @ y",
        "pkg@1.2.3",
        "meet me at noon.",
    ] {
        nothing(none);
    }
}

#[test]
fn escapes_are_undone() {
    is(Kind::Email, r#"{"to":"ann\u0040example.com"}"#, r"ann\u0040example.com");
    is(Kind::Email, r#"{\"to\":\"x\nann\\u0040example.com\"}"#, r"ann\\u0040example.com");
    is(Kind::Email, "q=ann%40example.com&x=1", "ann%40example.com");
    is(Kind::Email, "ann&#64;example.com", "ann&#64;example.com");
    is(Kind::Email, r"first\nann\_lee@example.com", r"ann\_lee@example.com");
}

#[test]
fn cards() {
    is(Kind::Card, "card 4111 1111 1111 1111 exp", "4111 1111 1111 1111");
    is(Kind::Card, "5500-0000-0000-0004", "5500-0000-0000-0004");
    is(Kind::Card, "378282246310005", "378282246310005");
    is(Kind::Card, "12,4111111111111111,DE", "4111111111111111");
    is(Kind::Card, "report_4111111111111111.pdf", "4111111111111111");
    is(Kind::Card, "٤١١١١١١١١١١١١١١١", "٤١١١١١١١١١١١١١١١");
    for none in [
        "4111 1111 1111 1112",
        "1234567812345670",
        "0000000000000000",
        "9a4111111111111111",
        "4111111111111111.5",
    ] {
        nothing(none);
    }
}

#[test]
fn bank_accounts() {
    is(Kind::Iban, "IBAN: DE89 3704 0044 0532 0130 00.", "DE89 3704 0044 0532 0130 00");
    is(Kind::Iban, "GB29NWBK60161331926819", "GB29NWBK60161331926819");
    is(Kind::Iban, "fr1420041010050500013m02606", "fr1420041010050500013m02606");
    nothing("DE89 3704 0044 0532 0130 01");
}

#[test]
fn telephone_numbers() {
    is(Kind::Phone, "+49 30 901820 is it", "+49 30 901820");
    is(Kind::Phone, "+1 (415) 555-2671", "+1 (415) 555-2671");
    is(Kind::Phone, "(212) 736-5000 now", "(212) 736-5000");
    is(Kind::Phone, "call 555-0123 today", "555-0123");
    is(Kind::Phone, "Handy: 0171 2345678", "0171 2345678");
    is(Kind::Phone, "tel:+442071838750", "+442071838750");
    is(Kind::Phone, "电话：１３８１２３４５６７８", "１３８１２３４５６７８");
    is(Kind::Phone, "212-736-5000 ext. 12", "212-736-5000 ext. 12");
    for none in [
        "2024-01-02 10:00",
        "1700000000",
        "1.234.567",
        "0.0001234567",
        "v+12345678901",
        "id-212-736-5000",
        "call 2024-01-02",
    ] {
        nothing(none);
    }
}

#[test]
fn networks() {
    is(Kind::Ip, "from 203.0.113.7:443", "203.0.113.7");
    is(Kind::Ip, "[2001:db8::7]:80", "2001:db8::7");
    is(Kind::Mac, "00:1B:63:84:45:E6", "00:1B:63:84:45:E6");
    is(Kind::Mac, "at 00-1b-63-84-45-e6.", "00-1b-63-84-45-e6");
    is(Kind::Mac, "001b.6384.45e6", "001b.6384.45e6");
    for none in [
        "127.0.0.1",
        "version 10.20.30.40",
        "10.0.0.0/8",
        "1.2.3",
        "::1",
        "12:30:45",
        "std::fmt::a1",
        "1.2.3.4.5",
    ] {
        nothing(none);
    }
}

#[test]
fn urls_with_secrets() {
    is(Kind::Url, "see https://ann:hunter2@example.com/x.", "https://ann:hunter2@example.com/x");
    is(
        Kind::Url,
        "https://x.example/cb?token=abcdef123456&y=1",
        "https://x.example/cb?token=abcdef123456&y=1",
    );
    nothing("https://example.com/a?page=2 and https://x.example/?token=$TOKEN");
}

#[test]
fn wallets() {
    is(Kind::Crypto, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa");
    is(
        Kind::Crypto,
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    );
    is(
        Kind::Crypto,
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x52908400098527886E0F7030069857D2E4169EE7",
    );
    nothing("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb");
}

#[test]
fn national_ids() {
    for (text, value) in [
        ("my SSN is 536-90-4399", "536-90-4399"),
        ("NHS number 943 476 5919", "943 476 5919"),
        ("NINO AB 12 34 56 C", "AB 12 34 56 C"),
        ("Steuer-ID 36574261809", "36574261809"),
        ("né 2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),
        ("DNI 12345678Z", "12345678Z"),
        ("NIE X-1234567-L", "X-1234567-L"),
        ("codice fiscale RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        ("BSN 111222333", "111222333"),
        ("PESEL 44051401359", "44051401359"),
        ("131052-308T", "131052-308T"),
        ("811228-9874", "811228-9874"),
        ("756.9217.0769.85", "756.9217.0769.85"),
        ("CPF 390.533.447-05", "390.533.447-05"),
        ("RUT 12.531.909-2", "12.531.909-2"),
        ("身份证号11010519491231002X", "11010519491231002X"),
        ("S0000001I", "S0000001I"),
        ("A123456(3)", "A123456(3)"),
        ("A123456789", "A123456789"),
    ] {
        is(Kind::NationalId, text, value);
    }
    for none in ["12345678A", "111222333", "44051401359", "order 390.533.447-06"] {
        nothing(none);
    }
}

#[test]
fn secrets() {
    let key = "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z";
    is(Kind::Secret, &format!("use {key} now"), key);
    is(Kind::Secret, "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE");
    is(Kind::Secret, "password=hunter2hunter", "hunter2hunter");
    is(Kind::Secret, r#"{"password": "tr0ub4dor&3"}"#, "tr0ub4dor&3");
    is(Kind::Secret, "my password is s3cr3tpw!", "s3cr3tpw");
    is(Kind::Secret, "Authorization: Bearer aB3dE5fG7hJ9kL1mN3pQ5rS7", "aB3dE5fG7hJ9kL1mN3pQ5rS7");
    let pem = "-----BEGIN PRIVATE KEY-----\nMIIabc123\n-----END PRIVATE KEY-----";
    is(Kind::Secret, pem, pem);
    for none in [
        "password = config.password",
        "let token: String = next_token();",
        "password=$PASSWORD",
        "api_key: <your key>",
        "the secret is out",
        "sk-learn is a library",
        "-----BEGIN CERTIFICATE-----\nMIIabc123\n-----END CERTIFICATE-----",
    ] {
        nothing(none);
    }
}

#[test]
fn base64_goes_as_a_whole() {
    // "write to ann@example.com today"
    let run = "d3JpdGUgdG8gYW5uQGV4YW1wbGUuY29tIHRvZGF5";
    is(Kind::Email, &format!("data:{run}; x"), run);
    let (head, tail) = run.split_at(40);
    is(Kind::Email, &format!("{head}{tail}"), run);
    nothing("d3JpdGUgdG8gbm9ib2R5IHRvZGF5IHBsZWFzZSE=");
}

#[test]
fn names_and_addresses_by_context() {
    let all = Detector::new(&Kinds::all(), &Terms::default()).unwrap();
    let value = |text: &'static str| -> Vec<(Kind, &str)> {
        all.find(text).into_iter().map(|one| (one.kind, text.get(one.span).unwrap())).collect()
    };
    assert_eq!(value("My name is Ann Lee."), [(Kind::Name, "Ann Lee")]);
    assert_eq!(value("Sehr geehrte Frau Müller,"), [(Kind::Name, "Müller")]);
    assert_eq!(value("ask Dr. Cettina Fanucci"), [(Kind::Name, "Cettina Fanucci")]);
    assert_eq!(value("at 221B Baker Street."), [(Kind::Address, "221B Baker Street")]);
    assert_eq!(value("Hauptstraße 12, Berlin"), [(Kind::Address, "Hauptstraße 12")]);
    assert_eq!(value("12 rue de la Paix"), [(Kind::Address, "12 rue de la Paix")]);
    assert!(value("Dear Sir, the street is long").is_empty());
}

#[test]
fn the_operators_terms() {
    let content = |text: &str| Content::new(text.to_owned());
    let terms =
        Terms { words: vec![content("Project Falcon")], patterns: vec![content(r"EMP-[0-9]{6}")] };
    let detector = Detector::new(&Kinds::default(), &terms).unwrap();
    let text = "project falcon has EMP-123456 and EMP-654321, not EMP-1";
    let found: Vec<_> =
        detector.find(text).into_iter().map(|one| text.get(one.span).unwrap()).collect();
    assert_eq!(found, ["project falcon", "EMP-123456", "EMP-654321"]);
    for bad in ["(", "a*", "^a", ".{1000}"] {
        let terms = Terms { words: Vec::new(), patterns: vec![content(bad)] };
        let error = Detector::new(&Kinds::default(), &terms).unwrap_err();
        assert!(error.to_string().contains('1'), "{error}");
    }
}

#[test]
fn the_longest_wins() {
    // The URL has an address of mail in it.
    assert_eq!(find("https://ann:pw1234@example.com/").len(), 1);
    assert_eq!(find("https://ann:pw1234@example.com/")[0].kind, Kind::Url);
}
