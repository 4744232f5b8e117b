//! The numbers beside the navigation: what waits for the person who looks.
//!
//! They come from the API, as the pages do: a person whom it refuses a list has no number there.

use serde::{Deserialize, de::IgnoredAny};

use super::{Answer, Desk, FOLDER};

/// What waits for a person, and the promises that are broken.
#[derive(Debug, Clone, Default)]
pub struct Badges {
    /// Number by the address of the navigation.
    waiting: Vec<(&'static str, usize)>,
    broken: Vec<&'static str>,
}

/// A list of the API whose items wait for a person.
struct Wait {
    desk: Desk,
    /// The address of the navigation.
    path: &'static str,
    /// The list's address.
    asks: &'static str,
    count: fn(&Answer) -> usize,
}

const WAITS: &[Wait] = &[
    Wait { desk: Desk::Review, path: FOLDER, asks: "/review/v1/queue", count: cases },
    Wait {
        desk: Desk::Review,
        path: "/pages/penalties",
        asks: "/review/v1/penalties",
        count: appeals,
    },
    Wait { desk: Desk::Owner, path: FOLDER, asks: "/desk/v1/resources", count: consents },
    Wait {
        desk: Desk::Owner,
        path: "/pages/subjects",
        asks: "/desk/v1/subjects/requests",
        count: requests,
    },
    Wait {
        desk: Desk::Owner,
        path: "/pages/applications",
        asks: "/desk/v1/zeroRetention",
        count: all,
    },
    Wait {
        desk: Desk::Owner,
        path: "/pages/applications",
        asks: "/desk/v1/contentFilterExemption",
        count: all,
    },
];

impl Badges {
    /// Returns the addresses of the API that the numbers of a listener come from.
    pub fn asks(desk: Desk) -> impl Iterator<Item = &'static str> {
        of(desk).map(|wait| wait.asks)
    }

    /// Counts. `answers` are in the order of [`Badges::asks`]; `broken` has the ids of the promises that
    /// are broken.
    #[must_use]
    pub fn new(desk: Desk, answers: &[Answer], broken: Vec<&'static str>) -> Self {
        let counted = of(desk).zip(answers).map(|(wait, answer)| (wait.path, (wait.count)(answer)));
        Self { waiting: counted.collect(), broken }
    }

    /// Returns the number at an address of the navigation.
    pub(super) fn at(&self, path: &str) -> usize {
        let here = self.waiting.iter().filter(|(known, _)| *known == path);
        here.map(|(_, count)| count).sum()
    }

    /// Returns the ids of the broken promises.
    pub(super) fn broken(&self) -> &[&'static str] {
        &self.broken
    }
}

fn of(desk: Desk) -> impl Iterator<Item = &'static Wait> {
    WAITS.iter().filter(move |wait| wait.desk == desk)
}

/// Each item of the list waits.
fn all(answer: &Answer) -> usize {
    answer.read::<Vec<IgnoredAny>>().map_or(0, |items| items.len())
}

#[derive(Deserialize)]
struct Case {
    waiting: String,
}

/// The cases in which the operator's people act next.
fn cases(answer: &Answer) -> usize {
    let cases = answer.read::<Vec<Case>>().unwrap_or_default();
    cases.iter().filter(|case| case.waiting != "customer").count()
}

#[derive(Deserialize)]
struct Penalised {
    appeal: Option<Appeal>,
}

#[derive(Deserialize)]
struct Appeal {
    state: String,
}

fn appeals(answer: &Answer) -> usize {
    let penalties = answer.read::<Vec<Penalised>>().unwrap_or_default();
    let appeals = penalties.iter().filter_map(|one| one.appeal.as_ref());
    appeals.filter(|appeal| appeal.state == "open").count()
}

#[derive(Deserialize)]
struct Requests {
    data: Vec<Request>,
}

#[derive(Deserialize)]
struct Request {
    urgency: String,
}

fn requests(answer: &Answer) -> usize {
    let requests = answer.read::<Requests>().map(|all| all.data).unwrap_or_default();
    requests.iter().filter(|request| request.urgency != "over").count()
}

#[derive(Deserialize)]
struct Known {
    waiting_for_consent: Option<usize>,
}

fn consents(answer: &Answer) -> usize {
    let known = answer.read::<Vec<Known>>().unwrap_or_default();
    known.iter().filter_map(|one| one.waiting_for_consent).sum()
}

#[cfg(test)]
mod tests {
    use maud::html;
    use serde_json::json;

    use super::*;
    use crate::{
        person::{
            Refused, Visit,
            testing::{check, visit},
        },
        words::Lang,
    };

    #[test]
    fn a_number_counts_what_waits_for_this_person() {
        let queue = json!([{"waiting": "manager"}, {"waiting": "customer"}, {"waiting": "look"}]);
        let penalties = json!([{"appeal": {"state": "open"}}, {"appeal": {"state": "heard"}}, {}]);
        let answers = [queue, penalties].map(Answer::Value);
        let badges = Badges::new(Desk::Review, &answers, vec!["P7"]);
        assert_eq!((badges.at(FOLDER), badges.at("/pages/penalties")), (2, 1));
        assert_eq!(badges.broken(), ["P7"]);

        let known =
            |waiting: Option<usize>| json!({"name": "prod", "waiting_for_consent": waiting});
        let requests = json!({"data": [{"urgency": "late"}, {"urgency": "over"}]});
        let answers = [
            json!([known(Some(2)), known(None), known(Some(1))]),
            requests,
            json!([{}, {}]),
            json!([{}]),
        ];
        let badges = Badges::new(Desk::Owner, &answers.map(Answer::Value), Vec::new());
        let numbers =
            [FOLDER, "/pages/subjects", "/pages/applications"].map(|path| badges.at(path));
        assert_eq!(numbers, [3, 1, 3]);
        assert_eq!(Badges::asks(Desk::Owner).count(), 4);
    }

    #[test]
    fn each_page_has_the_numbers_and_the_broken_promises() {
        let answers = [json!([{"waiting": "reviewer"}]), json!([])].map(Answer::Value);
        let badges = Badges::new(Desk::Review, &answers, vec!["P7", "P14"]);
        let visit = Visit { badges: &badges, ..visit(Desk::Review, Lang::En) };
        let page = visit.page("Title", &[], &html! {});
        assert!(
            page.contains("<span class=\"badge\">1<span class=\"heard\"> waiting</span></span>")
        );
        assert!(page.contains("A promise is broken now: P7, P14"));
        check(&page);
    }

    #[test]
    fn a_person_who_may_not_list_has_no_number() {
        let refused = Refused { status: 403, code: String::new(), message: String::new() };
        let answers = vec![Answer::Refused(refused); 4];
        let badges = Badges::new(Desk::Owner, &answers, Vec::new());
        assert!(WAITS.iter().all(|wait| badges.at(wait.path) == 0));
        assert_eq!(Badges::asks(Desk::Operations).count(), 0);
    }
}
