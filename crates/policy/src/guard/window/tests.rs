use super::*;
use crate::guard::{
    heads::Place,
    look::Detectors,
    verdict::{Category, Severity, Verdict},
};

fn content(text: &str) -> Content {
    Content::new(text.to_owned())
}

/// Feeds the pieces, passes every look, and returns the looks and the text that went out.
fn run<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (Vec<Look>, Vec<String>) {
    let mut windows = Windows::new();
    let (mut looks, mut out) = (Vec::new(), Vec::new());
    for piece in pieces {
        windows.push(&content(piece));
        while let Some(look) = windows.next() {
            out.push(windows.release(look.free).reveal().to_owned());
            looks.push(look);
        }
        // A grapheme that can still grow stays, too.
        assert!(windows.held() <= WINDOW + 32 + piece.len(), "{windows:?}");
    }
    windows.end();
    while let Some(look) = windows.next() {
        out.push(windows.release(look.free).reveal().to_owned());
        looks.push(look);
    }
    out.push(windows.release(usize::MAX).reveal().to_owned());
    assert_eq!(windows.held(), 0);
    (looks, out)
}

/// Looks without what depends on the time at which they are asked for.
fn seen(looks: &[Look]) -> Vec<(Extent, Range<usize>, Range<usize>, String)> {
    let one = |look: &Look| {
        let Look { extent, bytes, characters, text, .. } = look.clone();
        (extent, bytes, characters, text.reveal().to_owned())
    };
    looks.iter().map(one).collect()
}

fn text(length: usize) -> String {
    let words =
        "grüße 🇩🇪 die e\u{301}rnte 👩‍👩‍👧 begins\u{3000}in July; supercalifragilisticexpialidociously ";
    let mut text = String::new();
    while text.len() < length {
        text.push_str(words);
    }
    text
}

#[test]
fn the_windows_depend_on_the_text_alone() {
    for length in [1, 100, 319, 330, 700, 3000, 9000] {
        let text = text(length);
        let (whole, out) = run([text.as_str()]);
        assert_eq!(out.concat(), text);
        assert!(seen(&whole) == seen(&Windows::all(&content(&text))));
        for size in [1, 7, 50, 333] {
            let mut pieces = Vec::new();
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let at = (size.min(rest.len())..=rest.len()).find(|at| rest.is_char_boundary(*at));
                let (piece, after) = rest.split_at(at.unwrap());
                pieces.push(piece);
                rest = after;
            }
            let (looks, out) = run(pieces);
            assert!(seen(&looks) == seen(&whole), "{length} in pieces of {size}");
            assert_eq!(out.concat(), text);
        }
    }
}

#[test]
fn nothing_goes_out_that_no_window_covered_with_what_follows() {
    let text = text(4000);
    let mut windows = Windows::new();
    windows.push(&content(&text));
    assert_eq!(windows.release(usize::MAX).len(), 0, "before the first look");
    let (mut sent, mut covered) = (0, 0);
    while let Some(look) = windows.next() {
        if look.extent == Extent::Window {
            assert!(look.bytes.start <= covered, "a gap before {:?}", look.bytes);
            covered = look.bytes.end;
        }
        assert!(look.free <= covered.saturating_sub(STRIDE - WORD - 4));
        sent += windows.release(usize::MAX).len();
        assert!(sent <= look.free);
    }
    assert!(text.len() - sent <= WINDOW);
}

#[test]
fn every_phrase_of_half_a_window_is_whole_in_a_window() {
    let text = text(3000);
    let looks = Windows::all(&content(&text));
    for start in (0..text.len() - 120).filter(|at| text.is_char_boundary(*at)) {
        let within = looks.iter().filter(|look| look.extent == Extent::Window);
        let mut within = within.map(|look| &look.bytes);
        assert!(within.any(|bytes| bytes.start <= start && start + 120 <= bytes.end), "{start}");
    }
}

#[test]
fn graphemes_stay_whole_and_endless_ones_do_not_hold_the_text() {
    let text = text(2000);
    let starts: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
    let mut at = 0;
    let (_, out) = run(text.split_inclusive('r'));
    for piece in out {
        at += piece.len();
        assert!(at == text.len() || starts.contains(&at), "{at}");
    }
    let endless = format!("a{}", "\u{301}".repeat(2000));
    let (_, out) = run([endless.as_str()]);
    assert!(out.len() > 5 && out[0].len() <= WINDOW);
    assert_eq!(out.concat(), endless);
}

#[test]
fn the_buffer_stays_small() {
    let mut windows = Windows::new();
    for _ in 0..2000 {
        windows.push(&content("A harmless sentence about the harvest. "));
        while let Some(look) = windows.next() {
            windows.release(look.free);
        }
        assert!(windows.text.len() < MOST_WHOLE + WHOLE_EACH + WINDOW);
    }
    assert!(format!("{windows:?}").starts_with("Windows(78000 bytes"));
}

#[test]
fn the_whole_is_looked_at_from_time_to_time_and_at_the_end() {
    let looks = Windows::all(&content(&text(6000)));
    let whole: Vec<_> = looks.iter().filter(|look| look.extent == Extent::Whole).collect();
    assert_eq!(whole.len(), 5);
    assert!(whole.iter().all(|look| look.text.len() <= MOST_WHOLE + WORD + 4));
    assert_eq!(Windows::all(&content("")), []);
    assert_eq!(Windows::all(&content("short")).len(), 1);
}

/// Two hundred harmful texts from 60 to 400 bytes.
fn harmful() -> Vec<String> {
    let openings = [
        "I hate my life.",
        "Listen, I mean it:",
        "Nobody listens, so I say this once more — for the last time.",
        "He told me everything in the café, word for word, and I wrote it down as it was said.",
    ];
    let threats = [
        "I want to kill myself tonight and end it all.",
        "I will stab him and watch him bleed to death, I swear.",
        "All immigrants are vermin and should be exterminated.",
        "She moaned as he thrust his cock into her wet pussy.",
        "Cut your wrists, take all the pills, and kill yourself.",
    ];
    let pairs = openings.iter().flat_map(|opening| threats.map(|threat| (opening, threat)));
    let each = |(opening, threat)| {
        (0..10_usize)
            .map(move |one| format!("{opening} {threat} Number {one}. ").repeat(1 + one / 4))
    };
    pairs.flat_map(each).collect()
}

fn joined(detectors: &Detectors, looks: &[Look]) -> Verdict {
    let verdicts = looks
        .iter()
        .map(|look| detectors.look(look.text.reveal(), Place::Completion, None).unwrap());
    verdicts.reduce(|one, other| one.and(other).unwrap()).unwrap()
}

#[test]
fn a_harmful_text_split_at_every_byte_has_the_verdict_of_the_whole() {
    let detectors = Detectors::built_in().unwrap();
    let texts = harmful();
    assert_eq!(texts.len(), 200);
    let mut rated = 0;
    for text in texts {
        let whole = Windows::all(&content(&text));
        let streamed = joined(&detectors, &whole);
        let at_once = detectors.look(&text, Place::Completion, None).unwrap();
        let found = |verdict: &Verdict| {
            Category::GRADED.map(|category| verdict.severity(&category).unwrap())
        };
        rated += usize::from(found(&at_once).iter().any(|one| *one > Severity::Safe));
        for (streamed, at_once) in found(&streamed).iter().zip(found(&at_once)) {
            assert!(*streamed >= at_once, "{text}");
        }
        // The verdict is of the looks, and these are the same wherever the text is split.
        for at in (1..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let (first, second) = text.split_at(at);
            let (looks, out) = run([first, second]);
            assert!(seen(&looks) == seen(&whole), "split at {at}");
            assert_eq!(out.concat(), text);
        }
    }
    assert!(rated >= 150, "{rated} of 200 are rated");
}
