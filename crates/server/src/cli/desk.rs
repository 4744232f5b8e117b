//! `bailiwick desk` and `bailiwick review`: decisions of people, over the desks' APIs. Each command
//! is one request, made with the person's token, and from a workstation with its certificate.

pub(super) mod args;
mod roll;
mod show;
mod subject;

use std::{
    env, fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use policy::principal::Key;
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::{
    Agent, Body, RequestBuilder,
    http::{Response, StatusCode, Uri},
};
use zeroize::Zeroizing;

use self::args::{
    AtDesk, Desk, DeskCommand, Kind, OfGrant, OfProcessor, OfResource, Outcome, Refusal, Review,
    ReviewCommand, Visit,
};
use super::{
    dial::{self, ApiError, Tls, unreachable},
    output::{Failure, print},
    signer::{self, Signer},
};
use crate::desk;

/// Largest answer, in bytes: a record holds a request and a response of the largest size.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Largest refusal, in bytes: it may have a statement.
const REFUSAL_BYTES_MAX: u64 = 64 * 1024;

/// Most statements of one act.
const STATEMENTS_MAX: usize = 2;

/// Help for a decision that needs a signature.
const UNSIGNED: &str = "name your key: --signer FILE, or --signer ssh:FILE, or the variable \
                        BAILIWICK_SIGNER; `bailiwick signer new FILE` makes one, and your root, or an \
                        enroller, enrols it: `bailiwick desk signer enroll`";

/// One request.
enum Ask {
    Get(String),
    /// A list, and the text to print if it is empty.
    List(String, &'static str),
    /// Reads one record.
    Record(String),
    Post(String, Value),
    /// Deletes one record.
    Erase(String),
    /// Makes a report; writes it to a file of HTML, if one is named.
    Report(String, Option<PathBuf>),
    /// Changes a list to contain one thing, and reads it.
    Put(String),
    /// Changes a list to contain one thing no more, and reads it.
    Delete(String),
}

/// One of the two desks.
#[derive(Clone, Copy)]
struct Place {
    /// Environment variable with its address.
    variable: &'static str,
    prefix: &'static str,
}

const DESK: Place = Place { variable: "BAILIWICK_DESK_URL", prefix: "/desk/v1" };
const REVIEW: Place = Place { variable: "BAILIWICK_REVIEW_URL", prefix: "/review/v1" };

/// Help for an owner whose record is not there. The desk gives one answer for every missing record.
const GONE: &str = "a record that was erased, or whose deadline has passed, is not there any more: \
                    `bailiwick desk acts RESOURCE` lists the erased ones";

pub(super) fn desk(desk: Desk) -> Result<(), Failure> {
    let session = Session::open(&desk.visit, (DESK, desk.url), None)?;
    match desk.command {
        AtDesk::Subject(command) => subject::run(&session, desk.visit.json, command),
        AtDesk::Root(command) => {
            let (ask, more) = roll::root(command)?;
            visit(&session.with(more), desk.visit.json, ask)
        }
        AtDesk::Signer(command) => {
            let (ask, more) = roll::signer(command)?;
            visit(&session.with(more), desk.visit.json, ask)
        }
        AtDesk::Lockbox(lockbox) => visit(&session, desk.visit.json, roll::lockbox(lockbox)),
        AtDesk::Retention(days) => visit(&session, desk.visit.json, roll::retention(days)),
        AtDesk::Issuer(issuer) => visit(&session, desk.visit.json, roll::issuer(issuer)),
        AtDesk::Of(command) => visit(&session, desk.visit.json, of_desk(command)),
    }
}

pub(super) fn review(desk: Review) -> Result<(), Failure> {
    let own = desk.certificate.as_deref().zip(desk.key.as_deref());
    let session = Session::open(&desk.visit, (REVIEW, desk.url), own)?;
    visit(&session, desk.visit.json, of_review(desk.command))
}

fn of_desk(command: DeskCommand) -> Ask {
    let resource = |name: &str, what: &str| format!("/resources/{}/{what}", segment(name));
    let record = |request: &str, what: &str| format!("/records/{}/{what}", segment(request));
    match command {
        DeskCommand::Applications { of } => {
            Ask::List(format!("/{}", route(of.kind)), "no application waits for your decision")
        }
        DeskCommand::ZeroRetention { resource: name } => {
            Ask::Get(resource(&name, route(Kind::ContentLogging)))
        }
        DeskCommand::FilterExemption { resource: name } => {
            Ask::Get(resource(&name, route(Kind::ContentFilter)))
        }
        DeskCommand::Apply {
            resource: name,
            of,
            use_case,
            measures,
            days,
            review_after_abuse,
            keep,
        } => {
            let body = json!({"useCase": use_case, "measures": measures, "days": days,
                "reviewAfterAbuse": review_after_abuse, "keep": keep});
            Ask::Post(resource(&name, route(of.kind)), body)
        }
        DeskCommand::Decide { resource: name, of, approval, approve, reject: _, reason } => {
            let body = json!({"approval": approval, "approve": approve, "reason": reason});
            Ask::Post(resource(&name, route(of.kind)) + "/decision", body)
        }
        DeskCommand::Withdraw { resource: name, of, approval, reason } => {
            let body = json!({"approval": approval, "reason": reason});
            Ask::Post(resource(&name, route(of.kind)) + "/withdrawal", body)
        }
        DeskCommand::Looks { resource: name } => {
            Ask::List(resource(&name, "looks"), "no access to a record, and no access request")
        }
        DeskCommand::Consent(OfGrant { request, grant }) => {
            Ask::Post(record(&request, "consent"), json!({"grant": grant}))
        }
        DeskCommand::Decline(Refusal { of: OfGrant { request, grant }, reason }) => {
            Ask::Post(record(&request, "decline"), json!({"grant": grant, "reason": reason}))
        }
        DeskCommand::Records { resource: name, after, limit } => {
            Ask::List(resource(&name, "records") + &page(after, limit), "no stored records")
        }
        DeskCommand::Inventory { resource: name, class, after, limit } => {
            let mut query = page(after, limit);
            if let Some(class) = class {
                query.push(if query.is_empty() { '?' } else { '&' });
                query.push_str("class=");
                query.push_str(&segment(&class));
            }
            let none = "nothing is kept that a caller asked to keep";
            Ask::List(resource(&name, "inventory") + &query, none)
        }
        DeskCommand::Report { kind, resource: name, from, to, html } => {
            let path = format!("/reports/{}", kind.name());
            let path =
                name.map_or(path.clone(), |name| format!("/resources/{}{path}", segment(&name)));
            let times = [("from", from), ("to", to)];
            let times = times.into_iter().filter_map(|(key, time)| Some((key, time?)));
            let query: Vec<String> =
                times.map(|(key, time)| format!("{key}={}", segment(&time))).collect();
            let query =
                if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
            Ask::Report(path + &query, html)
        }
        DeskCommand::Shred { resource: name, id } => {
            Ask::Erase(resource(&name, "inventory/") + &segment(&id))
        }
        DeskCommand::Acts { resource: name, after, limit } => {
            let after = after.map(|entry| entry.to_string());
            let none = "no record was read or deleted by its owner";
            Ask::List(resource(&name, "acts") + &page(after, limit), none)
        }
        DeskCommand::Record { resource: name, request } => {
            Ask::Record(resource(&name, "records/") + &segment(&request))
        }
        DeskCommand::Erase { resource: name, request } => {
            Ask::Erase(resource(&name, "records/") + &segment(&request))
        }
        DeskCommand::Processors { resource: name } => {
            let none = "no company but the operator of this service operates an engine";
            Ask::List(resource(&name, "processors"), none)
        }
        DeskCommand::AllowProcessor(OfProcessor { resource: name, processor }) => {
            Ask::Put(resource(&name, "processors/") + &segment(&processor))
        }
        DeskCommand::WithdrawProcessor(OfProcessor { resource: name, processor }) => {
            Ask::Delete(resource(&name, "processors/") + &segment(&processor))
        }
        DeskCommand::Abuse { resource: name, end_user: None } => Ask::Get(resource(&name, "abuse")),
        DeskCommand::Abuse { resource: name, end_user: Some(end_user) } => {
            Ask::Post(resource(&name, "abuse/endUser"), json!({"name": end_user}))
        }
        DeskCommand::Penalty { resource: name } => Ask::Get(resource(&name, "abusePenalty")),
        DeskCommand::Appeal { resource: name, reason } => {
            Ask::Post(resource(&name, "appeal"), json!({"reason": reason}))
        }
    }
}

/// Returns the name of an exemption in the desk's routes.
fn route(kind: Kind) -> &'static str {
    match kind {
        Kind::ContentLogging => "zeroRetention",
        Kind::ContentFilter => "contentFilterExemption",
    }
}

/// Builds the query for one page of a list.
fn page(after: Option<String>, limit: Option<u32>) -> String {
    let after = after.map(|after| format!("after={}", segment(&after)));
    let limit = limit.map(|limit| format!("limit={limit}"));
    let query: Vec<String> = after.into_iter().chain(limit).collect();
    if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
}

fn of_review(command: ReviewCommand) -> Ask {
    let record = |request: &str, what: &str| format!("/records/{}/{what}", segment(request));
    let about = |OfResource { resource, reason }: OfResource, what: &str| {
        Ask::Post(format!("/resources/{}/{what}", segment(&resource)), json!({"reason": reason}))
    };
    match command {
        ReviewCommand::Queue => {
            Ask::List("/queue".to_owned(), "no flagged records in this workstation's region")
        }
        ReviewCommand::Flag { request, category } => {
            Ask::Post(record(&request, "flag"), json!({"category": category}))
        }
        ReviewCommand::Look { request, reason } => {
            Ask::Post(record(&request, "look"), json!({"reason": reason}))
        }
        ReviewCommand::Approve { of: OfGrant { request, grant }, minutes } => {
            let mut body = json!({"grant": grant});
            if let (Some(minutes), Some(body)) = (minutes, body.as_object_mut()) {
                body.insert("minutes".to_owned(), minutes.into());
            }
            Ask::Post(record(&request, "approval"), body)
        }
        ReviewCommand::Refuse(Refusal { of: OfGrant { request, grant }, reason }) => {
            Ask::Post(record(&request, "refusal"), json!({"grant": grant, "reason": reason}))
        }
        ReviewCommand::Open(OfGrant { request, grant }) => {
            Ask::Post(record(&request, "open"), json!({"grant": grant}))
        }
        ReviewCommand::Judge { of: OfGrant { request, grant }, outcome, reason } => {
            let outcome = match outcome {
                Outcome::Dismissed => "dismissed",
                Outcome::Confirmed => "confirmed",
                Outcome::Escalated => "escalated",
            };
            let body = json!({"grant": grant, "outcome": outcome, "reason": reason});
            Ask::Post(record(&request, "judgement"), body)
        }
        ReviewCommand::Abuse { resource } => {
            Ask::Get(format!("/resources/{}/abuse", segment(&resource)))
        }
        ReviewCommand::Penalties => {
            Ask::List("/penalties".to_owned(), "no resource is under a penalty")
        }
        ReviewCommand::Notice(of) => about(of, "notice"),
        ReviewCommand::Penalise {
            of: OfResource { resource, reason },
            throttle,
            block: _,
            days,
        } => {
            let body = match throttle {
                Some(percent) => json!({"action": "Throttle", "rateLimitPercentage": percent,
                    "days": days, "reason": reason}),
                None => json!({"action": "Block", "days": days, "reason": reason}),
            };
            Ask::Post(format!("/resources/{}/penalty", segment(&resource)), body)
        }
        ReviewCommand::Lift(of) => about(of, "lift"),
        ReviewCommand::Uphold(of) => about(of, "uphold"),
    }
}

/// A person at a desk: the way there, and the credentials.
struct Session {
    agent: Agent,
    url: String,
    base: String,
    token: Key,
    signers: Vec<Signer>,
    /// True to sign without asking.
    yes: bool,
}

impl Session {
    /// Reads the address and the credentials. `own` is the certificate and the key of the workstation.
    fn open(
        visit: &Visit,
        (place, url): (Place, Option<String>),
        own: Option<(&Path, &Path)>,
    ) -> Result<Self, Failure> {
        let agent = dial::agent(Tls { ca_file: visit.ca_file.as_deref(), own })?;
        let url = address(url, place)?;
        let base = url.clone() + place.prefix;
        let signers = visit.signer.iter().filter(|name| !name.is_empty());
        let signers = signers.map(|name| Signer::open(name)).collect::<Result<_, _>>()?;
        Ok(Self { agent, url, base, token: token(visit)?, signers, yes: visit.yes })
    }

    /// Adds keys that sign.
    fn with(mut self, more: Vec<Signer>) -> Self {
        self.signers.extend(more);
        self
    }

    /// Makes the request, and returns the answer if it is no refusal.
    fn ask(&self, ask: Ask) -> Result<Response<Body>, Failure> {
        let of_record = matches!(ask, Ask::Record(_) | Ask::Erase(_));
        let mut response = self.send(&ask, &[])?;
        if response.status().is_success() {
            return Ok(response);
        }
        let mut refused = Refused::read(&mut response)?;
        // An act of two entries has two statements: a search, and what follows.
        for _ in 0..STATEMENTS_MAX {
            let Some((statement, draft)) = refused.drafted() else { break };
            if self.signers.is_empty() {
                return Err(Failure::new(refused.error.message, UNSIGNED));
            }
            let signatures = signer::sign(&statement, &self.signers, self.yes)?;
            let headers: Vec<_> = [(desk::DRAFT, draft)]
                .into_iter()
                .chain(signatures.into_iter().map(|signature| (desk::SIGNATURE, signature)))
                .collect();
            response = self.send(&ask, &headers)?;
            if response.status().is_success() {
                return Ok(response);
            }
            refused = Refused::read(&mut response)?;
        }
        let message = refused.error.message;
        Err(if of_record && response.status() == StatusCode::NOT_FOUND {
            Failure::new(message, GONE)
        } else {
            Failure::plain(message)
        })
    }

    fn send(&self, ask: &Ask, headers: &[(&str, String)]) -> Result<Response<Body>, Failure> {
        send(&self.agent, &self.base, &self.token, (ask, headers))
            .map_err(|error| unreachable(&self.url, &error.to_string()))
    }

    /// Makes the request, and reads the answer as JSON.
    fn answer(&self, ask: Ask) -> Result<Value, Failure> {
        let mut response = self.ask(ask)?;
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|error| unreachable(&self.url, &error.to_string()))?;
        let answer = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
        answer.map_err(|error| Failure::new(error.to_string(), "is this the address of a desk?"))
    }
}

/// Makes the request and prints the answer.
fn visit(session: &Session, json: bool, ask: Ask) -> Result<(), Failure> {
    let none = ask.none();
    let report = match &ask {
        Ask::Report(_, file) => Some(file.clone()),
        _ => None,
    };
    let answer = session.answer(ask)?;
    if let Some(file) = report {
        let report: crate::reports::Report = serde_json::from_value(answer)
            .map_err(|error| Failure::new(error.to_string(), "is this the address of a desk?"))?;
        return super::report::show(&report, file.as_deref(), json);
    }
    print(json, &answer, |out, answer| show::show(out, answer, none))
}

impl Ask {
    /// Returns the text for an answer without items.
    fn none(&self) -> &'static str {
        match self {
            Self::List(_, none) => none,
            Self::Delete(_) => "no processor is allowed or offered",
            Self::Get(_)
            | Self::Record(_)
            | Self::Post(..)
            | Self::Report(..)
            | Self::Erase(_)
            | Self::Put(_) => "nothing",
        }
    }
}

/// A refusal of the desk. With a statement, if the decision needs a signature.
#[derive(Deserialize)]
struct Refused {
    error: ApiError,
    statement: Option<Statement>,
    draft: Option<String>,
}

#[derive(Deserialize)]
struct Statement {
    bytes: String,
}

impl Refused {
    fn read(response: &mut Response<Body>) -> Result<Self, Failure> {
        let status = response.status();
        let body = response.body_mut().with_config().limit(REFUSAL_BYTES_MAX).read_to_vec();
        serde_json::from_slice(&body.unwrap_or_default()).map_err(|_| {
            Failure::new(
                format!("the server answered {status}"),
                "is this the address of a Bailiwick server?",
            )
        })
    }

    /// Returns the bytes of the statement to sign, and the id of its draft.
    fn drafted(&self) -> Option<(Vec<u8>, String)> {
        let bytes = STANDARD.decode(&self.statement.as_ref()?.bytes).ok()?;
        Some((bytes, self.draft.clone()?))
    }
}

fn send(
    agent: &Agent,
    base: &str,
    token: &Key,
    (ask, headers): (&Ask, &[(&str, String)]),
) -> Result<Response<Body>, ureq::Error> {
    let bearer = Zeroizing::new(format!("Bearer {}", token.reveal()));
    let url = |path: &str| base.to_owned() + path;
    let get = |path: &str| signed(agent.get(url(path)), &bearer, headers).call();
    let delete = |path: &str| signed(agent.delete(url(path)), &bearer, headers).call();
    match ask {
        Ask::Get(path) | Ask::List(path, _) | Ask::Record(path) | Ask::Report(path, _) => get(path),
        Ask::Put(path) => signed(agent.put(url(path)), &bearer, headers).send_empty(),
        Ask::Erase(path) | Ask::Delete(path) => delete(path),
        Ask::Post(path, body) => signed(agent.post(url(path)), &bearer, headers).send_json(body),
    }
}

/// Adds the token and the signatures to a request.
fn signed<B>(
    request: RequestBuilder<B>,
    bearer: &str,
    headers: &[(&str, String)],
) -> RequestBuilder<B> {
    let request = request.header("authorization", bearer);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
}

fn address(given: Option<String>, place: Place) -> Result<String, Failure> {
    let url = given.ok_or_else(|| {
        Failure::new(
            "the address of the desk is missing",
            format!("give it with --url URL, or in the variable {}", place.variable),
        )
    })?;
    if !is_private(&url) {
        return Err(Failure::new(
            format!("`{url}` would send your token and content unencrypted"),
            "give an address with https://; http:// is accepted for this machine only",
        ));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// Whether other machines cannot read the traffic to this URL.
fn is_private(url: &str) -> bool {
    // Parsed as the HTTP client parses it: the text before an `@` is not the host.
    let Ok(url) = url.parse::<Uri>() else { return false };
    let Some(host) = url.host() else { return false };
    match url.scheme_str() {
        Some("https") => true,
        Some("http") => {
            let address = host.trim_start_matches('[').trim_end_matches(']');
            host.eq_ignore_ascii_case("localhost")
                || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        _ => false,
    }
}

/// Reads the person's token from a file or a variable. The command line is not used, because other
/// users can see it.
fn token(visit: &Visit) -> Result<Key, Failure> {
    let text = match &visit.token_file {
        Some(path) => Some(fs::read_to_string(path).map_err(|error| {
            Failure::new(
                format!("cannot read the token in `{}`: {error}", path.display()),
                "give a file with an access token of your identity provider",
            )
        })?),
        None => env::var("BAILIWICK_TOKEN").ok(),
    };
    let text = text.map(Zeroizing::new);
    let token = text.as_ref().map(|text| text.trim()).filter(|token| !token.is_empty());
    token.map(Key::presented).ok_or_else(|| {
        Failure::new(
            "the token to sign in with is missing",
            "get one from your identity provider, and give it with --token-file FILE or in the variable \
             BAILIWICK_TOKEN; docs/operate/identity.md lists the required claims",
        )
    })
}

/// Encodes a name as one segment of a path.
fn segment(name: &str) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
    utf8_percent_encode(name, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("req_0a-b.c"), "req_0a-b.c");
        assert_eq!(segment("../a?b=ü"), "..%2Fa%3Fb%3D%C3%BC");
    }

    #[test]
    fn a_token_goes_in_clear_to_this_machine_only() {
        for fine in [
            "https://desk.example",
            "http://127.0.0.1:8082/",
            "http://[::1]:8082",
            "http://[::1]",
            "http://localhost",
            "http://user@localhost:80",
        ] {
            assert!(is_private(fine), "{fine}");
        }
        for bad in [
            "http://desk.example:8082",
            "http://10.0.0.1",
            "http://127.0.0.1@desk.example",
            "http://127.0.0.1:x@desk.example",
            "http://localhost:80@desk.example",
            "http://localhost.example",
            "HTTP://desk.example",
            "desk.example",
        ] {
            assert!(!is_private(bad), "{bad}");
        }
    }

    #[test]
    fn records_and_acts_are_asked_for_in_pages() {
        let path = |after: Option<&str>, limit| {
            let after = after.map(str::to_owned);
            match of_desk(DeskCommand::Records { resource: "prod".into(), after, limit }) {
                Ask::List(path, none) => {
                    assert_eq!(none, "no stored records");
                    path
                }
                _ => panic!("a list is read"),
            }
        };
        assert_eq!(path(None, None), "/resources/prod/records");
        assert_eq!(path(Some("a b"), Some(5)), "/resources/prod/records?after=a%20b&limit=5");
        let acts = DeskCommand::Acts { resource: "prod".into(), after: Some(41), limit: None };
        let Ask::List(path, _) = of_desk(acts) else { panic!("a list is read") };
        assert_eq!(path, "/resources/prod/acts?after=41");
    }
}
