//! Keeps one worker running: starts the process, follows its loading and serving, and restarts it
//! when it dies.

use std::{path::PathBuf, sync::Arc, time::Duration};

use policy::{content::ContentBytes, model::ModelFacts};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::{mpsc, watch},
    task::yield_now,
    time::{Instant, sleep, timeout, timeout_at},
};
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    AdapterSource, Report, State, Withheld,
    process::Process,
    requests::{Frame, Requests},
};
use crate::protocol::{
    CHUNK_BYTES, Confinement, FrameReader, FromWorker, LoadedModel, StartSpec, ToWorker,
    WorkerSpec, encode, parts, reserve,
};

/// The order of the owner of a worker.
#[derive(Debug, Clone, Copy)]
pub(super) enum Control {
    /// Keep the worker running.
    Run,
    /// Let its requests end, and stop it by a deadline.
    Stop {
        /// The deadline.
        until: Instant,
    },
}

/// The task that keeps one worker running.
pub(super) struct Life {
    pub(super) executable: PathBuf,
    pub(super) spec: WorkerSpec,
    /// The source of the adapter of a tuned model.
    pub(super) adapter: Option<AdapterSource>,
    pub(super) requests: Arc<Requests>,
    pub(super) state: watch::Sender<State>,
    pub(super) restarts: watch::Sender<u64>,
    pub(super) control: watch::Receiver<Control>,
}

/// The end of one process.
enum End {
    /// Stopped on request.
    Stopped,
    /// Refused to serve the model, for this reason; a restart would not help.
    Refused(String),
    /// Died, with this cause; a restart may help.
    Died(String),
}

impl Life {
    /// Starts the worker, and restarts it whenever it dies.
    pub(super) async fn live(mut self) {
        // `deaths` counts deaths in a row, `unready` those before the worker was ready.
        let (mut deaths, mut unready) = (0, 0);
        loop {
            // A failed worker is restarted too, but its state stays `Failed` until it is ready.
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

    /// Reports that the model cannot be loaded, and waits [`FAILED_PAUSE`]; false if the worker is
    /// to stop.
    async fn fail(&mut self, deaths: u32, reason: &str) -> bool {
        let minutes = FAILED_PAUSE.as_secs() / 60;
        let reason = format!(
            "its worker died {deaths} times in a row before it was ready ({reason}); find the cause, \
             such as too little memory; a new attempt is made every {minutes} minutes"
        );
        self.state.send_replace(State::Failed { reason });
        timeout(FAILED_PAUSE, stop_asked(&mut self.control)).await.is_err()
    }

    /// Waits before the next start; false if the worker is to stop.
    async fn pause(&mut self, deaths: u32, reason: String) -> bool {
        let after = backoff(deaths);
        let worker = &self.spec.name;
        tracing::warn!(worker, deaths, ?after, reason, "the worker died and will be started again");
        self.state.send_replace(State::Restarting { deaths, after, reason });
        timeout(after, stop_asked(&mut self.control)).await.is_err()
    }

    /// Runs one process from start to end.
    async fn one_process(&mut self, healthy_since: &mut Option<Instant>) -> End {
        let adapter = match &self.adapter {
            None => None,
            Some(source) => tokio::select! {
                biased;
                _until = stop_asked(&mut self.control) => return End::Stopped,
                bytes = source.bytes() => match bytes {
                    Ok(bytes) => Some(bytes),
                    Err(Withheld::Refused(reason)) => return End::Refused(reason),
                    Err(Withheld::Unavailable(reason)) => return End::Died(reason),
                },
            },
        };
        let (mut process, socket) = match Process::start(
            &self.executable,
            "worker",
            &self.spec.name,
            self.spec.gpu.as_ref(),
        )
        .await
        {
            Ok(started) => started,
            Err(error) => return End::Died(format!("it could not be started: {error}")),
        };
        let (incoming, outgoing) = socket.into_split();
        let (line, frames) = mpsc::unbounded_channel();
        if let Err(reason) = send(&line, &ToWorker::Start(StartSpec::Serve(self.spec.clone()))) {
            return End::Refused(reason);
        }
        if let Some(Err(reason)) = adapter.as_ref().map(|bytes| send_adapter(&line, bytes)) {
            return End::Refused(reason);
        }
        drop(adapter);
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
            // The last message of a dying worker is a better reason than a failed write, so
            // `listen` comes before `write`.
            biased;
            until = stop_due(&mut self.control, &self.requests) => (End::Stopped, until),
            end = hearing.listen(incoming) => (end, Instant::now() + EXIT_GRACE),
            reason = write(outgoing, frames) => {
                (End::Died(reason), Instant::now() + EXIT_GRACE)
            }
            // A hanging worker does not end by itself, so it gets no time for that.
            reason = hang(&self.requests, &asking, pongs, self.spec.hang) => {
                (End::Died(reason), Instant::now())
            }
        };
        // Both halves of the socket are dropped now; the worker ends when it notices that.
        self.requests.fail_all();
        match (timeout_at(until, process.ended()).await, end) {
            (Ok(how), End::Died(reason)) => End::Died(format!("{reason}; {how}")),
            (_, end) => end,
        }
    }
}

/// Receives the messages of one process.
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
            (FromWorker::Ready { model, confinement }, false) => {
                *self.healthy_since = Some(Instant::now());
                let (model, confinement) = (printable_model(model), printable(confinement));
                let report = Report { pid: self.pid, model, confinement };
                // Open the line before publishing that the worker is ready.
                self.requests.open(self.line.clone());
                self.state.send_replace(State::Ready(Box::new(report)));
                None
            }
            (FromWorker::Unsuitable(reason), false) => Some(End::Refused(words(&reason))),
            (FromWorker::Event { .. } | FromWorker::Pong { .. }, false) | (_, true) => {
                Some(End::Died("it sent a message at the wrong time".to_owned()))
            }
        }
    }
}

/// Lets a confined worker read the facts of a GGUF file, for `model add`.
///
/// # Errors
/// If llama.cpp cannot run the file for chat or embeddings. The text names the reason.
pub async fn inspect(executable: PathBuf, model: PathBuf) -> Result<LoadedModel, String> {
    let (mut process, socket) = Process::start(&executable, "worker", "inspect", None)
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
            Err(format!("the worker that inspected the file died: {reason}; {how}"))
        }
        Err(_elapsed) => {
            let seconds = INSPECT_MAX.as_secs();
            Err(format!("inspecting the file took longer than INSPECT_MAX ({seconds} s)"))
        }
    }
}

/// Returns a worker's answer about a file. The outer error means that there is no valid answer.
async fn answer(incoming: OwnedReadHalf) -> Result<Result<LoadedModel, String>, String> {
    let mut messages = Messages::new(incoming);
    loop {
        match messages.next().await?.0 {
            FromWorker::Loading(_) => {}
            FromWorker::Ready { model, .. } => return Ok(Ok(printable_model(model))),
            FromWorker::Unsuitable(reason) => return Ok(Err(words(&reason))),
            FromWorker::Event { .. } | FromWorker::Pong { .. } => {
                return Err("it sent a message at the wrong time".to_owned());
            }
        }
    }
}

/// Reads the messages of a worker from its socket.
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

    /// Returns the next message with its length in bytes.
    ///
    /// # Errors
    /// If the socket is closed or cannot be read, or a message is invalid.
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

fn send_adapter(line: &mpsc::UnboundedSender<Frame>, bytes: &ContentBytes) -> Result<(), String> {
    let mut parts = parts(bytes.reveal()).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        send(line, &ToWorker::Adapter { part, last })?;
    }
    Ok(())
}

/// Writes frames until writing fails, and returns the reason. It does not end otherwise, because
/// the caller holds a sender of `frames`.
async fn write(mut outgoing: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<Frame>) -> String {
    while let Some(mut together) = frames.recv().await {
        // Lets other tasks add their frames first, so that one write wakes the worker for all.
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

/// Pings the worker's scheduler repeatedly while requests run. Ends, with the reason, when it does
/// not answer within `patience`.
async fn hang(
    requests: &Requests,
    line: &mpsc::UnboundedSender<Frame>,
    mut pongs: watch::Receiver<u64>,
    patience: Duration,
) -> String {
    let mut number = 0;
    loop {
        // Requests exist only while the worker is ready.
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

/// Waits until the worker is to stop, and returns the deadline; that is now if its owner is gone.
async fn stop_asked(control: &mut watch::Receiver<Control>) -> Instant {
    match control.wait_for(|control| matches!(control, Control::Stop { .. })).await.as_deref() {
        Ok(Control::Stop { until }) => *until,
        Ok(Control::Run) | Err(_) => Instant::now(),
    }
}

/// Waits until the worker is to stop, and then until its requests have ended or the deadline has
/// passed.
async fn stop_due(control: &mut watch::Receiver<Control>, requests: &Requests) -> Instant {
    let until = stop_asked(control).await;
    // After the deadline, requests that still run are abandoned.
    drop(timeout_at(until, requests.idle()).await);
    until
}

/// Returns the pause before a restart: 250 ms, doubled with each death in a row, up to 30 s.
fn backoff(deaths: u32) -> Duration {
    let doublings = deaths.saturating_sub(1).min(16);
    (BACKOFF_MIN * 2_u32.pow(doublings)).min(BACKOFF_MAX)
}

/// Shortens a worker's text and removes control characters, so that it can be printed safely.
pub(crate) fn words(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(WORDS_CHARS_MAX).collect()
}

fn printable_model(model: LoadedModel) -> LoadedModel {
    let facts = model.facts;
    let name = facts.name.as_deref().map(words);
    let license = facts.license.as_deref().map(words);
    let facts = ModelFacts { architecture: words(&facts.architecture), name, license, ..facts };
    let devices = model.devices.iter().take(DEVICES_MAX).map(|device| words(device)).collect();
    LoadedModel { facts, devices, ..model }
}

pub(crate) fn printable(confinement: Confinement) -> Confinement {
    let attempts = confinement.attempts.iter().take(ATTEMPTS_MAX);
    let attempts = attempts.map(|(name, error)| (words(name), words(error))).collect();
    Confinement { attempts, ..confinement }
}

const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// A worker that served for this long counts as healthy; its death starts a new count.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// Number of deaths in a row before the worker was ready, after which its state is `Failed`.
const LOAD_DEATHS_MAX: u32 = 5;

/// Pause before a failed worker is restarted.
const FAILED_PAUSE: Duration = Duration::from_secs(300);

/// A loading worker reports its progress. One that is silent for this long counts as dead.
const LOAD_SILENCE_MAX: Duration = Duration::from_secs(300);

/// Maximum time for inspecting a file.
const INSPECT_MAX: Duration = Duration::from_secs(120);

/// Time in which a worker must end once its socket is closed.
const EXIT_GRACE: Duration = Duration::from_secs(1);

/// Maximum pause between two pings.
const PING_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Maximum length of a text from a worker, in characters.
const WORDS_CHARS_MAX: usize = 500;

/// Maximum number of attempts in a report.
const ATTEMPTS_MAX: usize = 32;

/// Maximum number of graphics cards in a worker's report.
const DEVICES_MAX: usize = 32;

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
