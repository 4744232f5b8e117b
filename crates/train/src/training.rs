//! A whole training: which examples come when, and the work of a step.

use crate::{
    adapter::Adapter,
    base::Base,
    checkpoint::{BadCheckpoint, Point},
    loss::Score,
    model::{Model, Sequence},
    optimizer::{AdamW, rate},
    random::Random,
    rope::Turns,
    team::Team,
};

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// How often the training goes through all examples.
    pub epochs: u32,
    /// Number of examples of one step.
    pub batch: u32,
    /// The highest learning rate.
    pub rate: f32,
    /// Rank of the adapter.
    pub rank: u32,
    /// Its weight is `alpha / rank`.
    pub alpha: f32,
    /// Seed of the adapter's first values and of the order of the examples.
    pub seed: u64,
    /// Number of values that a pass may keep; see [`Model::keep`]. Does not change the result.
    pub keep: usize,
}

/// One example: the sequences of one conversation, at least one.
pub type Example = Vec<Sequence>;

/// The numbers left their range: the learning rate is too high, or the model is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the loss of step {step} is not a finite number; use a lower learning rate")]
pub struct Diverged {
    /// The step.
    pub step: u32,
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// The step, from 1.
    pub step: u32,
    /// The score of its examples, before the step.
    pub score: Score,
    /// The score of a part of the validation examples, after it; not in each step.
    pub valid: Option<Score>,
    /// The epoch that ends with this step, from 1.
    pub epoch: Option<u32>,
}

/// A training.
pub struct Training<'a> {
    base: &'a dyn Base,
    team: &'a Team<'a>,
    plan: Plan,
    examples: Vec<Example>,
    validation: Vec<Example>,
    turns: Turns,
    point: Point,
    gradients: Adapter,
    /// The order of the examples in an epoch.
    order: Option<(u32, Vec<usize>)>,
}

impl std::fmt::Debug for Training<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Training({:?}, {} examples)", self.plan, self.examples.len())
    }
}

impl<'a> Training<'a> {
    /// Begins a training.
    #[must_use]
    pub fn new(
        base: &'a dyn Base,
        team: &'a Team<'a>,
        plan: Plan,
        examples: Vec<Example>,
        validation: Vec<Example>,
    ) -> Self {
        let shape = base.shape();
        let rank = usize::try_from(plan.rank.max(1)).unwrap_or(1);
        let adapter = Adapter::new(shape, rank, plan.alpha, plan.seed);
        let optimizer = AdamW::new(adapter.values().len());
        let all = examples.iter().chain(&validation).flatten();
        let longest = all.map(|sequence| sequence.tokens.len()).max().unwrap_or(0);
        Self {
            base,
            team,
            plan,
            examples,
            validation,
            turns: Turns::new(shape, longest),
            point: Point { adapter, optimizer, tokens: 0 },
            gradients: Adapter::zeros(shape, rank, plan.alpha),
            order: None,
        }
    }

    /// Goes on from a checkpoint of the training with the same inputs.
    ///
    /// # Errors
    /// If it is none.
    pub fn resume(&mut self, bytes: &[u8], inputs: &[u8; 32]) -> Result<(), BadCheckpoint> {
        self.point.read(bytes, inputs)
    }

    /// Returns a checkpoint. `inputs` stands for all inputs of the training.
    #[must_use]
    pub fn save(&self, inputs: &[u8; 32]) -> Vec<u8> {
        self.point.to_bytes(inputs)
    }

    /// Returns the adapter as it is now.
    #[must_use]
    pub fn adapter(&self) -> &Adapter {
        &self.point.adapter
    }

    /// Number of steps of the whole training.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.plan.epochs.saturating_mul(self.steps_of_epoch())
    }

    /// Number of steps that are done.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.point.optimizer.steps
    }

    /// Number of tokens that it went through.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.point.tokens
    }

    fn steps_of_epoch(&self) -> u32 {
        let examples = u32::try_from(self.examples.len()).unwrap_or(u32::MAX);
        examples.div_ceil(self.plan.batch.max(1))
    }

    /// Does the next step.
    ///
    /// # Errors
    /// If the loss or the gradients are no finite numbers.
    pub fn step(&mut self) -> Result<Report, Diverged> {
        let (steps, of_epoch) = (self.steps(), self.steps_of_epoch().max(1));
        let (epoch, place) = (self.done() / of_epoch, self.done() % of_epoch);
        let step = self.done() + 1;
        self.shuffle(epoch);
        let model =
            Model { base: self.base, team: self.team, turns: &self.turns, keep: self.plan.keep };
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        let batch = usize::try_from(self.plan.batch.max(1)).unwrap_or(usize::MAX);
        let first = usize::try_from(place).unwrap_or(usize::MAX).saturating_mul(batch);
        let examples = order.iter().skip(first).take(batch);
        let examples = examples.filter_map(|index| self.examples.get(*index)).flatten();
        let sequences: Vec<&Sequence> = examples.collect();
        let targets: usize = sequences.iter().map(|sequence| sequence.targets()).sum();
        #[expect(clippy::cast_precision_loss, reason = "counts of one step are far below 2^24")]
        let weight = 1.0 / targets.max(1) as f32;
        self.gradients.values_mut().fill(0.0);
        let mut score = Score::default();
        for part in parts(&sequences) {
            score.add(model.pass(&self.point.adapter, part, weight, Some(&mut self.gradients)));
        }
        let rate = rate(self.plan.rate, step, steps);
        let (adapter, gradients) = (self.point.adapter.values_mut(), self.gradients.values());
        let stepped = self.point.optimizer.step(adapter, gradients, rate);
        if stepped.is_none() || !score.loss.is_finite() {
            return Err(Diverged { step });
        }
        let tokens: usize = sequences.iter().map(|sequence| sequence.tokens.len()).sum();
        self.point.tokens = self.point.tokens.saturating_add(tokens as u64);
        let valid =
            step.is_multiple_of(VALIDATE_EVERY).then(|| self.validate(step / VALIDATE_EVERY));
        let epoch = (place + 1 == of_epoch).then_some(epoch + 1);
        Ok(Report { step, score, valid: valid.flatten(), epoch })
    }

    /// Puts the examples into the order of an epoch.
    fn shuffle(&mut self, epoch: u32) {
        if self.order.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let mut order: Vec<usize> = (0..self.examples.len()).collect();
            Random::new(self.plan.seed, ORDER + u64::from(epoch)).shuffle(&mut order);
            self.order = Some((epoch, order));
        }
    }

    /// The score of as many validation examples as a step has: each time the next ones.
    fn validate(&self, time: u32) -> Option<Score> {
        let batch = usize::try_from(self.plan.batch.max(1)).unwrap_or(1);
        let before = usize::try_from(time.saturating_sub(1)).unwrap_or(0).wrapping_mul(batch);
        let first = before.checked_rem(self.validation.len())?;
        let examples = self.validation.iter().cycle().skip(first);
        Some(self.score(examples.take(batch.min(self.validation.len()))))
    }

    /// The score of all validation examples, if there are any.
    #[must_use]
    pub fn validation(&self) -> Option<Score> {
        (!self.validation.is_empty()).then(|| self.score(self.validation.iter()))
    }

    fn score<'e>(&self, examples: impl Iterator<Item = &'e Example>) -> Score {
        let model = Model { base: self.base, team: self.team, turns: &self.turns, keep: 0 };
        let sequences: Vec<&Sequence> = examples.flatten().collect();
        let mut score = Score::default();
        for part in parts(&sequences) {
            score.add(model.pass(&self.point.adapter, part, 1.0, None));
        }
        score
    }
}

/// Cuts a list of sequences into parts of at most [`PART_TOKENS`] tokens; a longer sequence is a part
/// of its own.
fn parts<'s, 'l>(sequences: &'l [&'s Sequence]) -> Vec<&'l [&'s Sequence]> {
    let (mut parts, mut start, mut tokens) = (Vec::new(), 0, 0);
    for (place, sequence) in sequences.iter().enumerate() {
        let length = sequence.tokens.len();
        if place > start && tokens + length > PART_TOKENS {
            parts.extend(sequences.get(start..place));
            (start, tokens) = (place, 0);
        }
        tokens += length;
    }
    parts.extend(sequences.get(start..).filter(|rest| !rest.is_empty()));
    parts
}

/// Number of tokens that go through the model at once.
const PART_TOKENS: usize = 1024;

/// A part of the validation examples is looked at after each of this number of steps.
const VALIDATE_EVERY: u32 = 5;

/// The purpose of the random numbers of the first epoch's order.
const ORDER: u64 = 1;

#[cfg(test)]
mod tests;
