//! Measures the detectors of personal data: `score FILE…` against marked texts (see
//! tests/personal/generate.py), `false FILE…` on texts without personal data, `speed FILE…` in MB/s.
#![expect(clippy::print_stdout, reason = "a program for the command line")]

use std::{collections::BTreeMap, ops::Range, time::Instant};

use policy::personal::{Detector, Kind, Kinds, Terms};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let kinds = match std::env::var("KINDS").as_deref() {
        Ok("all") => Kinds::all(),
        _ => Kinds::default(),
    };
    let detector = Detector::new(&kinds, &Terms::default())?;
    let texts: Vec<String> = arguments.map(std::fs::read_to_string).collect::<Result<_, _>>()?;
    match &*what {
        "score" => score(&detector, &texts),
        "false" => found(&detector, &texts),
        "speed" => speed(&detector, &texts),
        _ => println!("personal score|false|speed FILE…"),
    }
    Ok(())
}

fn score(detector: &Detector, texts: &[String]) {
    // Right, wrong and missed places by kind.
    let mut table: BTreeMap<Kind, [u32; 3]> = BTreeMap::new();
    let show = std::env::var("SHOW").is_ok();
    for line in texts.iter().flat_map(|text| text.lines()) {
        let (text, marked) = unmark(line);
        let found = detector.find(&text);
        for (kind, span) in &marked {
            let right = found.iter().any(|one| one.kind == *kind && one.span == *span);
            let [hits, _, missed] = table.entry(*kind).or_default();
            *(if right { hits } else { missed }) += 1;
            if show && !right {
                println!("missed {kind}: {line}  {found:?}");
            }
        }
        for one in found {
            if !marked.contains(&(one.kind, one.span.clone())) {
                let [_, wrong, _] = table.entry(one.kind).or_default();
                *wrong += 1;
                if show {
                    println!(
                        "wrong {}: {} in {line}",
                        one.kind,
                        text.get(one.span).unwrap_or_default()
                    );
                }
            }
        }
    }
    println!("| kind | places | precision | recall | F1 |\n|---|---|---|---|---|");
    for (kind, [hits, wrong, missed]) in table {
        let (hits, wrong, missed) = (f64::from(hits), f64::from(wrong), f64::from(missed));
        let precision = hits / (hits + wrong).max(1.0);
        let recall = hits / (hits + missed).max(1.0);
        let mean = 2.0 * hits / (2.0 * hits + wrong + missed).max(1.0);
        println!("| {kind} | {} | {precision:.3} | {recall:.3} | {mean:.3} |", hits + missed);
    }
}

fn found(detector: &Detector, texts: &[String]) {
    let (mut bytes, mut spans) = (0, 0);
    for text in texts {
        let found = detector.find(text);
        bytes += text.len();
        spans += found.len();
        for one in found {
            println!("{}: {:?}", one.kind, text.get(one.span).unwrap_or_default());
        }
    }
    let each = usize_to_f64(spans) * 10_000.0 / usize_to_f64(bytes.max(1));
    println!("{spans} places in {bytes} bytes: {each:.3} in 10 KB");
}

fn speed(detector: &Detector, texts: &[String]) {
    for text in texts {
        let began = Instant::now();
        let mut bytes = 0;
        while bytes < 50_000_000 && began.elapsed().as_secs() < 10 {
            std::hint::black_box(detector.find(text));
            bytes += text.len().max(1);
        }
        let rate = usize_to_f64(bytes) / 1e6 / began.elapsed().as_secs_f64();
        println!("{rate:.1} MB/s ({} bytes a text)", text.len());
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files")]
fn usize_to_f64(number: usize) -> f64 {
    number as f64
}

/// Takes the marks out of a line: `⟦email⟧a@b.example⟦/⟧`.
fn unmark(line: &str) -> (String, Vec<(Kind, Range<usize>)>) {
    let (mut text, mut marked) = (String::new(), Vec::new());
    let line = line.replace('␤', "\n");
    let mut rest = line.as_str();
    while let Some((before, after)) = rest.split_once('⟦') {
        text.push_str(before);
        let Some((name, after)) = after.split_once('⟧') else { break };
        let Some((value, after)) = after.split_once("⟦/⟧") else { break };
        let start = text.len();
        text.push_str(value);
        marked.extend(Kind::named(name).map(|kind| (kind, start..text.len())));
        rest = after;
    }
    text.push_str(rest);
    (text, marked)
}
