//! The worker's main loop for embeddings: receives texts, sends vectors. Tenants take turns; work that
//! may wait comes after all other, one text at a time.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::mpsc,
};

use zeroize::Zeroizing;

use super::{
    Command, Loaded, Outbox,
    ffi::{BatchToken, Context},
    schedule::WIPE_AFTER,
    serve::in_turn,
};
use crate::{
    memory::on_own_stack,
    request::{Account, Event, Refusal, Work},
};

/// The stack of one preparation, which turns texts into tokens.
const PREPARE_STACK_BYTES: usize = 1024 * 1024;

/// A request with texts that are not embedded yet.
struct Pending {
    id: u64,
    texts: VecDeque<(u32, Zeroizing<Vec<u32>>)>,
}

/// Serves until the inbox is closed.
pub(crate) fn run(loaded: Loaded, inbox: &mpsc::Receiver<Command>, outbox: &Outbox) {
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
                Command::Submit { id, scope, work: Work::Embed(work) } => {
                    let prepared =
                        on_own_stack(PREPARE_STACK_BYTES, || loaded.preparer.embed(&work));
                    match prepared {
                        Ok(texts) => embedder.submit(id, scope.account(), texts, outbox),
                        Err(refusal) => outbox(vec![(id, Event::Failed(refusal))]),
                    }
                }
                Command::Submit { id, work: Work::Read(inputs), .. } => {
                    let read = loaded.preparer.read(&inputs);
                    let read = read.unwrap_or_else(|refusal| vec![Event::Failed(refusal)]);
                    outbox(read.into_iter().map(|event| (id, event)).collect());
                }
                Command::Submit { id, work: Work::Generate(_) | Work::Judge(_), .. } => {
                    let what = "generate text in an embeddings deployment".into();
                    outbox(vec![(id, Event::Failed(Refusal::Unsupported { what }))]);
                }
                Command::Cancel { id } => embedder.cancel(id),
                Command::Ping(answer) => answer(),
            }
            command = inbox.try_recv().ok();
        }
        embedder.step(outbox);
    }
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

    fn submit(
        &mut self,
        id: u64,
        account: Account,
        texts: Vec<Zeroizing<Vec<u32>>>,
        outbox: &Outbox,
    ) {
        let tokens: usize = texts.iter().map(|text| text.len()).sum();
        let prompt_tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        outbox(vec![(id, Event::Accepted { prompt_tokens, cached_tokens: 0 })]);
        let texts = (0..).zip(texts).collect();
        self.tenants.entry(account).or_default().push_back(Pending { id, texts });
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
            let texts = take_batch(&mut request.texts, sequences, self.batch);
            let is_done = request.texts.is_empty();
            self.dirty = true;
            let result = embed(&mut self.context, &texts);
            match result {
                Ok(vectors) => {
                    let vectors = vectors.into_iter();
                    let vectors =
                        vectors.map(|(index, vector)| (id, Event::Embedding { index, vector }));
                    outbox(vectors.chain(is_done.then_some((id, Event::Done))).collect());
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

type Texts = Vec<(u32, Zeroizing<Vec<u32>>)>;

/// Takes as many texts as fit into one batch.
fn take_batch(
    texts: &mut VecDeque<(u32, Zeroizing<Vec<u32>>)>,
    sequences: usize,
    tokens: usize,
) -> Texts {
    let (mut taken, mut room) = (Vec::new(), tokens);
    while taken.len() < sequences
        && let Some(text) = texts.pop_front_if(|(_, text)| text.len() <= room)
    {
        room = room.saturating_sub(text.1.len());
        taken.push(text);
    }
    taken
}

fn embed(context: &mut Context, texts: &Texts) -> Result<Vec<(u32, Vec<f32>)>, String> {
    let mut batch = Vec::new();
    for (sequence, (_, text)) in (0..).zip(texts) {
        for (position, &token) in (0..).zip(text.iter()) {
            batch.push(BatchToken { token, position, sequence, output: true });
        }
    }
    let result = context.decode(&batch).and_then(|()| {
        let vectors = (0..)
            .zip(texts)
            .map(|(sequence, (index, _))| Ok((*index, unit_length(context.embedding(sequence)?)?)));
        vectors.collect()
    });
    for sequence in (0..).take(texts.len()) {
        context.forget(sequence, 0);
    }
    result
}

fn unit_length(vector: &[f32]) -> Result<Vec<f32>, String> {
    let length = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err("the model computed a vector whose length is zero or not finite".into());
    }
    Ok(vector.iter().map(|&x| (f64::from(x) / length) as f32).collect())
}
