//! The committed sample: marked texts of tests/personal/generate.py.

use std::collections::BTreeMap;

use super::{Kind, detector};

/// Takes the marks out of a line: `⟦email⟧a@b.example⟦/⟧`.
fn unmark(line: &str) -> (String, Vec<(Kind, std::ops::Range<usize>)>) {
    let (mut text, mut marked) = (String::new(), Vec::new());
    let line = line.replace('␤', "\n");
    let mut rest = line.as_str();
    while let Some((before, after)) = rest.split_once('⟦') {
        text.push_str(before);
        let (name, after) = after.split_once('⟧').unwrap();
        let (value, after) = after.split_once("⟦/⟧").unwrap();
        let start = text.len();
        text.push_str(value);
        marked.push((Kind::named(name).unwrap(), start..text.len()));
        rest = after;
    }
    text.push_str(rest);
    (text, marked)
}

#[test]
fn each_kind_keeps_its_score() {
    let detector = detector();
    let mut table: BTreeMap<Kind, [f64; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in include_str!("sample.txt").lines() {
        let (text, marked) = unmark(line);
        let found = detector.find(&text);
        for (kind, span) in &marked {
            let right = found.iter().any(|one| one.kind == *kind && one.span == *span);
            table.entry(*kind).or_default()[if right { 0 } else { 2 }] += 1.0;
            if !right {
                wrong.push(format!("missed {kind}: {line}"));
            }
        }
        for one in found {
            if !marked.contains(&(one.kind, one.span.clone())) {
                table.entry(one.kind).or_default()[1] += 1.0;
                wrong.push(format!("wrong {}: {line}", one.kind));
            }
        }
    }
    for (kind, [hits, wrongs, missed]) in table {
        let mean = 2.0 * hits / (2.0 * hits + wrongs + missed);
        let floor = match kind {
            Kind::Phone => 0.85,
            Kind::Card => 0.95,
            _ => 0.97,
        };
        assert!(mean >= floor, "{kind}: {mean:.3}\n{}", wrong.join("\n"));
    }
}
