//! `bailiwick desk` and `bailiwick review`: what people decide, over the desks' own APIs. Each command
//! is one request, made with the person's token, and from a workstation with its certificate.

pub(super) mod args;
mod show;

use std::{env, fs, net::IpAddr};

use policy::principal::Key;
use serde_json::{Value, json};
use ureq::{
    Agent, Body,
    http::{Response, Uri},
};
use zeroize::Zeroizing;

use self::args::{Desk, DeskCommand, OfGrant, OfResource, Outcome, Refusal, ReviewCommand, Visit};
use super::{
    dial::{self, Tls, unreachable},
    output::{Failure, print},
};

/// Read of an answer, at most: a record holds a request and a response of the largest size.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// One request.
enum Ask {
    Get(String),
    Post(String, Value),
    Delete(String),
}

/// Which of the two.
#[derive(Clone, Copy)]
struct Place {
    /// Where its address is looked up.
    variable: &'static str,
    prefix: &'static str,
}

const DESK: Place = Place { variable: "BAILIWICK_DESK_URL", prefix: "/desk/v1" };
const REVIEW: Place = Place { variable: "BAILIWICK_REVIEW_URL", prefix: "/review/v1" };

pub(super) fn desk(desk: Desk<DeskCommand>) -> Result<(), Failure> {
    let ask = of_desk(desk.command);
    visit(&desk.visit, DESK, ask)
}

pub(super) fn review(desk: Desk<ReviewCommand>) -> Result<(), Failure> {
    let ask = of_review(desk.command);
    visit(&desk.visit, REVIEW, ask)
}

fn of_desk(command: DeskCommand) -> Ask {
    let resource = |name: &str, what: &str| format!("/resources/{}/{what}", segment(name));
    let record = |request: &str, what: &str| format!("/records/{}/{what}", segment(request));
    match command {
        DeskCommand::Applications => Ask::Get("/zeroRetention".to_owned()),
        DeskCommand::ZeroRetention { resource: name } => Ask::Get(resource(&name, "zeroRetention")),
        DeskCommand::Apply { resource: name, use_case, measures, days, review_after_abuse } => {
            let body = json!({"useCase": use_case, "measures": measures, "days": days,
                "reviewAfterAbuse": review_after_abuse});
            Ask::Post(resource(&name, "zeroRetention"), body)
        }
        DeskCommand::Decide { resource: name, approval, approve, reject: _, reason } => {
            let body = json!({"approval": approval, "approve": approve, "reason": reason});
            Ask::Post(resource(&name, "zeroRetention/decision"), body)
        }
        DeskCommand::Withdraw { resource: name, approval, reason } => {
            let body = json!({"approval": approval, "reason": reason});
            Ask::Post(resource(&name, "zeroRetention/withdrawal"), body)
        }
        DeskCommand::Looks { resource: name } => Ask::Get(resource(&name, "looks")),
        DeskCommand::Consent(OfGrant { request, grant }) => {
            Ask::Post(record(&request, "consent"), json!({"grant": grant}))
        }
        DeskCommand::Decline(Refusal { of: OfGrant { request, grant }, reason }) => {
            Ask::Post(record(&request, "decline"), json!({"grant": grant, "reason": reason}))
        }
        DeskCommand::Records { resource: name, after, limit } => {
            Ask::Get(resource(&name, "records") + &page(after, limit))
        }
        DeskCommand::Acts { resource: name, after, limit } => {
            let after = after.map(|entry| entry.to_string());
            Ask::Get(resource(&name, "acts") + &page(after, limit))
        }
        DeskCommand::Record { resource: name, request } => {
            Ask::Get(resource(&name, "records/") + &segment(&request))
        }
        DeskCommand::Erase { resource: name, request } => {
            Ask::Delete(resource(&name, "records/") + &segment(&request))
        }
        DeskCommand::Penalty { resource: name } => Ask::Get(resource(&name, "abusePenalty")),
        DeskCommand::Appeal { resource: name, reason } => {
            Ask::Post(resource(&name, "appeal"), json!({"reason": reason}))
        }
    }
}

/// Which part of a list is asked for.
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
        ReviewCommand::Queue => Ask::Get("/queue".to_owned()),
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
        ReviewCommand::Penalties => Ask::Get("/penalties".to_owned()),
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

/// Makes the request and shows the answer.
fn visit(visit: &Visit, place: Place, ask: Ask) -> Result<(), Failure> {
    let own = visit.certificate.as_deref().zip(visit.key.as_deref());
    let agent = dial::agent(Tls { ca_file: visit.ca_file.as_deref(), own })?;
    let url = address(visit, place)?;
    let token = token(visit)?;
    let mut response = send(&agent, &(url.clone() + place.prefix), &token, ask)
        .map_err(|error| unreachable(&url, &error.to_string()))?;
    if !response.status().is_success() {
        let error = dial::error_of(&mut response)?;
        return Err(Failure::plain(error.message));
    }
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    let body = body.map_err(|error| unreachable(&url, &error.to_string()))?;
    let answer = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
    let answer: Value = answer
        .map_err(|error| Failure::new(error.to_string(), "is this the address of a desk?"))?;
    print(visit.json, &answer, |out, answer| show::show(out, answer))
}

fn send(agent: &Agent, base: &str, token: &Key, ask: Ask) -> Result<Response<Body>, ureq::Error> {
    let bearer = Zeroizing::new(format!("Bearer {}", token.reveal()));
    match ask {
        Ask::Get(path) => {
            agent.get(base.to_owned() + &path).header("authorization", &*bearer).call()
        }
        Ask::Delete(path) => {
            agent.delete(base.to_owned() + &path).header("authorization", &*bearer).call()
        }
        Ask::Post(path, body) => {
            agent.post(base.to_owned() + &path).header("authorization", &*bearer).send_json(body)
        }
    }
}

fn address(visit: &Visit, place: Place) -> Result<String, Failure> {
    let given = visit.url.clone().or_else(|| env::var(place.variable).ok());
    let url = given.ok_or_else(|| {
        Failure::new(
            "where the desk is was not said",
            format!("give its address: --url URL, or the variable {}", place.variable),
        )
    })?;
    if !is_private(&url) {
        return Err(Failure::new(
            format!("`{url}` would carry your token, and content, in clear"),
            "give an address with https://; http:// is taken on this machine only",
        ));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// Whether what is sent there is seen by nobody on the way.
fn is_private(url: &str) -> bool {
    // As the client that dials reads it: what stands before an `@` is no host.
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

/// The person's token: from a file or a variable, never from the command line, which others see.
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
            "there is no token to sign in with",
            "get one of your identity provider, and give it in --token-file FILE or in the variable \
             BAILIWICK_TOKEN; docs/operate/identity.md says what it must say",
        )
    })
}

/// A name as one segment of a path.
fn segment(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
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
                Ask::Get(path) => path,
                Ask::Post(..) | Ask::Delete(_) => panic!("a list is read"),
            }
        };
        assert_eq!(path(None, None), "/resources/prod/records");
        assert_eq!(path(Some("a b"), Some(5)), "/resources/prod/records?after=a%20b&limit=5");
        let acts = DeskCommand::Acts { resource: "prod".into(), after: Some(41), limit: None };
        let Ask::Get(path) = of_desk(acts) else { panic!("a list is read") };
        assert_eq!(path, "/resources/prod/acts?after=41");
    }
}
