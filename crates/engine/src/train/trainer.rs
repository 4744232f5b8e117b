//! The gateway's side of a training process.

use std::{path::PathBuf, time::Duration};

use policy::content::ContentBytes;
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::timeout,
};
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    Example, Progress, Set, TrainSpec,
    protocol::{FromTrainer, Start, ToTrainer},
};
use crate::{
    protocol::{CHUNK_BYTES, FrameReader, Whole, encode, parts},
    supervise::{Process, printable, words},
};

/// A process that trains one adapter. Dropping it kills the process; nothing of it remains.
#[derive(Debug)]
pub struct Trainer {
    pid: u32,
    frames: mpsc::Sender<Frame>,
    reports: mpsc::Receiver<Progress>,
}

type Frame = Zeroizing<Vec<u8>>;

impl Trainer {
    /// Starts the process as `executable train`. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub async fn start(executable: PathBuf, spec: TrainSpec) -> Result<Self, String> {
        let (process, socket) = Process::start(&executable, "train", &spec.name, None)
            .await
            .map_err(|error| format!("the trainer could not be started: {error}"))?;
        let TrainSpec {
            name: _,
            model,
            sha256,
            hyper,
            seed,
            threads,
            context_tokens,
            memory_bytes,
            resume,
        } = spec;
        let start = Start { model, sha256, hyper, seed, threads, context_tokens, memory_bytes };
        let start = frame(&ToTrainer::Start(start))?;
        let (frames, queue) = mpsc::channel(FRAMES_WAITING_MAX);
        let (sender, reports) = mpsc::channel(REPORTS_WAITING_MAX);
        let pid = process.pid();
        let life = Life { process, socket, start, resume, queue, reports: sender };
        // Not awaited: the task ends when the trainer is dropped.
        drop(tokio::spawn(life.live()));
        Ok(Self { pid, frames, reports })
    }

    /// The id of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Gives an example to the trainer, once [`Progress::Ready`] has arrived. Waits while the trainer
    /// is busy with earlier ones.
    ///
    /// # Errors
    /// If the example is too long for a frame, or the process has ended; [`Self::next`] then says why.
    pub async fn feed(&mut self, set: Set, example: Example) -> Result<(), String> {
        let frame = frame(&ToTrainer::Example { set, example })?;
        self.frames.send(frame).await.map_err(|_closed| "the trainer has ended".to_owned())
    }

    /// Starts the training with the examples that were fed.
    pub async fn begin(&mut self) {
        if let Ok(frame) = frame(&ToTrainer::Begin) {
            // If the process has ended, `next` says so.
            drop(self.frames.send(frame).await);
        }
    }

    /// Asks for a [`Progress::Checkpoint`] after the current step. The trainer makes one by itself,
    /// too, about every half minute and at the end of each epoch.
    pub fn save(&mut self) {
        if let Ok(frame) = frame(&ToTrainer::Save) {
            // As above. If the queue is full, the training has not begun.
            drop(self.frames.try_send(frame));
        }
    }

    /// Returns the next report; `None` after the last one. May be cancelled, for example in
    /// `tokio::select!`: no report is lost.
    pub async fn next(&mut self) -> Option<Progress> {
        self.reports.recv().await
    }
}

fn frame<T: Serialize>(message: &T) -> Result<Frame, String> {
    let mut frame = Frame::default();
    encode(message, &mut frame).map_err(|error| error.to_string())?;
    Ok(frame)
}

/// The task that follows one process.
struct Life {
    process: Process,
    socket: UnixStream,
    start: Frame,
    resume: Option<ContentBytes>,
    queue: mpsc::Receiver<Frame>,
    reports: mpsc::Sender<Progress>,
}

impl Life {
    /// Follows the process until its last report, or until no one wants its reports. Then it is
    /// killed, if it has not ended.
    async fn live(self) {
        let Self { mut process, socket, start, resume, queue, reports } = self;
        let (incoming, outgoing) = socket.into_split();
        let heard = tokio::select! {
            biased;
            () = reports.closed() => return,
            heard = listen(incoming, &reports) => heard,
            () = write(outgoing, start, resume, queue) => return,
        };
        if let Err(reason) = heard {
            let how = timeout(EXIT_GRACE, process.ended()).await.unwrap_or_default();
            // If no one wants the report, it is not needed.
            drop(
                reports.send(Progress::Failed(format!("the trainer died: {reason}; {how}"))).await,
            );
        }
    }
}

/// Writes all frames. Never ends: if writing fails, the last message of the process says why.
async fn write(
    mut outgoing: OwnedWriteHalf,
    start: Frame,
    resume: Option<ContentBytes>,
    mut queue: mpsc::Receiver<Frame>,
) {
    let all = async {
        outgoing.write_all(&start).await.ok()?;
        if let Some(resume) = resume {
            for part in parts(resume.reveal()) {
                outgoing.write_all(&frame(&ToTrainer::Part(part)).ok()?).await.ok()?;
            }
            outgoing.write_all(&frame(&ToTrainer::Resume).ok()?).await.ok()?;
        }
        while let Some(frame) = queue.recv().await {
            outgoing.write_all(&frame).await.ok()?;
        }
        Some(())
    };
    // The queue stays, so that `feed` does not fail before the reason has arrived.
    let _ended = all.await;
    std::future::pending::<()>().await;
}

/// Passes reports on until the last one. The error is the reason why the process is broken.
async fn listen(
    mut incoming: OwnedReadHalf,
    reports: &mpsc::Sender<Progress>,
) -> Result<(), String> {
    let mut reader = FrameReader::default();
    let mut chunk = Zeroizing::new(vec![0; CHUNK_BYTES]);
    let mut hearing = Hearing::default();
    loop {
        while let Some((message, _)) = reader.take().map_err(|error| error.to_string())? {
            if let Some(report) = hearing.hear(message)? {
                let last = matches!(report, Progress::Done { .. } | Progress::Refused { .. });
                if reports.send(report).await.is_err() || last {
                    return Ok(());
                }
            }
        }
        match timeout(SILENCE_MAX, incoming.read(&mut chunk)).await {
            Ok(Ok(0)) => return Err("it closed its socket".to_owned()),
            Ok(Ok(count)) => {
                let arrived = chunk.get_mut(..count).unwrap_or_default();
                reader.push(arrived);
                arrived.zeroize();
            }
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_elapsed) => {
                let minutes = SILENCE_MAX.as_secs() / 60;
                return Err(format!("it was silent for {minutes} minutes"));
            }
        }
    }
}

/// The messages so far.
#[derive(Default)]
struct Hearing {
    ready: bool,
    parts: Whole,
}

impl Hearing {
    fn hear(&mut self, message: FromTrainer) -> Result<Option<Progress>, String> {
        Ok(Some(match (message, self.ready) {
            (FromTrainer::Loading(fraction), false) => {
                Progress::Loading(if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 })
            }
            (FromTrainer::Ready(confinement), false) => {
                self.ready = true;
                Progress::Ready(printable(confinement))
            }
            (FromTrainer::Refused { example, reason }, _) => {
                Progress::Refused { example, reason: words(&reason) }
            }
            (FromTrainer::Step { step, of, loss, accuracy, valid }, true) => {
                Progress::Step { step, of, loss, accuracy, valid }
            }
            (FromTrainer::Part(part), true) => {
                self.parts.push(&part).map_err(|error| error.to_string())?;
                return Ok(None);
            }
            (FromTrainer::Epoch { number, step, full_valid }, true) => {
                Progress::Epoch { number, step, adapter: self.parts.take(), full_valid }
            }
            (FromTrainer::Checkpoint, true) => Progress::Checkpoint(self.parts.take()),
            (FromTrainer::Done { trained_tokens, kernel }, true) => Progress::Done {
                adapter: self.parts.take(),
                trained_tokens,
                kernel: words(&kernel),
            },
            (FromTrainer::Loading(_) | FromTrainer::Ready(_), true) | (_, false) => {
                return Err("it sent a message at the wrong time".to_owned());
            }
        }))
    }
}

/// Number of examples that wait for the trainer.
const FRAMES_WAITING_MAX: usize = 16;

/// Number of reports that wait for the owner. A trainer whose reports no one takes waits.
const REPORTS_WAITING_MAX: usize = 16;

/// A trainer that says nothing for this long counts as dead. A step of a large model may take minutes.
const SILENCE_MAX: Duration = Duration::from_secs(3600);

/// Time in which a trainer must end once its socket is closed.
const EXIT_GRACE: Duration = Duration::from_secs(1);
