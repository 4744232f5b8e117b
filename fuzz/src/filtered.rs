//! Properties of the content filter's first layer.

use std::sync::{Arc, LazyLock};

use policy::{
    content::Content,
    guard::{
        blocklist::{
            Blocklist, Term,
            scan::{MOST_HELD, Scan, Watched},
        },
        heads::{BUCKETS, Features, Heads},
        lexicon::Lexicon,
        normalise::Readings,
        verdict::{BlocklistName, Digest, Side},
    },
};

static LEXICON: LazyLock<Lexicon> =
    LazyLock::new(|| Lexicon::built_in().expect("the list is good"));

static LIST: LazyLock<Arc<Blocklist>> = LazyLock::new(|| {
    let exact = ["bomb", "a b", "项目", "c++"].map(|text| Term::Exact(Content::new(text.into())));
    let regex =
        [r"\bID-[0-9]{1,4}\b", "(?i)k[il]{1,3}"].map(|text| Term::Regex(Content::new(text.into())));
    let terms: Vec<_> = exact.into_iter().chain(regex).collect();
    let name = BlocklistName::new("words").expect("a name");
    Arc::new(Blocklist::new(name, &terms).expect("terms within the limits"))
});

/// Checks that each reading leads back to whole characters of the text, that a stream without
/// blocking lists loses nothing, and that a stopped one sends a part of the text from its begin.
/// The first byte says how long the pieces are.
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
    for blocking in [false, true] {
        let watched = Watched { list: Arc::clone(&LIST), blocking };
        let mut scan = Scan::new(Side::Completion, vec![watched]);
        let mut out = String::new();
        for piece in characters.chunks(usize::from(size).max(1)) {
            let piece = Content::new(piece.iter().collect());
            let Ok(free) = scan.push(&piece) else { return };
            out.push_str(free.reveal());
            assert!(scan.is_stopped() || scan.held() <= MOST_HELD, "{} held", scan.held());
        }
        let stopped = scan.is_stopped();
        let Ok((rest, verdict)) = scan.finish() else { return };
        out.push_str(rest.reveal());
        assert!(text.starts_with(&out), "text in its order");
        assert!(stopped || out == text || !verdict.detections().is_empty(), "nothing is lost");
        assert!(blocking || out == text, "a list that does not block lets everything through");
    }
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
