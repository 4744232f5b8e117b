//! Continuous batching: many generations in one context, fair between tenants.
//!
//! Each step computes one batch: the next token of every running choice, and a piece of the prompts
//! that still wait to be read, small enough that the running ones hardly notice. A choice holds one
//! of the context's sequences while it runs. Which choice runs next is decided by what each tenant
//! was served so far (virtual token counters: Sheng et al., "Fairness in Serving Large Language
//! Models", OSDI 2024); a tenant with nothing running takes a sequence from one with several.
//!
//! When a choice ends, its entries stay in the KV cache only for its own tenant, only where reuse is
//! on, and only for a while. Pure but for the [`Compute`] it drives: time is an argument.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use policy::id::TenantId;
use zeroize::Zeroizing;

use super::{
    constrain::State,
    ffi::BatchToken,
    output::Output,
    prepare::Job,
    sample::{self, Sampler},
};
use crate::request::{Event, FinishReason, Refusal, TokenBytes, TokenLogprob};

/// What the scheduler needs of a model; llama.cpp in the worker, arithmetic in tests.
pub(crate) trait Compute {
    /// Computes a batch.
    fn decode(&mut self, batch: &[BatchToken]) -> Result<(), String>;
    /// The logits after the batch's token number `row`.
    fn logits(&mut self, row: usize) -> Result<&[f32], String>;
    /// Drops a sequence's entries from a position on; false where it cannot be cut there.
    fn forget(&mut self, sequence: u32, from: u32) -> bool;
    /// Copies all of one sequence's entries over another's.
    fn copy(&mut self, from: u32, to: u32);
    /// Overwrites all entries.
    fn wipe(&mut self);
    /// The bytes of a token; none for a control token.
    fn piece(&self, token: u32) -> &[u8];
    /// What an alternative is called: its bytes, or a control token's name.
    fn name(&self, token: u32) -> &[u8] {
        self.piece(token)
    }
    /// Whether a token ends the text.
    fn ends(&self, token: u32) -> bool;
}

/// How a scheduler is set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Choices that run at once.
    pub(crate) sequences: u32,
    /// Tokens in a batch, at most.
    pub(crate) batch: usize,
    /// Prompt tokens in a batch while others generate, at most.
    pub(crate) prompt_chunk: usize,
    /// How long a tenant's prefix stays in the cache unused.
    pub(crate) prefix_cache: Duration,
    /// Whether sequences can be cut at a position; recurrent models cannot, and reuse nothing.
    pub(crate) can_cut: bool,
}

/// A shared prefix shorter than this is not worth giving up another cached prefix for.
const REUSE_TOKENS_MIN: usize = 16;
/// Copying a sequence costs as much as reading this many tokens again.
const COPY_TOKENS_MIN: usize = 256;
/// An idle worker overwrites its KV cache after this long.
pub(crate) const WIPE_AFTER: Duration = Duration::from_secs(1);
/// A generated token costs as much as two that are read.
const GENERATED_COST: u64 = 2;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Scheduler {
    settings: Settings,
    slots: Vec<Slot>,
    tenants: HashMap<TenantId, Tenant>,
    requests: HashMap<u64, Request>,
    /// Cancelled before their job arrived.
    cancelled: HashSet<u64>,
    batch: Vec<BatchToken>,
    /// Entries were left in the cache since the last wipe; the time they were last touched.
    dirty: Option<Instant>,
    started: u64,
}

/// One of the context's sequences.
#[derive(Debug)]
enum Slot {
    Empty,
    /// A tenant's prefix, for its next request.
    Cached {
        tenant: TenantId,
        tokens: Zeroizing<Vec<u32>>,
        used: Instant,
    },
    Running(Box<Choice>),
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
    /// How many of these are in the KV cache.
    computed: usize,
    generated: u32,
    sampler: Sampler,
    constraint: Option<State>,
    output: Output,
    /// When it started to run, in order.
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
            sampler: Sampler::new(job.sampling.clone(), index),
            constraint: job.constraint.clone(),
            output: Output::new(index, job.stop.clone(), job.tools),
            started: 0,
        })
    }

    fn pending(&self) -> usize {
        self.tokens.len().saturating_sub(self.computed)
    }

    fn is_generating(&self) -> bool {
        self.pending() == 1 && self.generated > 0
    }
}

/// What a choice's next token led to.
enum Next {
    Continues,
    Finished(FinishReason),
    Failed(Refusal),
}

impl Scheduler {
    /// An idle scheduler.
    pub(crate) fn new(settings: Settings) -> Self {
        let slots = (0..settings.sequences).map(|_| Slot::Empty).collect();
        Self {
            settings,
            slots,
            tenants: HashMap::new(),
            requests: HashMap::new(),
            cancelled: HashSet::new(),
            batch: Vec::new(),
            dirty: None,
            started: 0,
        }
    }

    /// Whether there is nothing to compute.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// When an idle scheduler next has something to clear.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        let expiries = self.slots.iter().filter_map(|slot| match slot {
            Slot::Cached { used, .. } => used.checked_add(self.settings.prefix_cache),
            Slot::Empty | Slot::Running(_) => None,
        });
        let wipe = self.dirty.and_then(|touched| touched.checked_add(WIPE_AFTER));
        expiries.min().or(wipe)
    }

    /// Takes a job.
    pub(crate) fn submit(&mut self, job: Job) {
        if self.cancelled.remove(&job.id) {
            return;
        }
        let job = Arc::new(job);
        self.requests.insert(job.id, Request { choices_left: job.choices });
        // A tenant that comes back starts level with those who stayed, not with credit for its
        // absence.
        let floor = self.active_floor();
        let tenant = self.tenants.entry(job.tenant()).or_default();
        if tenant.waiting.is_empty() && tenant.running == 0 {
            tenant.served = tenant.served.max(floor.unwrap_or(0));
        }
        // Further choices follow once the first has read the prompt.
        tenant.waiting.push_back(Choice::new(&job, 0));
    }

    /// Ends a request whose caller is gone.
    pub(crate) fn cancel(&mut self, id: u64, compute: &mut dyn Compute, now: Instant) {
        if self.requests.contains_key(&id) {
            self.end(id, compute, now);
        } else {
            self.cancelled.insert(id);
        }
    }

    /// Forgets that a request was cancelled, as its job will not come.
    pub(crate) fn never_comes(&mut self, id: u64) {
        self.cancelled.remove(&id);
    }

    /// Clears what is due, starts what may start, and computes one batch.
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
        let generating =
            |slot: &Slot| matches!(slot, Slot::Running(choice) if choice.is_generating());
        let busy = self.slots.iter().any(generating);
        let mut order: Vec<(bool, u64, u64, usize)> = Vec::with_capacity(self.slots.len());
        for (index, slot) in self.slots.iter().enumerate() {
            if let Slot::Running(choice) = slot {
                let served =
                    self.tenants.get(&choice.job.tenant()).map_or(0, |tenant| tenant.served);
                order.push((!choice.is_generating(), served, choice.started, index));
            }
        }
        // Running choices first; then the prompts of those who were served least.
        order.sort_unstable();
        let mut prompt_room = if busy { self.settings.prompt_chunk } else { self.settings.batch };
        for (reads_prompt, _, _, index) in order {
            let Some(Slot::Running(choice)) = self.slots.get_mut(index) else { continue };
            let room = self.settings.batch.saturating_sub(self.batch.len());
            let room = if reads_prompt { room.min(prompt_room) } else { room };
            let count = choice.pending().min(room);
            if reads_prompt {
                prompt_room = prompt_room.saturating_sub(count);
            }
            let from = choice.computed;
            let last = choice.tokens.len().saturating_sub(1);
            for (offset, &token) in choice.tokens.iter().skip(from).take(count).enumerate() {
                let position = from.saturating_add(offset);
                self.batch.push(BatchToken {
                    token,
                    position: u32::try_from(position).unwrap_or(u32::MAX),
                    sequence: u32::try_from(index).unwrap_or(u32::MAX),
                    output: position == last,
                });
            }
            choice.computed = from.saturating_add(count);
            if let Some(tenant) = self.tenants.get_mut(&choice.job.tenant()) {
                let cost = if reads_prompt { 1 } else { GENERATED_COST };
                tenant.served = tenant.served.saturating_add(cost.saturating_mul(count as u64));
            }
        }
    }

    /// Chooses the token after the batch's token number `row`.
    fn choose_next(
        &mut self,
        row: usize,
        compute: &mut dyn Compute,
        now: Instant,
        emit: &mut dyn FnMut(u64, Event),
    ) {
        let Some(entry) = self.batch.get(row).copied() else { return };
        let Some(Slot::Running(choice)) = self.slots.get_mut(entry.sequence as usize) else {
            return;
        };
        let id = choice.job.id;
        if choice.generated == 0 && choice.index == 0 {
            let job = Arc::clone(&choice.job);
            let siblings = (1..job.choices).rev().map(|index| Choice::new(&job, index));
            if let Some(tenant) = self.tenants.get_mut(&job.tenant()) {
                siblings.for_each(|sibling| tenant.waiting.push_front(sibling));
            }
        }
        match advance(choice, row, compute, &mut |event| emit(id, event)) {
            Next::Continues => {}
            Next::Finished(reason) => {
                let (choice, completion_tokens) = (choice.index, choice.generated);
                emit(id, Event::Finished { choice, reason, completion_tokens });
                self.release(entry.sequence as usize, compute, now);
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

    /// Starts waiting choices while there are sequences for them.
    fn start_waiting(
        &mut self,
        compute: &mut dyn Compute,
        now: Instant,
        emit: &mut dyn FnMut(u64, Event),
    ) {
        while let Some(tenant) = self.next_tenant() {
            if !self.slots.iter().any(|slot| !matches!(slot, Slot::Running(_)))
                && !self.make_room_for(tenant, compute)
            {
                return;
            }
            let Some(entry) = self.tenants.get_mut(&tenant) else { return };
            let Some(mut choice) = entry.waiting.pop_front() else { return };
            let Some(index) = self.choose_slot(&choice) else {
                entry_back(&mut self.tenants, tenant, choice);
                return;
            };
            let cached = self.take_slot(index, &mut choice, compute);
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
            if let Some(slot) = self.slots.get_mut(index) {
                *slot = Slot::Running(choice);
            }
        }
    }

    /// Of the tenants with something waiting: one with nothing running, else the one served least.
    fn next_tenant(&self) -> Option<TenantId> {
        let waiting = self.tenants.iter().filter(|(_, tenant)| !tenant.waiting.is_empty());
        waiting
            .min_by_key(|&(id, tenant)| (tenant.running > 0, tenant.served, *id))
            .map(|(&id, _)| id)
    }

    /// What the least served of the active tenants was served.
    fn active_floor(&self) -> Option<u64> {
        let active = |tenant: &&Tenant| tenant.running > 0 || !tenant.waiting.is_empty();
        self.tenants.values().filter(active).map(|tenant| tenant.served).min()
    }

    /// The sequence that a choice should run in: the one that holds most of its prompt already,
    /// else an empty one, else the one whose cached prefix was used longest ago.
    fn choose_slot(&self, choice: &Choice) -> Option<usize> {
        let mut best: Option<(usize, usize)> = None;
        let mut empty = None;
        let mut oldest: Option<(Instant, usize)> = None;
        for (index, slot) in self.slots.iter().enumerate() {
            match slot {
                Slot::Running(_) => {}
                Slot::Empty => empty = empty.or(Some(index)),
                Slot::Cached { tenant, tokens, used } => {
                    if oldest.is_none_or(|(time, _)| *used < time) {
                        oldest = Some((*used, index));
                    }
                    if *tenant == choice.job.tenant() && choice.job.scope.reuse() {
                        let shared = shared_prefix(tokens, &choice.tokens);
                        if shared >= REUSE_TOKENS_MIN && best.is_none_or(|(most, _)| shared > most)
                        {
                            best = Some((shared, index));
                        }
                    }
                }
            }
        }
        best.map(|(_, index)| index).or(empty).or(oldest.map(|(_, index)| index))
    }

    /// Clears a sequence for a choice, keeping what the choice may reuse; says how many tokens.
    fn take_slot(&mut self, index: usize, choice: &mut Choice, compute: &mut dyn Compute) -> usize {
        let sequence = u32::try_from(index).unwrap_or(u32::MAX);
        // The last token is always computed again: its logits are needed.
        let most = choice.tokens.len().saturating_sub(1);
        let taken = self.slots.get_mut(index).map(|slot| std::mem::replace(slot, Slot::Empty));
        let mut shared = match taken {
            Some(Slot::Cached { tenant, tokens, .. })
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
        let sibling = self.slots.iter().position(|slot| {
            matches!(slot, Slot::Running(other)
                if Arc::ptr_eq(&other.job, &choice.job) && other.computed >= prompt)
        });
        let Some(sibling) = sibling.and_then(|index| u32::try_from(index).ok()) else { return 0 };
        compute.copy(sibling, sequence);
        prompt
    }

    /// Takes a sequence from the tenant that runs most choices, if the given one runs none.
    fn make_room_for(&mut self, tenant: TenantId, compute: &mut dyn Compute) -> bool {
        if self.tenants.get(&tenant).is_none_or(|tenant| tenant.running > 0) {
            return false;
        }
        let most = self.tenants.iter().max_by_key(|&(id, tenant)| (tenant.running, *id));
        let Some((&victim, _)) = most.filter(|(_, tenant)| tenant.running > 1) else {
            return false;
        };
        let newest = self.slots.iter().enumerate().filter_map(|(index, slot)| match slot {
            Slot::Running(choice) if choice.job.tenant() == victim => Some((choice.started, index)),
            _ => None,
        });
        let Some((_, index)) = newest.max() else { return false };
        let taken = self.slots.get_mut(index).map(|slot| std::mem::replace(slot, Slot::Empty));
        let Some(Slot::Running(mut choice)) = taken else { return false };
        // It reads its own tokens again when its turn comes; its caller sees a pause.
        choice.computed = 0;
        compute.forget(u32::try_from(index).unwrap_or(u32::MAX), 0);
        if let Some(entry) = self.tenants.get_mut(&victim) {
            entry.running = entry.running.saturating_sub(1);
        }
        entry_back(&mut self.tenants, victim, choice);
        true
    }

    /// Ends a choice: its sequence is cleared, or left to its tenant's next request.
    fn release(&mut self, index: usize, compute: &mut dyn Compute, now: Instant) {
        let taken = self.slots.get_mut(index).map(|slot| std::mem::replace(slot, Slot::Empty));
        let Some(Slot::Running(mut choice)) = taken else { return };
        let tenant = choice.job.tenant();
        if let Some(entry) = self.tenants.get_mut(&tenant) {
            entry.running = entry.running.saturating_sub(1);
        }
        let keeps = choice.job.scope.reuse()
            && self.settings.can_cut
            && !self.settings.prefix_cache.is_zero();
        if keeps {
            choice.tokens.truncate(choice.computed);
            let tokens = std::mem::take(&mut choice.tokens);
            if let Some(slot) = self.slots.get_mut(index) {
                *slot = Slot::Cached { tenant, tokens, used: now };
            }
        } else {
            compute.forget(u32::try_from(index).unwrap_or(u32::MAX), 0);
        }
        self.dirty = Some(now);
    }

    /// Ends all choices of a request.
    fn end(&mut self, id: u64, compute: &mut dyn Compute, now: Instant) {
        self.requests.remove(&id);
        for tenant in self.tenants.values_mut() {
            tenant.waiting.retain(|choice| choice.job.id != id);
        }
        for index in 0..self.slots.len() {
            if matches!(self.slots.get(index), Some(Slot::Running(choice)) if choice.job.id == id) {
                self.release(index, compute, now);
            }
        }
        self.forget_idle_tenants();
    }

    /// A batch failed: nobody knows what the cache holds now, so everything in it ends.
    fn fail_all(
        &mut self,
        reason: &str,
        compute: &mut dyn Compute,
        now: Instant,
        emit: &mut dyn FnMut(u64, Event),
    ) {
        let running = self.slots.iter().filter_map(|slot| match slot {
            Slot::Running(choice) => Some(choice.job.id),
            Slot::Empty | Slot::Cached { .. } => None,
        });
        let ids: HashSet<u64> = running.collect();
        for id in ids {
            emit(id, Event::Failed(Refusal::Engine { reason: reason.to_owned() }));
            self.end(id, compute, now);
        }
        for (sequence, slot) in (0_u32..).zip(&mut self.slots) {
            *slot = Slot::Empty;
            compute.forget(sequence, 0);
        }
    }

    /// Clears prefixes that were not used for too long.
    fn expire(&mut self, compute: &mut dyn Compute, now: Instant) {
        for (sequence, slot) in (0_u32..).zip(&mut self.slots) {
            if let Slot::Cached { used, .. } = slot
                && now.saturating_duration_since(*used) >= self.settings.prefix_cache
            {
                *slot = Slot::Empty;
                compute.forget(sequence, 0);
            }
        }
    }

    /// Overwrites the whole cache once nothing in it is of use.
    fn wipe_when_due(&mut self, compute: &mut dyn Compute, now: Instant) {
        let due = |touched: Instant| now.saturating_duration_since(touched) >= WIPE_AFTER;
        let empty = self.slots.iter().all(|slot| matches!(slot, Slot::Empty));
        if empty && self.dirty.is_some_and(due) {
            compute.wipe();
            self.dirty = None;
        }
    }

    /// Old counters mean nothing once nobody is served.
    fn forget_idle_tenants(&mut self) {
        if self.requests.is_empty() {
            self.tenants.clear();
            self.cancelled.clear();
        }
    }
}

fn entry_back(tenants: &mut HashMap<TenantId, Tenant>, tenant: TenantId, choice: Box<Choice>) {
    tenants.entry(tenant).or_default().waiting.push_front(choice);
}

fn shared_prefix(cached: &[u32], wanted: &[u32]) -> usize {
    cached.iter().zip(wanted).take_while(|(cached, wanted)| cached == wanted).count()
}

/// Chooses and takes a choice's next token.
fn advance(
    choice: &mut Choice,
    row: usize,
    compute: &mut dyn Compute,
    emit: &mut dyn FnMut(Event),
) -> Next {
    let too_costly = || {
        let reason = "the schema costs too much to follow; make it simpler".to_owned();
        Next::Failed(Refusal::BadSchema { param: "response_format".into(), reason })
    };
    let broken = |reason: String| Next::Failed(Refusal::Engine { reason });
    let mask = match choice.constraint.as_mut().map(State::mask).transpose() {
        Ok(mask) => mask,
        Err(_) => return too_costly(),
    };
    let logits = match compute.logits(row) {
        Ok(logits) => logits,
        Err(reason) => return broken(reason),
    };
    let Some(token) = choice.sampler.choose(logits, mask.as_ref().map(|mask| mask.as_slice()))
    else {
        return broken("no token is possible".into());
    };
    let alternatives =
        choice.job.logprobs.map(|top| sample::logprobs(logits, token, usize::from(top)));
    choice.sampler.accept(token);
    choice.generated = choice.generated.saturating_add(1);
    if compute.ends(token) {
        return finish(choice, FinishReason::Stop, emit);
    }
    if let Some(constraint) = choice.constraint.as_mut()
        && constraint.accept(token).is_err()
    {
        return too_costly();
    }
    choice.tokens.push(token);
    let logprob = alternatives.map(|(logprob, top)| {
        let name = |token| TokenBytes(compute.name(token).to_vec());
        let top = top.into_iter().map(|(token, logprob)| (name(token), logprob)).collect();
        TokenLogprob { token: TokenBytes(compute.piece(token).to_vec()), logprob, top }
    });
    if choice.output.push(compute.piece(token), logprob, emit).is_err() {
        return broken("a tool call did not follow its grammar".into());
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

fn finish(choice: &mut Choice, reason: FinishReason, emit: &mut dyn FnMut(Event)) -> Next {
    if choice.output.finish(emit).is_err() {
        return Next::Failed(Refusal::Engine { reason: "a tool call broke its grammar".into() });
    }
    let called = reason == FinishReason::Stop && choice.output.called();
    Next::Finished(if called { FinishReason::ToolCalls } else { reason })
}

#[cfg(test)]
mod tests;
