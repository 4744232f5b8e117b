//! Asks the log's witnesses for their cosignatures, before a checkpoint is published.
//!
//! A witness that cannot be reached delays nothing for long: the checkpoint is published without it,
//! and whoever verifies sees that. A witness that has signed another history stops the publishing.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use egress::{Answer, Egress, EgressError, Limits, NotListed};
use futures_util::future::join_all;
use serde::Serialize;
use store::tiles::{Cosign, Cosigned, LogError, Unpublished};
use tlog::{
    checkpoint::Checkpoint,
    note::{Note, Verifier},
    succession::Ended,
    witness::{ADD_CHECKPOINT, AddCheckpoint, SIZE_TYPE, SUCCEED_LOG, number},
};
use tokio::runtime::Handle;

/// The witnesses of a log; none, unless they are configured.
#[derive(Debug)]
pub struct Witnesses {
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
    /// Entries in the checkpoint that it signed last, as far as we know.
    size: u64,
    /// Why it did not sign the last one.
    failed: Option<(Instant, String)>,
}

/// How a witness does, for operators.
#[derive(Debug, Serialize)]
pub struct WitnessStatus {
    /// Its key's name.
    name: String,
    /// Entries in the checkpoint that it signed last.
    size: u64,
    /// Why it did not sign the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
enum NotCosigned {
    #[error(transparent)]
    NotListed(#[from] NotListed),
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is no cosignature of its key")]
    NoCosignature,
    #[error("it was not asked again, because it failed a moment ago")]
    Resting,
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Witnesses {
    /// No witnesses yet; they are reached through `egress`.
    #[must_use]
    pub fn new(egress: Egress) -> Self {
        Self { egress, all: Vec::new() }
    }

    /// Adds a witness.
    ///
    /// # Errors
    /// When it may not be dialed.
    pub fn add(&mut self, url: &str, key: Verifier) -> Result<(), NotListed> {
        let base = url.trim_end_matches('/').to_owned();
        let url = format!("{base}/{ADD_CHECKPOINT}");
        drop(self.egress.permit(&url)?);
        self.all.push(Witness { base, url, key, state: Mutex::default() });
        Ok(())
    }

    /// What checks their cosignatures.
    #[must_use]
    pub fn keys(&self) -> Vec<Verifier> {
        self.all.iter().map(|witness| witness.key.clone()).collect()
    }

    /// How each of them does.
    #[must_use]
    pub fn status(&self) -> Vec<WitnessStatus> {
        let status = |witness: &Witness| {
            let state = witness.state();
            let error = state.failed.as_ref().map(|(_, why)| why.clone());
            WitnessStatus { name: witness.key.name().to_owned(), size: state.size, error }
        };
        self.all.iter().map(status).collect()
    }

    /// What the log asks before it publishes; from a thread that may wait.
    #[must_use]
    pub fn cosign(self: &Arc<Self>, runtime: Handle) -> Cosign {
        let witnesses = Arc::clone(self);
        Box::new(move |unpublished| runtime.block_on(witnesses.ask(unpublished)))
    }

    /// The newest checkpoint of a log that each witness has signed; none of those that have signed
    /// none.
    ///
    /// # Errors
    /// When one cannot be asked: what it has signed is not known then.
    pub async fn heads(&self, log: &Verifier) -> Result<Vec<Checkpoint>, NoHead> {
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
    /// Asks one witness; again, where it remembers another size than we do, or follows the log that
    /// was before this one.
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
                    *self.state() = State { size: unpublished.size, failed: None };
                    return Ok(lines);
                }
                404 if !is_followed => {
                    self.lead(egress, unpublished).await?;
                    (is_followed, old) = (true, 0);
                }
                409 => old = self.other_size(unpublished, old, &answer)?,
                422 => return Err(self.forked("it does not continue what the witness signed")),
                status => return Err(NotCosigned::Status(status)),
            }
        }
        Err(NotCosigned::Status(409))
    }

    /// Leads a witness from the logs before this one to this one.
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
                        return Err(self.forked("the end of the old log leaves out what it signed"));
                    }
                    // Of an earlier log, or a witness that follows none.
                    _ => break,
                }
            }
        }
        Ok(())
    }

    /// The cosignatures of this witness's key in an answer; whatever else is there is left out.
    fn lines(&self, unpublished: &Unpublished<'_>, answer: &Answer) -> Result<String, NotCosigned> {
        let body = std::str::from_utf8(&answer.body).map_err(|_| NotCosigned::NoCosignature)?;
        let good = |line: &&str| {
            let note = format!("{}{line}", unpublished.note);
            Note::parse(&note).is_ok_and(|note| note.verify(&self.key).is_ok())
        };
        let lines: String = body.split_inclusive('\n').filter(good).take(1).collect();
        if lines.is_empty() { Err(NotCosigned::NoCosignature) } else { Ok(lines) }
    }

    /// The size that the witness signed last, where the log can continue from there.
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
                "the witness has signed {signed} entries, and there are {}",
                unpublished.size
            )));
        }
        if signed == told && signed == unpublished.size {
            return Err(self.forked(&format!("the witness has signed other {signed} entries")));
        }
        Ok(signed)
    }

    fn forked(&self, what: &str) -> NotCosigned {
        LogError::TwoHistories(format!("{what} (`{}`)", self.key.name())).into()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a witness may cost each time that the log is published.
const LIMITS: Limits = Limits { time: Duration::from_secs(2), body_bytes_max: 16 * 1024 };

/// What a witness may cost a restore.
const HEAD_LIMITS: Limits = Limits { time: Duration::from_secs(20), body_bytes_max: 64 * 1024 };

/// What a witness has signed is not known.
#[derive(Debug, thiserror::Error)]
#[error("the witness `{witness}` does not say what it has signed: {why}")]
pub struct NoHead {
    witness: String,
    why: String,
}

/// A witness that failed is not waited for again so soon.
const REST: Duration = Duration::from_secs(10);

const BODY_TYPE: &str = "text/plain; charset=utf-8";
