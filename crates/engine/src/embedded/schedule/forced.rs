//! Tokens that a grammar forces: computed together or one by one, the answer is the same.

use std::collections::BTreeMap;

use toktrie::ApproximateTokEnv;

use super::{
    tests::{job, scope},
    *,
};
use crate::{
    embedded::{constrain::Constrainer, promise::Promise, sample::SplitMix64},
    request::Constraint,
};

/// Number of tokens: the bytes, and six control tokens of which the last ends the text.
const VOCABULARY: u32 = 262;

const SCHEMA: &str = r#"{"type":"object","properties":{"kind":{"enum":["alpha","beta"]},
    "temperature":{"type":"integer","minimum":0,"maximum":99},"unit":{"const":"degrees celsius"},
    "tags":{"type":"array","items":{"enum":["one","two"]},"minItems":1,"maxItems":3}},
    "required":["kind","temperature","unit","tags"],"additionalProperties":false}"#;

/// A model whose tokens are bytes. Its logits are random numbers that depend on all tokens so far.
struct Bytes {
    pieces: Vec<Vec<u8>>,
    sequences: BTreeMap<u32, Vec<u32>>,
    rows: Vec<Vec<f32>>,
    /// The length of each batch.
    batches: Vec<usize>,
}

fn logits(tokens: &[u32]) -> Vec<f32> {
    let seed = tokens.iter().fold(17_u64, |sum, &token| {
        sum.wrapping_mul(0x0100_0000_01b3).wrapping_add(u64::from(token))
    });
    let mut random = SplitMix64(seed);
    (0..VOCABULARY).map(|_| random.fraction() * 4.0).collect()
}

impl Compute for Bytes {
    fn decode(&mut self, batch: &[BatchToken]) -> Result<(), String> {
        self.batches.push(batch.len());
        self.rows.clear();
        for entry in batch {
            let held = self.sequences.entry(entry.sequence).or_default();
            assert_eq!(held.len(), entry.position as usize, "a position was left out or repeated");
            held.push(entry.token);
            self.rows.push(if entry.output { logits(held) } else { Vec::new() });
        }
        Ok(())
    }

    fn logits(&mut self, row: usize) -> Result<&[f32], String> {
        Ok(&self.rows[row])
    }

    fn forget(&mut self, sequence: u32, from: u32) -> bool {
        if let Some(held) = self.sequences.get_mut(&sequence) {
            held.truncate(from as usize);
        }
        true
    }

    fn copy(&mut self, from: u32, to: u32) {
        let held = self.sequences.get(&from).cloned().unwrap_or_default();
        self.sequences.insert(to, held);
    }

    fn wipe(&mut self) {
        self.sequences.clear();
    }

    fn piece(&self, token: u32) -> &[u8] {
        &self.pieces[token as usize]
    }

    fn ends(&self, token: u32) -> bool {
        token >= 256
    }
}

/// The answers to one kind of request.
#[derive(Debug, PartialEq)]
struct Answers {
    /// Text, tokens and reason of each answer.
    ends: Vec<(String, u32, FinishReason)>,
    logprobs: Vec<TokenLogprob>,
    batches: Vec<usize>,
}

fn scheduler(prompt_chunk: usize) -> (Scheduler, Bytes) {
    let settings = Settings {
        sequences: 4,
        batch: 64,
        prompt_chunk,
        prefix_cache: Duration::from_secs(60),
        can_cut: true,
    };
    let pieces = (0..VOCABULARY).map(|token| u8::try_from(token).into_iter().collect()).collect();
    let compute =
        Bytes { pieces, sequences: BTreeMap::new(), rows: Vec::new(), batches: Vec::new() };
    (Scheduler::new(settings), compute)
}

fn constrained(id: u64, schema: &str, tokens_max: u32) -> Job {
    let constrainer = Constrainer::with(&ApproximateTokEnv::single_byte_env()).unwrap();
    let constraint = Constraint::JsonSchema { schema: schema.to_owned().into(), strict: true };
    let (state, promise) = constrainer.compile(&constraint, &[]).unwrap();
    assert!(matches!(promise, Promise::Json(_)));
    let mut job = job(id, scope(1, true), &[65, 66, 67], tokens_max);
    job.constraint = state;
    job.promise = Arc::new(promise);
    job.sampling.temperature = 1.0;
    job.sampling.frequency_penalty = 0.5;
    job.sampling.seed = id;
    job
}

/// Runs requests. With chunks of 0 tokens, no tokens are computed together.
fn run(jobs: Vec<Job>, prompt_chunk: usize) -> Answers {
    let (mut scheduler, mut compute) = scheduler(prompt_chunk);
    let mut answers = Answers { ends: Vec::new(), logprobs: Vec::new(), batches: Vec::new() };
    let now = Instant::now();
    for job in jobs {
        let mut text = String::new();
        scheduler.submit(job);
        while !scheduler.is_idle() {
            scheduler.step(&mut compute, now, &mut |_, event| match event {
                Event::Delta { text: more, logprobs, .. } => {
                    text.push_str(more.0.reveal());
                    answers.logprobs.extend(logprobs);
                }
                Event::Finished { reason, completion_tokens, .. } => {
                    answers.ends.push((std::mem::take(&mut text), completion_tokens, reason));
                }
                Event::Failed(refusal) => panic!("{refusal}"),
                _ => {}
            });
        }
    }
    answers.batches = compute.batches;
    answers
}

#[test]
fn an_answer_does_not_depend_on_how_many_tokens_are_computed_together() {
    let jobs = || (0..60).map(|id| constrained(id, SCHEMA, 400)).collect();
    let (single, together) = (run(jobs(), 0), run(jobs(), 64));
    assert_eq!(single.ends, together.ends);
    assert_eq!(single.ends.len(), 60);
    for (text, tokens, reason) in &single.ends {
        // Tokens are bytes; the end token is not generated, because the grammar is complete.
        assert_eq!((text.len(), *reason), (*tokens as usize, FinishReason::Stop), "{text}");
    }
    let different: HashSet<_> = single.ends.iter().map(|(text, ..)| text).collect();
    assert!(different.len() > 40, "the model had a choice");
    let (one_by_one, fewer) = (single.batches.len(), together.batches.len());
    assert!(fewer * 4 < one_by_one, "{fewer} batches instead of {one_by_one}");
}

#[test]
fn a_limit_of_tokens_cuts_at_the_same_place() {
    let jobs = || (1..90).map(|most| constrained(7, SCHEMA, most)).collect();
    let (single, together) = (run(jobs(), 0), run(jobs(), 64));
    assert_eq!(single.ends, together.ends);
    for (most, (text, tokens, reason)) in (1..).zip(&together.ends) {
        assert_eq!(text.len(), *tokens as usize);
        assert!(*reason == FinishReason::Stop || *tokens == most, "{text}");
    }
}

#[test]
fn a_stop_text_among_forced_tokens_ends_the_answer_there() {
    let jobs = || {
        let mut job = constrained(3, SCHEMA, 400);
        job.stop = vec!["celsius".to_owned().into()];
        vec![job]
    };
    let (single, together) = (run(jobs(), 0), run(jobs(), 64));
    assert_eq!(single.ends, together.ends);
    assert!(single.ends[0].0.ends_with("\"unit\": \"degrees "), "{:?}", single.ends);
}

#[test]
fn each_forced_token_has_its_log_probability() {
    let plain = run(vec![constrained(5, SCHEMA, 400)], 64);
    let mut job = constrained(5, SCHEMA, 400);
    job.logprobs = Some(2);
    let reported = run(vec![job], 64);
    assert_eq!(plain.ends, reported.ends);
    let (text, tokens, _) = &reported.ends[0];
    assert_eq!(reported.logprobs.len(), *tokens as usize);
    let mut before = vec![65, 66, 67];
    for (byte, reported) in text.bytes().zip(&reported.logprobs) {
        let (logprob, _) = sample::logprobs(&logits(&before), u32::from(byte), 0);
        assert_eq!((reported.token.0.as_slice(), reported.logprob), (&[byte][..], logprob));
        before.push(u32::from(byte));
    }
}

#[test]
fn a_long_forced_text_delays_no_other_stream() {
    let constant = format!(
        r#"{{"type":"object","properties":{{"a":{{"const":"{}"}},"b":{{"enum":["y","z"]}}}},
            "required":["a","b"],"additionalProperties":false}}"#,
        "x".repeat(1000)
    );
    let (mut scheduler, mut compute) = scheduler(8);
    for id in 0..3 {
        scheduler.submit(constrained(id, &constant, 2000));
    }
    let prompt: Vec<u32> = (0..200).map(|at| at % 200 + 32).collect();
    let now = Instant::now();
    let mut ends = Vec::new();
    scheduler.step(&mut compute, now, &mut |_, _| {});
    let before = compute.batches.len();
    scheduler.submit(job(9, scope(2, true), &prompt, 1));
    while !scheduler.is_idle() {
        scheduler.step(&mut compute, now, &mut |id, event| match event {
            Event::Finished { .. } => ends.push(id),
            Event::Failed(refusal) => panic!("{refusal}"),
            _ => {}
        });
    }
    // A token of each of three choices, four forced ones, and a chunk of a prompt.
    assert!(compute.batches[before..].iter().all(|&length| length <= 3 + 4 + 8));
    assert_eq!(ends.first(), Some(&9), "the prompt of another tenant gets its part of each batch");
    assert_eq!(ends.len(), 4);
}

/// Finding the forced text takes time in which other streams wait, so there is a limit.
#[test]
fn a_grammar_that_could_force_too_much_forces_nothing() {
    let forced = |schema: &str| {
        let schema = format!(
            r#"{{"type":"object","properties":{{"a":{schema},"b":{{"enum":["y","z"]}}}},
                "required":["a","b"],"additionalProperties":false}}"#
        );
        constrained(1, &schema, 60_000).constraint.unwrap().forced().len()
    };
    assert_eq!(forced(r#"{"enum":["abc","abd"]}"#), "{\"a\": \"ab".len());
    let text = |length| format!(r#"{{"const":"{}"}}"#, "x".repeat(length));
    assert_eq!(forced(&text(3000)), "{\"a\": \"\", \"b\": \"".len() + 3000);
    assert_eq!(forced(&text(5000)), 0);
    assert_eq!(forced(&format!(r#"{{"enum":["short","{}"]}}"#, "x".repeat(5000))), 0);
    let items = |count| {
        format!(
            r#"{{"type":"array","items":{{"const":"abcdef"}},"minItems":{count},"maxItems":{count}}}"#
        )
    };
    assert!(forced(&items(100)) > 800);
    assert_eq!(forced(&items(1000)), 0);
    assert!(forced(r#"{"type":"string","pattern":"^(ab){100}c$"}"#) > 200);
    assert_eq!(forced(r#"{"type":"string","pattern":"^((ab){100}c){40}$"}"#), 0);
}

#[test]
fn a_choice_that_lost_its_sequence_computes_its_forced_tokens_again() {
    let (mut scheduler, mut compute) = scheduler(16);
    let expected = run((0..4).map(|id| constrained(id, SCHEMA, 400)).collect(), 0).ends;
    for id in 0..4 {
        scheduler.submit(constrained(id, SCHEMA, 400));
    }
    let now = Instant::now();
    let mut texts = BTreeMap::<u64, String>::new();
    let mut step = |scheduler: &mut Scheduler| {
        scheduler.step(&mut compute, now, &mut |id, event| match event {
            Event::Delta { text, .. } => texts.entry(id).or_default().push_str(text.0.reveal()),
            Event::Failed(refusal) => panic!("{refusal}"),
            _ => {}
        });
    };
    for _ in 0..4 {
        step(&mut scheduler);
    }
    // Another tenant takes a sequence from the tenant that holds all of them.
    scheduler.submit(job(9, scope(2, true), &[65, 66], 5));
    while !scheduler.is_idle() {
        step(&mut scheduler);
    }
    for (id, (text, ..)) in (0..).zip(&expected) {
        assert_eq!(&texts[&id], text);
    }
}
