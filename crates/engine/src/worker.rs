//! The worker process, which `bailiwick worker` runs.
//!
//! The gateway starts it with a socket as standard input. It opens one file, confines itself
//! ([`crate::confine`]), loads the model, and serves until the socket closes. It never writes
//! content of requests: standard error carries only its own fixed lines.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::{fs::OpenOptionsExt as _, net::UnixStream},
    },
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError, mpsc},
};

use policy::content::ContentBytes;
use serde::{Serialize, de::DeserializeOwned};
use tlog::canon::Digest;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    confine, digest,
    embedded::{self, Command, Devices, Loaded, WholeProcess},
    mappings::Mappings,
    memory,
    protocol::{
        CHUNK_BYTES, Confinement, FrameReader, FromWorker, STDERR_MARK, StartSpec, ToWorker, Whole,
        WorkerSpec, encode,
    },
    request::{Event, Refusal},
};

/// Runs the worker until the gateway closes the socket.
#[must_use]
pub fn main() -> ExitCode {
    die_quietly_of_panics();
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            complain(&complaint);
            ExitCode::FAILURE
        }
    }
}

fn work() -> Result<(), String> {
    confine::harden().map_err(|error| error.to_string())?;
    let mut line = Line::from_standard_input()?;
    let start = match line.hear()? {
        Some(ToWorker::Start(start)) => start,
        Some(
            ToWorker::Submit { .. }
            | ToWorker::Cancel { .. }
            | ToWorker::Ping { .. }
            | ToWorker::Adapter { .. },
        ) => {
            return Err("the gateway's first message is not Start".to_owned());
        }
        None => return Ok(()),
    };
    match start {
        StartSpec::Serve(spec) => match prepare(&spec, &mut line) {
            Ok((loaded, confinement)) => {
                let model = loaded.model().clone();
                line.say(&FromWorker::Ready { model, confinement })?;
                serve(loaded, line)
            }
            Err(reason) => line.say(&FromWorker::Unsuitable(reason)),
        },
        StartSpec::Inspect(path) => {
            let answer = inspect(&path).unwrap_or_else(FromWorker::Unsuitable);
            line.say(&answer)
        }
    }
}

/// Confines the process and loads the model. The error has the reason why the model cannot be
/// served, and advice.
fn prepare(spec: &WorkerSpec, line: &mut Line) -> Result<(Loaded, Confinement), String> {
    let model = open(&spec.model)?;
    let mut mappings = Mappings::open()
        .map_err(|error| format!("the list of the process's memory cannot be opened: {error}"))?;
    let (loading, devices) = match &spec.gpu {
        None => (confine::before_loading(&model), Devices::none()),
        // The driver starts before the file is parsed: then it needs its libraries no more.
        Some(gpu) => {
            let starting = confine::before_driver(&model).map_err(|error| error.to_string())?;
            let devices = Devices::start(gpu)?;
            (starting.before_loading(&model, gpu.is_software()), devices)
        }
    };
    let loading = loading.map_err(|error| error.to_string())?;
    let mut last = 0.0;
    let mut progress = |fraction: f32| {
        // Each message wakes the gateway, so report only every hundredth.
        if fraction >= last + 0.01 {
            last = fraction;
            // If the gateway has ended, the next read from the socket shows it.
            drop(line.say(&FromWorker::Loading(fraction)));
        }
    };
    let digest = sha256(&model, &mut |fraction| progress(fraction * HASHING_SHARE))?;
    if digest != spec.sha256 {
        return Err(format!(
            "the model file has SHA-256 {digest}, not {}: put the original file back, or add this one \
             as a model of its own",
            spec.sha256
        ));
    }
    let rest = 1.0 - HASHING_SHARE;
    // Loads the file that was just hashed: by now its path may lead to another file.
    let mut loaded = embedded::load(
        spec,
        &devices,
        &by_number(&model),
        &mut |fraction| progress(HASHING_SHARE + fraction * rest),
        &mut || mappings.release_files(),
    )?;
    drop((model, mappings));
    memory::overwrite_freed();
    let confinement = loading.before_serving().map_err(|error| error.to_string())?;
    // An adapter is a customer's: it comes when this process can open no file any more.
    if let Some(sha256) = &spec.adapter {
        loaded.adapt(&adapter(sha256, line)?)?;
    }
    Ok((loaded, confinement))
}

/// Receives the adapter, and checks its digest.
fn adapter(sha256: &str, line: &mut Line) -> Result<ContentBytes, String> {
    let mut whole = Whole::default();
    loop {
        match line.hear()? {
            Some(ToWorker::Adapter { part, last }) => {
                whole.push(&part).map_err(|error| error.to_string())?;
                if last {
                    break;
                }
            }
            Some(_) => return Err("the gateway sent another message than the adapter".to_owned()),
            None => return Err("the gateway sent no adapter".to_owned()),
        }
    }
    let adapter = whole.take();
    let digest = Digest::of(&[adapter.reveal()]).to_string();
    if digest == sha256 {
        Ok(adapter)
    } else {
        Err(format!("the adapter has SHA-256 {digest}, not {sha256}: it was changed or exchanged"))
    }
}

/// Reads the facts of a model file, confined like a worker that serves it.
fn inspect(path: &Path) -> Result<FromWorker, String> {
    let file = open(path)?;
    let loading = confine::before_loading(&file).map_err(|error| error.to_string())?;
    let model = embedded::inspect(&by_number(&file))?;
    drop(file);
    let confinement = loading.before_serving().map_err(|error| error.to_string())?;
    Ok(FromWorker::Ready { model, confinement })
}

/// Serves requests until the gateway closes the socket.
fn serve(loaded: Loaded, mut line: Line) -> Result<(), String> {
    let writer = Writer { socket: Arc::clone(&line.socket), frames: Zeroizing::default() };
    let writer = Arc::new(Mutex::new(writer));
    let answering = Arc::clone(&writer);
    let (commands, inbox) = mpsc::sync_channel(COMMANDS_WAITING_MAX);
    std::thread::Builder::new()
        .name("read".to_owned())
        .spawn(move || {
            let _whole = WholeProcess;
            read_commands(&mut line, &commands, &answering);
        })
        .map_err(|error| format!("a thread could not be started: {error}"))?;
    let outbox = move |events: Vec<(u64, Event)>| {
        let events = events.into_iter().map(|(id, event)| FromWorker::Event { id, event });
        writer.lock().unwrap_or_else(PoisonError::into_inner).write(events);
    };
    loaded.run(inbox, Box::new(outbox));
    Ok(())
}

/// Passes commands on until the gateway closes the socket or sends an invalid message.
fn read_commands(
    line: &mut Line,
    commands: &mpsc::SyncSender<Command>,
    writer: &Arc<Mutex<Writer>>,
) {
    loop {
        let command = match line.hear() {
            Ok(Some(ToWorker::Submit { id, scope, work })) => Command::Submit { id, scope, work },
            Ok(Some(ToWorker::Cancel { id })) => Command::Cancel { id },
            Ok(Some(ToWorker::Ping { number })) => {
                let writer = Arc::clone(writer);
                Command::Ping(Box::new(move || {
                    let pong = FromWorker::Pong { number };
                    writer.lock().unwrap_or_else(PoisonError::into_inner).write([pong]);
                }))
            }
            Ok(Some(ToWorker::Start(_))) => {
                return complain("the gateway started this worker twice");
            }
            Ok(Some(ToWorker::Adapter { .. })) => {
                return complain("the gateway sent an adapter to a worker that serves");
            }
            Ok(None) => return,
            Err(complaint) => return complain(&complaint),
        };
        if commands.send(command).is_err() {
            return;
        }
    }
}

/// Sends messages, those of one step in one write. The gateway shares processors with the model, so
/// it should wake only once per step. If the gateway does not read, the engine waits; the gateway
/// always reads.
struct Writer {
    socket: Arc<UnixStream>,
    frames: Zeroizing<Vec<u8>>,
}

impl Writer {
    fn write(&mut self, messages: impl IntoIterator<Item = FromWorker>) {
        for message in messages {
            if let (Err(error), FromWorker::Event { id, .. }) =
                (encode(&message, &mut self.frames), message)
            {
                let event = Event::Failed(Refusal::Engine { reason: error.to_string() });
                // INVARIANT: this event is short and can be encoded.
                let _ = encode(&FromWorker::Event { id, event }, &mut self.frames);
            }
        }
        // If the gateway has ended, the next read from the socket shows it.
        let _ = (&*self.socket).write_all(&self.frames);
        self.frames.zeroize();
        if self.frames.capacity() > CHUNK_BYTES {
            self.frames = Zeroizing::default();
        }
    }
}

/// The socket to the gateway.
pub(crate) struct Line {
    pub(crate) socket: Arc<UnixStream>,
    reader: FrameReader,
    chunk: Zeroizing<Vec<u8>>,
}

impl Line {
    pub(crate) fn from_standard_input() -> Result<Self, String> {
        let by_hand = |_: io::Error| {
            "standard input is not a socket; do not run this command by hand, `bailiwick serve` \
             starts it"
                .to_owned()
        };
        let input = io::stdin().as_fd().try_clone_to_owned().map_err(by_hand)?;
        let socket = UnixStream::from(input);
        socket.peer_addr().map_err(by_hand)?;
        let chunk = Zeroizing::new(vec![0; CHUNK_BYTES]);
        Ok(Self { socket: Arc::new(socket), reader: FrameReader::default(), chunk })
    }

    /// Splits off the part that hears. This one can only speak from now on.
    pub(crate) fn ear(&mut self) -> Self {
        let chunk = Zeroizing::new(vec![0; CHUNK_BYTES]);
        let reader = std::mem::take(&mut self.reader);
        Self { socket: Arc::clone(&self.socket), reader, chunk }
    }

    /// Returns the next message; `None` once the gateway has closed its end.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self) -> Result<Option<T>, String> {
        loop {
            if let Some((message, _)) = self.reader.take().map_err(|error| error.to_string())? {
                return Ok(Some(message));
            }
            match (&*self.socket).read(&mut self.chunk) {
                Ok(0) => return Ok(None),
                Ok(count) => {
                    let arrived = self.chunk.get_mut(..count).unwrap_or_default();
                    self.reader.push(arrived);
                    arrived.zeroize();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The gateway was killed.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(format!("the socket cannot be read: {error}")),
            }
        }
    }

    pub(crate) fn say<T: Serialize>(&mut self, message: &T) -> Result<(), String> {
        let mut frame = Zeroizing::new(Vec::new());
        encode(message, &mut frame).map_err(|error| error.to_string())?;
        (&*self.socket)
            .write_all(&frame)
            .map_err(|error| format!("the socket cannot be written: {error}"))
    }
}

/// Opens a model file, which must be a regular file. `O_NONBLOCK`, because opening a pipe would
/// wait.
pub(crate) fn open(path: &Path) -> Result<File, String> {
    // Without the path: API callers read this text too, and the operator knows the path.
    let cannot = |what: &str| {
        format!(
            "the model file {what}: check its path and permissions. The service reads models only \
             below its data directory, in folders that had its models when it started, and in those of \
             `engine.model_folders`: to use another folder, list it there and restart the service"
        )
    };
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(|error| cannot(&format!("cannot be opened ({error})")))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err(cannot("is not a regular file")),
        Err(error) => Err(cannot(&format!("has no readable metadata ({error})"))),
    }
}

/// Returns a path that leads to this open file, even if the file is renamed or replaced.
pub(crate) fn by_number(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// Computes the SHA-256 of an open file, in lower-case hex.
pub(crate) fn sha256(mut file: &File, progress: &mut dyn FnMut(f32)) -> Result<String, String> {
    let unreadable = |error: io::Error| format!("the model file cannot be read ({error})");
    let length = file.metadata().map_err(unreadable)?.len().max(1);
    let part = |done: u64| progress((done as f64 / length as f64) as f32);
    Ok(digest::sha256(&mut file, part).map_err(unreadable)?.to_string())
}

/// Makes panics print only their place, because a panic's message may quote content. It does not
/// end the process: llguidance catches its own panics.
pub(crate) fn die_quietly_of_panics() {
    std::panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => complain(&format!("panic at {}:{}", place.file(), place.line())),
        None => complain("panic at an unknown place"),
    }));
}

/// Writes one of the worker's own lines to standard error.
pub(crate) fn complain(line: &str) {
    // If this fails, the worker has no other place to report it.
    drop(writeln!(io::stderr(), "{STDERR_MARK}{line}"));
}

/// Share of hashing in the progress of loading.
const HASHING_SHARE: f32 = 0.3;

/// Maximum number of commands that wait for the engine.
const COMMANDS_WAITING_MAX: usize = 1024;
