//! Trains one head for each category, and measures it by five folds inside the training data.
//!
//! The strength of the regularisation is chosen by the same folds that measure, and so are the
//! few factors that make log-odds of a sum. The measured scores are a little too good for that.

pub(crate) mod folds;

use policy::guard::{
    heads::{BUCKETS, Bag, scaled, value},
    verdict::Digest,
};

use crate::{
    data::{DIMENSIONS, HEADS, Kind, Row, Set},
    encode::{self, Numbers, OverVector},
    fit::{self, Example, Linear, Logistic, Sparse},
    measure,
};

/// The strengths that are tried.
const STRENGTHS: [f32; 7] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// Shares of prompts that only sound harmful which a threshold may reach: low, medium, high.
pub(crate) const SHARES: [f64; 3] = [0.05, 0.005, 0.0];

/// A trained head over n-grams alone, or over n-grams and the encoder's vector.
#[derive(Debug)]
pub(crate) struct Mode {
    /// Each row's score by a model that was not trained on its fold; hard rows are never trained
    /// on.
    pub(crate) scores: Vec<f32>,
    pub(crate) thresholds: [f32; 3],
    pub(crate) strength: f32,
    model: Linear,
    logistic: Logistic,
}

/// A trained head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) alone: Mode,
    pub(crate) joint: Option<Mode>,
}

/// The file of heads, and what the report is made of.
#[derive(Debug)]
pub(crate) struct Trained {
    pub(crate) rows: Vec<Row>,
    /// The fold of each row.
    pub(crate) folds: Vec<usize>,
    rarity: Vec<u8>,
    pub(crate) heads: Vec<Head>,
    pub(crate) file: Vec<u8>,
    pub(crate) data: Digest,
    pub(crate) encoder: Option<Digest>,
}

/// The rows as the models take them.
struct Inputs<'a> {
    rows: &'a [Row],
    folds: &'a [usize],
    /// The readings of each row; one for the vector of the encoder.
    values: Vec<Vec<Sparse>>,
    places: usize,
}

/// Trains and measures everything.
pub(crate) fn all(set: &Set) -> Result<Trained, String> {
    let rarity = rarity(&set.rows);
    let weigh = |bag: &Bag| weigh(bag, &rarity);
    let bags = set.rows.iter().map(|row| row.bags.iter().map(weigh).collect());
    let values: Vec<Vec<Sparse>> = bags.collect();
    let folds = folds::of(&set.rows, &values);
    let ngrams = Inputs { rows: &set.rows, folds: &folds, values, places: BUCKETS };
    let vectors = set.encoder.map(|_| {
        let values = set.rows.iter().map(|row| row.vector.iter().map(dense).collect()).collect();
        Inputs { rows: &set.rows, folds: &folds, values, places: DIMENSIONS }
    });
    let mut heads = Vec::new();
    for (at, name) in HEADS.into_iter().enumerate() {
        let alone = mode(&ngrams, at, None);
        if alone.logistic.factors.iter().any(|factor| *factor < 0.0) {
            return Err(format!("the head for {name} learned nothing; check the data"));
        }
        let joint = vectors.as_ref().map(|inputs| mode(inputs, at, Some(&alone.scores)));
        heads.push(Head { alone, joint });
    }
    let numbers: Vec<_> = heads.iter().map(Head::numbers).collect();
    let encoder = set.encoder.map(|digest| (digest, DIMENSIONS));
    let file = encode::file(encoder, set.digest, &rarity, 1, &numbers);
    let rows = set.rows.clone();
    Ok(Trained { rows, folds, rarity, heads, file, data: set.digest, encoder: set.encoder })
}

/// Returns a file of heads over n-grams alone that were not trained on a fold, and whose thresholds
/// come from one half of the hard rows, for measuring the filter itself. Factors and strengths are
/// those of the whole training.
pub(crate) fn without(trained: &Trained, fold: Option<usize>, half: Option<usize>) -> Vec<u8> {
    let Trained { rows, folds, rarity, .. } = trained;
    let values = rows.iter().map(|row| row.bags.iter().map(|bag| weigh(bag, rarity)).collect());
    let inputs = Inputs { rows, folds, values: values.collect(), places: BUCKETS };
    let numbers = trained.heads.iter().enumerate().map(|(at, head)| {
        let alone = &head.alone;
        let hard = of_kind(rows, &alone.scores, Kind::Hard).into_iter().enumerate();
        let hard = hard.filter(|(at, _)| half.is_none_or(|half| at % 2 == half));
        let hard: Vec<f32> = hard.map(|(_, score)| score).collect();
        let ordinary = of_kind(rows, &alone.scores, Kind::Benign);
        let mode = Mode {
            scores: Vec::new(),
            thresholds: thresholds(&hard, &ordinary),
            strength: alone.strength,
            model: model(&inputs, at, alone.strength, fold),
            logistic: alone.logistic,
        };
        Head { alone: mode, joint: None }.numbers()
    });
    encode::file(None, trained.data, rarity, 1, &numbers.collect::<Vec<_>>())
}

/// Returns the rarity of each bucket in the trained rows.
fn rarity(rows: &[Row]) -> Vec<u8> {
    let trained: Vec<_> = rows.iter().filter(|row| row.kind != Kind::Hard).collect();
    rarity_in(trained.iter().filter_map(|row| row.bags.first()), trained.len())
}

/// Returns a byte for each bucket: sixteenths, greater the fewer of `all` texts have it.
pub(crate) fn rarity_in<'a>(bags: impl Iterator<Item = &'a Bag>, all: usize) -> Vec<u8> {
    let mut having = vec![0_u32; BUCKETS];
    for (bucket, _) in bags.flat_map(Bag::counts) {
        let number = usize::try_from(bucket).ok().and_then(|bucket| having.get_mut(bucket));
        if let Some(number) = number {
            *number += 1;
        }
    }
    let all = f64::from(u32::try_from(all).unwrap_or(u32::MAX));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "16 to 255")]
    let byte = |number: u32| {
        let bits = fit::log2((all + 1.0) / (f64::from(number) + 1.0));
        (16.0 + 8.0 * bits).round().min(255.0) as u8
    };
    having.into_iter().map(byte).collect()
}

pub(crate) fn weigh(bag: &Bag, rarity: &[u8]) -> Sparse {
    let place = |bucket: u32| usize::try_from(bucket).unwrap_or(usize::MAX);
    let values = bag.counts().map(|(bucket, count)| {
        let place = place(bucket);
        (place, value(count, rarity.get(place).copied().unwrap_or(0)))
    });
    let scaled = scaled(values.collect()).into_iter();
    scaled.map(|(place, value)| (u32::try_from(place).unwrap_or(u32::MAX), value)).collect()
}

#[expect(clippy::ptr_arg, reason = "the iterator of an `Option<Vec>` gives this")]
fn dense(vector: &Vec<f32>) -> Sparse {
    (0..).zip(vector.iter().copied()).collect()
}

/// Trains one head in one mode.
fn mode(inputs: &Inputs<'_>, head: usize, alone: Option<&[f32]>) -> Mode {
    let tried = STRENGTHS.map(|strength| {
        let scores = out_of_fold(inputs, head, strength);
        let measured = measured(inputs.rows, head, &scores);
        (measure::average_precision(&measured), strength, scores)
    });
    let best = tried.into_iter().reduce(|best, one| if one.0 > best.0 { one } else { best });
    let (_, strength, mut scores) = best.unwrap_or_default();
    let model = model(inputs, head, strength, None);
    for ((score, row), values) in scores.iter_mut().zip(inputs.rows).zip(&inputs.values) {
        if row.kind == Kind::Hard {
            *score = most(&model, values);
        }
    }
    let beside = |at: usize| alone.and_then(|all| all.get(at)).copied();
    let points = scores.iter().enumerate().filter_map(|(at, score)| {
        let row = inputs.rows.get(at).filter(|row| in_fit(row, head))?;
        let harmful = label(row, head)?;
        Some(([f64::from(*score), f64::from(beside(at).unwrap_or(0.0))], harmful))
    });
    let logistic = fit::logistic(&points.collect::<Vec<_>>());
    let [own, other] = logistic.factors;
    for (at, score) in scores.iter_mut().enumerate() {
        let sum = own * f64::from(*score) + other * f64::from(beside(at).unwrap_or(0.0));
        *score = narrow(sum + logistic.bias);
    }
    let hard = of_kind(inputs.rows, &scores, Kind::Hard);
    let ordinary = of_kind(inputs.rows, &scores, Kind::Benign);
    let thresholds = thresholds(&hard, &ordinary);
    Mode { scores, thresholds, strength, model, logistic }
}

/// Fixes the thresholds on prompts that only sound harmful, and on ordinary ones: neither may reach
/// a threshold more often than [`SHARES`] allows.
pub(crate) fn thresholds(hard: &[f32], ordinary: &[f32]) -> [f32; 3] {
    let [low, medium, high] = SHARES
        .map(|share| measure::threshold(hard, share).max(measure::threshold(ordinary, share)));
    // A finding is high only well above medium.
    [low, medium, high.max(medium + 1.0)]
}

/// Returns each row's score by a model that was trained without the row's fold.
fn out_of_fold(inputs: &Inputs<'_>, head: usize, strength: f32) -> Vec<f32> {
    let mut scores = vec![0.0; inputs.rows.len()];
    for fold in 0..folds::NUMBER {
        let model = model(inputs, head, strength, Some(fold));
        let here = scores.iter_mut().zip(inputs.folds).zip(&inputs.values);
        for ((score, of), values) in here {
            if *of == fold {
                *score = most(&model, values);
            }
        }
    }
    scores
}

fn model(inputs: &Inputs<'_>, head: usize, strength: f32, without: Option<usize>) -> Linear {
    let mut examples = Vec::new();
    for ((row, fold), values) in inputs.rows.iter().zip(inputs.folds).zip(&inputs.values) {
        let Some(values) = values.first().filter(|_| row.kind != Kind::Hard) else { continue };
        if let Some(harmful) = label(row, head).filter(|_| Some(*fold) != without) {
            let cost = if row.kind == Kind::Posts { 0.01 } else { 1.0 };
            examples.push(Example { values, harmful, cost });
        }
    }
    let harmful: f32 = examples.iter().filter(|one| one.harmful).map(|one| one.cost).sum();
    let harmless: f32 = examples.iter().filter(|one| !one.harmful).map(|one| one.cost).sum();
    let dearer = (harmless / harmful.max(1.0)).sqrt().max(1.0);
    examples.iter_mut().filter(|one| one.harmful).for_each(|one| one.cost *= dearer);
    fit::machine(&examples, inputs.places, strength).coarse()
}

fn most(model: &Linear, values: &[Sparse]) -> f32 {
    values.iter().map(|one| model.score(one)).reduce(f32::max).unwrap_or(0.0)
}

pub(crate) fn label(row: &Row, head: usize) -> Option<bool> {
    row.labels.get(head).copied().flatten()
}

/// Rows whose odds the score is about: not the posts, which no prompt resembles.
fn in_fit(row: &Row, head: usize) -> bool {
    row.kind != Kind::Posts && row.kind != Kind::Hard && label(row, head).is_some()
}

/// Returns the rows that measure a head: for categories the moderation set, for jailbreaks all.
pub(crate) fn measured(rows: &[Row], head: usize, scores: &[f32]) -> Vec<(f32, bool)> {
    let jailbreak = HEADS.get(head) == Some(&"jailbreak");
    let wanted = |row: &Row| row.kind == Kind::Moderation || (jailbreak && in_fit(row, head));
    let rows = rows.iter().zip(scores).filter(|(row, _)| wanted(row));
    rows.filter_map(|(row, score)| Some((*score, label(row, head)?))).collect()
}

/// Returns the scores of the rows of one kind.
pub(crate) fn of_kind(rows: &[Row], scores: &[f32], kind: Kind) -> Vec<f32> {
    let rows = rows.iter().zip(scores).filter(|(row, _)| row.kind == kind);
    rows.map(|(_, score)| *score).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the file has 32-bit numbers")]
fn narrow(number: f64) -> f32 {
    number as f32
}

impl Head {
    /// Returns the numbers that the file has. The logistic model is multiplied into the weights.
    fn numbers(&self) -> Numbers {
        let Mode { model, logistic, thresholds, .. } = &self.alone;
        let (weights, scale) = model.rounded();
        let [factor, _] = logistic.factors;
        Numbers {
            scale: narrow(f64::from(scale) * factor),
            bias: narrow(factor * f64::from(model.bias) + logistic.bias),
            thresholds: *thresholds,
            weights,
            over_vector: self.joint.as_ref().map(Mode::over_vector),
        }
    }
}

impl Mode {
    fn over_vector(&self) -> OverVector {
        let [factor, share] = self.logistic.factors;
        let weights = self.model.weights.iter().map(|one| narrow(f64::from(*one) * factor));
        OverVector {
            share: narrow(share),
            bias: narrow(factor * f64::from(self.model.bias) + self.logistic.bias),
            thresholds: self.thresholds,
            weights: weights.collect(),
        }
    }
}
