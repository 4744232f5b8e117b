//! A witness of other services' logs: C2SP tlog-witness. It signs a log's checkpoint only when that
//! continues the last one that it signed, so two parties who witness each other's logs leave
//! neither of them room for two histories.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path as Part, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use store::{tiles::LogError, witness::Seen};
use tlog::{
    checkpoint::Checkpoint,
    note::{Signer, Verifier},
    succession::Ended,
    tree::continues,
    witness::{ADD_CHECKPOINT, AddCheckpoint, Refusal, SIZE_TYPE, SUCCEED_LOG},
};

use crate::clock;

/// Bytes of a request: a proof and a note.
const BODY_BYTES_MAX: usize = 128 * 1024;

/// A witness, with the logs that it knows.
#[derive(Debug)]
pub struct Witness {
    signer: Signer,
    logs: Vec<Verifier>,
    /// Locked from looking to signing: two checkpoints that both continue the last one must not
    /// both be signed.
    seen: Mutex<Seen>,
}

impl Witness {
    /// A witness whose memory is in a folder.
    ///
    /// # Errors
    /// When the memory cannot be used, or holds something else than these logs' checkpoints.
    pub fn open(folder: &Path, signer: Signer, logs: Vec<Verifier>) -> Result<Self, LogError> {
        let seen = Seen::open(folder)?;
        for log in &logs {
            seen.newest(log)?;
        }
        Ok(Self { signer, logs, seen: Mutex::new(seen) })
    }

    /// What it answers to.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route(&format!("/{ADD_CHECKPOINT}"), post(add_checkpoint))
            .route(&format!("/{SUCCEED_LOG}"), post(succeed_log))
            .route("/checkpoint/{*origin}", get(checkpoint))
            .route("/healthz", get(async || "ok\n"))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(self)
    }

    /// Signs what continues, and remembers it first.
    fn sign(&self, body: &str, time_s: u64) -> Result<String, NotSigned> {
        let asked = AddCheckpoint::parse(body)?;
        let origin = asked.origin()?;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { log, newest, ended } = self.known(&seen, origin)?.ok_or(Refusal::UnknownLog)?;
        if let Some((ended, _)) = ended {
            return Err(Refusal::Ended { successor: ended.new }.into());
        }
        match asked.check(&log, newest.as_ref().map(|(checkpoint, _)| checkpoint)) {
            Ok(new) => {
                seen.keep(&log, asked.note).map_err(LogError::from)?;
                tracing::info!(log = origin, size = new.size, "signed");
                Ok(self.signer.cosign(&new.text(), time_s))
            }
            // The log did sign it: with the one before, that may be the proof of two histories.
            Err(refusal @ (Refusal::OtherRoot { .. } | Refusal::Inconsistent)) => {
                if let Some((_, note)) = newest {
                    let proof = seen.accuse(&note, asked.note).map_err(LogError::from)?;
                    let proof = proof.display();
                    tracing::error!(log = origin, %refusal, %proof, "not signed: kept as evidence");
                }
                Err(refusal.into())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Follows a log to the one that goes on in its place, where the note that ends it leaves out
    /// nothing that was signed here.
    fn follow(&self, body: &str) -> Result<(), NotSigned> {
        let asked = AddCheckpoint::parse(body)?;
        let old = Ended::unverified(asked.note).ok_or(Refusal::Malformed)?.old;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.known(&seen, &old)?.ok_or(Refusal::UnknownLog)?;
        let end = Ended::verify(asked.note, &known.log).map_err(|_| Refusal::Unsigned)?;
        let accuse = |note: &str| -> Result<(), NotSigned> {
            let proof = seen.accuse(note, asked.note).map_err(LogError::from)?;
            let proof = proof.display();
            tracing::error!(log = old, %proof, "its end contradicts what was signed: kept as evidence");
            Err(Refusal::Inconsistent.into())
        };
        match &known.ended {
            Some((_, note)) if note == asked.note => return Ok(()),
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
        seen.end(&known.log, asked.note).map_err(LogError::from)?;
        tracing::warn!(log = old, successor = end.new, cut = end.cut.size, "the log has ended");
        Ok(())
    }

    /// The newest checkpoint of a log with this witness's cosignature, for auditors to compare.
    fn newest(&self, origin: &str, time_s: u64) -> Result<Option<String>, LogError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Known { log, .. }) = self.known(&seen, origin)? else { return Ok(None) };
        Ok(seen.newest(&log)?.map(|(checkpoint, note)| {
            let line = self.signer.cosign(&checkpoint.text(), time_s);
            // Under the log's own signature; cosignatures that came along are left out.
            format!("{}{line}", own_lines(&note, &log))
        }))
    }

    /// A log that it was told of, or that goes on in the place of one.
    fn known(&self, seen: &Seen, origin: &str) -> Result<Option<Known>, LogError> {
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

/// A log, as far as it was seen.
struct Known {
    log: Verifier,
    /// What was signed last, or where its history begins; with the note that says so.
    newest: Option<(Checkpoint, String)>,
    /// The note that ended it.
    ended: Option<(Ended, String)>,
}

/// How often a log may be restored.
const SUCCESSORS_MAX: usize = 1000;

/// A note with no signatures but those of one name.
fn own_lines(note: &str, log: &Verifier) -> String {
    let own = format!("\u{2014} {} ", log.name());
    let keep = |line: &&str| !line.starts_with('\u{2014}') || line.starts_with(&own);
    note.split_inclusive('\n').filter(keep).collect()
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
enum NotSigned {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Memory(#[from] LogError),
    #[error("the witness stopped in the middle of it")]
    Aborted,
}

async fn add_checkpoint(
    State(witness): State<Arc<Witness>>,
    body: String,
) -> Result<String, NotSigned> {
    let time_s = clock::read().wall_ms / 1000;
    // It waits for the disk, and for others.
    tokio::task::spawn_blocking(move || witness.sign(&body, time_s))
        .await
        .unwrap_or(Err(NotSigned::Aborted))
}

async fn succeed_log(
    State(witness): State<Arc<Witness>>,
    body: String,
) -> Result<&'static str, NotSigned> {
    let followed = tokio::task::spawn_blocking(move || witness.follow(&body)).await;
    followed.unwrap_or(Err(NotSigned::Aborted)).map(|()| "followed\n")
}

async fn checkpoint(
    State(witness): State<Arc<Witness>>,
    Part(origin): Part<String>,
) -> Result<Response, NotSigned> {
    let time_s = clock::read().wall_ms / 1000;
    let newest = tokio::task::spawn_blocking(move || witness.newest(&origin, time_s)).await;
    let newest = newest.map_err(|_| NotSigned::Aborted)??;
    Ok(match newest {
        Some(note) => note.into_response(),
        None => (StatusCode::NOT_FOUND, "no checkpoint of this log was signed\n").into_response(),
    })
}

impl IntoResponse for NotSigned {
    fn into_response(self) -> Response {
        match &self {
            Self::Refused(refusal) => {
                let status = StatusCode::from_u16(refusal.status()).unwrap_or_default();
                match refusal.signed() {
                    Some(size) => {
                        (status, [(CONTENT_TYPE, SIZE_TYPE)], format!("{size}\n")).into_response()
                    }
                    None => (status, format!("{refusal}\n")).into_response(),
                }
            }
            Self::Memory(error) => {
                tracing::error!(%error, help = error.help(), "the witness cannot sign");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Self::Aborted => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tlog::{
        note::Note,
        tree::{Frontier, leaf_hash},
    };

    use super::*;

    fn note(signer: &Signer, size: u64, other: bool) -> String {
        let mut tree = Frontier::default();
        (0..size).for_each(|n| tree.push(leaf_hash(&[n.to_le_bytes()[0], u8::from(other)])));
        Checkpoint { origin: signer.verifier().name().into(), size, root: tree.root() }.sign(signer)
    }

    /// It follows where the end of the log leaves nothing out that it signed; and once.
    #[test]
    fn a_log_is_followed_to_one_successor() {
        use tlog::{
            canon::Digest,
            succession::{Head, Mark, Source, Succession},
        };
        let home = tempfile::tempdir().unwrap();
        let log = Signer::new("log.example", &[1; 32]).unwrap();
        let own = Signer::new("witness.example", &[2; 32]).unwrap();
        let witness = Witness::open(home.path(), own, vec![log.verifier()]).unwrap();
        let checkpoint = |size| {
            let note = note(&log, size, false);
            Checkpoint::verify(&note, &log.verifier()).unwrap()
        };
        let mark = |size| Mark { size, root: checkpoint(size).root };
        let end = |new: &str, cut, heads: &[u64]| {
            let head = |size: &u64| Head {
                source: Source::Witness,
                origin: "log.example".into(),
                mark: mark(*size),
            };
            let succession = Succession {
                old: "log.example".into(),
                new: new.into(),
                cut: mark(cut),
                heads: heads.iter().map(head).collect(),
                reason: Digest([0; 32]),
                lost: None,
            };
            let note = succession.note(&log.verifier(), &succession.sign(&log)).unwrap();
            AddCheckpoint { old: 0, proof: Vec::new(), note: &note }.encode()
        };
        witness.sign(&ask(&note(&log, 5, false)), 7).unwrap();
        let stranger = witness.follow(&end("log.example~1", 3, &[4])).unwrap_err();
        assert!(
            matches!(stranger, NotSigned::Refused(Refusal::Inconsistent)),
            "a head is left out"
        );
        let early = witness.follow(&end("log.example~1", 6, &[])).unwrap_err();
        assert!(matches!(early, NotSigned::Refused(Refusal::Size { signed: 5 })), "not proved");
        witness.follow(&end("log.example~1", 3, &[3, 5])).unwrap();
        witness.follow(&end("log.example~1", 3, &[3, 5])).unwrap();
        let second = witness.follow(&end("log.example~2", 3, &[3, 5])).unwrap_err();
        assert!(matches!(second, NotSigned::Refused(Refusal::Inconsistent)), "another end");
        let ended = witness.sign(&ask(&note(&log, 6, false)), 8).unwrap_err();
        assert!(matches!(ended, NotSigned::Refused(Refusal::Ended { .. })));
        // The successor begins at the cut.
        let new = log.renamed("log.example~1").unwrap();
        let first = note(&new, 3, false);
        let asked = AddCheckpoint { old: 3, proof: Vec::new(), note: &first }.encode();
        witness.sign(&asked, 9).unwrap();
        let unknown = note(&log.renamed("log.example~2").unwrap(), 3, false);
        let asked = AddCheckpoint { old: 3, proof: Vec::new(), note: &unknown }.encode();
        let unknown = witness.sign(&asked, 9).unwrap_err();
        assert!(matches!(unknown, NotSigned::Refused(Refusal::UnknownLog)));
    }

    fn ask(note: &str) -> String {
        AddCheckpoint { old: 0, proof: Vec::new(), note }.encode()
    }

    #[test]
    fn what_was_signed_is_remembered_and_what_contradicts_it_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let own = || Signer::new("witness.example", &[2; 32]).unwrap();
        let log = Signer::new("log.example", &[1; 32]).unwrap();
        let witness = Witness::open(home.path(), own(), vec![log.verifier()]).unwrap();
        assert_eq!(witness.newest("log.example", 7).unwrap(), None);
        let first = note(&log, 3, false);
        let line = witness.sign(&ask(&first), 7).unwrap();
        let signed = format!("{first}{line}");
        Note::parse(&signed).unwrap().verify(&own().witness_verifier()).unwrap();
        assert_eq!(witness.newest("log.example", 7).unwrap(), Some(signed));

        // After a restart, too.
        drop(witness);
        let witness = Witness::open(home.path(), own(), vec![log.verifier()]).unwrap();
        let refused = witness.sign(&ask(&note(&log, 5, false)), 8).unwrap_err();
        assert!(matches!(refused, NotSigned::Refused(Refusal::Size { signed: 3 })));
        let fork = note(&log, 3, true);
        let asked = AddCheckpoint { old: 3, proof: Vec::new(), note: &fork }.encode();
        let refused = witness.sign(&asked, 8).unwrap_err();
        assert!(matches!(refused, NotSigned::Refused(Refusal::OtherRoot { signed: 3 })));
        let kept: Vec<_> = std::fs::read_dir(home.path().join("evidence")).unwrap().collect();
        assert_eq!(kept.len(), 1);

        let stranger = Signer::new("other.example", &[3; 32]).unwrap();
        let refused = witness.sign(&ask(&note(&stranger, 1, false)), 8).unwrap_err();
        assert!(matches!(refused, NotSigned::Refused(Refusal::UnknownLog)));
    }
}
