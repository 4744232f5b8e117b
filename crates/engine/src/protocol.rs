//! The frames between the gateway and a worker; `docs/spec/worker-protocol.md` has them to the byte.
//!
//! Pure encoding and decoding: no sockets, no threads. Bytes come from a process that may be
//! broken or hostile, so decoding never panics and never reserves memory on a peer's word.
//! Buffers are overwritten once used, because they hold content.

use std::path::PathBuf;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    request::{CacheScope, Event, Work},
    supervise::WorkerSpec,
};

/// What the gateway says.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// The first frame: what to be.
    Start(StartSpec),
    /// Run this request; answers carry its id.
    Submit {
        /// Chosen by the gateway, never used twice with one worker.
        id: u64,
        /// Whose cache entries it may reuse.
        scope: CacheScope,
        /// What to do.
        work: Work,
    },
    /// Nobody waits for this request any more. Unknown ids are ignored: the answer may have
    /// crossed the cancellation on its way.
    Cancel {
        /// The request.
        id: u64,
    },
    /// Whether the scheduler still makes steps; asked while requests run.
    Ping {
        /// Answered with the same.
        number: u64,
    },
}

/// What a worker is started for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartSpec {
    /// Serve this model.
    Serve(WorkerSpec),
    /// Say what is in this file, and end.
    Inspect(PathBuf),
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// Loading, with a fraction from 0 to 1.
    Loading(f32),
    /// The model is loaded and the worker is confined; it takes requests from here on.
    Ready {
        /// The model.
        facts: ModelFacts,
        /// What the worker is kept from, and how it tried.
        confinement: Confinement,
    },
    /// The worker will never serve this: what is wrong, and what to do about it.
    Unsuitable(String),
    /// Part of an answer.
    Event {
        /// The request.
        id: u64,
        /// What happened.
        event: Event,
    },
    /// The scheduler has come by a Ping, between two steps.
    Pong {
        /// As it was asked.
        number: u64,
    },
}

/// What is known about a model once it is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// llama.cpp's name of the architecture, e.g. `llama`, `bert`.
    pub architecture: String,
    /// The model's own name, where its file gives one.
    pub name: Option<String>,
    /// Number of weights.
    pub parameters: u64,
    /// Tokens it was trained to hold.
    pub context_train: u32,
    /// Length of its embedding vectors.
    pub embedding_length: u32,
    /// Tokens in its vocabulary.
    pub vocabulary: u32,
    /// Whether it can generate text (decoder), or only embed (encoder).
    pub generates: bool,
    /// Whether its file holds a chat template.
    pub chat_template: bool,
    /// Tokens one sequence holds, as set up.
    pub context: u32,
    /// What its chat template can do.
    pub template: Vec<TemplateNote>,
}

/// One thing that conversations may have, and whether a chat template can show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateNote {
    /// What it is, e.g. `system turns`.
    pub what: String,
    /// Whether it works.
    pub works: Works,
    /// How it works otherwise, or why it does not.
    pub how: String,
}

/// Whether something in a conversation reaches the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Works {
    /// The template shows it as it was sent.
    AsSent,
    /// It is given to the template in another form that says the same.
    Otherwise,
    /// A request that has it is refused.
    No,
}

/// How a worker is confined, and what happened when it tried to break out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Version of Landlock that is enforced.
    pub landlock_abi: u32,
    /// Whether the seccomp filter is in force.
    pub seccomp: bool,
    /// Whether memory is locked (kept from swap).
    pub memory_locked: bool,
    /// Attempts, with the error each met: `socket`, `open`, `exec`, `fork`, `ptrace`, …
    pub attempts: Vec<(String, String)>,
}

/// The longest message. A request's body is limited to far less by the gateway.
pub const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that a reader or writer handles at once.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// How a worker's own lines on standard error begin; the gateway logs no others, because a library
/// might print anything.
pub const STDERR_MARK: &str = "bailiwick worker: ";

/// Bytes that are not a message. It says nothing about what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// A message longer than [`FRAME_BYTES_MAX`].
    #[error("a message of {bytes} bytes is longer than FRAME_BYTES_MAX ({FRAME_BYTES_MAX})")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not a message, or more than one.
    #[error("the bytes of a frame are not one message")]
    Malformed,
    /// A value that has no encoding: a path that is not UTF-8.
    #[error("the message cannot be encoded: paths must be UTF-8")]
    Unencodable,
}

/// Appends one frame to a buffer of frames, and says how long its message is.
///
/// # Errors
/// When the message is longer than [`FRAME_BYTES_MAX`] or cannot be encoded; the buffer is as before.
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

/// Reads one message: all of the bytes, no more and no less.
///
/// # Errors
/// When the bytes are anything else.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadFrame> {
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(BadFrame::TooLong { bytes: bytes.len() });
    }
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(BadFrame::Malformed),
    }
}

/// Cuts a stream of bytes, which arrive in any pieces, into messages.
#[derive(Default)]
pub struct FrameReader {
    buffer: Zeroizing<Vec<u8>>,
    /// Bytes at the start of the buffer that were taken, and overwritten, already.
    taken: usize,
}

impl FrameReader {
    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        // Moving the rest to the front only once it is the smaller part keeps this linear.
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
    /// When the next frame is too long or not a message; the stream is of no use from there on.
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

/// Bytes of the length in front of each message.
const LENGTH_BYTES: usize = 4;

/// Makes room without leaving a copy of the old bytes behind, as `Vec::reserve` would.
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
