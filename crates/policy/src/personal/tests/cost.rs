//! The work grows with the text, and not faster. Work is counted in bytes looked at, not in time.

use super::detector;
use crate::personal::ner::Names;

/// Looks at a piece repeated up to two lengths, and compares the work.
#[track_caller]
fn is_linear(piece: &str) {
    let detector = detector();
    let work =
        |bytes: usize| detector.look(&piece.repeat(bytes / piece.len()), &Names::by_context()).1;
    let (one, two) = (work(100_000), work(200_000));
    assert!(two <= one * 2 + one / 4 + 10_000, "{piece:?}: {one} and {two}");
    assert!(one <= 100_000 * 60, "{piece:?}: {one}");
}

#[test]
fn no_text_makes_the_work_quadratic() {
    for piece in [
        "4",
        "@",
        "a@",
        "a@b.",
        "(",
        "[at]",
        " at ",
        ":",
        "a:",
        "1:",
        "1.",
        "1 ",
        "1-",
        "+1",
        "://",
        "a://",
        "eyJ",
        "eyJa.",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "password=",
        "password is ",
        "bearer ",
        "sk-",
        "call 1 ",
        "%",
        "%40",
        "\\",
        "\\u0040",
        "&",
        "&#64;",
        "QUJD",
        "a.b@c.d ",
        "1a",
        "a1 ",
        "DE89",
        "DE89 3704 ",
        "0x1",
        "id: 1 ",
        "٤",
        "é",
        "\u{200b}",
        "Dr. ",
        "rue A ",
        "\n",
        "AB 12 ",
        "dot at dot ",
        "00-",
        "00:",
    ] {
        is_linear(piece);
    }
}

#[test]
fn a_long_run_of_base64_is_opened_once() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let detector = detector();
    let work = |bytes: usize| {
        let text = STANDARD.encode("x ann@example.com ".repeat(bytes / 18));
        let text = STANDARD.encode(text);
        (detector.look(&text, &Names::by_context()).1, text.len())
    };
    let ((one, _), (two, length)) = (work(200_000), work(400_000));
    assert!(two <= one * 2 + one / 4);
    assert!(two <= length * 30);
}
