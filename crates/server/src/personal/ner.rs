//! Asks the model that finds names and addresses. Its encoder runs in a confined worker.
//!
//! If the model has not read all of a request, nothing of the request goes on.

use std::{path::PathBuf, sync::Arc, time::Duration};

use engine::request::{CacheScope, Event, Label, Refusal, Text};
use policy::{
    personal::{
        Unread,
        ner::{BadHead, Head, Names, OtherVectors, Reading, Words},
    },
    texts::Texts,
};
use tokio::time::timeout;

use crate::{config::PersonalConfig, fleet::Fleet};

/// The encoder's worker, and the head over its vectors. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Ner {
    fleet: Fleet,
    head: Arc<Head>,
    wait: Duration,
}

/// The model cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoNer {
    /// The head's file cannot be read.
    #[error("`personal.ner_head` cannot be read ({0}); check the path and its permissions")]
    Unreadable(#[from] std::io::Error),
    /// The head's file is damaged or of another version.
    #[error(transparent)]
    Bad(#[from] BadHead),
}

impl Ner {
    /// Reads the head and starts the encoder's worker, if the configuration names one.
    ///
    /// # Errors
    /// If the head cannot be used.
    pub(crate) fn new(fleet: &Fleet, config: &PersonalConfig) -> Result<Option<Self>, NoNer> {
        // The configuration was checked when it was read.
        let Some((encoder, head)) = config.model().ok().flatten() else { return Ok(None) };
        let head = Arc::new(match head {
            Some(path) => Head::parse(&std::fs::read(PathBuf::from(path))?)?,
            None => Head::parse(Head::TRAINED)?,
        });
        tracing::info!(head = %head.digest(), encoder = head.encoder(), "a model finds names and addresses");
        fleet.start_reader(encoder, head.encoder().to_owned());
        let wait = Duration::from_millis(config.ner_wait_ms);
        Ok(Some(Self { fleet: fleet.clone(), head, wait }))
    }

    /// Returns the names and addresses in a request. `scope` is the request's own.
    ///
    /// # Errors
    /// If the model does not read all of it in time.
    pub(crate) async fn names<T: Texts>(
        &self,
        request: &mut T,
        scope: CacheScope,
    ) -> Result<Names, Unread> {
        let words = Words::of(request).map_err(|_| Unread::TooLong)?;
        if words.is_empty() {
            return Ok(Names::by_context());
        }
        timeout(self.wait, self.read(words, scope)).await.map_err(|_| Unread::Late)?
    }

    async fn read(&self, words: Words, scope: CacheScope) -> Result<Names, Unread> {
        let asked = words.asked().into_iter();
        let texts = asked.map(|words| words.into_iter().map(Text).collect()).collect();
        let mut reading = Reading::new(words, Arc::clone(&self.head));
        let worker = self.fleet.reader().ok_or(Unread::Stopped)?;
        let sent = worker.label(scope, Label { texts });
        let mut events = sent.map_err(|refusal| refused(&refusal))?;
        while let Some(event) = events.next().await {
            match event {
                Event::Words { text, first, vectors } => {
                    reading.take(text, first, &vectors).map_err(other)?;
                }
                Event::Done => return reading.names().map_err(other),
                Event::Accepted { .. } => {}
                Event::Failed(refusal) => return Err(refused(&refusal)),
                _ => break,
            }
        }
        Err(Unread::Stopped)
    }
}

fn refused(refusal: &Refusal) -> Unread {
    tracing::warn!(%refusal, "the model that finds names refused a request");
    match refusal {
        Refusal::QueueFull { .. } => Unread::Late,
        _ => Unread::Stopped,
    }
}

fn other(error: OtherVectors) -> Unread {
    tracing::error!(%error, "the model that finds names gave an answer that cannot be used");
    Unread::Stopped
}
