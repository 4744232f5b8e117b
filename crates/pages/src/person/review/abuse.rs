//! The counts of abuse monitoring of one resource, and the decisions about it.

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    super::{
        Answer, View, Visit,
        act::Then,
        parts::{fact, stamp},
    },
    category,
    penalties::{decision, impose},
};
use crate::{
    layout::grouped,
    words::{Lang, Message as _, penalty::Penalty},
};

pub(super) struct Abuse {
    pub(super) resource: String,
}

/// The counts, as both desks answer them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct Counts {
    #[serde(default)]
    since: Option<String>,
    window: u64,
    limit: u32,
    calibrated: bool,
    points: u32,
    top_categories: Vec<Top>,
    days: Vec<Day>,
}

#[derive(Deserialize)]
struct Top {
    category: String,
    requests: u64,
}

#[derive(Deserialize)]
struct Day {
    date: String,
    requests: u64,
    flags: u64,
    findings: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    category: String,
    severity: String,
    requests: u64,
}

impl View for Abuse {
    fn asks(&self) -> Vec<String> {
        vec![format!("/review/v1/resources/{}/abuse", self.resource)]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [abuse] = answers else { return String::new() };
        let body = html! {
            p { code { (self.resource) } }
            p class="lead" { (Penalty::AbuseLead.text(lang)) }
            (abuse.shown(visit, |abuse: Counts| counts(&abuse, lang)))
            h2 { (Penalty::Title.text(lang)) }
            div class="cards" {
                (decision(visit, &self.resource, ("notice", Then::Answer), [Penalty::Notify, Penalty::NotifyAbout]))
                (impose(visit, &self.resource))
            }
        };
        visit.page(Penalty::AbuseTitle.text(lang), &[], &body)
    }
}

/// Shows the counts.
pub(in crate::person) fn counts(abuse: &Counts, lang: Lang) -> Markup {
    let values = [
        ("points", abuse.points.to_string()),
        ("limit", abuse.limit.to_string()),
        ("window", grouped(abuse.window)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    html! {
        dl class="facts" {
            (fact(Penalty::CountedSince.text(lang), &html! {
                @match &abuse.since {
                    Some(since) => { (stamp(since)) }
                    None => { (Penalty::NotCounted.text(lang)) }
                }
            }))
            (fact(Penalty::Points.text(lang), &html! { (Penalty::PointsOf.with(lang, &values)) }))
            @if !abuse.top_categories.is_empty() {
                (fact(Penalty::Top.text(lang), &html! {
                    @for (place, top) in abuse.top_categories.iter().enumerate() {
                        @if place > 0 { ", " }
                        (category(&top.category, lang)) " (" (grouped(top.requests)) ")"
                    }
                }))
            }
        }
        @if !abuse.calibrated { p class="note" { (Penalty::Calibrating.text(lang)) } }
        @if abuse.days.is_empty() { p { (Penalty::NoDays.text(lang)) } } @else { (days(&abuse.days, lang)) }
    }
}

fn days(days: &[Day], lang: Lang) -> Markup {
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Penalty::Day.text(lang)) }
                th scope="col" class="number" { (Penalty::Requests.text(lang)) }
                th scope="col" class="number" { (Penalty::Flags.text(lang)) }
                th scope="col" { (Penalty::Findings.text(lang)) }
            } }
            tbody {
                @for day in days.iter().rev() {
                    tr {
                        th scope="row" class="time" { (day.date) }
                        td class="number" { (grouped(day.requests)) }
                        td class="number" { (grouped(day.flags)) }
                        td {
                            @if day.findings.is_empty() { "–" }
                            @for (place, found) in day.findings.iter().enumerate() {
                                @if place > 0 { ", " }
                                (category(&found.category, lang)) " " (found.severity) ": " (grouped(found.requests))
                            }
                        }
                    }
                }
            }
        }
    }
}
