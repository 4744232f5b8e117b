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
    note::{Note, Verifier},
    witness::{ADD_CHECKPOINT, AddCheckpoint, SIZE_TYPE, number},
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
        let url = format!("{}/{ADD_CHECKPOINT}", url.trim_end_matches('/'));
        drop(self.egress.permit(&url)?);
        self.all.push(Witness { url, key, state: Mutex::default() });
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
    /// Asks one witness; twice, where it remembers another size than we do.
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
        for _ in 0..2 {
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
                409 => old = self.other_size(unpublished, old, &answer)?,
                422 => return Err(self.forked("it does not continue what the witness signed")),
                status => return Err(NotCosigned::Status(status)),
            }
        }
        Err(NotCosigned::Status(409))
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

/// A witness that failed is not waited for again so soon.
const REST: Duration = Duration::from_secs(10);

const BODY_TYPE: &str = "text/plain; charset=utf-8";
