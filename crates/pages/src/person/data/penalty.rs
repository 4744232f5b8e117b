//! The penalty of a resource, the appeal against it, and the counts of abuse monitoring.

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    super::{
        Answer, View, Visit,
        act::{Act, Then, line, lines, text},
        parts::{card, stamp},
        review::{Appeal, Counts, Standing, counts, penalty_facts},
    },
    page,
};
use crate::words::{Lang, Message as _, penalty::Penalty, person::Person};

pub(super) struct Penalised {
    pub(super) resource: String,
}

/// The notices; only people with the permission to appeal see them.
#[derive(Deserialize)]
struct Owned {
    #[serde(flatten)]
    standing: Standing,
    #[serde(default)]
    notices: Option<Vec<Notice>>,
}

#[derive(Deserialize)]
struct Notice {
    what: String,
    at: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Abuse {
    #[serde(flatten)]
    counts: Counts,
    end_users: Vec<EndUser>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndUser {
    end_user: String,
    last_seen: String,
    potentially_abusive: bool,
    points: u32,
}

impl View for Penalised {
    fn asks(&self) -> Vec<String> {
        let desk = format!("/desk/v1/resources/{}", self.resource);
        vec![format!("{desk}/abusePenalty"), format!("{desk}/abuse")]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [penalty, abuse] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Penalty::OneLead.text(lang)) }
            (penalty.shown(visit, |owned: Owned| self.penalty(visit, &owned)))
            h2 { (Penalty::AbuseTitle.text(lang)) }
            p { (Penalty::AbuseLead.text(lang)) }
            (abuse.shown(visit, |abuse: Abuse| html! {
                (counts(&abuse.counts, lang))
                h3 { (Penalty::EndUsers.text(lang)) }
                p { (Penalty::EndUsersAbout.text(lang)) }
                (end_users(&abuse.end_users, lang))
                (self.hash(visit))
            }))
        };
        page(visit, &self.resource, "/penalty", &body)
    }
}

impl Penalised {
    fn penalty(&self, visit: &Visit<'_>, owned: &Owned) -> Markup {
        let lang = visit.frame.lang;
        let standing = &owned.standing;
        let path = format!("/desk/v1/resources/{}/appeal", self.resource);
        let act = Act {
            method: "POST",
            path: &path,
            then: Then::Back,
            button: Penalty::AppealButton.text(lang),
        };
        let form = act.form(visit, &lines(Person::Reason.text(lang), &text("reason")));
        let may_appeal = standing.abuse_penalty.is_some()
            && owned.notices.is_some()
            && standing.appeal.is_none();
        html! {
            (penalty_facts(standing, lang))
            @if standing.appeal.as_ref().is_some_and(Appeal::is_open) {
                p class="note" { (Penalty::AppealAbout.text(lang)) }
            }
            @if may_appeal {
                (card(Penalty::Appeal.text(lang), Penalty::AppealAbout.text(lang), &form))
            }
            @if let Some(notices) = &owned.notices {
                h3 { (Penalty::Notices.text(lang)) }
                (all(notices, lang))
            }
        }
    }

    /// Makes the form that finds the hash of an end user's name.
    fn hash(&self, visit: &Visit<'_>) -> Markup {
        let lang = visit.frame.lang;
        let path = format!("/desk/v1/resources/{}/abuse/endUser", self.resource);
        let act = Act {
            method: "POST",
            path: &path,
            then: Then::Answer,
            button: Penalty::Hash.text(lang),
        };
        act.form(visit, &line(Penalty::HashName.text(lang), &text("name"), "", true))
    }
}

fn all(notices: &[Notice], lang: Lang) -> Markup {
    html! {
        @if notices.is_empty() { p { (Penalty::NoNotices.text(lang)) } } @else {
            table class="wide" {
                thead { tr {
                    th scope="col" { (Penalty::When.text(lang)) }
                    th scope="col" { (Penalty::What.text(lang)) }
                    th scope="col" { (Person::Reason.text(lang)) }
                } }
                tbody {
                    @for notice in notices.iter().rev() {
                        tr {
                            th scope="row" { (stamp(&notice.at)) }
                            td { (word(&notice.what, lang)) }
                            td { (notice.reason) }
                        }
                    }
                }
            }
        }
    }
}

fn word(what: &str, lang: Lang) -> &str {
    let word = match what {
        "notified" => Penalty::Notified,
        "throttled" => Penalty::Throttled,
        "blocked" => Penalty::Blocked,
        "upheld" => Penalty::Upheld,
        "lifted" => Penalty::Lifted,
        _ => return what,
    };
    word.text(lang)
}

fn end_users(end_users: &[EndUser], lang: Lang) -> Markup {
    html! {
        @if !end_users.is_empty() {
            table class="wide" {
                thead { tr {
                    th scope="col" { (Penalty::EndUser.text(lang)) }
                    th scope="col" { (Penalty::LastSeen.text(lang)) }
                    th scope="col" class="number" { (Penalty::Points.text(lang)) }
                } }
                tbody {
                    @for one in end_users {
                        tr {
                            th scope="row" {
                                code { (one.end_user) }
                                @if one.potentially_abusive { " " span class="state stale" { (Penalty::Abusive.text(lang)) } }
                            }
                            td { (stamp(&one.last_seen)) }
                            td class="number" { (one.points) }
                        }
                    }
                }
            }
        }
    }
}
