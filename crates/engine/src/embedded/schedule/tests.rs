//! Tests the scheduler with simple arithmetic in place of a model. The next token is a function of
//! the whole sequence, so a wrong cache entry, a wrong position or another tenant's token changes
//! the output.

use std::collections::BTreeMap;

use policy::{
    authz::{DeploymentFacts, authorize, context::Moment},
    id::{DeploymentId, ResourceId, TenantId},
    permit::Complete,
    principal::{Key, ResourceKeys, authenticate},
};

use super::*;
use crate::{
    fixtures::authority,
    request::{CacheScope, Sampling},
};

const VOCABULARY: u32 = 64;
const END: u32 = 0;

/// Stores the tokens of each sequence; the next token is derived from all of them.
#[derive(Default)]
struct Arithmetic {
    sequences: BTreeMap<u32, Vec<u32>>,
    rows: Vec<Vec<f32>>,
    batches: Vec<Vec<BatchToken>>,
    wipes: u32,
    fails: bool,
}

fn successor(tokens: &[u32]) -> u32 {
    let mixed = tokens.iter().fold(17_u64, |sum, &token| {
        sum.wrapping_mul(31).wrapping_add(u64::from(token)) % 1_000_003
    });
    // Never the end token, so that the limits decide about lengths.
    u32::try_from(mixed % u64::from(VOCABULARY - 1)).unwrap() + 1
}

impl Compute for Arithmetic {
    fn decode(&mut self, batch: &[BatchToken]) -> Result<(), String> {
        if self.fails {
            return Err("broken".into());
        }
        self.batches.push(batch.to_vec());
        self.rows.clear();
        for entry in batch {
            let held = self.sequences.entry(entry.sequence).or_default();
            assert_eq!(held.len(), entry.position as usize, "a position was left out or repeated");
            held.push(entry.token);
            let mut logits = vec![0.0; VOCABULARY as usize];
            logits[successor(held) as usize] = 1.0;
            self.rows.push(logits);
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
        self.wipes += 1;
        self.sequences.clear();
    }

    fn piece(&self, token: u32) -> &[u8] {
        const LETTERS: &[u8; 64] =
            b".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
        let at = token as usize;
        &LETTERS[at..=at]
    }

    fn ends(&self, token: u32) -> bool {
        token == END
    }
}

pub(super) fn scope(tenant: u8, reuse: bool) -> CacheScope {
    let tenant = TenantId::from_random([tenant; 16]);
    let resource = ResourceId::from_random([1; 16]);
    let key = Key::from_random(&[1; 32]);
    let keys =
        ResourceKeys { tenant, resource, key1: key.digest(), key2: key.digest(), disabled: false };
    let principal = authenticate(&key, &keys).unwrap().into();
    let deployment = DeploymentId::from_random([1; 16]);
    let facts = DeploymentFacts { tenant, resource, deployment };
    let moment = Moment { now_ms: 0 };
    let permit = authorize::<Complete>(authority(), &principal, &facts, &moment).unwrap();
    CacheScope::of(&permit, reuse)
}

pub(super) fn job(id: u64, scope: CacheScope, prompt: &[u32], tokens_max: u32) -> Job {
    Job {
        id,
        scope,
        prompt: Arc::new(Zeroizing::new(prompt.to_vec())),
        choices: 1,
        tokens_max,
        stop: Vec::new(),
        sampling: Sampling {
            temperature: 0.0,
            top_p: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 0,
            top_k: 0,
            min_p: 0.0,
            repeat_penalty: 1.0,
        },
        logprobs: None,
        constraint: None,
        promise: Arc::default(),
        named: false,
        labels: None,
    }
}

struct Bench {
    scheduler: Scheduler,
    compute: Arithmetic,
    now: Instant,
    events: Vec<(u64, Event)>,
}

impl Bench {
    fn new(sequences: u32) -> Self {
        let settings = Settings {
            sequences,
            batch: 32,
            prompt_chunk: 4,
            prefix_cache: Duration::from_secs(60),
            can_cut: true,
        };
        let (compute, events) = (Arithmetic::default(), Vec::new());
        Self { scheduler: Scheduler::new(settings), compute, now: Instant::now(), events }
    }

    fn step(&mut self) {
        let events = &mut self.events;
        self.scheduler.step(&mut self.compute, self.now, &mut |id, event| events.push((id, event)));
    }

    fn finish(&mut self) {
        while !self.scheduler.is_idle() {
            self.step();
        }
    }

    fn text(&self, wanted: u64) -> String {
        let texts = self.events.iter().filter_map(|(id, event)| match event {
            Event::Delta { text, .. } if *id == wanted => Some(text.0.reveal()),
            _ => None,
        });
        texts.collect()
    }

    fn cached(&self, wanted: u64) -> u32 {
        let mut accepted = self.events.iter().filter_map(|(id, event)| match event {
            Event::Accepted { cached_tokens, .. } if *id == wanted => Some(*cached_tokens),
            _ => None,
        });
        accepted.next().unwrap()
    }

    fn done_at(&self, wanted: u64) -> Option<usize> {
        self.events.iter().position(|(id, event)| *id == wanted && event.is_last())
    }
}

/// Returns the model's answer to a prompt, computed without a scheduler.
fn expected(prompt: &[u32], length: u32) -> String {
    let compute = Arithmetic::default();
    let (mut tokens, mut text) = (prompt.to_vec(), String::new());
    for _ in 0..length {
        let token = successor(&tokens);
        tokens.push(token);
        text.push_str(std::str::from_utf8(compute.piece(token)).unwrap());
    }
    text
}

fn prompt(seed: u32, length: u32) -> Vec<u32> {
    (0..length).map(|at| (seed * 7 + at * 3) % (VOCABULARY - 1) + 1).collect()
}

#[test]
fn many_requests_in_few_sequences_each_get_their_own_text() {
    let mut bench = Bench::new(3);
    for id in 0..12_u32 {
        let prompt = prompt(id, 1 + id * 5);
        bench.scheduler.submit(job(u64::from(id), scope(id as u8 % 4, true), &prompt, 3 + id));
        bench.step();
    }
    bench.finish();
    for id in 0..12_u32 {
        assert_eq!(bench.text(u64::from(id)), expected(&prompt(id, 1 + id * 5), 3 + id), "{id}");
        assert!(bench.done_at(u64::from(id)).is_some());
    }
}

#[test]
fn a_prefix_is_reused_within_a_tenant_and_never_between_two() {
    let mut bench = Bench::new(4);
    let (mine, theirs, private) = (scope(1, true), scope(2, true), scope(1, false));
    let shared = prompt(1, 30);
    for (id, scope) in [(1, mine), (2, mine), (3, theirs), (4, private), (5, private)] {
        bench.scheduler.submit(job(id, scope, &shared, 5));
        bench.finish();
        assert_eq!(bench.text(id), expected(&shared, 5));
    }
    assert_eq!(bench.cached(1), 0);
    assert_eq!(bench.cached(2), 29, "all but the last token, which is computed for its logits");
    assert_eq!(bench.cached(3), 0, "another tenant's prefix");
    assert_eq!(bench.cached(4), 0, "reuse is off for this resource");
    assert_eq!(bench.cached(5), 0, "nothing was left behind");
}

#[test]
fn prefixes_expire_and_an_idle_cache_is_overwritten() {
    let mut bench = Bench::new(2);
    let shared = prompt(1, 30);
    bench.scheduler.submit(job(1, scope(1, true), &shared, 5));
    bench.finish();
    assert_eq!(bench.scheduler.wakes_at(), Some(bench.now + Duration::from_secs(60)));
    bench.now += Duration::from_secs(59);
    bench.step();
    assert_eq!(bench.compute.wipes, 0);
    bench.now += Duration::from_secs(1);
    bench.step();
    assert_eq!(bench.compute.wipes, 1);
    assert_eq!(bench.scheduler.wakes_at(), None);
    bench.scheduler.submit(job(2, scope(1, true), &shared, 5));
    bench.finish();
    assert_eq!(bench.cached(2), 0);

    let mut bench = Bench::new(2);
    bench.scheduler.submit(job(1, scope(1, false), &shared, 5));
    bench.finish();
    bench.now += Duration::from_secs(1);
    bench.step();
    assert_eq!(bench.compute.wipes, 1, "without reuse, a second after the end");
}

#[test]
fn a_long_prompt_does_not_stall_a_stream() {
    let mut bench = Bench::new(2);
    bench.scheduler.submit(job(1, scope(1, true), &prompt(1, 3), 100));
    bench.step();
    bench.scheduler.submit(job(2, scope(2, true), &prompt(2, 200), 1));
    let before = bench.compute.batches.len();
    while bench.done_at(2).is_none() {
        bench.step();
    }
    let batches = &bench.compute.batches[before..];
    assert!(batches.iter().all(|batch| batch.iter().any(|entry| entry.sequence == 0)));
    assert!(batches.iter().all(|batch| batch.len() <= 5), "one token and a chunk of four");
}

#[test]
fn a_tenant_that_floods_does_not_keep_another_waiting() {
    let mut bench = Bench::new(4);
    for id in 0..40 {
        bench.scheduler.submit(job(id, scope(1, true), &prompt(id as u32, 10), 50));
    }
    for _ in 0..20 {
        bench.step();
    }
    bench.scheduler.submit(job(100, scope(2, true), &prompt(100, 10), 50));
    bench.step();
    let started = bench
        .events
        .iter()
        .any(|(id, event)| *id == 100 && matches!(event, Event::Accepted { .. }));
    assert!(started, "it takes a sequence from the tenant that holds four");
    bench.finish();
    let ended_before = (0..40).filter(|&id| bench.done_at(id) < bench.done_at(100)).count();
    assert!(ended_before <= 6, "{ended_before} of the flood's requests ended first");
    // The choice that lost its sequence still gives the full answer.
    for id in 0..40 {
        assert_eq!(bench.text(id), expected(&prompt(id as u32, 10), 50), "{id}");
    }
}

#[test]
fn several_choices_come_from_one_prompt() {
    for length in [10, 300] {
        let mut bench = Bench::new(2);
        let mut several = job(1, scope(1, false), &prompt(1, length), 4);
        several.choices = 5;
        bench.scheduler.submit(several);
        bench.finish();
        let finished =
            bench.events.iter().filter(|(_, event)| matches!(event, Event::Finished { .. }));
        assert_eq!(finished.count(), 5);
        for wanted in 0..5 {
            let texts = bench.events.iter().filter_map(|(_, event)| match event {
                Event::Delta { choice, text, .. } if *choice == wanted => Some(text.0.reveal()),
                _ => None,
            });
            assert_eq!(texts.collect::<String>(), expected(&prompt(1, length), 4));
        }
        let done = bench.events.iter().filter(|(_, event)| matches!(event, Event::Done));
        assert_eq!(done.count(), 1);
    }
}

#[test]
fn a_cancelled_request_frees_its_sequence_at_once() {
    let mut bench = Bench::new(1);
    bench.scheduler.submit(job(1, scope(1, true), &prompt(1, 10), 1000));
    bench.scheduler.submit(job(2, scope(1, true), &prompt(2, 10), 3));
    for _ in 0..10 {
        bench.step();
    }
    bench.scheduler.cancel(1, &mut bench.compute, bench.now);
    let before = bench.events.len();
    bench.finish();
    assert!(bench.events[before..].iter().all(|(id, _)| *id == 2));
    assert_eq!(bench.text(2), expected(&prompt(2, 10), 3));

    // Cancelled while its prompt is still being prepared.
    bench.scheduler.cancel(3, &mut bench.compute, bench.now);
    bench.scheduler.submit(job(3, scope(1, true), &prompt(3, 10), 3));
    assert!(bench.scheduler.is_idle());
}

#[test]
fn a_failed_batch_ends_what_ran_and_nothing_else() {
    let mut bench = Bench::new(1);
    bench.scheduler.submit(job(1, scope(1, true), &prompt(1, 10), 10));
    bench.scheduler.submit(job(2, scope(1, true), &prompt(2, 10), 3));
    bench.step();
    bench.compute.fails = true;
    bench.step();
    bench.compute.fails = false;
    bench.finish();
    assert!(bench.events.iter().any(|(id, event)| *id == 1 && matches!(event, Event::Failed(_))));
    assert_eq!(bench.text(2), expected(&prompt(2, 10), 3));
}

/// Work behind computes in the steps that the others leave, gives up its sequences, and loses nothing.
#[test]
fn work_behind_waits_for_all_other() {
    let mut bench = Bench::new(4);
    for id in 1..=4 {
        let behind = scope(1, true).behind(true);
        bench.scheduler.submit(job(id, behind, &prompt(id as u32, 20), 40));
    }
    for _ in 0..6 {
        bench.step();
    }
    let running = |bench: &Bench| {
        let all = bench.scheduler.slots.running();
        let (behind, others): (Vec<_>, Vec<_>) = all.partition(|(_, c)| c.job.account().behind);
        (behind.len(), others.len())
    };
    assert_eq!(running(&bench), (2, 0), "half of the sequences");
    // Three others need room for one.
    for id in 11..=13 {
        bench.scheduler.submit(job(id, scope(2, true), &prompt(id as u32, 20), 100));
    }
    let before = bench.compute.batches.len();
    bench.step();
    assert_eq!(running(&bench), (1, 3));
    while (11..=13).any(|id| bench.done_at(id).is_none()) {
        bench.step();
    }
    // It computed nothing meanwhile, but in the rare steps that it always has.
    let meanwhile = bench.compute.batches.len() - before;
    assert!(meanwhile < BEHIND_EVERY as usize, "{meanwhile} steps");
    assert!((1..=4).all(|id| bench.done_at(id).is_none()));
    bench.finish();
    for id in 1..=4 {
        assert_eq!(bench.text(id), expected(&prompt(id as u32, 20), 40), "{id}");
    }
}

/// It goes on beside one stream after another, in one of many steps.
#[test]
fn work_behind_is_not_starved() {
    let mut bench = Bench::new(2);
    bench.scheduler.submit(job(1, scope(1, true).behind(true), &prompt(1, 10), 3));
    let mut last = 2;
    bench.scheduler.submit(job(last, scope(2, true), &prompt(2, 4), 50));
    let mut steps = 0;
    while bench.done_at(1).is_none() {
        bench.step();
        steps += 1;
        if bench.done_at(last).is_some() {
            last += 1;
            bench.scheduler.submit(job(last, scope(2, true), &prompt(last as u32, 4), 50));
        }
        assert!(steps < 10 * BEHIND_EVERY, "it is starved");
    }
    assert_eq!(bench.text(1), expected(&prompt(1, 10), 3));
    assert!(steps > BEHIND_EVERY, "it took turns with the others: {steps} steps");
}
