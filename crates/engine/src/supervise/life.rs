//! A worker's life: started, loading, serving, dead, started again.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::{mpsc, watch},
    task::yield_now,
    time::{Instant, sleep, timeout, timeout_at},
};
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    Report, State, WorkerSpec,
    process::Process,
    requests::{Frame, Requests},
};
use crate::protocol::{
    CHUNK_BYTES, Confinement, FrameReader, FromWorker, ModelFacts, StartSpec, ToWorker, encode,
    reserve,
};

/// What the owner of a worker wants.
#[derive(Debug, Clone, Copy)]
pub(super) enum Control {
    /// Keep it running.
    Run,
    /// Let its requests end, but stop it by then.
    Stop {
        /// When at the latest.
        until: Instant,
    },
}

/// Keeps one worker running.
pub(super) struct Life {
    pub(super) executable: PathBuf,
    pub(super) spec: WorkerSpec,
    pub(super) requests: Arc<Requests>,
    pub(super) state: watch::Sender<State>,
    pub(super) restarts: watch::Sender<u64>,
    pub(super) control: watch::Receiver<Control>,
}

/// How one process ended, or why it never served.
enum End {
    Stopped,
    Refused(String),
    Died(String),
}

impl Life {
    /// Starts the worker, and starts it again whenever it dies.
    pub(super) async fn live(mut self) {
        // Deaths in a row, and those of them before it was ready.
        let (mut deaths, mut unready) = (0, 0);
        loop {
            // One that has failed is tried again, but counts as failed until it is ready.
            if unready < LOAD_DEATHS_MAX {
                self.state.send_replace(State::Loading(0.0));
            }
            let mut healthy_since = None;
            let end = self.one_process(&mut healthy_since).await;
            let reason = match end {
                End::Stopped => break,
                End::Refused(reason) => {
                    self.state.send_replace(State::Failed { reason });
                    return;
                }
                End::Died(reason) => reason,
            };
            let healthy = healthy_since.map_or(Duration::ZERO, |since| since.elapsed());
            deaths = if healthy >= HEALTHY_AFTER { 1 } else { deaths + 1 };
            unready = if healthy_since.is_some() { 0 } else { unready + 1 };
            let again = if unready < LOAD_DEATHS_MAX {
                self.pause(deaths, reason).await
            } else {
                self.fail(unready, &reason).await
            };
            if !again {
                break;
            }
            self.restarts.send_modify(|restarts| *restarts += 1);
        }
        self.state.send_replace(State::Stopped);
    }

    /// Says that the model cannot be loaded, and waits for long; false when there is to be no start.
    async fn fail(&mut self, deaths: u32, reason: &str) -> bool {
        let minutes = FAILED_PAUSE.as_secs() / 60;
        let reason = format!(
            "its worker died {deaths} times in a row before it was ready ({reason}); look for what \
             ends it, such as too little memory; it is tried again every {minutes} minutes"
        );
        self.state.send_replace(State::Failed { reason });
        timeout(FAILED_PAUSE, stop_asked(&mut self.control)).await.is_err()
    }

    /// Waits before the next start; false when there is to be none.
    async fn pause(&mut self, deaths: u32, reason: String) -> bool {
        let after = backoff(deaths);
        let worker = &self.spec.name;
        tracing::warn!(worker, deaths, ?after, reason, "the worker died and will be started again");
        self.state.send_replace(State::Restarting { deaths, after, reason });
        timeout(after, stop_asked(&mut self.control)).await.is_err()
    }

    /// Runs one process from start to end.
    async fn one_process(&mut self, healthy_since: &mut Option<Instant>) -> End {
        let (mut process, socket) = match Process::start(&self.executable, &self.spec.name).await {
            Ok(started) => started,
            Err(error) => return End::Died(format!("it could not be started: {error}")),
        };
        let (incoming, outgoing) = socket.into_split();
        let (line, frames) = mpsc::unbounded_channel();
        if let Err(reason) = send(&line, &ToWorker::Start(StartSpec::Serve(self.spec.clone()))) {
            return End::Refused(reason);
        }
        let (heard, pongs) = watch::channel(0);
        let asking = line.clone();
        let mut hearing = Hearing {
            requests: &self.requests,
            state: &self.state,
            pid: process.pid(),
            line,
            heard,
            healthy_since,
        };
        let (end, until) = tokio::select! {
            // What a worker said last says more than that it can no longer be written to.
            biased;
            until = stop_due(&mut self.control, &self.requests) => (End::Stopped, until),
            end = hearing.listen(incoming) => (end, Instant::now() + EXIT_GRACE),
            reason = write(outgoing, frames) => {
                (End::Died(reason), Instant::now() + EXIT_GRACE)
            }
            // One that hangs does not end by itself.
            reason = hang(&self.requests, &asking, pongs, self.spec.hang) => {
                (End::Died(reason), Instant::now())
            }
        };
        // Both halves of the socket are dropped by now, which asks the worker to end.
        self.requests.fail_all();
        match (timeout_at(until, process.ended()).await, end) {
            (Ok(how), End::Died(reason)) => End::Died(format!("{reason}; {how}")),
            (_, end) => end,
        }
    }
}

/// What the gateway hears from one process.
struct Hearing<'life> {
    requests: &'life Requests,
    state: &'life watch::Sender<State>,
    pid: u32,
    line: mpsc::UnboundedSender<Frame>,
    /// The last Ping that was answered.
    heard: watch::Sender<u64>,
    healthy_since: &'life mut Option<Instant>,
}

impl Hearing<'_> {
    async fn listen(&mut self, incoming: OwnedReadHalf) -> End {
        let mut messages = Messages::new(incoming);
        loop {
            let patience =
                if self.healthy_since.is_some() { Duration::MAX } else { LOAD_SILENCE_MAX };
            let received = match timeout(patience, messages.next()).await {
                Ok(Ok((message, bytes))) => self.receive(message, bytes),
                Ok(Err(reason)) => Some(End::Died(reason)),
                Err(_elapsed) => {
                    let seconds = LOAD_SILENCE_MAX.as_secs();
                    Some(End::Died(format!("it was silent for {seconds} s while loading")))
                }
            };
            if let Some(end) = received {
                return end;
            }
        }
    }

    fn receive(&mut self, message: FromWorker, bytes: usize) -> Option<End> {
        match (message, self.healthy_since.is_some()) {
            (FromWorker::Event { id, event }, true) => {
                self.requests.deliver(id, event, bytes);
                None
            }
            (FromWorker::Pong { number }, true) => {
                self.heard.send_replace(number);
                None
            }
            (FromWorker::Loading(fraction), false) => {
                let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
                self.state.send_if_modified(|state| {
                    let loads = matches!(state, State::Loading(_));
                    if loads {
                        *state = State::Loading(fraction);
                    }
                    loads
                });
                None
            }
            (FromWorker::Ready { facts, confinement }, false) => {
                *self.healthy_since = Some(Instant::now());
                let (facts, confinement) = (printable_facts(facts), printable(confinement));
                let report = Report { pid: self.pid, facts, confinement };
                // The line is open before anybody can see that the worker is ready.
                self.requests.open(self.line.clone());
                self.state.send_replace(State::Ready(Box::new(report)));
                None
            }
            (FromWorker::Unsuitable(reason), false) => Some(End::Refused(words(&reason))),
            (FromWorker::Event { .. } | FromWorker::Pong { .. }, false) | (_, true) => {
                Some(End::Died("it spoke out of turn".to_owned()))
            }
        }
    }
}

/// Asks a confined worker what is in a GGUF file, for `model add`.
///
/// # Errors
/// When the file is not a GGUF file that llama.cpp can run for chat or embeddings; says why.
pub async fn inspect(executable: PathBuf, model: PathBuf) -> Result<ModelFacts, String> {
    let (mut process, socket) = Process::start(&executable, "inspect")
        .await
        .map_err(|error| format!("a worker could not be started: {error}"))?;
    let (incoming, outgoing) = socket.into_split();
    let (line, frames) = mpsc::unbounded_channel();
    send(&line, &ToWorker::Start(StartSpec::Inspect(model)))?;
    let answered = timeout(INSPECT_MAX, async {
        tokio::select! {
            biased;
            answer = answer(incoming) => answer,
            reason = write(outgoing, frames) => Err(reason),
        }
    })
    .await;
    match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(reason)) => {
            let how = timeout(EXIT_GRACE, process.ended()).await.unwrap_or_default();
            Err(format!("the worker that looked into the file died: {reason}; {how}"))
        }
        Err(_elapsed) => {
            let seconds = INSPECT_MAX.as_secs();
            Err(format!("looking into the file took longer than INSPECT_MAX ({seconds} s)"))
        }
    }
}

/// What a worker says about a file; the outer error is that it says nothing of use.
async fn answer(incoming: OwnedReadHalf) -> Result<Result<ModelFacts, String>, String> {
    let mut messages = Messages::new(incoming);
    loop {
        match messages.next().await?.0 {
            FromWorker::Loading(_) => {}
            FromWorker::Ready { facts, .. } => return Ok(Ok(printable_facts(facts))),
            FromWorker::Unsuitable(reason) => return Ok(Err(words(&reason))),
            FromWorker::Event { .. } | FromWorker::Pong { .. } => {
                return Err("it spoke out of turn".to_owned());
            }
        }
    }
}

/// The messages of a worker, one after the other.
struct Messages {
    incoming: OwnedReadHalf,
    reader: FrameReader,
    chunk: Zeroizing<Vec<u8>>,
}

impl Messages {
    fn new(incoming: OwnedReadHalf) -> Self {
        Self {
            incoming,
            reader: FrameReader::default(),
            chunk: Zeroizing::new(vec![0; CHUNK_BYTES]),
        }
    }

    /// The next message with its length; the error says why there is none.
    async fn next(&mut self) -> Result<(FromWorker, usize), String> {
        loop {
            if let Some(message) = self.reader.take().map_err(|error| error.to_string())? {
                return Ok(message);
            }
            match self.incoming.read(&mut self.chunk).await {
                Ok(0) => return Err("it closed its socket".to_owned()),
                Ok(count) => {
                    let arrived = self.chunk.get_mut(..count).unwrap_or_default();
                    self.reader.push(arrived);
                    arrived.zeroize();
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

fn send(line: &mpsc::UnboundedSender<Frame>, message: &ToWorker) -> Result<(), String> {
    let mut frame = Frame::default();
    encode(message, &mut frame).map_err(|error| error.to_string())?;
    line.send(frame).map_err(|error| error.to_string())
}

/// Writes frames until that fails; says why. It never ends otherwise: the caller holds the line.
async fn write(mut outgoing: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<Frame>) -> String {
    while let Some(mut together) = frames.recv().await {
        // Whoever else is about to ask goes first: the worker is woken once for all of them.
        yield_now().await;
        while together.len() < CHUNK_BYTES
            && let Ok(frame) = frames.try_recv()
        {
            reserve(&mut together, frame.len());
            together.extend_from_slice(&frame);
        }
        if let Err(error) = outgoing.write_all(&together).await {
            return error.to_string();
        }
    }
    std::future::pending().await
}

/// Asks the worker's scheduler for a sign of life, again and again while requests run; ends when it
/// gives none within `patience`, and says so.
async fn hang(
    requests: &Requests,
    line: &mpsc::UnboundedSender<Frame>,
    mut pongs: watch::Receiver<u64>,
    patience: Duration,
) -> String {
    let mut number = 0;
    loop {
        // Only a worker that is ready has requests.
        requests.busy().await;
        number += 1;
        if let Err(reason) = send(line, &ToWorker::Ping { number }) {
            return reason;
        }
        if timeout(patience, pongs.wait_for(|heard| *heard == number)).await.is_err() {
            let limit_ms = patience.as_millis();
            return format!("its scheduler made no step for {limit_ms} ms (engine.hang_ms)");
        }
        sleep(PING_PAUSE_MAX.min(patience / 4)).await;
    }
}

/// Waits until the worker is to stop, and says when at the latest; at once when nobody owns it.
async fn stop_asked(control: &mut watch::Receiver<Control>) -> Instant {
    match control.wait_for(|control| matches!(control, Control::Stop { .. })).await.as_deref() {
        Ok(Control::Stop { until }) => *until,
        Ok(Control::Run) | Err(_) => Instant::now(),
    }
}

/// Waits until the worker is to stop and its requests have ended, or may not take longer.
async fn stop_due(control: &mut watch::Receiver<Control>, requests: &Requests) -> Instant {
    let until = stop_asked(control).await;
    // Past the deadline the requests are given up.
    drop(timeout_at(until, requests.idle()).await);
    until
}

/// 250 ms, doubled with each death in a row, up to 30 s.
fn backoff(deaths: u32) -> Duration {
    let doublings = deaths.saturating_sub(1).min(16);
    (BACKOFF_MIN * 2_u32.pow(doublings)).min(BACKOFF_MAX)
}

/// A worker's words, short enough and harmless to print.
fn words(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(WORDS_CHARS_MAX).collect()
}

fn printable_facts(facts: ModelFacts) -> ModelFacts {
    let name = facts.name.as_deref().map(words);
    ModelFacts { architecture: words(&facts.architecture), name, ..facts }
}

fn printable(confinement: Confinement) -> Confinement {
    let attempts = confinement.attempts.iter().take(ATTEMPTS_MAX);
    let attempts = attempts.map(|(name, error)| (words(name), words(error))).collect();
    Confinement { attempts, ..confinement }
}

const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// A worker that served this long did not die of how it was started.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// A model whose worker died so often in a row before it was ready is said to have failed.
const LOAD_DEATHS_MAX: u32 = 5;

/// How long to wait before a model that has failed is tried again.
const FAILED_PAUSE: Duration = Duration::from_secs(300);

/// A worker that loads says so now and then; one that does not is stuck.
const LOAD_SILENCE_MAX: Duration = Duration::from_secs(300);

/// How long looking into a file may take.
const INSPECT_MAX: Duration = Duration::from_secs(120);

/// How long a worker may take to end once its socket is closed.
const EXIT_GRACE: Duration = Duration::from_secs(1);

/// How long to wait after a sign of life before the next is asked for.
const PING_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Characters of anything that a worker says about itself.
const WORDS_CHARS_MAX: usize = 500;

/// Attempts that a report shows.
const ATTEMPTS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_half_a_minute() {
        let pauses: Vec<_> = (1..=9).map(|deaths| backoff(deaths).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
    }

    #[test]
    fn a_workers_words_are_shortened_and_cannot_move_the_cursor() {
        assert_eq!(words("a\x1b[2J\nb"), "a[2Jb");
        assert_eq!(words(&"x".repeat(10_000)).len(), WORDS_CHARS_MAX);
    }
}
