//! The way in: where a request is accepted, from which callers, and how much.

use policy::{
    authz::proof::Unproved,
    network::{DefaultAction, PublicNetworkAccess},
    workflow::penalty::AbusePenalty,
};

use super::{counted, quoted};
use crate::explain::{
    fact::Because,
    facts::Facts,
    sentence::{Check, Sentence, Step},
};

pub(super) fn accepted(facts: &Facts) -> Vec<Sentence> {
    vec![encrypted(facts), networks(facts), address(facts)]
}

fn encrypted(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match (because.read(&facts.service.tls), because.read(&facts.service.reachable)) {
        (true, _) => {
            "The API's listener has TLS: no machine on the way can read a request or its answer."
        }
        (false, false) => {
            "The API's listener has no TLS, and only programs on the service's own machine reach it: a \
             proxy there, or nothing, protects the way to that machine."
        }
        (false, true) => {
            "The API's listener has no TLS, and other machines reach it: each machine on the way can read \
             requests and answers, unless a proxy in front encrypts them."
        }
    };
    let check = [Check::caller("curl -v https://HOST/ prints the certificate, if there is one")];
    Sentence::new(Step::Accepted, "accepted.tls", because, text, check)
}

fn networks(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let own = &facts.own;
    let ranges = |number: usize| counted(u64::try_from(number).unwrap_or(u64::MAX), "range");
    let text = match because.read(&own.public) {
        PublicNetworkAccess::Disabled => match because.read(&facts.service.private) {
            true => "The resource answers only on the private listener, which the operator's own \
                     network alone reaches."
                .to_owned(),
            false => {
                "The resource answers no request: its public access is off, and the service has no \
                      private listener."
                    .to_owned()
            }
        },
        PublicNetworkAccess::Enabled => match because.read(&own.default_action) {
            DefaultAction::Allow => "The resource answers requests from every network.".to_owned(),
            DefaultAction::Deny => {
                let ranges = ranges(*because.read(&own.ip_rules));
                format!(
                    "The resource answers requests from {ranges} of addresses that its rules name, and \
                     refuses all others."
                )
            }
        },
    };
    let show = format!("bailiwick resource show {}", facts.resource);
    let check = [
        Check::operator(show),
        Check::caller("a request from another network gets 403"),
        Check::auditor("entries `Changed` of the log: each change of the rules"),
    ];
    Sentence::new(Step::Accepted, "accepted.networks", because, text, check)
}

fn address(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match *because.read(&facts.service.proxies) {
        0 => {
            "The address that counts is that of the connection; headers that name another one are \
              ignored."
                .to_owned()
        }
        number => format!(
            "The address that counts is that of the connection, unless the connection comes from one \
             of {} that the operator trusts to name the client's.",
            counted(u64::try_from(number).unwrap_or(u64::MAX), "address range")
        ),
    };
    let check = [Check::caller("a request with a forged X-Forwarded-For gets 403")];
    Sentence::new(Step::Accepted, "accepted.address", because, text, check)
}

pub(super) fn caller(facts: &Facts) -> Vec<Sentence> {
    let mut sentences = vec![keys(facts), tokens(facts), policies(facts)];
    sentences.push(customer_key(facts));
    sentences.push(penalty(facts));
    sentences
}

fn keys(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match because.read(&facts.own.keys_off) {
        true => "No key is accepted: the resource takes tokens of an identity provider only.",
        false => {
            "Whoever has one of the resource's two keys may call it. The service stores the keys as \
             digests only, so it cannot show them again."
        }
    };
    let check = [
        Check::caller("a request with another key gets 401"),
        Check::operator(format!("bailiwick key list {}", facts.resource)),
    ];
    Sentence::new(Step::Caller, "caller.keys", because, text, check)
}

fn tokens(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let issuers = because.read(&facts.own.issuers);
    let text = match issuers.is_empty() {
        true => {
            "No tokens are accepted: no identity provider is set up for this tenant.".to_owned()
        }
        false => format!(
            "People and programs with a role may call it with a token that {} signed.",
            quoted(issuers)
        ),
    };
    let check = [Check::operator("bailiwick role list")];
    Sentence::new(Step::Caller, "caller.tokens", because, text, check)
}

fn policies(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match *because.read(&facts.service.policy_files) {
        0 => "Policies decide about each action of each caller. They are the built-in ones, and a solver \
              has proved that they keep callers of other customers out."
            .to_owned(),
        number => {
            let files =
                counted(u64::try_from(number).unwrap_or(u64::MAX), "policy file");
            let proof = match because.read(&facts.service.unproved) {
                Unproved::Refuse => "The service starts only with a proof that they keep the promises.",
                Unproved::Serve => {
                    "They are in force even without a proof that they keep the promises; each receipt \
                     says whether there is one."
                }
            };
            format!(
                "Policies decide about each action of each caller: the built-in ones, and {files} of \
                 the operator. {proof}"
            )
        }
    };
    let check = [
        Check::caller("`policies` in each receipt"),
        Check::auditor("bailiwick verify log: which policies were in force, and whether proved"),
        Check::operator("bailiwick prove"),
    ];
    Sentence::new(Step::Caller, "caller.policies", because, text, check)
}

fn customer_key(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match because.read(&facts.own.customer_key) {
        true => {
            "The customer holds the key above all keys of this tenant. Without it, nothing of the \
             tenant opens and none of its requests runs."
        }
        false => {
            "The operator's custodian holds the key above all keys of this tenant; the customer cannot \
             withdraw it."
        }
    };
    let check = [
        Check::officer("stop your `bailiwick key-holder`: the next request gets 403"),
        Check::auditor("entries `KeyWithheld` of the log"),
    ];
    Sentence::new(Step::Caller, "caller.customer_key", because, text, check)
}

fn penalty(facts: &Facts) -> Sentence {
    let mut because = Because::default();
    let text = match because.read(&facts.own.penalty) {
        None => "The resource is under no penalty for abuse.".to_owned(),
        Some(AbusePenalty { rate_limit_percentage: Some(percent), expires_ms, .. }) => format!(
            "The resource is throttled for abuse: {percent} % of its rate limits remain until {}. Its \
             owner can appeal.",
            audit::rfc3339(expires_ms / 1000)
        ),
        Some(AbusePenalty { rate_limit_percentage: None, expires_ms, .. }) => format!(
            "The resource is blocked for abuse until {}: its requests get 403. Its owner can appeal.",
            audit::rfc3339(expires_ms / 1000)
        ),
    };
    let check = [
        Check::officer(format!("bailiwick desk penalty {}", facts.resource)),
        Check::auditor("entries `Penalised` of the log: each has an end"),
    ];
    Sentence::new(Step::Caller, "caller.penalty", because, text, check)
}

pub(super) fn limits(facts: &Facts) -> Vec<Sentence> {
    let mut because = Because::default();
    let bytes = because.read(&facts.service.body_bytes_max);
    let seconds = because.read(&facts.service.request_ms) / 1000;
    let text = format!(
        "A request has at most {bytes} bytes and takes at most {}. One that exceeds a limit is refused \
         with an error that names the limit.",
        counted(seconds, "second")
    );
    let check = [Check::caller("a longer body gets 413")];
    let size = Sentence::new(Step::Limits, "limits.size", because, text, check);
    let rates = facts.deployments.iter().map(|deployment| {
        let mut because = Because::default();
        let limits = because.read(&deployment.limits);
        let text = format!(
            "Deployment `{}` takes {} and {} per minute; what is beyond them gets 429.",
            deployment.name,
            counted(limits.tokens_per_minute.into(), "token"),
            counted(limits.requests_per_minute.into(), "request"),
        );
        let check = [Check::caller("the headers x-ratelimit-* of each answer")];
        let id = format!("limits.rate.{}", deployment.name);
        Sentence::new(Step::Limits, id, because, text, check)
    });
    std::iter::once(size).chain(rates).collect()
}
