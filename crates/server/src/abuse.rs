//! Counts finished requests for abuse monitoring, beside their answers.
//!
//! A request is handed over once its record is stored, so that a flag finds it; also a request that
//! was refused, and one whose client left. A thread counts some requests together. The request that
//! reaches a limit is counted at once, the others within a second.
//!
//! A failure to count refuses no request. The filter has already decided about its text, no
//! promise to a caller rests on the counts, and a disturbance of the counting must not stop the
//! service. The failure is logged and counted in `bailiwick_abuse_uncounted_total`.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread,
    time::{Duration, Instant},
};

use engine::request::{EmbedInput, Prompt, Text};
use policy::{
    content::Content,
    forward::CallerLabels,
    id::{RequestId, ResourceId},
    workflow::subject::Subject,
};
use sha2::{Digest as _, Sha256};
use store::{Store, abuse::Seen};

use crate::{metrics::Metrics, screening::Screening};

/// Most finished requests that wait to be counted.
const WAITING_MAX: usize = 16_384;

/// Most requests in one transaction.
const TOGETHER_MAX: usize = 1024;

/// How long a request without findings waits for others.
const WAIT: Duration = Duration::from_secs(1);

/// The facts of a request that monitoring needs, besides the findings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watched {
    /// The caller's name for its end user.
    end_user: Option<Content>,
    /// SHA-256 of the prompt's texts.
    text: [u8; 32],
}

impl Watched {
    /// Takes the facts of a request for text.
    pub(crate) fn of<'p>(
        labels: &CallerLabels,
        prompts: impl IntoIterator<Item = &'p Prompt>,
    ) -> Self {
        let mut hash = Sha256::new();
        prompts.into_iter().for_each(|prompt| add_prompt(&mut hash, prompt));
        Self { end_user: end_user(labels), text: hash.finalize().into() }
    }

    /// Takes the facts of a request for embeddings.
    pub(crate) fn of_inputs(labels: &CallerLabels, inputs: &[EmbedInput]) -> Self {
        let mut hash = Sha256::new();
        for input in inputs {
            match input {
                EmbedInput::Text(text) => add_text(&mut hash, text),
                EmbedInput::Tokens(tokens) => add_tokens(&mut hash, tokens),
            }
        }
        Self { end_user: end_user(labels), text: hash.finalize().into() }
    }

    /// Returns the data subject that the request names.
    pub(crate) fn subject(&self) -> Option<Subject> {
        // A name that is too long for the index names nobody there.
        self.end_user.as_ref().and_then(|name| Subject::new(name).ok())
    }

    /// Returns the request for monitoring, unless no text of it was checked: an unchecked request is
    /// not a harmless one.
    pub(crate) fn seen(
        self,
        screening: &Screening,
        resource: ResourceId,
        request: RequestId,
    ) -> Option<Seen> {
        let findings = screening.found();
        if findings.is_empty() && !screening.is_checked() {
            return None;
        }
        let Self { end_user, text } = self;
        Some(Seen { resource, request, findings, end_user, text })
    }
}

/// The newer field counts, where a request has both.
fn end_user(labels: &CallerLabels) -> Option<Content> {
    let named = labels.safety_identifier.as_ref().or(labels.user.as_ref());
    named.filter(|name| !name.is_empty()).cloned()
}

fn add_prompt(hash: &mut Sha256, prompt: &Prompt) {
    match prompt {
        Prompt::Chat { messages, tools: _ } => {
            for message in messages {
                add_text(hash, &message.content);
                message.tool_calls.iter().for_each(|call| add_text(hash, &call.arguments));
            }
        }
        Prompt::Text(text) => add_text(hash, text),
        Prompt::Tokens(tokens) => add_tokens(hash, tokens),
        Prompt::Middle { prefix, suffix } => {
            add_text(hash, prefix);
            add_text(hash, suffix);
        }
    }
}

/// Adds a text with its length, so that two texts are not one longer text.
fn add_text(hash: &mut Sha256, Text(text): &Text) {
    hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(text.reveal());
}

fn add_tokens(hash: &mut Sha256, tokens: &[u32]) {
    hash.update(u64::try_from(tokens.len()).unwrap_or(u64::MAX).to_be_bytes());
    tokens.iter().for_each(|token| hash.update(token.to_be_bytes()));
}

/// Takes finished requests. Clones share one thread, which ends with the last clone.
#[derive(Debug, Clone)]
pub(crate) struct Monitor {
    jobs: SyncSender<Seen>,
    metrics: Arc<Metrics>,
}

impl Monitor {
    /// Starts the thread that counts.
    ///
    /// # Errors
    /// If the system starts no thread.
    pub(crate) fn start(store: Store, metrics: Arc<Metrics>) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::sync_channel(WAITING_MAX);
        let counting = Arc::clone(&metrics);
        thread::Builder::new()
            .name("abuse".to_owned())
            .spawn(move || run(&store, &counting, &waiting))?;
        Ok(Self { jobs, metrics })
    }

    /// Hands a finished request over. Never waits.
    pub(crate) fn see(&self, seen: Seen) {
        for finding in &seen.findings {
            self.metrics.found(finding);
        }
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.jobs.try_send(seen)
        {
            self.metrics.uncounted(1);
        }
    }
}

fn run(store: &Store, metrics: &Metrics, waiting: &mpsc::Receiver<Seen>) {
    let mut together = Vec::new();
    while let Ok(first) = waiting.recv() {
        let until = Instant::now() + WAIT;
        let mut is_urgent = is_urgent(&first);
        together.push(first);
        while together.len() < TOGETHER_MAX {
            // With a finding, takes along only what waits already.
            let wait = if is_urgent { Duration::ZERO } else { until - Instant::now().min(until) };
            match waiting.recv_timeout(wait) {
                Ok(next) => {
                    is_urgent |= self::is_urgent(&next);
                    together.push(next);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        count(store, metrics, &together);
        together.clear();
    }
}

/// Returns true if the request can lead to an act.
fn is_urgent(seen: &Seen) -> bool {
    seen.findings.iter().any(|finding| finding.points().is_some())
}

fn count(store: &Store, metrics: &Metrics, together: &[Seen]) {
    match store.watch(together) {
        Ok(acted) => {
            for act in acted {
                metrics.acted(act.act);
                tracing::warn!(
                    resource = %act.resource,
                    request = %act.request,
                    act = act.act,
                    entry = act.entry,
                    "abuse monitoring"
                );
            }
        }
        Err(error) => {
            metrics.uncounted(u64::try_from(together.len()).unwrap_or(u64::MAX));
            tracing::error!(
                %error,
                help = error.help(),
                requests = together.len(),
                "finished requests are not counted for abuse monitoring"
            );
        }
    }
}

#[cfg(test)]
mod tests;
