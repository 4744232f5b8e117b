//! Asks the operator's guard model about texts.

use std::{collections::BTreeSet, time::Duration};

use engine::request::{CacheScope, Event, Judge, Piece, Refusal, Text};
use policy::{
    content::Content,
    guard::{
        filter::Down,
        heads::Place,
        model::{self, Examination, GuardModel, Passage, Question},
        verdict::{Category, Side, Verdict},
    },
};
use tokio::time::timeout;

use super::joined;
use crate::fleet::Fleet;

/// The guard model's worker, and the settings for it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) fleet: Fleet,
    /// The time that it may take for one look.
    pub(super) wait: Duration,
    pub(super) model: GuardModel,
}

impl Asked {
    /// Returns the guard model's verdict about texts: about the newest first, until it has as many
    /// parts as it takes for one look. About the others, the other detectors decide alone.
    /// `prompt` is the user's text before an answer.
    ///
    /// # Errors
    /// If the model does not run, does not answer in time, or answers in another form.
    pub(super) async fn verdict(
        &self,
        texts: &[(Place, Content)],
        prompt: &Content,
        wanted: &BTreeSet<Category>,
        side: Side,
        scope: CacheScope,
    ) -> Result<Verdict, Down> {
        let look = async {
            let mut all = self.model.nothing(side);
            let parts = texts.iter().rev().flat_map(|(place, text)| {
                model::parts(text).into_iter().map(|part| (*place, part))
            });
            for (place, text) in parts.take(MOST_PARTS) {
                let passage = match side {
                    Side::Prompt => Passage::Prompt { text, is_user_turn: place == Place::User },
                    Side::Completion => Passage::Answer { prompt: prompt.clone(), answer: text },
                };
                all = joined(all, self.examine(passage, wanted, scope).await?)?;
            }
            Ok(all)
        };
        timeout(self.wait, Box::pin(look)).await.map_err(|_| Down::Late)?
    }

    async fn examine(
        &self,
        passage: Passage,
        wanted: &BTreeSet<Category>,
        scope: CacheScope,
    ) -> Result<Verdict, Down> {
        let mut examination = Examination::new(self.model, passage, wanted);
        loop {
            if let Some(verdict) = examination.verdict() {
                return Ok(verdict);
            }
            let mut answers = Vec::new();
            for question in examination.questions() {
                answers.push(self.ask(question, scope).await?);
            }
            examination.answer(&answers).map_err(|error| {
                tracing::error!(%error, "the content filter's guard model gave no verdict");
                Down::Stopped
            })?;
        }
    }

    async fn ask(&self, question: Question, scope: CacheScope) -> Result<Vec<f32>, Down> {
        let worker = self.fleet.judge().ok_or(Down::Stopped)?;
        let sent = worker.judge(scope, frame(question));
        let mut events = sent.map_err(|refusal| down(&refusal))?;
        let mut answer = None;
        while let Some(event) = events.next().await {
            match event {
                Event::Accepted { .. } => {}
                Event::Judged { logprobs } => answer = Some(logprobs),
                Event::Done => return answer.ok_or(Down::Stopped),
                Event::Failed(refusal) => return Err(down(&refusal)),
                _ => break,
            }
        }
        Err(Down::Stopped)
    }
}

/// Converts a question to the worker's form.
fn frame(Question { pieces, labels }: Question) -> Judge {
    let piece = |piece| match piece {
        model::Piece::Markup(text) => Piece::Markup(text.to_owned()),
        model::Piece::Text(text) => Piece::Text(Text(text)),
    };
    let label = |texts: &&[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Judge {
        pieces: pieces.into_iter().map(piece).collect(),
        labels: labels.iter().map(label).collect(),
    }
}

/// The most parts that the guard model gets for one look.
const MOST_PARTS: usize = 16;

/// Returns the reason why the guard model is not available.
fn down(refusal: &Refusal) -> Down {
    tracing::warn!(%refusal, "the content filter's guard model refused a text");
    match refusal {
        Refusal::QueueFull { .. } => Down::Late,
        Refusal::ContextLength { .. } => Down::TooLarge,
        _ => Down::Stopped,
    }
}
