//! Requests cosignatures from the log's witnesses before a checkpoint is published.
//!
//! An unreachable witness delays publishing only briefly: the checkpoint is published without its
//! cosignature, and every verifier sees that. A witness that has signed another history stops the
//! publishing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use egress::{Answer, Egress, EgressError, ExchangeLimits, NotListed};
use futures_util::future::join_all;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use store::tiles::{Cosign, Cosigned, LogError, Unpublished};
use tlog::{
    checkpoint::Checkpoint,
    note::{Note, Verifier},
    succession::Ended,
    witness::{ADD_CHECKPOINT, AddCheckpoint, SIZE_TYPE, SUCCEED_LOG, number},
};
use tokio::runtime::Handle;

use crate::clock;

/// The log's configured witnesses.
#[derive(Debug)]
pub(crate) struct Witnesses {
    egress: Egress,
    all: Vec<Witness>,
}

#[derive(Debug)]
struct Witness {
    base: String,
    url: String,
    key: Verifier,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Entries in the last checkpoint that the witness is known to have signed.
    size: u64,
    /// Time of its last cosignature since the start, in milliseconds since 1970.
    signed_ms: Option<u64>,
    /// Time and reason of its last failure to sign.
    failed: Option<(Instant, String)>,
}

/// State of a witness, for operators.
#[derive(Debug, Serialize)]
pub(crate) struct WitnessStatus {
    /// Name of its key.
    pub name: String,
    /// Entries in the last checkpoint that it signed.
    pub size: u64,
    /// Time of its last cosignature since the start, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_ms: Option<u64>,
    /// Reason of its last failure to sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The witness gave no cosignature.
#[derive(Debug, thiserror::Error)]
enum NotCosigned {
    #[error(transparent)]
    NotListed(#[from] NotListed),
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer has no cosignature of its key")]
    NoCosignature,
    #[error("the request was not repeated yet, because the last one failed a moment ago")]
    Resting,
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Witnesses {
    /// Creates an empty list; witnesses are reached through `egress`.
    #[must_use]
    pub(crate) fn new(egress: Egress) -> Self {
        Self { egress, all: Vec::new() }
    }

    /// Adds a witness.
    ///
    /// # Errors
    /// If the witness may not be dialed.
    pub(crate) fn add(&mut self, url: &str, key: Verifier) -> Result<(), NotListed> {
        let base = url.trim_end_matches('/').to_owned();
        let url = format!("{base}/{ADD_CHECKPOINT}");
        drop(self.egress.permit(&url)?);
        self.all.push(Witness { base, url, key, state: Mutex::default() });
        Ok(())
    }

    /// Returns the keys that verify the witnesses' cosignatures.
    #[must_use]
    pub(crate) fn keys(&self) -> Vec<Verifier> {
        self.all.iter().map(|witness| witness.key.clone()).collect()
    }

    /// Returns the state of each witness.
    #[must_use]
    pub(crate) fn status(&self) -> Vec<WitnessStatus> {
        let status = |witness: &Witness| {
            let state = witness.state();
            let error = state.failed.as_ref().map(|(_, why)| why.clone());
            WitnessStatus {
                name: witness.key.name().to_owned(),
                size: state.size,
                signed_ms: state.signed_ms,
                error,
            }
        };
        self.all.iter().map(status).collect()
    }

    /// Returns the callback that the log calls before it publishes, on a thread that may block.
    #[must_use]
    pub(crate) fn cosign(self: &Arc<Self>, runtime: Handle) -> Cosign {
        let witnesses = Arc::clone(self);
        Box::new(move |unpublished| runtime.block_on(witnesses.ask(unpublished)))
    }

    /// Returns the newest checkpoint of a log from each witness; skips witnesses that have signed
    /// none.
    ///
    /// # Errors
    /// If a witness cannot be reached: its newest signature is then unknown.
    pub(crate) async fn heads(&self, log: &Verifier) -> Result<Vec<Checkpoint>, NoHead> {
        let mut heads = Vec::new();
        for witness in &self.all {
            let no_head = |why: String| NoHead { witness: witness.key.name().to_owned(), why };
            let url = format!("{}/checkpoint/{}", witness.base, log.name());
            let permit = self.egress.permit(&url).map_err(|e| no_head(e.to_string()))?;
            let answer = self.egress.get(permit, HEAD_LIMITS).await;
            let answer = answer.map_err(|e| no_head(e.to_string()))?;
            match answer.status {
                200 => {}
                404 => continue,
                status => return Err(no_head(format!("it answered with status {status}"))),
            }
            let note = str::from_utf8(&answer.body).map_err(|e| no_head(e.to_string()))?;
            let cosigned = Note::parse(note).and_then(|note| note.verify(&witness.key).map(drop));
            cosigned.map_err(|e| no_head(e.to_string()))?;
            heads.push(Checkpoint::verify(note, log).map_err(|e| no_head(e.to_string()))?);
        }
        Ok(heads)
    }

    async fn ask(&self, unpublished: &Unpublished<'_>) -> Result<Cosigned, LogError> {
        let asked = self.all.iter().map(|witness| witness.ask(&self.egress, unpublished));
        let mut cosigned = Cosigned { lines: String::new(), by_all: true };
        for (witness, answer) in self.all.iter().zip(join_all(asked).await) {
            match answer {
                Ok(line) => cosigned.lines.push_str(&line),
                Err(NotCosigned::Log(error)) => return Err(error),
                Err(NotCosigned::Resting) => cosigned.by_all = false,
                Err(error) => {
                    tracing::warn!(witness = witness.key.name(), %error, "a witness did not sign");
                    witness.state().failed = Some((Instant::now(), error.to_string()));
                    cosigned.by_all = false;
                }
            }
        }
        Ok(cosigned)
    }
}

impl Witness {
    /// Requests a cosignature from one witness. Repeats the request if the witness remembers a
    /// different size, or still follows the log before this one.
    async fn ask(
        &self,
        egress: &Egress,
        unpublished: &Unpublished<'_>,
    ) -> Result<String, NotCosigned> {
        let mut old = {
            let state = self.state();
            if state.failed.as_ref().is_some_and(|(since, _)| since.elapsed() < REST) {
                return Err(NotCosigned::Resting);
            }
            state.size
        };
        let mut is_followed = unpublished.ended.is_empty();
        for _ in 0..4 {
            let proof = unpublished.proof(old)?;
            let body = AddCheckpoint { old, proof, note: &unpublished.note }.encode();
            let permit = egress.permit(&self.url)?;
            let answer = egress.post(permit, BODY_TYPE, Bytes::from(body), LIMITS).await?;
            match answer.status {
                200 => {
                    let lines = self.lines(unpublished, &answer)?;
                    let signed_ms = Some(clock::now_ms());
                    *self.state() = State { size: unpublished.size, signed_ms, failed: None };
                    return Ok(lines);
                }
                404 if !is_followed => {
                    self.lead(egress, unpublished).await?;
                    (is_followed, old) = (true, 0);
                }
                409 => old = self.other_size(unpublished, old, &answer)?,
                422 => return Err(self.forked("the log does not continue the signed checkpoint")),
                status => return Err(NotCosigned::Status(status)),
            }
        }
        Err(NotCosigned::Status(409))
    }

    /// Moves a witness from the earlier logs to this one.
    async fn lead(
        &self,
        egress: &Egress,
        unpublished: &Unpublished<'_>,
    ) -> Result<(), NotCosigned> {
        let url = format!("{}/{SUCCEED_LOG}", self.base);
        for note in &unpublished.ended {
            let Some(cut) = Ended::unverified(note).map(|ended| ended.cut.size) else { continue };
            let mut old = 0;
            for _ in 0..2 {
                let proof = unpublished.proof_between(old, cut)?;
                let body = AddCheckpoint { old, proof, note }.encode();
                let permit = egress.permit(&url)?;
                let answer = egress.post(permit, BODY_TYPE, Bytes::from(body), LIMITS).await?;
                match answer.status {
                    409 => old = self.other_size(unpublished, old, &answer)?,
                    422 => {
                        return Err(self.forked("the end of the old log omits signed entries"));
                    }
                    // The statement is of an earlier log, or the witness follows no log.
                    _ => break,
                }
            }
        }
        Ok(())
    }

    /// Returns the cosignature line of this witness's key in an answer; ignores all other lines.
    fn lines(&self, unpublished: &Unpublished<'_>, answer: &Answer) -> Result<String, NotCosigned> {
        let body = std::str::from_utf8(&answer.body).map_err(|_| NotCosigned::NoCosignature)?;
        let good = |line: &&str| {
            let note = format!("{}{line}", unpublished.note);
            Note::parse(&note).is_ok_and(|note| note.verify(&self.key).is_ok())
        };
        let lines: String = body.split_inclusive('\n').filter(good).take(1).collect();
        if lines.is_empty() { Err(NotCosigned::NoCosignature) } else { Ok(lines) }
    }

    /// Returns the size that the witness signed last, if the log can continue from there.
    fn other_size(
        &self,
        unpublished: &Unpublished<'_>,
        told: u64,
        answer: &Answer,
    ) -> Result<u64, NotCosigned> {
        let is_size = answer.content_type.as_deref() == Some(SIZE_TYPE);
        let text = std::str::from_utf8(&answer.body).ok().and_then(|text| text.strip_suffix('\n'));
        let signed = text.filter(|_| is_size).and_then(number).ok_or(NotCosigned::Status(409))?;
        if signed > unpublished.size {
            return Err(self.forked(&format!(
                "the witness has signed {signed} entries, and the log has {}",
                unpublished.size
            )));
        }
        if signed == told && signed == unpublished.size {
            return Err(self.forked(&format!("the witness has signed {signed} different entries")));
        }
        Ok(signed)
    }

    fn forked(&self, what: &str) -> NotCosigned {
        LogError::TwoHistories(format!("{what} (`{}`)", self.key.name())).into()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// Limits of a witness request each time the log is published.
const LIMITS: ExchangeLimits =
    ExchangeLimits { time: Duration::from_secs(2), body_bytes_max: 16 * 1024 };

/// Limits of a witness request during a restore.
const HEAD_LIMITS: ExchangeLimits =
    ExchangeLimits { time: Duration::from_secs(20), body_bytes_max: 64 * 1024 };

/// The last checkpoint that a witness signed is unknown.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the last checkpoint that the witness `{witness}` signed: {why}")]
pub(crate) struct NoHead {
    witness: String,
    why: String,
}

/// Time before a failed witness is tried again.
const REST: Duration = Duration::from_secs(10);

const BODY_TYPE: &str = "text/plain; charset=utf-8";
