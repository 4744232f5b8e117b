use serde::de::IgnoredAny;

use super::*;

fn check(limit: u64, file: &[u8]) -> Checked {
    let mut whole = Checker::new(limit);
    whole.read(file);
    let found = whole.finish();
    for size in [1, 2, 3, 7] {
        let mut pieces = Checker::new(limit);
        file.chunks(size).for_each(|piece| pieces.read(piece));
        assert_eq!(pieces.finish(), found, "in pieces of {size}");
    }
    found
}

#[test]
fn files_of_both_services_are_good() {
    for (file, objects) in [
        (&b"{\"a\":1}\n"[..], 1),
        (b"{\"a\":1}", 1),
        (b"\xef\xbb\xbf{\"a\":1}\n{}\n", 2),
        (b"{\"a\":1}\r\n\r\n  {} \r\n", 2),
        (b"", 0),
        (b"\xef\xbb\xbf", 0),
        (b"\n\n", 0),
    ] {
        let found = check(100, file);
        assert_eq!(found, Checked { objects, bad: Vec::new() }, "{file:?}");
    }
}

#[test]
fn a_bad_line_is_named_and_the_others_are_read() {
    let file = b"{\"a\":1}\n[1]\n{\"a\":canary}\n{\"a\":\"\xff\"}\n\xef\xbb\xbf{}\n{}\n{\"a\n{";
    let found = check(100, file);
    let said: Vec<_> = found.bad.iter().map(BadLine::to_string).collect();
    assert_eq!(
        said,
        [
            "line 2 is not a JSON object",
            "line 3 is not valid JSON at byte 6",
            "line 4 is not UTF-8 at byte 7",
            "line 5 is not valid JSON at byte 1",
            "line 7 is not valid JSON at byte 4",
            "line 8 is not valid JSON at byte 2",
        ]
    );
    assert_eq!(found.objects, 2);
    let many = check(100, &b"x\n".repeat(1000));
    assert_eq!(many.bad.len(), REPORTED_MAX);
    for marked in [&b"\xef\xbb"[..], b"\xef\xbb{}", b"\xff\xfe{\0}\0"] {
        let [bad] = check(100, marked).bad[..] else { panic!("{marked:?}") };
        assert_eq!(bad, BadLine { line: 1, why: Why::Utf8 { byte: 1 } });
    }
}

#[test]
fn a_line_of_ten_gigabytes_is_counted_and_not_kept() {
    let mut checker = Checker::new(16 * 1024 * 1024);
    checker.read(b"{}\n{\"a\":\"");
    let piece = [b'a'; 64 * 1024];
    // The sizes add up; not all the bytes are needed to show that none of them is kept.
    (0..2048).for_each(|_| checker.read(&piece));
    let found = checker.finish();
    let why = Why::Long { limit: 16 * 1024 * 1024 };
    assert_eq!(found.bad, [BadLine { line: 2, why }]);
}

#[test]
fn nesting_ends_where_the_reader_of_json_ends() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
    };
    let deepest = usize::try_from(DEPTH_MAX).unwrap();
    for (depth, good) in [(1, true), (2, true), (deepest, true), (deepest + 1, false)] {
        let line = if depth == 1 { "{}".to_owned() } else { nested(depth) };
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), good, "{depth}");
        let found = check(1000, line.as_bytes());
        assert_eq!(found.bad.is_empty(), good, "{depth}");
    }
}

#[test]
fn the_machine_agrees_with_another_reader() {
    let seeds = [
        r#"{"a":[1,-0,0.5,-12.25e+3,1E-2,true,false,null],"b":{"c":"d","e":{}},"f":[]}"#,
        r#"{"messages":[{"role":"user","content":"\u00e4\n\"\\ größe 😀"}],"n":0}"#,
        "{ \"a\" : [ 1 , { } ] , \"\" : \"\u{7f}\u{7ff}\u{ffff}\u{10ffff}\" } ",
    ];
    let alphabet = b"{}[]\",:\\ 0129-+.eEtrufalsn/b\t\x1f\x80\xbf\xc3\xa4\xe0\xed\xf0\xf4\xff";
    let mut random = 7_u64;
    let mut next = move |below: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % below
    };
    let (mut good, mut bad) = (0, 0);
    for round in 0..60_000 {
        let mut line = seeds[round % seeds.len()].as_bytes().to_vec();
        for _ in 0..next(3) {
            let at = next(line.len());
            let byte = alphabet[next(alphabet.len())];
            match next(4) {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                2 => drop(line.remove(at)),
                _ => line.truncate(at.max(1)),
            }
        }
        let is_object = line.trim_ascii_start().starts_with(b"{");
        let is_blank = line.trim_ascii().is_empty();
        // The other reader takes UTF-8 for granted.
        let other = std::str::from_utf8(&line)
            .is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok() && is_object);
        let mut checker = Checker::new(1000);
        checker.read(&line);
        let found = checker.finish();
        let shown = String::from_utf8_lossy(&line).into_owned();
        assert_eq!(found.bad.is_empty(), other || is_blank, "{shown}: {found:?}");
        if other { good += 1 } else { bad += 1 }
    }
    assert!(good > 5_000 && bad > 5_000, "{good} good, {bad} bad");
}
