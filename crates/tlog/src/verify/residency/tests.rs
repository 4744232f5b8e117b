use super::{super::receipt::tests::verified, *};
use crate::{
    canon::Digest,
    entry::Entry,
    id::PersonId,
    receipt::{
        AttemptFailure, Claims,
        tests::{claims, remote},
    },
    verify::Replay,
};

/// The time at which the request of the claims began.
const STARTED_MS: u64 = 1_764_000_000_000;

fn ran(claims: &mut Claims) -> &mut Ran {
    claims.terms.ran.as_mut().unwrap()
}

fn breaches(claims: Claims) -> Vec<String> {
    verified(claims).breaches().into_iter().map(|finding| finding.what).collect()
}

/// The claims about a place that was allowed, with a change.
fn with(change: impl Fn(&mut Claims)) -> Claims {
    let mut claims = remote();
    change(&mut claims);
    claims
}

/// The claims of a request that the embedded engine answered, with a change.
fn embedded(change: impl Fn(&mut Ran)) -> Claims {
    let mut own = claims();
    let mut ran = Ran {
        kind: EngineKind::Embedded,
        processor: None,
        country: None,
        destination: None,
        model: None,
        sku: "Standard".into(),
        regions: ["local".into()].into(),
        processors: [].into(),
    };
    change(&mut ran);
    own.terms.ran = Some(ran);
    own
}

#[test]
fn an_allowed_place_is_no_breach() {
    assert_eq!(breaches(remote()), [""; 0]);
    assert_eq!(breaches(claims()), [""; 0], "a receipt of an earlier version");
    assert_eq!(breaches(embedded(|_| {})), [""; 0]);
    let own = with(|c| (ran(c).processor, ran(c).country) = (None, None));
    assert_eq!(breaches(own), [""; 0], "an engine of the operator");
}

#[test]
fn a_place_that_was_not_allowed_is_a_breach_without_the_log() {
    let tried = |c: &mut Claims| c.facts.attempts.as_mut().unwrap().remove(0);
    let cases = [
        (
            with(|c| c.terms.region_processed = "eastus".into()),
            "processed in `eastus`, which its deployment did not allow; allowed: `francecentral`, \
             `swedencentral`",
        ),
        (with(|c| ran(c).regions.clear()), "allowed: none"),
        (
            with(|c| {
                let mut one = tried(c);
                one.region = "eastus".into();
                c.facts.attempts = Some([one].into());
            }),
            "sent to `vllm-paris` in `eastus`, which its deployment did not allow",
        ),
        (
            with(|c| ran(c).processors = ["fabrikam".into()].into()),
            "processor `contoso`, which the customer had not allowed; allowed: `fabrikam`",
        ),
        (with(|c| ran(c).processors.clear()), "had not allowed; allowed: none"),
        (
            with(|c| {
                let mut one = tried(c);
                (one.processor, one.failure) = (Some("fabrikam".into()), AttemptFailure::TimedOut);
                c.facts.attempts = Some([one].into());
            }),
            "processor `fabrikam`, which the customer had not allowed",
        ),
        (with(|c| c.terms.ran = None), "not which regions were allowed"),
        (with(|c| ran(c).country = None), "both a processor and its country"),
        (with(|c| ran(c).processor = None), "both a processor and its country"),
        (with(|c| ran(c).destination = None), "does not name the destination"),
        (with(|c| ran(c).model = None), "does not name the destination or the model"),
        (with(|c| c.terms.engine = EMBEDDED.into()), "the name of the embedded one"),
        (with(|c| ran(c).kind = EngineKind::Embedded), "gives the embedded engine another name"),
        (embedded(|ran| ran.destination = Some("https://other.example".into())), "somewhere else"),
        (embedded(|ran| ran.model = Some("gpt-4.1".into())), "somewhere else"),
        (embedded(|ran| ran.regions = ["eastus".into()].into()), "processed in `local`"),
    ];
    for (claims, expected) in cases {
        let found = breaches(claims.clone());
        assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
        // A log that says nothing else does not hide a breach.
        let found = against(&claims, &allowed_before(&claims));
        assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
    }
}

fn permission(resource: ResourceId, processor: &str, allowed: bool) -> Event {
    let (resource, person) = (*resource.as_bytes(), PersonId::from_random([7; 16]));
    Event::ProcessorAllowed { resource, processor: processor.into(), person, allowed }
}

fn engine_added() -> Event {
    let (subject, action) = (Subject::Engine, Action::Created);
    Event::Changed { subject, id: [1; 16], action, commitment: Digest([0; 32]) }
}

fn request() -> Event {
    Event::Request { commitment: Digest([0; 32]) }
}

/// A log whose entry 3 is the request, with entries before it and after it.
fn log(before: [(u64, Event); 3], after: Option<(u64, Event)>) -> Report {
    let mut replay = Replay::default();
    for (time_ms, event) in before.into_iter().chain([(STARTED_MS + 250, request())]).chain(after) {
        replay.push(&Entry::new(time_ms, event).encode());
    }
    replay.into_report()
}

/// A log in which the customer allowed the processor before the request.
fn allowed_before(claims: &Claims) -> Report {
    let granted = permission(claims.terms.resource, "contoso", true);
    log([(0, engine_added()), (1, granted), (2, request())], None)
}

/// Returns the findings about place and processors.
fn against(claims: &Claims, log: &Report) -> Vec<String> {
    let receipt = verified(claims.clone());
    let mut all = receipt.breaches();
    all.extend(log.residency(&receipt));
    let complete = log.receipt(&receipt);
    assert!(all.iter().all(|finding| complete.contains(finding)), "{complete:?}");
    all.into_iter().map(|finding| finding.what).collect()
}

#[test]
fn a_processor_needs_the_customers_permission_in_the_log() {
    let claims = remote();
    let own = claims.terms.resource;
    let other = ResourceId::from_random([9; 16]);
    let (yes, no) = (permission(own, "contoso", true), permission(own, "contoso", false));
    let late = STARTED_MS + 100;
    let missing = "the log has no earlier permission";
    let cases = [
        ([(0, request()), (1, yes.clone()), (2, request())], None, ""),
        // Allowed again, after a withdrawal.
        ([(0, yes.clone()), (1, no.clone()), (2, yes.clone())], None, ""),
        // Allowed twice, and withdrawn once.
        ([(0, yes.clone()), (1, yes.clone()), (2, no.clone())], None, "entry 2 had withdrawn"),
        ([(0, request()), (1, yes.clone()), (2, no.clone())], None, "entry 2 had withdrawn"),
        // Withdrawn while the request was answered, and just before it.
        ([(0, request()), (1, yes.clone()), (late, no.clone())], None, ""),
        (
            [(0, request()), (1, yes.clone()), (STARTED_MS - WITHDRAWAL_GRACE_MS, no.clone())],
            None,
            "",
        ),
        (
            [(0, request()), (1, yes.clone()), (STARTED_MS - WITHDRAWAL_GRACE_MS - 1, no.clone())],
            None,
            "entry 2 had withdrawn",
        ),
        // Withdrawn after it.
        ([(0, request()), (1, request()), (2, yes.clone())], Some((late + 500, no.clone())), ""),
        ([(0, request()), (1, request()), (2, request())], None, missing),
        // Allowed after it.
        ([(0, request()), (1, request()), (2, request())], Some((late + 500, yes)), missing),
        ([(0, request()), (1, request()), (2, no)], None, missing),
        ([(0, request()), (1, permission(other, "contoso", true)), (2, request())], None, missing),
        ([(0, request()), (1, permission(own, "fabrikam", true)), (2, request())], None, missing),
    ];
    for (at, (before, after, expected)) in cases.into_iter().enumerate() {
        let found = against(&claims, &log(before, after));
        assert_eq!(found.len(), usize::from(!expected.is_empty()), "{at}: {found:?}");
        assert!(found.iter().all(|what| what.contains(expected)), "{at}: {found:?}");
    }
}

/// A processor that was only tried has received the request, too.
#[test]
fn a_processor_of_an_attempt_needs_the_permission_too() {
    let mut claims = remote();
    (ran(&mut claims).processor, ran(&mut claims).country) = (None, None);
    claims.facts.attempts.as_mut().unwrap()[0].processor = Some("contoso".into());
    let without = log([(0, request()), (1, request()), (2, request())], None);
    let found = against(&claims, &without);
    assert!(found.len() == 1 && found[0].contains("no earlier permission"), "{found:?}");
    assert_eq!(against(&claims, &allowed_before(&claims)), [""; 0]);
}

#[test]
fn a_receipt_that_leaves_out_its_place_is_found_once_the_log_has_engines() {
    let with_engine = || log([(0, engine_added()), (1, request()), (2, request())], None);
    let without = || {
        log(
            [(0, request()), (1, request()), (2, request())],
            Some((STARTED_MS + 500, engine_added())),
        )
    };
    let found = against(&claims(), &with_engine());
    assert!(found.len() == 1 && found[0].contains("does not say where"), "{found:?}");
    assert_eq!(against(&claims(), &without()), [""; 0], "the engine was added later");
    assert_eq!(against(&embedded(|_| {}), &with_engine()), [""; 0]);
    let mut refused = claims();
    (refused.facts.prompt_tokens, refused.facts.completion_tokens) = (0, 0);
    assert_eq!(against(&refused, &with_engine()), [""; 0], "no engine got it");
}

#[test]
fn a_replay_remembers_when_each_processor_was_allowed() {
    let own = remote().terms.resource;
    let (yes, no) = (permission(own, "contoso", true), permission(own, "contoso", false));
    let report = log([(1, yes.clone()), (2, no), (3, request())], Some((STARTED_MS + 500, yes)));
    let place = |index, time_ms| Place { index, time_ms };
    let expected = [
        Allowance { allowed: place(0, 1), withdrawn: Some(place(1, 2)) },
        Allowance { allowed: place(4, STARTED_MS + 500), withdrawn: None },
    ];
    assert_eq!(report.processors[&own]["contoso"], expected);
}
