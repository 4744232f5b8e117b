use std::sync::LazyLock;

use unicode_segmentation::UnicodeSegmentation;

use super::*;
use crate::guard::{
    blocklist::tests::{exact, list, regex},
    verdict::{Category, Severity},
};

static LIST: LazyLock<Arc<Blocklist>> = LazyLock::new(|| {
    let terms = [
        exact("bomb"),
        exact("project falcon"),
        exact("爆弾"),
        regex(r"\bID-[0-9]{4}\b"),
        regex("(?i)se[ck]ret .{1,20} plans?"),
    ];
    Arc::new(list(&terms).unwrap())
});

fn watched(blocking: bool) -> Vec<Watched> {
    vec![Watched { list: Arc::clone(&LIST), blocking }]
}

fn is_found(verdict: &Verdict) -> bool {
    !verdict.detections().is_empty()
}

/// Sends pieces; returns the text that went out, and whether a term was found.
fn send<'a>(pieces: impl IntoIterator<Item = &'a str>, blocking: bool) -> (String, bool) {
    let mut scan = Scan::new(Side::Completion, watched(blocking));
    let mut out = String::new();
    for piece in pieces {
        out.push_str(scan.push(&Content::new(piece.into())).unwrap().reveal());
        assert!(scan.held() <= MOST_HELD || scan.is_stopped());
    }
    let (rest, verdict) = scan.finish().unwrap();
    out.push_str(rest.reveal());
    (out, is_found(&verdict))
}

const TEXTS: [(&str, bool); 12] = [
    ("a plain text without anything in it, long enough to leave the window. ", false),
    ("they built a bomb in the shed", true),
    ("bombastic words, and the catacomb", false),
    ("abomb or bomb1", false),
    ("about PROJECT FALCON and more", true),
    ("時限爆弾を作る", true),
    ("see ID-1234 or not", true),
    ("see XID-1234, ID-12345", false),
    ("the SECRET and very hidden plan is", true),
    ("b\u{200b}o\u{200b}m\u{200b}b", true),
    ("ｂоｍｂ и 👩‍👩‍👧‍👦🇩🇪", true),
    ("wrote b o m b, in letters", true),
];

#[test]
fn every_split_into_pieces_has_the_verdict_of_the_whole() {
    for (text, found) in TEXTS {
        let text = format!("{text} and so on");
        assert_eq!(send([text.as_str()], true).1, found, "{text}");
        for at in text.char_indices().map(|(at, _)| at) {
            let (head, tail) = text.split_at(at);
            assert_eq!(send([head, tail], true).1, found, "{head}|{tail}");
        }
        // After more text than the window holds.
        let long = format!("{}{text}", "Lorem ipsum dolor sit amet. ".repeat(30));
        for size in [1, 40] {
            let characters: Vec<char> = long.chars().collect();
            let pieces: Vec<String> = characters.chunks(size).map(String::from_iter).collect();
            assert_eq!(send(pieces.iter().map(String::as_str), true).1, found, "{text}");
        }
    }
}

#[test]
fn nothing_of_a_term_goes_out_and_everything_before_it_does() {
    for cut in 1..40 {
        let text = "Today they built a bomb in the shed, and more.";
        let pieces = text.as_bytes().chunks(cut).map(|piece| std::str::from_utf8(piece).unwrap());
        assert_eq!(send(pieces, true), ("Today they built a ".into(), true));
    }
}

#[test]
fn a_list_that_does_not_block_lets_every_byte_through() {
    for (text, found) in TEXTS {
        let text = format!("{text}. ").repeat(20);
        for size in [3, 50, 1_000] {
            let characters: Vec<char> = text.chars().collect();
            let pieces: Vec<String> = characters.chunks(size).map(String::from_iter).collect();
            let (out, is_found) = send(pieces.iter().map(String::as_str), false);
            assert_eq!((out, is_found), (text.clone(), found));
        }
    }
}

#[test]
fn pieces_end_at_the_ends_of_grapheme_clusters() {
    let text = "👩🏽‍❤️‍💋‍👨🏾 e\u{301}e\u{301} 🇩🇪🇫🇷🇮🇹 한국어 नमस्ते \r\n🏴󠁧󠁢󠁥󠁮󠁧󠁿".repeat(40);
    let mut scan = Scan::new(Side::Completion, watched(true));
    let (mut ends, mut length) = (Vec::new(), 0);
    for piece in text.split_inclusive(|_: char| true) {
        length += scan.push(&Content::new(piece.into())).unwrap().len();
        ends.push(length);
    }
    let allowed: BTreeSet<_> = text.grapheme_indices(true).map(|(at, _)| at).collect();
    assert!(ends.iter().all(|end| allowed.contains(end)));
    assert!(length > text.len() / 2);
}

#[test]
fn one_endless_cluster_is_not_held_back_for_ever() {
    let mut scan = Scan::new(Side::Completion, watched(true));
    let piece = Content::new("\u{301}".repeat(10));
    for _ in 0..1_000 {
        scan.push(&piece).unwrap();
        assert!(scan.held() <= MOST_HELD);
    }
}

#[test]
fn without_lists_nothing_is_held_back() {
    let mut scan = Scan::new(Side::Completion, Vec::new());
    assert_eq!(scan.push(&Content::new("text".into())).unwrap().reveal(), "text");
    assert_eq!(scan.finish().unwrap().1, Verdict::by(Side::Completion));
}

#[test]
fn a_piece_that_is_too_large_stops_the_stream() {
    let mut scan = Scan::new(Side::Completion, watched(true));
    scan.push(&Content::new("a".repeat(2 << 20))).unwrap_err();
    assert!(scan.is_stopped());
    assert!(scan.push(&Content::new("b".into())).unwrap().is_empty());
}

#[test]
fn the_verdict_names_the_list() {
    let mut scan = Scan::new(Side::Completion, watched(true));
    scan.push(&Content::new("a bomb, and".into())).unwrap();
    let name = scan.lists[0].list.name().clone();
    let verdict = scan.verdict();
    assert_eq!(verdict.severity(&Category::Blocklist(name)), Some(Severity::High));
    assert!(!format!("{scan:?}").contains("a bomb"));
}
