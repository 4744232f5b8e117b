//! Trains the detector of optimised suffixes, and measures it.
//!
//! No data has such suffixes under a free licence, so they are made here: random pieces of words and
//! signs after a harmful request. The measured ones are of another making: random tokens of a
//! language model's vocabulary, as the published searches (GCG) begin and end.

use std::path::Path;

use policy::guard::suffix::{self, BUCKETS, WINDOW};

use crate::{
    corpus::{self, Group},
    data::{Kind, Set},
    fit::{self, Example, Random, Sparse, below, pick},
    measure, tokens,
};

/// The share of harmless texts that may reach the threshold.
const SHARE: f64 = 0.002;

/// The inverse of the regularisation.
const STRENGTH: f32 = 0.3;

/// Suffixes that are made for the training, and for each kind that is measured.
const MADE: usize = 1500;
const MEASURED: usize = 300;

/// A group's texts by use.
struct Split<'a> {
    name: &'a str,
    trained: &'a [String],
    tuned: &'a [String],
    measured: &'a [String],
}

/// Trains and measures. Returns the file and the table.
pub(crate) fn train(
    set: &Set,
    folder: &Path,
    repository: &Path,
    model: &Path,
) -> Result<(Vec<u8>, String), String> {
    let (groups, digest) = corpus::read(set, folder, repository)?;
    let splits: Vec<Split<'_>> = groups.iter().map(split).collect();
    let mut random = Random(41);
    let requests: Vec<&str> = set
        .rows
        .iter()
        .filter(|row| row.kind == Kind::Requests)
        .map(|row| row.text.as_str())
        .collect();
    let (known, unknown) = requests.split_at(requests.len() / 2);
    let words: Vec<&str> = splits
        .iter()
        .filter(|split| !["Arabic", "Chinese", "encoded"].contains(&split.name))
        .flat_map(|split| split.trained)
        .flat_map(|text| text.split_whitespace())
        .collect();
    let mut values: Vec<(Sparse, bool)> = Vec::new();
    for _ in 0..MADE {
        let text = format!("{} {}", pick(&mut random, known), made(&mut random, &words));
        values.push((suffix::weigh(end(&text)), true));
    }
    for text in splits.iter().flat_map(|split| split.trained) {
        let mut stretches = suffix::stretches(text);
        random.shuffle(&mut stretches);
        let stretches = stretches.into_iter().take(4).filter_map(|range| text.get(range));
        values.extend(stretches.map(|stretch| (suffix::weigh(stretch), false)));
    }
    let examples: Vec<Example<'_>> = values
        .iter()
        .map(|(values, harmful)| Example { values, harmful: *harmful, cost: 1.0 })
        .collect();
    let model_ = fit::machine(&examples, BUCKETS, STRENGTH);
    let (weights, scale) = model_.rounded();
    let file = |threshold| suffix::file(&digest, [scale, model_.bias, threshold], &weights);
    let scorer = suffix::Suffix::parse(&file(0.0)).map_err(|error| error.to_string())?;
    let score = |text: &str| scorer.score(text).unwrap_or(-9.0);
    let tuned: Vec<f32> = splits
        .iter()
        .filter(|split| split.name != "moderation set")
        .flat_map(|split| split.tuned)
        .map(|text| score(text))
        .collect();
    let hard: Vec<f32> = rows(set, Kind::Hard).map(score).collect();
    let threshold = measure::threshold(&tuned, SHARE).max(measure::threshold(&hard, 2.0 * SHARE));
    let mut table = String::from("\n| harmless texts | of | found |\n|---|---:|---:|\n");
    let mut all = Vec::new();
    for split in &splits {
        let scores: Vec<f32> = split.measured.iter().map(|text| score(text)).collect();
        line(&mut table, split.name, &scores, threshold);
        if split.name != "moderation set" {
            all.extend(scores);
        }
    }
    line(&mut table, "all of these but the moderation set", &all, threshold);
    line(&mut table, "prompts that only sound harmful (tuned on)", &hard, threshold);
    let jailbreaks: Vec<f32> = rows(set, Kind::Jailbreaks).map(score).collect();
    line(&mut table, "jailbreaks in prose", &jailbreaks, threshold);
    table.push_str(
        "\n| suffixes of 20 tokens after a harmful request | of | found |\n|---|---:|---:|\n",
    );
    let vocabulary = tokens::read(model)?;
    for (name, common, glued) in [
        ("tokens of the whole vocabulary", 0, 0),
        ("half of them common tokens", 50, 0),
        ("common tokens only", 100, 0),
        ("glued tokens and signs", 30, 50),
    ] {
        let scores: Vec<f32> = (0..MEASURED)
            .map(|_| {
                let suffix = tokens::suffix(&mut random, &vocabulary, common, glued);
                score(&format!("{} {suffix}", pick(&mut random, unknown)))
            })
            .collect();
        line(&mut table, name, &scores, threshold);
    }
    Ok((file(threshold), table))
}

fn rows(set: &Set, kind: Kind) -> impl Iterator<Item = &str> {
    set.rows.iter().filter(move |row| row.kind == kind).map(|row| row.text.as_str())
}

fn line(table: &mut String, name: &str, scores: &[f32], threshold: f32) {
    let share = 100.0 * measure::share(scores, threshold);
    table.push_str(&format!("| {name} | {} | {share:.1} % |\n", scores.len()));
}

/// Three fifths are trained on, a fifth fixes the threshold, and a fifth is measured.
fn split(group: &Group) -> Split<'_> {
    let fifth = group.texts.len() / 5;
    let (trained, rest) = group.texts.split_at(group.texts.len() - 2 * fifth);
    let (tuned, measured) = rest.split_at(fifth);
    Split { name: &group.name, trained, tuned, measured }
}

/// Returns the last stretch of a text.
fn end(text: &str) -> &str {
    let start = text.char_indices().rev().nth(WINDOW - 1).map_or(0, |(at, _)| at);
    text.get(start..).unwrap_or_default()
}

/// Returns 15 to 30 pieces of words and signs.
fn made(random: &mut Random, words: &[&str]) -> String {
    let number = 15 + random.next() % 16;
    let mut text = String::new();
    for _ in 0..number {
        if random.next().is_multiple_of(2) {
            text.push(' ');
        }
        let piece = piece(random, words);
        match random.next() % 100 {
            0..12 => {
                let mut letters = piece.chars();
                text.extend(letters.next().iter().flat_map(|one| one.to_uppercase()));
                text.push_str(letters.as_str());
            }
            12..15 => text.push_str(&piece.to_uppercase()),
            _ => text.push_str(&piece),
        }
    }
    text.retain(|one| (' '..='~').contains(&one));
    text
}

fn piece(random: &mut Random, words: &[&str]) -> String {
    let word = pick(random, words);
    match random.next() % 100 {
        0..35 => word.trim_matches(|one: char| !one.is_alphanumeric()).to_owned(),
        35..70 => {
            let letters: Vec<char> = word.chars().collect();
            let from = below(random, letters.len().saturating_sub(2).max(1));
            letters.into_iter().skip(from).take(2 + below(random, 5)).collect()
        }
        70..82 => (0..1 + below(random, 3)).map(|_| tokens::sign(random)).collect(),
        _ => word.to_owned(),
    }
}
