//! The content filter at work: prompts are judged before they go to an engine, and answers before
//! they go to the caller.
//!
//! The detectors of `policy::guard` decide. This module gives them the texts of a request, and the
//! vectors of the encoder, which runs in a confined worker. If the encoder does not answer, the text
//! was not checked, and the deployment's filter decides whether it goes on.

mod annotate;
mod encode;
mod judge;
mod known;
mod texts;

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use engine::request::{CacheScope, Text, Work};
use policy::{
    content::Content,
    guard::{
        blocklist::Blocklist,
        filter::{Down, Filter, Results, Rule, Unavailable},
        guarded::{Blocked, Guarded},
        heads::Place,
        look::{Detectors, Unseen, Unusable, Vectors},
        normalise::Readings,
        verdict::{Category, Side, Verdict},
        window::{Extent, Look},
    },
    permit::{Inference, Permit},
};
use store::ContentFilter;
use tokio::task::spawn_blocking;

pub(crate) use annotate::{checked, findings};
pub(crate) use known::NotKnown;
pub(crate) use texts::{tokens, words};

use crate::{config::GuardConfig, fleet::Fleet, metrics::FilterTimes, screening::Screening};

/// The detectors and the encoder; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    detectors: Detectors,
    /// The verdicts about nothing, of a prompt and of a completion.
    nothing: [Verdict; 2],
    /// The encoder, if the configuration names one: then no text is judged without it.
    encoder: Option<Encoder>,
    /// The operator's guard model, if the configuration names one: then no text is judged without
    /// it.
    model: Option<judge::Asked>,
    times: FilterTimes,
}

/// The encoder's worker, and the settings for it.
#[derive(Debug)]
struct Encoder {
    fleet: Fleet,
    /// The time that it may take for one look.
    wait: Duration,
}

/// The filter of one request.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    guard: Guard,
    rules: Filter,
    lists: Arc<[Arc<Blocklist>]>,
    scope: CacheScope,
    /// The last turn of the user, which the guard model reads before an answer.
    asked: Arc<OnceLock<Content>>,
}

/// The detectors cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoGuard {
    /// A committed file of theirs is damaged.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// They cannot look at a text.
    #[error(transparent)]
    Unseen(#[from] Unseen),
    /// The operator's known texts cannot be read.
    #[error(transparent)]
    Known(#[from] NotKnown),
}

/// The reason why a text does not go on.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The filter blocks it.
    Blocked(Blocked),
    /// It was not checked, and the filter lets nothing through unchecked.
    Unavailable(Unavailable),
}

impl Guard {
    /// Reads the detectors. Starts the encoder's worker, if the configuration names an encoder.
    ///
    /// # Errors
    /// If a committed file of the detectors is damaged.
    pub(crate) fn new(fleet: Fleet, config: &GuardConfig) -> Result<Self, NoGuard> {
        let known = known::read(config)?;
        let detectors = Detectors::built_in()?.with_known(known);
        let path = config.encoder.as_deref();
        let encoder = path.map(|path| {
            let digest = detectors.heads().encoder().map(|digest| digest.to_string());
            // Heads without an encoder name none: a worker with this digest does not start.
            fleet.start_encoder(path, digest.unwrap_or_default());
            Encoder { fleet: fleet.clone(), wait: Duration::from_millis(config.wait_ms) }
        });
        // The configuration was checked when it was read.
        let model = config.guard_model().ok().flatten();
        let model = model.map(|(model, path, sha256)| {
            fleet.start_judge(path, sha256.to_owned());
            judge::Asked { fleet, wait: Duration::from_millis(config.model_wait_ms), model }
        });
        Self::of(detectors, encoder, model)
    }

    fn of(
        detectors: Detectors,
        encoder: Option<Encoder>,
        model: Option<judge::Asked>,
    ) -> Result<Self, NoGuard> {
        let nothing = |side| -> Result<Verdict, NoGuard> {
            let own = detectors.nothing(side)?;
            Ok(match &model {
                Some(asked) => own.clone().and(asked.model.nothing(side)).unwrap_or(own),
                None => own,
            })
        };
        let nothing = [nothing(Side::Prompt)?, nothing(Side::Completion)?];
        Ok(Self(Arc::new(Inner {
            detectors,
            nothing,
            encoder,
            model,
            times: FilterTimes::default(),
        })))
    }

    /// Returns the times of all looks.
    pub(crate) fn times(&self) -> &FilterTimes {
        &self.0.times
    }

    /// Returns the verdict about nothing: all detectors were asked, and found nothing.
    fn nothing(&self, side: Side) -> &Verdict {
        let [prompt, completion] = &self.0.nothing;
        match side {
            Side::Prompt => prompt,
            Side::Completion => completion,
        }
    }

    /// Reads the detectors, without an encoder.
    #[cfg(test)]
    pub(crate) fn without_encoder() -> Result<Self, NoGuard> {
        Self::of(Detectors::built_in()?, None, None)
    }

    /// Begins the checks of a permitted request.
    pub(crate) fn screen<A: Inference>(
        &self,
        permit: &Permit<A>,
        filter: &ContentFilter,
    ) -> Screen {
        let rules = filter.filter.clone();
        let (lists, scope) = (filter.blocklists.clone().into(), CacheScope::of(permit, false));
        Screen { guard: self.clone(), rules, lists, scope, asked: Arc::default() }
    }
}

impl Screen {
    /// Judges a prompt, and notes what was seen. `read` has the text of its tokens, if it has tokens
    /// that a worker could turn into text. Only with the result can it go on to an engine.
    ///
    /// # Errors
    /// If the filter blocks the prompt, or lets nothing through while a detector is down.
    pub(crate) async fn prompt(
        &self,
        work: Work,
        read: Option<&[Text]>,
        screening: &mut Screening,
    ) -> Result<Guarded<Work>, Stopped> {
        let indirect = self.rules.rule(&Category::IndirectAttack, Side::Prompt) != Rule::OFF;
        let texts::Read { texts, whole, .. } = texts::of(&work, read, indirect);
        if self.guard.0.model.is_some() {
            let turn = texts.iter().rev().find(|(place, _)| *place == Place::User);
            let turn = turn.map(|(_, text)| text.clone()).unwrap_or_default();
            // Each prompt has a filter of its own, so nothing was noted before.
            drop(self.asked.set(turn));
        }
        let results = match self.judged(texts, Vec::new(), Side::Prompt).await {
            Ok(results) => results,
            Err(down) => return self.unchecked(work, down, screening),
        };
        screening.add_results(&results);
        // A part that is harmful is enough to block; a part that no detector reads is not safe.
        if whole || results.is_blocked() || self.is_off(Side::Prompt) {
            return Guarded::pass(work, results).map_err(Stopped::Blocked);
        }
        let down = self.rules.unavailable(Side::Prompt, Down::Unreadable);
        self.unchecked(work, down, screening)
    }

    /// Lets a value through that was not checked, if the filter chose so.
    ///
    /// # Errors
    /// If the filter refuses while a detector is down.
    pub(crate) fn unchecked<T>(
        &self,
        value: T,
        down: Unavailable,
        screening: &mut Screening,
    ) -> Result<Guarded<T>, Stopped> {
        let side = down.side();
        let guarded = Guarded::unchecked(value, down).map_err(Stopped::Unavailable)?;
        screening.not_filtered(side);
        Ok(guarded)
    }

    /// Judges looks at one choice of an answer.
    ///
    /// # Errors
    /// If a detector does not answer.
    pub(crate) async fn completion(
        &self,
        looks: impl IntoIterator<Item = Look>,
    ) -> Result<Results, Unavailable> {
        let looks = looks.into_iter().map(|look| (look.extent, (Place::Completion, look.text)));
        let (wholes, windows): (Vec<_>, Vec<_>) =
            looks.partition(|(extent, _)| *extent == Extent::Whole);
        let texts = |looks: Vec<(Extent, _)>| looks.into_iter().map(|(_, text)| text).collect();
        // The encoder and the guard model have seen the windows of a whole.
        self.judged(texts(windows), texts(wholes), Side::Completion).await
    }

    /// Makes the checks wait for those of other requests, or not.
    pub(crate) fn behind(self, behind: bool) -> Self {
        Self { scope: self.scope.behind(behind), ..self }
    }

    /// Returns the filter for another prompt of the same request.
    pub(crate) fn for_another_prompt(&self) -> Self {
        Self { asked: Arc::default(), ..self.clone() }
    }

    /// Returns the scope of the request.
    pub(crate) fn scope(&self) -> CacheScope {
        self.scope
    }

    /// Returns true if nothing is looked for on a side.
    pub(crate) fn is_off(&self, side: Side) -> bool {
        self.rules.needed(side).next().is_none()
    }

    /// Returns true if a streamed answer goes out before it is checked.
    pub(crate) fn is_ahead(&self) -> bool {
        self.rules.mode().is_ahead()
    }

    /// Judges texts, and counts the time. The encoder and the guard model see `texts`, and not `more`.
    async fn judged(
        &self,
        texts: Vec<(Place, Content)>,
        more: Vec<(Place, Content)>,
        side: Side,
    ) -> Result<Results, Unavailable> {
        if self.is_off(side) {
            // Nothing is looked for, so nothing is found.
            return self.rules.judge(self.guard.nothing(side));
        }
        let began = Instant::now();
        let results = self.judged_by_all(texts, more, side).await;
        self.guard.0.times.looked(side, began.elapsed());
        results
    }

    async fn judged_by_all(
        &self,
        mut texts: Vec<(Place, Content)>,
        more: Vec<(Place, Content)>,
        side: Side,
    ) -> Result<Results, Unavailable> {
        let unavailable = |down| self.rules.unavailable(side, down);
        let vectors = match &self.guard.0.encoder {
            Some(encoder) => encoder.vectors(&texts, self.scope).await.map_err(unavailable)?,
            None => texts.iter().map(|_| None).collect(),
        };
        let by_model = match &self.guard.0.model {
            Some(asked) => {
                let wanted =
                    self.rules.needed(side).map(|(category, _)| category.clone()).collect();
                let prompt = self.asked.get().cloned().unwrap_or_default();
                let verdict = asked.verdict(&texts, &prompt, &wanted, side, self.scope);
                Some(verdict.await.map_err(unavailable)?)
            }
            None => None,
        };
        texts.extend(more);
        let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
        let verdict = if bytes <= INLINE_BYTES {
            self.look(&texts, &vectors, side)
        } else {
            let screen = self.clone();
            let look = spawn_blocking(move || screen.look(&texts, &vectors, side));
            look.await.map_err(|_| unavailable(Down::Stopped))?
        };
        let verdict = verdict.map_err(unavailable)?;
        let verdict = match by_model {
            Some(other) => joined(verdict, other).map_err(unavailable)?,
            None => verdict,
        };
        self.rules.judge(&verdict)
    }

    /// Looks at texts with all detectors, and with the resource's own lists.
    fn look(
        &self,
        texts: &[(Place, Content)],
        vectors: &[Option<Vectors>],
        side: Side,
    ) -> Result<Verdict, Down> {
        let detectors = &self.guard.0.detectors;
        let mut all = self.guard.nothing(side).clone();
        all = self.listed("", side, all)?;
        for (at, (place, text)) in texts.iter().enumerate() {
            let (text, vectors) = (text.reveal(), vectors.get(at).and_then(Option::as_ref));
            all = joined(all, detectors.look(text, *place, vectors).map_err(down)?)?;
            all = self.listed(text, side, all)?;
        }
        Ok(all)
    }

    /// Adds the verdict of the resource's own lists.
    fn listed(&self, text: &str, side: Side, mut all: Verdict) -> Result<Verdict, Down> {
        if self.lists.is_empty() {
            return Ok(all);
        }
        let readings = Readings::of(text).map_err(|_| Down::TooLarge)?;
        for list in &*self.lists {
            all = joined(all, list.verdict(&readings, side))?;
        }
        Ok(all)
    }
}

/// Texts up to this many bytes are judged on the thread of their connection: a millisecond.
const INLINE_BYTES: usize = 4096;

/// Joins verdicts of the same side.
fn joined(all: Verdict, other: Verdict) -> Result<Verdict, Down> {
    all.and(other).map_err(|_| Down::Stopped)
}

/// Returns the reason why a text could not be looked at.
fn down(unseen: Unseen) -> Down {
    match unseen {
        Unseen::TooLarge(_) => Down::TooLarge,
        Unseen::Number { .. } | Unseen::Vector(_) => {
            tracing::error!(%unseen, "the encoder's vectors do not fit");
            Down::Stopped
        }
    }
}
