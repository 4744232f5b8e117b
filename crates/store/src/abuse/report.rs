//! The counts of one resource, for its owner and for the people who decide about penalties.

use policy::{
    abuse::{EndUser, Pseudonym, State, limit},
    id::ResourceId,
    retention::DAY_MS,
};

use super::{COUNT_DAYS, from_json};
use crate::{Store, error::StoreError, row::AbuseFinding};

/// The counts of a resource: numbers, categories and keyed hashes, never content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AbuseReport {
    /// The time of the first counted request, in milliseconds since 1970; `None` before it.
    pub since_ms: Option<u64>,
    /// The points in a window at which monitoring acts.
    pub limit: u32,
    /// True if the limit is final: the first week is over.
    pub is_calibrated: bool,
    /// The points in the window since the last act.
    pub points: u32,
    /// The counts by day, oldest first; a day without requests is left out.
    pub days: Vec<AbuseDay>,
    /// The end users with findings, the worst first.
    pub end_users: Vec<AbuseEndUser>,
}

/// The counts of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbuseDay {
    /// Days since 1970, in UTC.
    pub day: u64,
    /// Requests.
    pub requests: u64,
    /// Records that monitoring flagged.
    pub flags: u64,
    /// Findings by side, category and severity.
    pub findings: Vec<AbuseCount>,
}

/// A number of findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbuseCount {
    /// `prompt` or `completion`.
    pub side: String,
    /// The category's name, as in annotations. All custom lists share one.
    pub category: String,
    /// The severity's name.
    pub severity: String,
    /// True if the filter blocked the text.
    pub filtered: bool,
    /// The number of requests.
    pub requests: u64,
}

/// An end user with findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbuseEndUser {
    /// The keyed hash of the caller's name for it.
    pub end_user: Pseudonym,
    /// The last request, in milliseconds since 1970.
    pub last_ms: u64,
    /// True if the end user's own requests reached the limit: potentially abusive.
    pub is_potentially_abusive: bool,
    /// The points in the window since the limit was last reached.
    pub points: u32,
    /// Requests with harmful text by category; a repeated text counts once in a window.
    pub categories: Vec<(String, u32)>,
}

impl Store {
    /// Returns the counts of a resource at a time, in milliseconds since 1970. The caller has
    /// checked that they may be shown.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn abuse(&self, resource: ResourceId, now_ms: u64) -> Result<AbuseReport, StoreError> {
        let mut reader = self.reader();
        let database = reader.database.read()?;
        let state: Option<State> =
            database.abuse_state(resource)?.map(|text| from_json(&text)).transpose()?;
        let first = (now_ms / DAY_MS).saturating_sub(COUNT_DAYS - 1);
        let findings = database.abuse_findings(resource, first)?;
        let of = |day| {
            findings.iter().filter(move |row| row.0 == day).map(|(_, finding, requests)| {
                let AbuseFinding { side, category, severity, filtered } = finding.clone();
                let (side, category) = (side.into_owned(), category.into_owned());
                let severity = severity.into_owned();
                AbuseCount { side, category, severity, filtered, requests: *requests }
            })
        };
        let days = database.abuse_days(resource, first)?.into_iter();
        let days = days.map(|(day, requests, flags)| {
            let findings = of(day).collect();
            AbuseDay { day, requests, flags, findings }
        });
        let days = days.collect();
        let rows = database.all_abuse_end_users(resource)?;
        let end_users = rows.into_iter().map(|(user, text)| shown(user, &from_json(&text)?));
        let mut end_users: Vec<AbuseEndUser> = end_users.collect::<Result<_, StoreError>>()?;
        end_users.sort_by_key(|user| {
            let worst = (user.is_potentially_abusive, user.points, user.last_ms);
            (std::cmp::Reverse(worst), user.end_user)
        });
        Ok(AbuseReport {
            since_ms: state.as_ref().map(State::since_ms),
            limit: state.as_ref().map_or(limit::LEAST, State::limit),
            is_calibrated: state.as_ref().is_some_and(|state| state.is_calibrated(now_ms)),
            points: state.as_ref().map_or(0, State::points),
            days,
            end_users,
        })
    }
}

fn shown(end_user: Pseudonym, state: &EndUser) -> Result<AbuseEndUser, StoreError> {
    Ok(AbuseEndUser {
        end_user,
        last_ms: state.last_ms(),
        is_potentially_abusive: state.crossings() > 0,
        points: state.points(),
        categories: state.hits().map(|(category, hits)| (category.to_owned(), hits)).collect(),
    })
}
