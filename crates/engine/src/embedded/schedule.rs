//! Continuous batching: many generations in one context, fair between tenants.
//!
//! Each step computes one batch: the next token of every running choice, and a part of the prompts
//! that are not computed yet. That part is so small that running choices are hardly delayed. Tokens
//! that a grammar forces follow each other without the model's choice, and share a batch. A
//! choice holds one of the context's sequences while it runs. The tenant that was served least so
//! far starts the next choice (virtual token counters: Sheng et al., "Fairness in Serving Large
//! Language Models", OSDI 2024). A tenant without a running choice comes first, and can take a
//! sequence from a tenant with several.
//!
//! Work behind, which is a batch's, uses what the others leave. It holds at most half of the
//! sequences, and gives one up to any other request that needs it. While others run, it computes in
//! one of [`BEHIND_EVERY`] steps only, so that it goes on at all. Otherwise its steps are short: a
//! request that arrives waits for the end of one.
//!
//! When a choice ends, its entries stay in the KV cache for a limited time, only for its own
//! tenant, and only if reuse is on. Apart from the [`Compute`] that it drives, the scheduler is
//! pure: time is an argument.

mod slots;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use self::slots::{Slot, Slots};
use super::{
    constrain::State,
    ffi::BatchToken,
    output::Output,
    prepare::Job,
    promise::Fault,
    sample::{self, Sampler},
};
use crate::request::{Account, Event, FinishReason, Refusal, TokenBytes, TokenLogprob};

/// The computation that the scheduler drives: llama.cpp in the worker, simple arithmetic in tests.
pub(crate) trait Compute {
    /// Computes a batch.
    fn decode(&mut self, batch: &[BatchToken]) -> Result<(), String>;
    /// Returns the logits after the token at index `row` of the batch.
    fn logits(&mut self, row: usize) -> Result<&[f32], String>;
    /// Drops a sequence's entries from a position on; false if it cannot be cut there.
    fn forget(&mut self, sequence: u32, from: u32) -> bool;
    /// Replaces the entries of sequence `to` by a copy of those of `from`.
    fn copy(&mut self, from: u32, to: u32);
    /// Overwrites all entries.
    fn wipe(&mut self);
    /// Returns the bytes of a token; empty for a control token.
    fn piece(&self, token: u32) -> &[u8];
    /// Returns the bytes of a token, or the name of a control token; for reported alternatives.
    fn name(&self, token: u32) -> &[u8] {
        self.piece(token)
    }
    /// Whether a token ends the text.
    fn ends(&self, token: u32) -> bool;
}

/// Settings of a scheduler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Number of choices that run at once.
    pub(crate) sequences: u32,
    /// Maximum number of tokens in a batch.
    pub(crate) batch: usize,
    /// Maximum number of prompt tokens in a batch while choices generate.
    pub(crate) prompt_chunk: usize,
    /// Time that a tenant's unused prefix stays in the cache.
    pub(crate) prefix_cache: Duration,
    /// Whether sequences can be cut at a position. Recurrent models cannot do this, and reuse no
    /// prefixes.
    pub(crate) can_cut: bool,
}

/// Minimum length of a shared prefix for which its sequence is chosen over an empty one.
const REUSE_TOKENS_MIN: usize = 16;
/// Minimum length of a prompt, in tokens, for which copying a sequence is cheaper than computing it
/// again.
const COPY_TOKENS_MIN: usize = 256;
/// Time after which an idle worker overwrites its KV cache.
pub(crate) const WIPE_AFTER: Duration = Duration::from_secs(1);
/// Maximum number of forced tokens after each token that is chosen, so that a long forced text does
/// not delay the other streams.
const FORCED_MAX: usize = 64;
/// While others run, work behind computes in one of so many steps: fewer than those that a 99th
/// percentile looks at.
const BEHIND_EVERY: u32 = 200;
/// Maximum number of prompt tokens of work behind in a batch.
const BEHIND_CHUNK: usize = 16;
/// Cost of a generated token, relative to a prompt token.
const GENERATED_COST: u64 = 2;

/// The scheduler; see the module documentation.
#[derive(Debug)]
pub(crate) struct Scheduler {
    settings: Settings,
    slots: Slots,
    tenants: HashMap<Account, Tenant>,
    requests: HashMap<u64, Request>,
    /// Requests that were cancelled before their job arrived.
    cancelled: HashSet<u64>,
    batch: Vec<BatchToken>,
    /// Time of the last use of the cache; `None` if it was not used since the last wipe.
    dirty: Option<Instant>,
    started: u64,
    /// Number of steps since work behind had its last turn.
    without_behind: u32,
}

#[derive(Debug, Default)]
struct Tenant {
    waiting: VecDeque<Box<Choice>>,
    running: u32,
    served: u64,
}

#[derive(Debug)]
struct Request {
    choices_left: u32,
}

/// One continuation of one request's prompt.
#[derive(Debug)]
struct Choice {
    job: Arc<Job>,
    index: u32,
    /// Prompt and generated tokens.
    tokens: Zeroizing<Vec<u32>>,
    /// Number of these that are in the KV cache.
    computed: usize,
    generated: u32,
    /// Number of tokens that its last turn added.
    added: usize,
    sampler: Sampler,
    constraint: Option<State>,
    /// Tokens that must come next, the first one last.
    forced: Zeroizing<Vec<u32>>,
    output: Output,
    /// Number of its start; later starts have higher numbers.
    started: u64,
}

impl Choice {
    fn new(job: &Arc<Job>, index: u32) -> Box<Self> {
        Box::new(Self {
            job: Arc::clone(job),
            index,
            tokens: Zeroizing::new(job.prompt.to_vec()),
            computed: 0,
            generated: 0,
            added: 0,
            sampler: Sampler::new(job.sampling.clone(), index).after(&job.prompt),
            constraint: job.constraint.clone(),
            forced: Zeroizing::default(),
            output: Output::new(index, job.stop.clone(), Arc::clone(&job.promise)),
            started: 0,
        })
    }

    fn pending(&self) -> usize {
        self.tokens.len().saturating_sub(self.computed)
    }

    /// Whether only generated tokens are to be computed. False for a choice that lost its sequence
    /// and computes its prompt again.
    fn is_generating(&self) -> bool {
        self.generated > 0 && self.pending() <= self.added
    }

    /// Returns the next token if the constraint allows only one text.
    fn next_forced(&mut self, compute: &dyn Compute) -> Option<u32> {
        let constraint = self.constraint.as_mut()?;
        if self.forced.is_empty() {
            self.forced = Zeroizing::new(constraint.forced());
            self.forced.reverse();
        }
        let token = self.forced.pop()?;
        if !constraint.take(compute.piece(token)) {
            // A key that its object has: the mask finds out whether another token can come.
            self.forced.clear();
            return None;
        }
        Some(token)
    }
}

/// The result of choosing a token.
enum Next {
    Continues,
    Judged,
    Finished(FinishReason),
    Failed(Refusal),
}

impl Scheduler {
    /// Creates an idle scheduler.
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            slots: Slots::new(settings.sequences),
            tenants: HashMap::new(),
            requests: HashMap::new(),
            cancelled: HashSet::new(),
            batch: Vec::new(),
            dirty: None,
            started: 0,
            without_behind: 0,
        }
    }

    /// Whether there is no request.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// Returns the time at which an idle scheduler must next clear a part of the cache.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        let expiries = self.slots.iter().filter_map(|(_, slot)| match slot {
            Slot::Cached { used, .. } => used.checked_add(self.settings.prefix_cache),
            Slot::Empty | Slot::Running(_) => None,
        });
        let wipe = self.dirty.and_then(|touched| touched.checked_add(WIPE_AFTER));
        expiries.min().or(wipe)
    }

    /// Adds a job.
    pub(crate) fn submit(&mut self, job: Job) {
        if self.cancelled.remove(&job.id) {
            return;
        }
        let job = Arc::new(job);
        self.requests.insert(job.id, Request { choices_left: job.choices });
        // A tenant that comes back gets no credit for its absence: it starts level with the least
        // served active tenant.
        let floor = self.active_floor(job.account().behind);
        let tenant = self.tenants.entry(job.account()).or_default();
        if tenant.waiting.is_empty() && tenant.running == 0 {
            tenant.served = tenant.served.max(floor.unwrap_or(0));
        }
        // The other choices follow once the first has computed the prompt.
        tenant.waiting.push_back(Choice::new(&job, 0));
    }

    /// Cancels a request.
    pub(crate) fn cancel(&mut self, id: u64, compute: &mut dyn Compute, now: Instant) {
        if self.requests.contains_key(&id) {
            self.end(id, compute, now);
        } else {
            self.cancelled.insert(id);
        }
    }

    /// Forgets the cancellation of a request whose job will never arrive.
    pub(crate) fn never_comes(&mut self, id: u64) {
        self.cancelled.remove(&id);
    }

    /// Clears expired entries, starts waiting choices, and computes one batch.
    pub(crate) fn step(
        &mut self,
        compute: &mut dyn Compute,
        now: Instant,
        emit: &mut dyn FnMut(u64, Event),
    ) {
        self.expire(compute, now);
        if self.is_idle() {
            self.wipe_when_due(compute, now);
            return;
        }
        self.start_waiting(compute, now, emit);
        self.fill_batch();
        if self.batch.is_empty() {
            return;
        }
        self.dirty = Some(now);
        if let Err(reason) = compute.decode(&self.batch) {
            self.fail_all(&reason, compute, now, emit);
            return;
        }
        for row in 0..self.batch.len() {
            if self.batch.get(row).is_some_and(|entry| entry.output) {
                self.choose_next(row, compute, now, emit);
            }
        }
    }

    /// Puts the next tokens of running choices and pieces of prompts into the batch.
    fn fill_batch(&mut self) {
        self.batch.clear();
        let busy = self.slots.running().any(|(_, choice)| choice.is_generating());
        let behind_has_turn = self.behind_has_turn();
        let place = |(sequence, choice): (u32, &Choice)| {
            let account = choice.job.account();
            let served = self.tenants.get(&account).map_or(0, |tenant| tenant.served);
            (account.behind, !choice.is_generating(), served, choice.started, sequence)
        };
        let mut order: Vec<_> = self
            .slots
            .running()
            .map(place)
            .filter(|&(behind, ..)| !behind || behind_has_turn)
            .collect();
        // Generating choices first, then prompts, those of the least served tenants first.
        order.sort_unstable();
        let mut prompt_room = if busy { self.settings.prompt_chunk } else { self.settings.batch };
        // For all tokens but the first of each generating choice, which a grammar forced. Like a
        // part of a prompt they delay the other streams, so they are limited, too.
        let mut forced_room = self.settings.prompt_chunk / 2;
        let mut behind_room = BEHIND_CHUNK;
        for (behind, reads_prompt, _, _, sequence) in order {
            let Some(choice) = self.slots.choice(sequence) else { continue };
            let room = self.settings.batch.saturating_sub(self.batch.len());
            let mut most = if reads_prompt { prompt_room } else { forced_room.saturating_add(1) };
            if behind {
                most = most.min(behind_room);
            }
            let count = choice.pending().min(room).min(most);
            if behind {
                behind_room = behind_room.saturating_sub(count);
            }
            if reads_prompt {
                prompt_room = prompt_room.saturating_sub(count);
            } else {
                forced_room = forced_room.saturating_sub(count.saturating_sub(1));
            }
            let from = choice.computed;
            let last = choice.tokens.len().saturating_sub(1);
            for (offset, &token) in choice.tokens.iter().skip(from).take(count).enumerate() {
                let position = from.saturating_add(offset);
                self.batch.push(BatchToken {
                    token,
                    position: u32::try_from(position).unwrap_or(u32::MAX),
                    sequence,
                    output: position == last,
                });
            }
            choice.computed = from.saturating_add(count);
            if let Some(tenant) = self.tenants.get_mut(&choice.job.account()) {
                let cost = if reads_prompt { 1 } else { GENERATED_COST };
                tenant.served = tenant.served.saturating_add(cost.saturating_mul(count as u64));
            }
        }
    }

    /// Whether work behind computes in this step.
    fn behind_has_turn(&mut self) -> bool {
        let others = self.slots.running().any(|(_, choice)| !choice.job.account().behind);
        self.without_behind = match self.without_behind.saturating_add(1) {
            steps if others && steps < BEHIND_EVERY => steps,
            _ => 0,
        };
        self.without_behind == 0
    }

    /// Chooses the token after the token at index `row` of the batch.
    fn choose_next(
        &mut self,
        row: usize,
        compute: &mut dyn Compute,
        now: Instant,
        emit: &mut dyn FnMut(u64, Event),
    ) {
        let Some(entry) = self.batch.get(row).copied() else { return };
        let Some(choice) = self.slots.choice(entry.sequence) else { return };
        let id = choice.job.id;
        if choice.generated == 0 && choice.index == 0 {
            let job = Arc::clone(&choice.job);
            let siblings = (1..job.choices).rev().map(|index| Choice::new(&job, index));
            if let Some(tenant) = self.tenants.get_mut(&job.account()) {
                siblings.for_each(|sibling| tenant.waiting.push_front(sibling));
            }
        }
        let next = match choice.job.labels.as_deref() {
            Some(labels) => judge(labels, row, compute, &mut |event| emit(id, event)),
            None => advance(choice, row, compute, &mut |event| emit(id, event)),
        };
        match next {
            Next::Continues => {}
            Next::Judged => {
                self.release(entry.sequence, compute, now);
                self.finish_choice(id, emit);
            }
            Next::Finished(reason) => {
                let (choice, completion_tokens) = (choice.index, choice.generated);
                emit(id, Event::Finished { choice, reason, completion_tokens });
                self.release(entry.sequence, compute, now);
                self.finish_choice(id, emit);
            }
            Next::Failed(refusal) => {
                emit(id, Event::Failed(refusal));
                self.end(id, compute, now);
            }
        }
    }

    fn finish_choice(&mut self, id: u64, emit: &mut dyn FnMut(u64, Event)) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        request.choices_left = request.choices_left.saturating_sub(1);
        if request.choices_left == 0 {
            self.requests.remove(&id);
            emit(id, Event::Done);
        }
        self.forget_idle_tenants();
    }

    /// Starts waiting choices while sequences are available.
    fn start_waiting(
        &mut self,
        compute: &mut dyn Compute,
        now: Instant,
        emit: &mut dyn FnMut(u64, Event),
    ) {
        while let Some(tenant) = self.next_tenant() {
            if !self.slots.iter().any(|(_, slot)| !matches!(slot, Slot::Running(_)))
                && !self.make_room_for(tenant, compute)
            {
                return;
            }
            let Some(entry) = self.tenants.get_mut(&tenant) else { return };
            let Some(mut choice) = entry.waiting.pop_front() else { return };
            let Some(sequence) = self.choose_slot(&choice) else {
                entry_back(&mut self.tenants, tenant, choice);
                return;
            };
            let cached = self.take_slot(sequence, &mut choice, compute);
            if choice.index == 0 && choice.generated == 0 && choice.started == 0 {
                let prompt_tokens = u32::try_from(choice.job.prompt.len()).unwrap_or(u32::MAX);
                let cached_tokens = u32::try_from(cached).unwrap_or(u32::MAX);
                emit(choice.job.id, Event::Accepted { prompt_tokens, cached_tokens });
            }
            self.started = self.started.saturating_add(1);
            choice.started = self.started;
            if let Some(entry) = self.tenants.get_mut(&tenant) {
                entry.running = entry.running.saturating_add(1);
            }
            self.dirty = Some(now);
            self.slots.put(sequence, Slot::Running(choice));
        }
    }

    /// Returns the tenant that starts the next choice: one with a waiting choice, preferably
    /// without a running one, and among these the least served. Work behind comes last, and leaves
    /// half of the sequences to others.
    fn next_tenant(&self) -> Option<Account> {
        let waiting = self.tenants.iter().filter(|(_, tenant)| !tenant.waiting.is_empty());
        let next =
            waiting.min_by_key(|&(id, tenant)| (id.behind, tenant.running > 0, tenant.served, *id));
        next.map(|(&id, _)| id).filter(|id| {
            let most = (self.settings.sequences / 2).max(1);
            !id.behind || self.running_behind() < most
        })
    }

    /// Returns the number of sequences of work behind.
    fn running_behind(&self) -> u32 {
        let behind = self.tenants.iter().filter(|(id, _)| id.behind);
        behind.map(|(_, tenant)| tenant.running).sum()
    }

    /// Returns the smallest amount that an active tenant was served.
    fn active_floor(&self, behind: bool) -> Option<u64> {
        let active = |(id, tenant): &(&Account, &Tenant)| {
            id.behind == behind && (tenant.running > 0 || !tenant.waiting.is_empty())
        };
        self.tenants.iter().filter(active).map(|(_, tenant)| tenant.served).min()
    }

    /// Returns the sequence for a choice: the one with the longest part of its prompt in the cache,
    /// else an empty one, else the one whose cached prefix was not used for the longest time.
    fn choose_slot(&self, choice: &Choice) -> Option<u32> {
        let mut best: Option<(usize, u32)> = None;
        let mut empty = None;
        let mut oldest: Option<(Instant, u32)> = None;
        for (sequence, slot) in self.slots.iter() {
            match slot {
                Slot::Running(_) => {}
                Slot::Empty => empty = empty.or(Some(sequence)),
                Slot::Cached { tenant, tokens, used } => {
                    if oldest.is_none_or(|(time, _)| *used < time) {
                        oldest = Some((*used, sequence));
                    }
                    if *tenant == choice.job.tenant() && choice.job.scope.reuse() {
                        let shared = shared_prefix(tokens, &choice.tokens);
                        if shared >= REUSE_TOKENS_MIN && best.is_none_or(|(most, _)| shared > most)
                        {
                            best = Some((shared, sequence));
                        }
                    }
                }
            }
        }
        best.map(|(_, sequence)| sequence).or(empty).or(oldest.map(|(_, sequence)| sequence))
    }

    /// Clears a sequence for a choice, except for a prefix that the choice may reuse. Returns the
    /// length of that prefix.
    fn take_slot(
        &mut self,
        sequence: u32,
        choice: &mut Choice,
        compute: &mut dyn Compute,
    ) -> usize {
        // The last token must be computed again, because its logits are needed.
        let most = choice.tokens.len().saturating_sub(1);
        let mut shared = match self.slots.take(sequence) {
            Slot::Cached { tenant, tokens, .. }
                if tenant == choice.job.tenant() && choice.job.scope.reuse() =>
            {
                shared_prefix(&tokens, &choice.tokens).min(most)
            }
            _ => 0,
        };
        if shared == 0 && choice.index > 0 && self.settings.can_cut && most >= COPY_TOKENS_MIN {
            shared = self.copy_from_sibling(sequence, choice, compute).min(most);
        }
        let from = u32::try_from(shared).unwrap_or(u32::MAX);
        if !compute.forget(sequence, from) {
            compute.forget(sequence, 0);
            shared = 0;
        }
        choice.computed = shared;
        shared
    }

    /// Copies the prompt's entries from another choice of the same request.
    fn copy_from_sibling(
        &self,
        sequence: u32,
        choice: &Choice,
        compute: &mut dyn Compute,
    ) -> usize {
        let prompt = choice.job.prompt.len();
        let sibling = self
            .slots
            .running()
            .find(|(_, other)| Arc::ptr_eq(&other.job, &choice.job) && other.computed >= prompt);
        let Some((sibling, _)) = sibling else { return 0 };
        compute.copy(sibling, sequence);
        prompt
    }

    /// Takes a sequence from work behind, or else from the tenant with the most running choices, if
    /// `tenant` has none. Work behind takes none.
    fn make_room_for(&mut self, tenant: Account, compute: &mut dyn Compute) -> bool {
        if tenant.behind {
            return false;
        }
        let lacks_one = self.tenants.get(&tenant).is_some_and(|tenant| tenant.running == 0);
        let gives = |&(id, from): &(&Account, &Tenant)| match id.behind {
            true => from.running > 0,
            false => lacks_one && from.running > 1,
        };
        let givers = self.tenants.iter().filter(gives);
        let most = givers.max_by_key(|&(id, tenant)| (id.behind, tenant.running, *id));
        let Some((&victim, _)) = most else { return false };
        let its_own = self.slots.running().filter(|(_, choice)| choice.job.account() == victim);
        let newest = its_own.max_by_key(|(sequence, choice)| (choice.started, *sequence));
        let Some((sequence, _)) = newest else { return false };
        let Some(mut choice) = self.slots.take_choice(sequence) else { return false };
        // The choice computes its tokens again when its turn comes; its caller sees a pause.
        choice.computed = 0;
        compute.forget(sequence, 0);
        if let Some(entry) = self.tenants.get_mut(&victim) {
            entry.running = entry.running.saturating_sub(1);
        }
        entry_back(&mut self.tenants, victim, choice);
        true
    }

    /// Ends a choice. Its sequence is cleared, or kept for the tenant's next request.
    fn release(&mut self, sequence: u32, compute: &mut dyn Compute, now: Instant) {
        let Some(mut choice) = self.slots.take_choice(sequence) else { return };
        let tenant = choice.job.tenant();
        if let Some(entry) = self.tenants.get_mut(&choice.job.account()) {
            entry.running = entry.running.saturating_sub(1);
        }
        let keeps = choice.job.scope.reuse()
            && self.settings.can_cut
            && !self.settings.prefix_cache.is_zero();
        if keeps {
            choice.tokens.truncate(choice.computed);
            let tokens = std::mem::take(&mut choice.tokens);
            self.slots.put(sequence, Slot::Cached { tenant, tokens, used: now });
        } else {
            compute.forget(sequence, 0);
        }
        self.dirty = Some(now);
    }

    /// Ends all choices of a request.
    fn end(&mut self, id: u64, compute: &mut dyn Compute, now: Instant) {
        self.requests.remove(&id);
        for tenant in self.tenants.values_mut() {
            tenant.waiting.retain(|choice| choice.job.id != id);
        }
        let its_own = self.slots.running().filter(|(_, choice)| choice.job.id == id);
        let sequences: Vec<u32> = its_own.map(|(sequence, _)| sequence).collect();
        for sequence in sequences {
            self.release(sequence, compute, now);
        }
        self.forget_idle_tenants();
    }

    /// Handles a failed batch: the content of the cache is unknown then, so all running requests
    /// fail.
    fn fail_all(
        &mut self,
        reason: &str,
        compute: &mut dyn Compute,
        now: Instant,
        emit: &mut dyn FnMut(u64, Event),
    ) {
        let ids: HashSet<u64> = self.slots.running().map(|(_, choice)| choice.job.id).collect();
        for id in ids {
            emit(id, Event::Failed(Refusal::Engine { reason: reason.to_owned() }));
            self.end(id, compute, now);
        }
        for (sequence, slot) in self.slots.iter_mut() {
            *slot = Slot::Empty;
            compute.forget(sequence, 0);
        }
    }

    /// Clears prefixes that were unused for too long.
    fn expire(&mut self, compute: &mut dyn Compute, now: Instant) {
        for (sequence, slot) in self.slots.iter_mut() {
            if let Slot::Cached { used, .. } = slot
                && now.saturating_duration_since(*used) >= self.settings.prefix_cache
            {
                *slot = Slot::Empty;
                compute.forget(sequence, 0);
            }
        }
    }

    /// Overwrites the whole cache some time after its last entry was dropped.
    fn wipe_when_due(&mut self, compute: &mut dyn Compute, now: Instant) {
        let due = |touched: Instant| now.saturating_duration_since(touched) >= WIPE_AFTER;
        let empty = self.slots.iter().all(|(_, slot)| matches!(slot, Slot::Empty));
        if empty && self.dirty.is_some_and(due) {
            compute.wipe();
            self.dirty = None;
        }
    }

    /// Resets the counters of tenants once there is no request.
    fn forget_idle_tenants(&mut self) {
        if self.requests.is_empty() {
            self.tenants.clear();
            self.cancelled.clear();
        }
    }
}

/// Puts a choice back to the front of its tenant's queue.
fn entry_back(tenants: &mut HashMap<Account, Tenant>, tenant: Account, choice: Box<Choice>) {
    tenants.entry(tenant).or_default().waiting.push_front(choice);
}

fn shared_prefix(cached: &[u32], wanted: &[u32]) -> usize {
    cached.iter().zip(wanted).take_while(|(cached, wanted)| cached == wanted).count()
}

/// Emits how likely the labels are after the token at index `row` of the batch.
fn judge(
    labels: &[Vec<u32>],
    row: usize,
    compute: &mut dyn Compute,
    emit: &mut dyn FnMut(Event),
) -> Next {
    match compute.logits(row) {
        Ok(logits) => {
            emit(Event::Judged { logprobs: sample::label_logprobs(logits, labels) });
            Next::Judged
        }
        Err(reason) => Next::Failed(broken(reason)),
    }
}

/// Chooses the next token of a choice, and adds it to the choice. Tokens that the constraint forces
/// after it follow at once: the model computes them together in the next batch.
fn advance(
    choice: &mut Choice,
    row: usize,
    compute: &mut dyn Compute,
    emit: &mut dyn FnMut(Event),
) -> Next {
    let chosen = choose(choice, row, compute).and_then(|token| {
        let logprob = logprob(choice, token, row, compute)?;
        Ok((token, logprob))
    });
    let (token, logprob) = match chosen {
        Ok(chosen) => chosen,
        Err(refusal) => return Next::Failed(refusal),
    };
    choice.added = 1;
    let mut next = add(choice, token, logprob, compute, emit);
    // A log probability needs the logits before its token, so then each forced token has a turn.
    while choice.job.logprobs.is_none()
        && choice.added <= FORCED_MAX
        && matches!(next, Next::Continues)
        && let Some(token) = choice.next_forced(compute)
    {
        choice.added = choice.added.saturating_add(1);
        next = add(choice, token, None, compute, emit);
    }
    next
}

/// Chooses the next token of a choice. A forced token is not drawn, so that the draws after it do
/// not depend on the number of tokens that were computed together.
fn choose(choice: &mut Choice, row: usize, compute: &mut dyn Compute) -> Result<u32, Refusal> {
    if let Some(token) = choice.next_forced(compute) {
        return Ok(token);
    }
    let mask = choice.constraint.as_mut().map(State::mask).transpose();
    let mut mask = mask.map_err(|_| too_costly(choice))?;
    loop {
        let logits = compute.logits(row).map_err(broken)?;
        let token = choice.sampler.choose(logits, mask.as_ref().map(|mask| mask.as_slice()));
        let token = token.ok_or_else(|| broken("the constraint allows no token".into()))?;
        // The grammar cannot exclude duplicate keys, so a token that completes one is masked here.
        let (Some(constraint), Some(mask)) = (choice.constraint.as_mut(), mask.as_mut()) else {
            return Ok(token);
        };
        if compute.ends(token) || constraint.take(compute.piece(token)) {
            return Ok(token);
        }
        mask.disallow_token(token);
    }
}

/// Returns a token's log probability after the token at index `row` of the batch, if the request
/// wants it.
fn logprob(
    choice: &Choice,
    token: u32,
    row: usize,
    compute: &mut dyn Compute,
) -> Result<Option<TokenLogprob>, Refusal> {
    let Some(top) = choice.job.logprobs else { return Ok(None) };
    let logits = compute.logits(row).map_err(broken)?;
    let (logprob, top) = sample::logprobs(logits, token, usize::from(top));
    let name = |token| TokenBytes(compute.name(token).to_vec());
    let top = top.into_iter().map(|(token, logprob)| (name(token), logprob)).collect();
    Ok(Some(TokenLogprob { token: TokenBytes(compute.piece(token).to_vec()), logprob, top }))
}

/// Adds a token to a choice, and emits its text.
fn add(
    choice: &mut Choice,
    token: u32,
    logprob: Option<TokenLogprob>,
    compute: &dyn Compute,
    emit: &mut dyn FnMut(Event),
) -> Next {
    choice.sampler.accept(token);
    choice.generated = choice.generated.saturating_add(1);
    if compute.ends(token) {
        return finish(choice, FinishReason::Stop, emit);
    }
    if let Some(constraint) = choice.constraint.as_mut()
        && constraint.accept(token).is_err()
    {
        return Next::Failed(too_costly(choice));
    }
    choice.tokens.push(token);
    if let Err(fault) = choice.output.push(compute.piece(token), logprob, emit) {
        return Next::Failed(refusal(fault));
    }
    let complete = choice.constraint.as_ref().is_some_and(State::is_complete);
    if choice.output.is_stopped() || complete {
        finish(choice, FinishReason::Stop, emit)
    } else if choice.generated >= choice.job.tokens_max {
        finish(choice, FinishReason::Length, emit)
    } else {
        Next::Continues
    }
}

fn too_costly(choice: &Choice) -> Refusal {
    let reason = "the schema costs too much to enforce; make it simpler".to_owned();
    let param = if choice.job.promise.is_of_calls() { "tools" } else { "response_format" };
    Refusal::BadSchema { param: param.into(), reason }
}

fn broken(reason: String) -> Refusal {
    Refusal::Engine { reason }
}

fn finish(choice: &mut Choice, reason: FinishReason, emit: &mut dyn FnMut(Event)) -> Next {
    if let Err(fault) = choice.output.finish(reason == FinishReason::Length, emit) {
        return Next::Failed(refusal(fault));
    }
    let called = reason == FinishReason::Stop && choice.output.called() && !choice.job.named;
    Next::Finished(if called { FinishReason::ToolCalls } else { reason })
}

fn refusal(fault: Fault) -> Refusal {
    match fault {
        Fault::Malformed => {
            Refusal::Engine { reason: "a tool call does not have the form of its grammar".into() }
        }
        Fault::Promise => Refusal::PromiseBroken,
    }
}

#[cfg(test)]
mod forced;
#[cfg(test)]
mod tests;
