//! The frames between the gateway and a worker; `docs/spec/worker-protocol.md` defines each byte.
//!
//! Only encoding and decoding: no sockets, no threads. The bytes come from a process that may be
//! broken or hostile. So decoding never panics, and never reserves memory for a length that the
//! peer merely announces. Buffers hold content, so they are overwritten after use.

mod part;

use std::{path::PathBuf, time::Duration};

pub use policy::model::ModelFacts;
use policy::task::Task;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::{Zeroize as _, Zeroizing};

pub use self::part::{PART_BYTES, Part, TooMany, WHOLE_BYTES_MAX, Whole, parts};
pub use crate::gpu::{Device, Gpu};
use crate::request::{CacheScope, Event, Work};

/// A message from the gateway to a worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// The first message: the task of this worker.
    Start(StartSpec),
    /// Runs a request; its events carry its id.
    Submit {
        /// Id that the gateway chose; never used twice with one worker.
        id: u64,
        /// Tenant whose cache entries the request may reuse.
        scope: CacheScope,
        /// The request.
        work: Work,
    },
    /// Cancels a request. Unknown ids are ignored, because the request may have ended before this
    /// message arrived.
    Cancel {
        /// Id of the request.
        id: u64,
    },
    /// Asks whether the scheduler still makes steps; sent while requests run.
    Ping {
        /// Number that the answer repeats.
        number: u64,
    },
    /// A part of the adapter, if the settings name one. All parts follow Start at once.
    Adapter {
        /// The bytes.
        part: Part,
        /// Whether this is the last part.
        last: bool,
    },
}

/// The task of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartSpec {
    /// Serves this model.
    Serve(WorkerSpec),
    /// Reports the content of this model file, and ends.
    Inspect(PathBuf),
}

/// Settings for running one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerSpec {
    /// Name for logs and metrics.
    pub name: String,
    /// The GGUF file.
    pub model: PathBuf,
    /// SHA-256 of the file, in lower-case hex. A worker whose file differs does not start.
    pub sha256: String,
    /// Task of the model.
    pub task: Task,
    /// Number of tokens that one sequence can hold; limited to the model's training context.
    pub context_tokens: u32,
    /// Number of sequences that run at once.
    pub sequences: u32,
    /// Number of computing threads.
    pub threads: u32,
    /// Number of requests that may wait for a sequence.
    pub queue: u32,
    /// Time that a tenant's unused prefix stays in the KV cache.
    pub prefix_cache: Duration,
    /// Maximum time of one step of the scheduler while requests run. A worker that takes longer
    /// counts as hanging, and is restarted.
    pub hang: Duration,
    /// Graphics cards to compute on; without it, the processor computes everything.
    pub gpu: Option<Gpu>,
    /// The kind of requests that it answers.
    pub duty: Duty,
    /// SHA-256 of the adapter, in lower-case hex, if the model is a tuned one. A worker that gets
    /// another adapter does not start.
    pub adapter: Option<String>,
}

/// The kind of requests that a worker answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duty {
    /// Those of customers, and the texts of the content filter's encoder.
    Requests,
    /// Only [`Work::Judge`]: a guard model of the content filter. Its chat template is not used, and
    /// may be anything.
    Judge,
    /// Only [`Work::Label`]: an encoder that reads words for the detection of personal data. Its
    /// pooling is not used.
    Label,
}

/// A message from a worker to the gateway.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// Progress of loading, from 0 to 1.
    Loading(f32),
    /// The model is loaded and the worker is confined; it now accepts requests.
    Ready {
        /// The loaded model.
        model: LoadedModel,
        /// Its confinement, with the results of its attempts to break out.
        confinement: Confinement,
    },
    /// The worker cannot serve this model: the reason and the advice.
    Unsuitable(String),
    /// An event of a request.
    Event {
        /// Id of the request.
        id: u64,
        /// The event.
        event: Event,
    },
    /// Answers a Ping; sent by the scheduler between two steps.
    Pong {
        /// Number from the Ping.
        number: u64,
    },
}

/// A loaded model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedModel {
    /// The facts that its file states.
    pub facts: ModelFacts,
    /// Number of tokens that one sequence can hold, as configured.
    pub context: u32,
    /// Abilities of its chat template.
    pub template: Vec<TemplateNote>,
    /// The graphics cards that it uses, by llama.cpp's name and the driver's description. Empty if
    /// the processor computes everything.
    pub devices: Vec<String>,
}

/// A feature of conversations, and whether a chat template supports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateNote {
    /// Name of the feature, e.g. `system turns`.
    pub what: String,
    /// Whether it is supported.
    pub works: Works,
    /// The workaround, or the reason why it is not supported.
    pub how: String,
}

/// Whether a feature of conversations reaches the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Works {
    /// The template shows it unchanged.
    AsSent,
    /// The template gets it in another form with the same meaning.
    Otherwise,
    /// A request that uses it is refused.
    No,
}

/// The confinement of a worker, and the results of its attempts to break out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Active version of Landlock.
    pub landlock_abi: u32,
    /// Whether the seccomp filter is active.
    pub seccomp: bool,
    /// Whether memory is locked, so that it cannot be swapped out.
    pub memory_locked: bool,
    /// Attempts (`socket`, `open`, `exec`, `fork`, `ptrace`, …), each with the resulting error.
    pub attempts: Vec<(String, String)>,
}

/// Maximum length of a message. The gateway limits the body of a request to far less.
pub const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Number of bytes that a reader or writer handles at once.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Prefix of a worker's own lines on standard error. The gateway logs only these, because a library
/// might print content.
pub const STDERR_MARK: &str = "bailiwick worker: ";

/// An invalid message. The error does not contain its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// The message is longer than [`FRAME_BYTES_MAX`].
    #[error("a message of {bytes} bytes is longer than FRAME_BYTES_MAX ({FRAME_BYTES_MAX})")]
    TooLong {
        /// Length of the message, in bytes.
        bytes: usize,
    },
    /// The bytes are not a message, or more than one.
    #[error("the bytes of a frame are not one message")]
    Malformed,
    /// A value cannot be encoded: a path is not UTF-8.
    #[error("the message cannot be encoded: paths must be UTF-8")]
    Unencodable,
}

/// Appends one frame to a buffer of frames, and returns the length of its message in bytes.
///
/// # Errors
/// If the message is longer than [`FRAME_BYTES_MAX`] or cannot be encoded; the buffer is unchanged.
pub fn encode<T: Serialize>(message: &T, out: &mut Zeroizing<Vec<u8>>) -> Result<usize, BadFrame> {
    let bytes = postcard::experimental::serialized_size(message)
        .map_err(|_unencodable| BadFrame::Unencodable)?;
    let length = u32::try_from(bytes)
        .ok()
        .filter(|_| bytes <= FRAME_BYTES_MAX)
        .ok_or(BadFrame::TooLong { bytes })?;
    let start = out.len();
    reserve(out, LENGTH_BYTES + bytes);
    out.extend_from_slice(&length.to_le_bytes());
    out.resize(start + LENGTH_BYTES + bytes, 0);
    let body = out.get_mut(start + LENGTH_BYTES..).unwrap_or_default();
    if postcard::to_slice(message, body).is_err() {
        out.truncate(start);
        return Err(BadFrame::Unencodable);
    }
    Ok(bytes)
}

/// Decodes one message, which must use all of the bytes.
///
/// # Errors
/// If the bytes are too many, not a message, or more than one.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadFrame> {
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(BadFrame::TooLong { bytes: bytes.len() });
    }
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(BadFrame::Malformed),
    }
}

/// Splits a stream of bytes, which arrive in arbitrary pieces, into messages.
#[derive(Default)]
pub struct FrameReader {
    buffer: Zeroizing<Vec<u8>>,
    /// Number of bytes at the start of the buffer that were taken and overwritten.
    taken: usize,
}

impl FrameReader {
    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        // Moves the rest to the front only when it is the smaller part, so that the total cost is
        // linear.
        if self.taken > 0 && self.taken >= self.buffer.len() - self.taken {
            let rest = self.buffer.len() - self.taken;
            self.buffer.copy_within(self.taken.., 0);
            if let Some(stale) = self.buffer.get_mut(rest..) {
                stale.zeroize();
            }
            self.buffer.truncate(rest);
            self.taken = 0;
        }
        reserve(&mut self.buffer, bytes.len());
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the next message out, with its length in bytes; `None` until all of it has arrived.
    ///
    /// # Errors
    /// If the next frame is too long or not a message; the rest of the stream is then unusable.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<Option<(T, usize)>, BadFrame> {
        let waiting = self.buffer.get(self.taken..).unwrap_or_default();
        let Some((length, rest)) = waiting.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let bytes = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if bytes > FRAME_BYTES_MAX {
            return Err(BadFrame::TooLong { bytes });
        }
        let Some(body) = rest.get(..bytes) else { return Ok(None) };
        let message = decode(body)?;
        let end = self.taken + LENGTH_BYTES + bytes;
        if let Some(used) = self.buffer.get_mut(self.taken..end) {
            used.zeroize();
        }
        self.taken = end;
        Ok(Some((message, bytes)))
    }
}

impl std::fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FrameReader({} bytes)", self.buffer.len() - self.taken)
    }
}

/// Size of the length in front of each message, in bytes.
const LENGTH_BYTES: usize = 4;

/// Makes room. Unlike `Vec::reserve`, it leaves no copy of the old bytes in memory.
pub(crate) fn reserve(buffer: &mut Zeroizing<Vec<u8>>, more: usize) {
    let wanted = buffer.len().saturating_add(more);
    if wanted > buffer.capacity() {
        let mut larger = Vec::with_capacity(wanted.max(buffer.capacity().saturating_mul(2)));
        larger.extend_from_slice(buffer);
        *buffer = Zeroizing::new(larger);
    }
}

#[cfg(test)]
mod tests;
