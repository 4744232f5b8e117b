//! The worker's main loop for embeddings: receives texts, or words to read, and sends vectors. Tenants take turns; work that
//! may wait comes after all other, one text at a time.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::mpsc,
};

use super::{
    Command, Loaded, Outbox,
    ffi::{BatchToken, Context},
    item::{Item, Wants},
    label::Frame,
    prepare::Preparer,
    schedule::WIPE_AFTER,
    serve::in_turn,
};
use crate::{
    memory::on_own_stack,
    request::{Account, Event, Refusal, Work},
};

/// The stack of one preparation, which turns texts into tokens.
const PREPARE_STACK_BYTES: usize = 1024 * 1024;

/// A request with items that are not computed yet.
struct Pending {
    id: u64,
    items: VecDeque<Item>,
}

/// Serves until the inbox is closed.
pub(crate) fn run(loaded: Loaded, inbox: &mpsc::Receiver<Command>, outbox: &Outbox) {
    let (preparer, frame) = (&*loaded.preparer, loaded.frame.as_ref());
    let mut embedder = Embedder {
        sequences: loaded.settings.sequences as usize,
        batch: loaded.settings.batch,
        context: loaded.context,
        tenants: BTreeMap::new(),
        last: None,
        dirty: false,
    };
    loop {
        let mut command = if embedder.tenants.is_empty() {
            match embedder.wait(inbox) {
                Some(command) => Some(command),
                None => return,
            }
        } else {
            inbox.try_recv().ok()
        };
        while let Some(next) = command {
            match next {
                Command::Submit { id, scope, work: work @ (Work::Embed(_) | Work::Label(_)) } => {
                    let prepared =
                        on_own_stack(PREPARE_STACK_BYTES, || prepared(preparer, frame, &work));
                    match prepared {
                        Ok(items) => embedder.submit(id, scope.account(), items, outbox),
                        Err(refusal) => outbox(vec![(id, Event::Failed(refusal))]),
                    }
                }
                Command::Submit { id, work: Work::Read(inputs), .. } if frame.is_none() => {
                    let read = preparer.read(&inputs);
                    let read = read.unwrap_or_else(|refusal| vec![Event::Failed(refusal)]);
                    outbox(read.into_iter().map(|event| (id, event)).collect());
                }
                Command::Submit { id, .. } => {
                    let refusal = unsupported("generate text in an embeddings deployment");
                    outbox(vec![(id, Event::Failed(refusal))]);
                }
                Command::Cancel { id } => embedder.cancel(id),
                Command::Ping(answer) => answer(),
            }
            command = inbox.try_recv().ok();
        }
        embedder.step(outbox);
    }
}

/// Turns the texts of a request into tokens. A reader of words, which has a frame, embeds no texts,
/// and no other worker reads words.
fn prepared(preparer: &Preparer, frame: Option<&Frame>, work: &Work) -> Result<Vec<Item>, Refusal> {
    match (work, frame) {
        (Work::Embed(work), None) => {
            let texts = (0..).zip(preparer.embed(work)?);
            Ok(texts.map(|(index, tokens)| Item { tokens, wants: Wants::Whole(index) }).collect())
        }
        (Work::Label(work), Some(frame)) => preparer.label(work, frame),
        (Work::Label(_), None) => Err(unsupported("read words: it was started for other requests")),
        _ => Err(unsupported("do anything but read words")),
    }
}

fn unsupported(what: &str) -> Refusal {
    Refusal::Unsupported { what: what.to_owned() }
}

struct Embedder {
    context: Context,
    sequences: usize,
    batch: usize,
    tenants: BTreeMap<Account, VecDeque<Pending>>,
    last: Option<Account>,
    /// Whether the cache was used since the last wipe.
    dirty: bool,
}

impl Embedder {
    /// Waits for the next command; `None` once the inbox is closed. An idle worker overwrites its
    /// cache.
    fn wait(&mut self, inbox: &mpsc::Receiver<Command>) -> Option<Command> {
        if self.dirty {
            match inbox.recv_timeout(WIPE_AFTER) {
                Ok(command) => return Some(command),
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.context.wipe();
                    self.dirty = false;
                }
            }
        }
        inbox.recv().ok()
    }

    fn submit(&mut self, id: u64, account: Account, items: Vec<Item>, outbox: &Outbox) {
        let tokens: usize = items.iter().map(|item| item.tokens.len()).sum();
        let prompt_tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        outbox(vec![(id, Event::Accepted { prompt_tokens, cached_tokens: 0 })]);
        if items.is_empty() {
            outbox(vec![(id, Event::Done)]);
            return;
        }
        let items = items.into();
        self.tenants.entry(account).or_default().push_back(Pending { id, items });
    }

    fn cancel(&mut self, id: u64) {
        for pending in self.tenants.values_mut() {
            pending.retain(|pending| pending.id != id);
        }
        self.tenants.retain(|_, pending| !pending.is_empty());
    }

    /// Embeds one batch of the next tenant's oldest request.
    fn step(&mut self, outbox: &Outbox) {
        let Some(account) = in_turn(self.tenants.keys(), self.last) else { return };
        self.last = Some(account);
        let Some(requests) = self.tenants.get_mut(&account) else { return };
        // A step cannot be interrupted, so one behind is as short as possible.
        let sequences = if account.behind { 1 } else { self.sequences };
        if let Some(request) = requests.front_mut() {
            let id = request.id;
            let items = take_batch(&mut request.items, sequences, self.batch);
            let is_done = request.items.is_empty();
            self.dirty = true;
            match embed(&mut self.context, &items) {
                Ok(events) => {
                    let events = events.into_iter().map(|event| (id, event));
                    outbox(events.chain(is_done.then_some((id, Event::Done))).collect());
                    if is_done {
                        requests.pop_front();
                    }
                }
                Err(reason) => {
                    outbox(vec![(id, Event::Failed(Refusal::Engine { reason }))]);
                    requests.pop_front();
                }
            }
        }
        self.tenants.retain(|_, pending| !pending.is_empty());
    }
}

/// Takes as many items as fit into one batch.
fn take_batch(items: &mut VecDeque<Item>, sequences: usize, tokens: usize) -> Vec<Item> {
    let (mut taken, mut room) = (Vec::new(), tokens);
    while taken.len() < sequences
        && let Some(item) = items.pop_front_if(|item| item.tokens.len() <= room)
    {
        room = room.saturating_sub(item.tokens.len());
        taken.push(item);
    }
    taken
}

/// Computes a batch. Each item is a sequence of its own.
fn embed(context: &mut Context, items: &[Item]) -> Result<Vec<Event>, String> {
    let mut batch = Vec::new();
    for (sequence, item) in (0..).zip(items) {
        for (position, &token) in (0..).zip(item.tokens.iter()) {
            batch.push(BatchToken { token, position, sequence, output: true });
        }
    }
    let result = context.decode(&batch).and_then(|()| {
        let mut start = 0;
        let mut events = Vec::with_capacity(items.len());
        for (sequence, item) in (0..).zip(items) {
            events.push(match &item.wants {
                Wants::Whole(index) => {
                    let vector = unit_length(context.embedding(sequence)?)?;
                    Event::Embedding { index: *index, vector }
                }
                Wants::Words { text, first, rows } => {
                    let vectors = words(context, start, rows)?;
                    Event::Words { text: *text, first: *first, vectors }
                }
            });
            start += item.tokens.len();
        }
        Ok(events)
    });
    for sequence in (0..).take(items.len()) {
        context.forget(sequence, 0);
    }
    result
}

/// Returns the vectors of words, one after the other. `start` is the place of their sequence in the
/// batch.
fn words(context: &mut Context, start: usize, rows: &[Option<usize>]) -> Result<Vec<f32>, String> {
    let width = context.embedding_length();
    let mut vectors = Vec::with_capacity(rows.len().saturating_mul(width));
    for row in rows {
        match row {
            Some(row) => vectors.extend_from_slice(context.token_embedding(start + row)?),
            None => vectors.resize(vectors.len().saturating_add(width), 0.0),
        }
    }
    if vectors.iter().all(|number| number.is_finite()) {
        Ok(vectors)
    } else {
        Err("the model computed a vector whose numbers are not finite".into())
    }
}

fn unit_length(vector: &[f32]) -> Result<Vec<f32>, String> {
    let length = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err("the model computed a vector whose length is zero or not finite".into());
    }
    Ok(vector.iter().map(|&x| (f64::from(x) / length) as f32).collect())
}
