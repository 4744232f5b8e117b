//! The review desk: the queue of flagged records, one case, and penalties.

mod abuse;
mod case;
mod penalties;
mod queue;
mod step;
#[cfg(test)]
mod tests;

use serde::Deserialize;

pub(super) use self::{
    abuse::{Counts, counts},
    penalties::{Appeal, Standing, facts as penalty_facts},
    step::step,
};
use super::{Desk, Route, nth};
use crate::words::{Lang, Message as _, review::Review};

/// Their pages.
pub(super) const ROUTES: &[Route] = &[
    Route { desks: &[Desk::Review], address: "", view: |_, _| Box::new(queue::Queue) },
    Route {
        desks: &[Desk::Review],
        address: "/case/{}",
        view: |named, _| Box::new(case::Case { request: nth(named, 0) }),
    },
    Route {
        desks: &[Desk::Review],
        address: "/penalties",
        view: |_, query| Box::new(penalties::Penalties::of(query)),
    },
    Route {
        desks: &[Desk::Review],
        address: "/abuse/{}",
        view: |named, _| Box::new(abuse::Abuse { resource: nth(named, 0) }),
    },
];

/// A flagged record, as the queue has it.
#[derive(Deserialize)]
pub(super) struct Queued {
    request: String,
    region: String,
    category: String,
    source: String,
    age_ms: u64,
    escalated: bool,
    waiting: Waiting,
    grant: Option<String>,
    /// The end of the step that is waited for; the queue may leave it out.
    #[serde(default)]
    expires_ms: Option<u64>,
    asked: Option<Asked>,
}

/// An access request, as the reviewer's own team sees it.
#[derive(Deserialize)]
struct Asked {
    reviewer: String,
    reviewer_name: Option<String>,
    workstation: String,
    workstation_name: Option<String>,
    reason: String,
}

/// The party that acts next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Waiting {
    Reviewer,
    Manager,
    Customer,
    Look,
    Judgement,
}

impl Waiting {
    /// Returns the state, the party that acts next, and the sentence about it.
    fn words(self) -> [Review; 3] {
        match self {
            Self::Reviewer => [Review::StateFlagged, Review::TurnReviewer, Review::NextReviewer],
            Self::Manager => [Review::StateRequested, Review::TurnManager, Review::NextManager],
            Self::Customer => [Review::StateApproved, Review::TurnCustomer, Review::NextCustomer],
            Self::Look => [Review::StateGranted, Review::TurnAsker, Review::NextLook],
            Self::Judgement => [Review::StateOpened, Review::TurnAsker, Review::NextJudgement],
        }
    }
}

/// The categories of flags.
const CATEGORIES: [(&str, Review); 6] = [
    ("hate", Review::Hate),
    ("self_harm", Review::SelfHarm),
    ("sexual", Review::Sexual),
    ("violence", Review::Violence),
    ("jailbreak", Review::Jailbreak),
    ("other", Review::Other),
];

/// Returns the text of a category.
fn category(name: &str, lang: Lang) -> &str {
    CATEGORIES.iter().find(|(known, _)| *known == name).map_or(name, |(_, text)| text.text(lang))
}
