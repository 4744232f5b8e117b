//! Properties of the content filter's first layer.

use std::sync::LazyLock;

use policy::{
    content::Content,
    guard::{
        blocklist::{Blocklist, Term},
        heads::{BUCKETS, Features, Heads},
        lexicon::Lexicon,
        normalise::Readings,
        verdict::{BlocklistName, Digest, Side},
        window::{WINDOW, Windows},
    },
};

static LEXICON: LazyLock<Lexicon> =
    LazyLock::new(|| Lexicon::built_in().expect("the list is good"));

static LIST: LazyLock<Blocklist> = LazyLock::new(|| {
    let exact = ["bomb", "a b", "项目", "c++"].map(|text| Term::Exact(Content::new(text.into())));
    let regex =
        [r"\bID-[0-9]{1,4}\b", "(?i)k[il]{1,3}"].map(|text| Term::Regex(Content::new(text.into())));
    let terms: Vec<_> = exact.into_iter().chain(regex).collect();
    let name = BlocklistName::new("words").expect("a name");
    Blocklist::new(name, &terms).expect("terms within the limits")
});

/// Checks that each reading leads back to whole characters of the text, and that a stream loses
/// nothing and has the windows of the whole text. The first byte says how long the pieces are.
pub fn filtered_text(bytes: &[u8]) {
    let Some((&size, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    if let Ok(readings) = Readings::of(&text) {
        for view in readings.views() {
            let read = view.text().reveal();
            for (at, character) in read.char_indices() {
                let place = view.original(at..at + character.len_utf8());
                assert!(text.get(place).is_some(), "{:?} at {at}", view.form());
            }
        }
        if let Some(place) = LIST.find(&readings) {
            assert!(text.get(place).is_some(), "the place of a term");
        }
        drop(LEXICON.verdict(&readings, Side::Prompt));
        // A regular expression stands for itself and is read as such, or refused.
        let term = Term::Regex(Content::new(text.clone().into_owned()));
        if text.len() < 40 {
            drop(Blocklist::new(LIST.name().clone(), &[term]).map(|list| list.find(&readings)));
        }
    }
    let characters: Vec<char> = text.chars().collect();
    let whole = Content::new(text.clone().into_owned());
    let all = Windows::all(&whole);
    let (mut windows, mut out, mut looks) = (Windows::new(), String::new(), Vec::new());
    let pieces = characters.chunks(usize::from(size).max(1));
    for piece in pieces.map(Some).chain([None]) {
        match piece {
            Some(piece) => windows.push(&Content::new(piece.iter().collect())),
            None => windows.end(),
        }
        while let Some(look) = windows.next() {
            out.push_str(windows.release(look.free).reveal());
            looks.push(look);
        }
        assert!(windows.held() <= 2 * WINDOW + bytes.len().min(4 * usize::from(size)), "held back");
    }
    out.push_str(windows.release(usize::MAX).reveal());
    assert_eq!(out, text, "nothing is lost");
    assert_eq!(looks, all, "the looks do not depend on the pieces");
}

/// Checks that damaged heads are refused, and that heads which are read rate each text with a
/// finite score. The input is a header, and heads whose weights repeat its last bytes.
pub fn guard_heads(bytes: &[u8]) {
    assert!(Heads::parse(bytes).is_err(), "shorter than any heads, or without a checksum");
    let Some((header, rest)) = bytes.split_at_checked(76) else { return };
    let (pattern, rest) = rest.split_at(rest.len().min(3));
    let weights: Vec<u8> = pattern.iter().copied().cycle().take(BUCKETS).collect();
    let mut file = [header, &weights].concat();
    let own = match usize::from(u16::from_le_bytes([header[74], header[75]])) {
        0 => 24,
        dimensions => 24 + 20 + 4 * dimensions,
    };
    for head in rest.chunks(own).take(5) {
        file.extend_from_slice(head);
        file.extend_from_slice(&weights);
    }
    file.extend_from_slice(Digest::of(&file).bytes());
    let Ok(heads) = Heads::parse(&file) else { return };
    let vector = vec![0.5; heads.dimensions()];
    let text = Readings::of("some words, d i s g u i s e d").expect("a short text");
    let vector = heads.encoder().map(|_| vector.as_slice());
    let ratings = heads.rate(&Features::of(&text), vector).expect("a vector of the right length");
    assert!(ratings.all().iter().all(|rating| rating.score().is_finite()), "finite scores");
}
