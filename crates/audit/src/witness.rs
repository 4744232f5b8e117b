//! A witness of other services' logs (C2SP tlog-witness). It signs a log's checkpoint only if this
//! continues the last checkpoint that it signed. So if two parties witness each other's logs,
//! neither can maintain two histories.
//!
//! [`Witness::answer`] answers one request; the caller listens for connections.

mod disk;
mod key;
mod memory;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tlog::{
    checkpoint::Checkpoint,
    note::{Signer, Verifier},
    succession::Ended,
    tree::continues,
    witness::{ADD_CHECKPOINT, AddCheckpoint, Refusal, SIZE_TYPE, SUCCEED_LOG},
};

use self::memory::Seen;
pub use self::{key::KeyError, memory::MemoryError};
use crate::{Failure, command::args};

/// Maximum length of a request in bytes: a proof and a note.
pub const BODY_BYTES_MAX: usize = 128 * 1024;

/// A witness, with the logs that it watches.
#[derive(Debug)]
pub struct Witness {
    signer: Signer,
    logs: Vec<Verifier>,
    /// Locked from the check until the signature, because of two checkpoints that both continue the
    /// last one only one may be signed.
    seen: Mutex<Seen>,
}

impl Witness {
    /// Opens a witness whose memory is in a folder.
    ///
    /// # Errors
    /// If the memory cannot be used, or a checkpoint in it is not from its log.
    pub fn open(folder: &Path, signer: Signer, logs: Vec<Verifier>) -> Result<Self, MemoryError> {
        let seen = Seen::open(folder)?;
        for log in &logs {
            seen.newest(log)?;
        }
        Ok(Self { signer, logs, seen: Mutex::new(seen) })
    }

    /// Answers a request; `time_s` is the current time. It blocks on the disk and on other
    /// requests.
    pub fn answer(&self, (method, path): (&str, &str), body: &str, time_s: u64) -> Reply {
        let path = path.trim_start_matches('/');
        match (method, path) {
            ("POST", ADD_CHECKPOINT) => match self.sign(body, time_s) {
                Ok((size, line)) => {
                    let log = AddCheckpoint::parse(body).and_then(|asked| asked.origin());
                    let log = log.unwrap_or_default();
                    Reply::of(200, line).remarked(format!("signed {size} entries of `{log}`"))
                }
                Err(error) => error.reply(),
            },
            ("POST", SUCCEED_LOG) => match self.follow(body) {
                Ok(None) => Reply::of(200, "followed\n"),
                Ok(Some(end)) => Reply::of(200, "followed\n").remarked(format!(
                    "the log `{}` has ended after {} entries; `{}` continues it",
                    end.old, end.cut.size, end.new
                )),
                Err(error) => error.reply(),
            },
            ("GET", "healthz") => Reply::of(200, "ok\n"),
            ("GET", _) if path.starts_with(CHECKPOINT) => {
                let origin = decoded(path.strip_prefix(CHECKPOINT).unwrap_or_default());
                match self.newest(&origin, time_s) {
                    Ok(Some(note)) => Reply::of(200, note),
                    Ok(None) => Reply::of(404, "no checkpoint of this log was signed\n"),
                    Err(error) => NotSigned::Memory(error).reply(),
                }
            }
            (_, ADD_CHECKPOINT | SUCCEED_LOG) => Reply::of(405, "send it with POST\n"),
            _ => {
                Reply::of(404, "a witness answers to add-checkpoint, succeed-log and checkpoint/\n")
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs a checkpoint that continues the last one, after storing it.
    fn sign(&self, body: &str, time_s: u64) -> Result<(u64, String), NotSigned> {
        let asked = AddCheckpoint::parse(body)?;
        let origin = asked.origin()?;
        let seen = self.seen();
        let Known { log, newest, ended } = self.known(&seen, origin)?.ok_or(Refusal::UnknownLog)?;
        if let Some((ended, _)) = ended {
            return Err(Refusal::Ended { successor: ended.new }.into());
        }
        match asked.check(&log, newest.as_ref().map(|(checkpoint, _)| checkpoint)) {
            Ok(new) => {
                seen.keep(&log, asked.note)?;
                Ok((new.size, self.signer.cosign(&new.text(), time_s)))
            }
            // The log did sign it. Together with the last checkpoint it may prove two histories.
            Err(refusal @ (Refusal::OtherRoot { .. } | Refusal::Inconsistent)) => {
                if let Some((_, note)) = newest {
                    let proof = seen.accuse(&note, asked.note)?;
                    return Err(NotSigned::Contradicted { log: origin.into(), refusal, proof });
                }
                Err(refusal.into())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Accepts the end of a log and the log that continues it, unless the note that ends the log
    /// contradicts the checkpoint that was signed here. `None` if this end was accepted before.
    fn follow(&self, body: &str) -> Result<Option<Ended>, NotSigned> {
        let asked = AddCheckpoint::parse(body)?;
        let old = Ended::unverified(asked.note).ok_or(Refusal::Malformed)?.old;
        let seen = self.seen();
        let known = self.known(&seen, &old)?.ok_or(Refusal::UnknownLog)?;
        let end = Ended::verify(asked.note, &known.log).map_err(|_| Refusal::Unsigned)?;
        let accuse = |note: &str| -> Result<Option<Ended>, NotSigned> {
            let (log, refusal) = (old.clone(), Refusal::Inconsistent);
            let proof = seen.accuse(note, asked.note)?;
            Err(NotSigned::Contradicted { log, refusal, proof })
        };
        match &known.ended {
            Some((_, note)) if note == asked.note => return Ok(None),
            Some((_, note)) => return accuse(note),
            None => {}
        }
        if let Some((newest, note)) = &known.newest
            && !end.names(newest)
        {
            let is_common = newest.size <= end.cut.size;
            if is_common && asked.old != newest.size {
                return Err(Refusal::Size { signed: newest.size }.into());
            }
            let (from, to) = ((newest.size, &newest.root), (end.cut.size, &end.cut.root));
            if !is_common || !continues(from, to, &asked.proof) {
                return accuse(note);
            }
        }
        seen.end(&known.log, asked.note)?;
        Ok(Some(end))
    }

    /// Returns the newest checkpoint of a log with this witness's cosignature, for auditors to
    /// compare.
    fn newest(&self, origin: &str, time_s: u64) -> Result<Option<String>, MemoryError> {
        let seen = self.seen();
        let Some(Known { log, .. }) = self.known(&seen, origin)? else { return Ok(None) };
        Ok(seen.newest(&log)?.map(|(checkpoint, note)| {
            let line = self.signer.cosign(&checkpoint.text(), time_s);
            // After the log's own signature; other cosignatures are left out.
            format!("{}{line}", own_lines(&note, &log))
        }))
    }

    /// Finds a log: one of the configured logs, or a log that continues one of these.
    fn known(&self, seen: &Seen, origin: &str) -> Result<Option<Known>, MemoryError> {
        for log in &self.logs {
            let (mut log, mut start) = (log.clone(), None);
            for _ in 0..SUCCESSORS_MAX {
                let ended = seen.ended(&log)?;
                if log.name() == origin {
                    let newest = seen.newest(&log)?.or(start);
                    return Ok(Some(Known { log, newest, ended }));
                }
                let Some((end, note)) = ended else { break };
                let Ok(next) = log.renamed(&end.new) else { break };
                (log, start) = (next, Some((end.start(), note)));
            }
        }
        Ok(None)
    }
}

/// A log, with the knowledge of the witness about it.
struct Known {
    log: Verifier,
    /// The last signed checkpoint, or the one at which its history begins; with its note.
    newest: Option<(Checkpoint, String)>,
    /// The note that ended it.
    ended: Option<(Ended, String)>,
}

/// Maximum number of times that a log may be restored.
const SUCCESSORS_MAX: usize = 1000;

/// Removes all signatures of other names from a note.
fn own_lines(note: &str, log: &Verifier) -> String {
    let own = format!("\u{2014} {} ", log.name());
    let keep = |line: &&str| !line.starts_with('\u{2014}') || line.starts_with(&own);
    note.split_inclusive('\n').filter(keep).collect()
}

/// A witness's answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body's media type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// A remark for the witness's operator.
    pub remark: Option<Remark>,
}

/// A remark for the witness's operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The remark.
    pub text: String,
    /// Whether the operator should investigate it.
    pub is_trouble: bool,
}

impl Reply {
    fn of(status: u16, body: impl Into<String>) -> Self {
        let content_type = "text/plain; charset=utf-8";
        Self { status, content_type, body: body.into(), remark: None }
    }

    fn remarked(self, text: String) -> Self {
        Self { remark: Some(Remark { text, is_trouble: false }), ..self }
    }

    fn troubled(self, text: String) -> Self {
        Self { remark: Some(Remark { text, is_trouble: true }), ..self }
    }
}

/// The reason why no checkpoint was signed.
#[derive(Debug, thiserror::Error)]
enum NotSigned {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log did sign it. Together with the last checkpoint it may prove two histories.
    #[error("{refusal}")]
    Contradicted { log: String, refusal: Refusal, proof: PathBuf },
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl NotSigned {
    fn reply(self) -> Reply {
        match self {
            Self::Refused(refusal) => refused(&refusal),
            Self::Contradicted { log, refusal, proof } => refused(&refusal).troubled(format!(
                "not signed: `{log}` contradicts its last signed checkpoint ({refusal}); the evidence is in `{}`",
                proof.display()
            )),
            Self::Memory(error) => Reply::of(500, "the witness cannot sign at the moment\n")
                .troubled(format!("the witness cannot sign: {error}; {}", error.help())),
        }
    }
}

fn refused(refusal: &Refusal) -> Reply {
    match refusal.signed() {
        Some(size) => {
            let body = format!("{size}\n");
            Reply { content_type: SIZE_TYPE, ..Reply::of(refusal.status(), body) }
        }
        None => Reply::of(refusal.status(), format!("{refusal}\n")),
    }
}

/// Path of a log's newest checkpoint, without the origin.
const CHECKPOINT: &str = "checkpoint/";

/// Decodes the percent escapes of a path.
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, part.get(2..)) {
            (Some(byte), Some(rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            _ => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Opens the witness that the command line describes, and returns it with its public key.
///
/// # Errors
/// If a key or the folder cannot be used.
pub fn open(args: &args::Witness) -> Result<(Witness, Verifier), Failure> {
    let logs = args.log.iter().map(|log| log_key(log)).collect::<Result<Vec<_>, _>>()?;
    disk::make(&args.data)?;
    let signer = key::witness_key(&args.data, args.name.as_deref()).map_err(|error| {
        Failure::new(
            error.to_string(),
            "give the witness's own folder with --data, and its own name with --name or none",
        )
    })?;
    let verifier = signer.witness_verifier();
    let witness = Witness::open(&args.data, signer, logs)
        .map_err(|error| Failure::new(error.to_string(), error.help()))?;
    Ok((witness, verifier))
}

/// Parses a log's verifier key, given directly or as a file.
fn log_key(text: &str) -> Result<Verifier, Failure> {
    let key = fs::read_to_string(text).unwrap_or_else(|_| text.to_owned());
    Verifier::parse(&key).map_err(|error| {
        Failure::new(
            format!("`--log {text}`: {error}"),
            "give the log's public key, or its file: `service.pub` in its data directory",
        )
    })
}

#[cfg(test)]
mod tests;
