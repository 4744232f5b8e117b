//! The worker's main loop for text: receives commands, computes batches, sends events.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    Command, Loaded, Outbox, WholeProcess,
    ffi::{BatchToken, Context},
    prepare::{Job, Preparer},
    schedule::{Compute, Scheduler},
    template::Moment,
};
use crate::{
    memory::on_own_stack,
    request::{Account, CacheScope, Event, Generate, Judge, Refusal, Work},
};

/// The stack of one preparation, which compiles schemas. Their recursion is bounded by 300 levels.
const PREPARE_STACK_BYTES: usize = 32 * 1024 * 1024;

/// An input of the scheduler.
enum Input {
    Job(Box<Job>),
    /// A request that needs no computing: its answer or its refusal has been sent.
    Answered(u64),
    Cancel(u64),
    Ping(Box<dyn FnOnce() + Send>),
}

/// Serves until the inbox is closed.
pub(crate) fn run(loaded: Loaded, inbox: mpsc::Receiver<Command>, outbox: &Arc<Outbox>) {
    let Loaded { context, pieces, names, ends, preparer, settings, .. } = loaded;
    let (sender, inputs) = mpsc::channel();
    let queue = Arc::new(Queue::default());
    let routing =
        Router { queue: Arc::clone(&queue), inputs: sender.clone(), outbox: Arc::clone(outbox) };
    let preparing = Arc::clone(outbox);
    std::thread::spawn(move || {
        let _whole = WholeProcess;
        prepare(&queue, &preparer, &sender, &preparing);
    });
    std::thread::spawn(move || {
        let _whole = WholeProcess;
        routing.run(&inbox);
    });

    let mut compute = Llama { context, pieces, names, ends };
    let mut scheduler = Scheduler::new(settings);
    let mut events = Vec::new();
    loop {
        if scheduler.is_idle() {
            let next = match scheduler.wakes_at() {
                None => inputs.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                Some(at) => inputs.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match next {
                Ok(input) => take(input, &mut scheduler, &mut compute),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
        while let Ok(input) = inputs.try_recv() {
            take(input, &mut scheduler, &mut compute);
        }
        let mut emit = |id, event| events.push((id, event));
        scheduler.step(&mut compute, Instant::now(), &mut emit);
        if !events.is_empty() {
            outbox(std::mem::take(&mut events));
        }
    }
}

fn take(input: Input, scheduler: &mut Scheduler, compute: &mut Llama) {
    match input {
        Input::Job(job) => scheduler.submit(*job),
        Input::Answered(id) => scheduler.never_comes(id),
        Input::Cancel(id) => scheduler.cancel(id, compute, Instant::now()),
        Input::Ping(answer) => answer(),
    }
}

/// Passes commands on. It never waits for preparation, so that cancelling is quick.
struct Router {
    queue: Arc<Queue>,
    inputs: mpsc::Sender<Input>,
    outbox: Arc<Outbox>,
}

impl Router {
    fn run(&self, inbox: &mpsc::Receiver<Command>) {
        while let Ok(command) = inbox.recv() {
            match command {
                Command::Submit { id, scope, work: Work::Generate(work) } => {
                    self.queue.push(Waiting { id, scope, work: ToPrepare::Generate(work) });
                }
                Command::Submit { id, scope, work: Work::Judge(work) } => {
                    self.queue.push(Waiting { id, scope, work: ToPrepare::Judge(work) });
                }
                Command::Submit { id, scope, work: Work::Read(inputs) } => {
                    self.queue.push(Waiting { id, scope, work: ToPrepare::Read(inputs) });
                }
                Command::Submit { id, work: Work::Embed(_) | Work::Label(_), .. } => {
                    let what = "embed in a chat deployment".into();
                    (self.outbox)(vec![(id, Event::Failed(Refusal::Unsupported { what }))]);
                }
                Command::Cancel { id } => {
                    if !self.queue.remove(id) && self.inputs.send(Input::Cancel(id)).is_err() {
                        break;
                    }
                }
                Command::Ping(answer) => {
                    if self.inputs.send(Input::Ping(answer)).is_err() {
                        break;
                    }
                }
            }
        }
        self.queue.close();
    }
}

fn prepare(queue: &Queue, preparer: &Preparer, inputs: &mpsc::Sender<Input>, outbox: &Outbox) {
    while let Some(Waiting { id, scope, work }) = queue.pop() {
        let prepared = on_own_stack(PREPARE_STACK_BYTES, || match work {
            ToPrepare::Generate(work) => preparer.generate(id, scope, *work, moment()).map(Some),
            ToPrepare::Judge(work) => preparer.judge(id, scope, &work).map(Some),
            ToPrepare::Read(inputs) => {
                let read = preparer.read(&inputs)?;
                outbox(read.into_iter().map(|event| (id, event)).collect());
                Ok(None)
            }
        });
        let input = match prepared {
            Ok(Some(job)) => Input::Job(Box::new(job)),
            Ok(None) => Input::Answered(id),
            Err(refusal) => {
                outbox(vec![(id, Event::Failed(refusal))]);
                Input::Answered(id)
            }
        };
        if inputs.send(input).is_err() {
            return;
        }
    }
}

/// Returns the current time; a clock before 1970 counts as 1970.
fn moment() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

struct Waiting {
    id: u64,
    scope: CacheScope,
    work: ToPrepare,
}

enum ToPrepare {
    Generate(Box<Generate>),
    Judge(Judge),
    Read(Vec<Vec<u32>>),
}

/// Requests to prepare. Tenants take turns, so that costly requests delay only their own tenant. Work
/// that may wait comes after all other.
/// The gateway limits the number of requests.
#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    tenants: BTreeMap<Account, VecDeque<Waiting>>,
    last: Option<Account>,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, waiting: Waiting) {
        self.lock().tenants.entry(waiting.scope.account()).or_default().push_back(waiting);
        self.changed.notify_one();
    }

    /// Removes a request; false if it is no longer in the queue.
    fn remove(&self, id: u64) -> bool {
        self.lock().tenants.values_mut().any(|waiting| {
            let at = waiting.iter().position(|waiting| waiting.id == id);
            at.and_then(|at| waiting.remove(at)).is_some()
        })
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits for the next request, of the next tenant in turn; `None` once the queue is closed.
    fn pop(&self) -> Option<Waiting> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            state.tenants.retain(|_, waiting| !waiting.is_empty());
            let next = in_turn(state.tenants.keys(), state.last);
            if let Some(tenant) = next {
                state.last = Some(tenant);
                return state.tenants.get_mut(&tenant).and_then(VecDeque::pop_front);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Returns the account after `last`. Those behind get no turn while there is another one.
pub(super) fn in_turn<'a>(
    accounts: impl Iterator<Item = &'a Account> + Clone,
    last: Option<Account>,
) -> Option<Account> {
    let first = *accounts.clone().next()?;
    // They are in order, so those behind are the last ones.
    let mut equals = accounts.filter(|account| account.behind == first.behind);
    Some(equals.find(|account| last.is_none_or(|last| **account > last)).copied().unwrap_or(first))
}

/// llama.cpp as a [`Compute`].
struct Llama {
    context: Context,
    pieces: Arc<Vec<Vec<u8>>>,
    names: HashMap<u32, Vec<u8>>,
    ends: Vec<bool>,
}

impl Compute for Llama {
    fn decode(&mut self, batch: &[BatchToken]) -> Result<(), String> {
        self.context.decode(batch)
    }

    fn logits(&mut self, row: usize) -> Result<&[f32], String> {
        self.context.logits(row)
    }

    fn forget(&mut self, sequence: u32, from: u32) -> bool {
        self.context.forget(sequence, from)
    }

    fn copy(&mut self, from: u32, to: u32) {
        self.context.copy(from, to);
    }

    fn wipe(&mut self) {
        self.context.wipe();
    }

    fn piece(&self, token: u32) -> &[u8] {
        self.pieces.get(token as usize).map_or(&[], Vec::as_slice)
    }

    fn name(&self, token: u32) -> &[u8] {
        self.names.get(&token).map_or_else(|| self.piece(token), Vec::as_slice)
    }

    fn ends(&self, token: u32) -> bool {
        self.ends.get(token as usize).copied().unwrap_or(true)
    }
}
