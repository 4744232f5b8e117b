//! The value that may go to an engine, and the decider of its treatment.
//!
//! Only [`Ruling::shield`] makes an [`Outgoing`], and the code that sends requests to engines takes
//! nothing else. So nothing leaves without a decision, also if the decision is that nothing is looked
//! for.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use super::{
    Counts, Detector, Entropy, Found, Kind, Mode, Opaque, Setting, Vault, hide::Hiding, ner::Names,
    vault::Filling,
};
use crate::{
    content::Content,
    texts::{Piece, Texts},
};

/// The party that decided the treatment of personal data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decider {
    /// No one had to: the request stays with the operator of this service, and its resource asks for
    /// nothing.
    Inside,
    /// The setting of the resource.
    Resource,
    /// The setting of this processor, or the default for processors.
    Processor(String),
}

impl Decider {
    /// Returns the decider in the words of errors.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Inside => "the boundary of this service".to_owned(),
            Self::Resource => "this resource".to_owned(),
            Self::Processor(name) => format!("the processor '{name}'"),
        }
    }
}

/// A mode, and its decider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Treatment of personal data.
    pub mode: Mode,
    /// The decider: the party with the strictest setting, and the resource before a processor.
    pub by: Decider,
}

/// The decision about one request: the strictest of the settings that apply to the engines that may get
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    decided: Decided,
    setting: Setting,
    /// The processors that may get the request.
    processors: BTreeSet<String>,
}

/// The detector of a setting, and the names that a model found in this request.
#[derive(Debug)]
pub struct Looking {
    detector: Arc<Detector>,
    names: Names,
}

impl Looking {
    /// Joins them.
    #[must_use]
    pub fn new(detector: Arc<Detector>, names: Names) -> Self {
        Self { detector, names }
    }

    /// Finds the places of a text.
    pub(super) fn find(&self, text: &str) -> Vec<Found> {
        self.detector.find_with(text, &self.names)
    }
}

/// The detector of a setting cannot be had, or the model that finds names has not read the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDetector {
    /// The detector cannot be built.
    Broken,
    /// The model has not read the request.
    Unread(Unread),
}

/// The reason why the model that finds names has not read a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Its worker does not run, or its answer cannot be used.
    Stopped,
    /// It did not answer in time.
    Late,
    /// The request has more words than it reads: [`super::ner::MOST_NER_WORDS`].
    TooLong,
}

impl Ruling {
    /// Decides about a request of a resource. `processors` are those of the engines that may get it,
    /// each with its setting. An engine without a processor is inside the boundary, and so is the
    /// embedded one.
    #[must_use]
    pub fn new<'a>(
        resource: &Setting,
        processors: impl IntoIterator<Item = (&'a str, Cow<'a, Setting>)>,
    ) -> Self {
        let mut ruling = Self {
            decided: Decided { mode: Mode::Off, by: Decider::Inside },
            setting: Setting::of_resource(),
            processors: BTreeSet::new(),
        };
        let processors: Vec<_> = processors.into_iter().collect();
        let applies = resource.everywhere || !processors.is_empty();
        if applies && resource.mode != Mode::Off {
            ruling.add(resource, Decider::Resource);
        }
        for (name, setting) in processors {
            ruling.add(&setting, Decider::Processor(name.to_owned()));
            ruling.processors.insert(name.to_owned());
        }
        ruling
    }

    fn add(&mut self, setting: &Setting, by: Decider) {
        if setting.mode > self.decided.mode || self.decided.by == Decider::Inside {
            self.decided = Decided { mode: setting.mode.max(self.decided.mode), by };
        }
        self.setting = self.setting.strictest(setting);
    }

    /// Returns the mode, and its decider.
    #[must_use]
    pub fn decided(&self) -> &Decided {
        &self.decided
    }

    /// Returns the setting from which the detector is built; `None` if nothing is looked for.
    #[must_use]
    pub fn looks_for(&self) -> Option<&Setting> {
        (self.decided.mode != Mode::Off).then_some(&self.setting)
    }

    /// Returns true if names or addresses are looked for: what a model finds, if there is one.
    #[must_use]
    pub fn asks_for_names(&self) -> bool {
        let wants = |setting: &Setting| {
            [Kind::Name, Kind::Address].into_iter().any(|kind| setting.kinds.contains(kind))
        };
        self.looks_for().is_some_and(wants)
    }

    /// Makes the value that may go to the engines. `looking` has the detector of [`Self::looks_for`].
    ///
    /// # Errors
    /// [`Stopped`] if the request may not go on. It is dropped.
    pub fn shield<T: Texts>(
        self,
        mut value: T,
        looking: Result<Option<Looking>, NoDetector>,
        entropy: Entropy,
    ) -> Result<Shielded<T>, Stopped> {
        let Self { decided, setting, processors } = self;
        if decided.mode == Mode::Off {
            let (counts, unseen, vault) = (Counts::default(), false, None);
            let outgoing = Outgoing { value, processors };
            return Ok(Shielded { outgoing, decided, counts, unseen, vault });
        }
        let looking = match looking {
            Ok(Some(looking)) => looking,
            Ok(None) => return Err(Stopped::Detector { decided, why: NoDetector::Broken }),
            Err(why) => return Err(Stopped::Detector { decided, why }),
        };
        let mut pieces = Vec::new();
        value.texts(&mut pieces);
        let opaque = pieces.iter().find_map(|piece| match piece {
            Piece::Opaque(param) => Some(*param),
            _ => None,
        });
        if let Some(param) = opaque
            && decided.mode >= Mode::Pseudonymise
            && setting.opaque == Opaque::Refuse
        {
            return Err(Stopped::Opaque { param, decided });
        }
        let filling = Filling::begin(pieces.iter().filter_map(text), entropy);
        let Ok(filling) = filling else { return Err(Stopped::Crowded(decided)) };
        let mut hiding = Hiding { looking: &looking, filling };
        let replaced = replaced(&pieces, &mut hiding);
        let counts = hiding.filling.counts();
        if decided.mode == Mode::Block && !counts.is_empty() {
            return Err(Stopped::Blocked { counts, decided });
        }
        let mut vault = None;
        if decided.mode == Mode::Pseudonymise {
            for (piece, new) in pieces.into_iter().zip(replaced) {
                put(piece, new);
            }
            vault = hiding.filling.end();
        }
        let outgoing = Outgoing { value, processors };
        Ok(Shielded { outgoing, decided, counts, unseen: opaque.is_some(), vault })
    }
}

/// Returns the new text of each piece that has one.
fn replaced(pieces: &[Piece<'_>], hiding: &mut Hiding<'_>) -> Vec<Option<String>> {
    let mut replaced: Vec<Option<String>> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(content) | Piece::Json(content) => hiding.text(content.reveal()),
            Piece::Word(content) => hiding.name(content.reveal()),
            Piece::Name(name) => hiding.name(name),
            Piece::Gap | Piece::Opaque(_) => None,
        })
        .collect();
    // Then findings that stand in texts that follow each other.
    let mut start = 0;
    while start < pieces.len() {
        let run = pieces.iter().skip(start).take_while(|one| matches!(one, Piece::Text(_))).count();
        let end = start + run;
        if run > 1 {
            let texts: Vec<String> = (start..end)
                .filter_map(|at| {
                    let new = replaced.get(at)?.clone();
                    new.or_else(|| pieces.get(at).and_then(text).map(str::to_owned))
                })
                .collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for (at, new) in (start..end).zip(hiding.across(&texts)) {
                if let (Some(slot), Some(new)) = (replaced.get_mut(at), new) {
                    *slot = Some(new);
                }
            }
        }
        start = end + 1;
    }
    replaced
}

fn text<'a>(piece: &'a Piece<'_>) -> Option<&'a str> {
    match piece {
        Piece::Text(content) | Piece::Json(content) | Piece::Word(content) => {
            Some(content.reveal())
        }
        Piece::Name(name) => Some(name.as_str()),
        Piece::Gap | Piece::Opaque(_) => None,
    }
}

fn put(piece: Piece<'_>, new: Option<String>) {
    match (piece, new) {
        (Piece::Text(content) | Piece::Json(content) | Piece::Word(content), Some(new)) => {
            *content = Content::new(new);
        }
        (Piece::Name(name), Some(new)) => *name = new,
        _ => {}
    }
}

/// A value that may go to engines, as a [`Ruling`] allows it.
///
/// ```compile_fail,E0451
/// use policy::personal::Outgoing;
/// let forged = Outgoing { value: "a prompt", processors: Default::default() };
/// ```
#[derive(Debug)]
#[must_use = "what is not sent goes to no engine"]
pub struct Outgoing<T> {
    value: T,
    processors: BTreeSet<String>,
}

impl<T> Outgoing<T> {
    /// Returns the value.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Whether the decision covers an engine of this processor; `None` is the operator of this service.
    #[must_use]
    pub fn covers(&self, processor: Option<&str>) -> bool {
        processor.is_none_or(|name| self.processors.contains(name))
    }

    /// Takes the value, for an engine inside the boundary.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

/// A value that may go on, and the findings in it.
#[derive(Debug)]
pub struct Shielded<T> {
    /// The value that may go to the engines.
    pub outgoing: Outgoing<T>,
    /// The mode, and its decider.
    pub decided: Decided,
    /// How many values of each kind were found.
    pub counts: Counts,
    /// Whether a part went on that cannot be looked into.
    pub unseen: bool,
    /// The vault that restores the answer, if something was replaced.
    pub vault: Option<Vault>,
}

/// The request does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// It has personal data, and the mode is [`Mode::Block`].
    Blocked {
        /// How many values of each kind were found.
        counts: Counts,
        /// Who decided.
        decided: Decided,
    },
    /// A field cannot be looked into.
    Opaque {
        /// The field.
        param: &'static str,
        /// Who decided.
        decided: Decided,
    },
    /// It has so many texts that look like placeholders that none is free.
    Crowded(Decided),
    /// The detector cannot be had, or the model that finds names has not read the request.
    Detector {
        /// Who decided.
        decided: Decided,
        /// The reason.
        why: NoDetector,
    },
}

#[cfg(test)]
mod tests;
