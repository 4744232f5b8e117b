use super::{
    super::tests::{Numbers, because, findings, stored},
    *,
};

use super::advance as step;

const CERTIFICATE: Digest = Digest([1; 32]);

fn person(n: u8) -> PersonId {
    PersonId::from_random([n; 16])
}

fn enrol(expires_ms: u64) -> Event {
    Event::Enrol {
        workstation: CERTIFICATE,
        name: "desk 4".into(),
        region: "eu".into(),
        person: person(1),
        expires_ms,
        salt: [3; 16],
    }
}

fn revoke() -> Event {
    Event::Revoke { person: person(2), reason: because() }
}

fn after(events: Vec<Event>) -> State {
    events.into_iter().fold(State::default(), |state, event| step(&state, event, 10).unwrap().0)
}

#[test]
fn an_enrolled_workstation_is_let_in_until_its_certificate_expires() {
    let (state, effects) = step(&State::Unknown, enrol(100), 10).unwrap();
    let entry::Event::WorkstationEnrolled { workstation, details, expires_ms, .. } =
        effects[0].log()
    else {
        panic!()
    };
    assert_eq!((workstation, expires_ms), (CERTIFICATE, 100));
    assert_eq!(effects[0].statements()[0].text(), "name=desk 4 region=eu");
    assert_eq!(effects[0].statements()[0].commitment(), details);
    let state = stored(&state);
    let enrolled = admit(&state, CERTIFICATE, 99).unwrap();
    assert_eq!((enrolled.workstation(), enrolled.region()), (CERTIFICATE, "eu"));
    assert_eq!(enrolled.expires_ms(), 100);
    assert_eq!(admit(&state, CERTIFICATE, 100), Err(Refused::Expired));
    assert_eq!(admit(&state, Digest([2; 32]), 99), Err(Refused::OtherCertificate));
}

#[test]
fn what_may_not_happen_is_refused_and_changes_nothing() {
    assert_eq!(admit(&State::Unknown, CERTIFICATE, 1), Err(Refused::NeverEnrolled));
    assert_eq!(step(&State::Unknown, enrol(10), 10), Err(Refused::Expired));
    assert_eq!(step(&State::Unknown, revoke(), 10), Err(Refused::NeverEnrolled));
    let enrolled = after(vec![enrol(100)]);
    assert_eq!(step(&enrolled, enrol(200), 20), Err(Refused::AlreadyEnrolled));
    assert_eq!(step(&enrolled, enrol(200), 100), Err(Refused::Expired));
    let revoked = after(vec![enrol(100), revoke()]);
    assert_eq!(admit(&revoked, CERTIFICATE, 20), Err(Refused::Revoked));
    assert_eq!(step(&revoked, enrol(200), 20), Err(Refused::Revoked));
    assert_eq!(step(&revoked, revoke(), 20), Err(Refused::Revoked));
}

#[test]
fn every_refusal_says_what_to_do() {
    for refused in [
        Refused::AlreadyEnrolled,
        Refused::NeverEnrolled,
        Refused::Revoked,
        Refused::Expired,
        Refused::OtherCertificate,
    ] {
        assert!(!refused.help().is_empty() && refused.to_string().starts_with("th"));
    }
}

/// The model: a workstation may be used from its first timely enrolment until it is revoked or
/// expires. An auditor accepts every log that results.
#[test]
fn random_histories_are_as_the_model_says() {
    for seed in 0..2000 {
        let mut numbers = Numbers(seed);
        let (mut state, mut now_ms) = (State::default(), 1);
        let (mut until_ms, mut revoked) = (None, false);
        let mut log = Vec::new();
        for _ in 0..12 {
            now_ms += numbers.below(30);
            let expires_ms = now_ms + numbers.below(100);
            let is_enrol = numbers.below(3) > 0;
            let event = if is_enrol { enrol(expires_ms) } else { revoke() };
            let taken = match step(&state, event, now_ms) {
                Ok((next, effects)) => {
                    log.extend(effects.iter().map(|effect| (now_ms, effect.log())));
                    state = stored(&next);
                    true
                }
                Err(_) => false,
            };
            let expected = if is_enrol {
                until_ms.is_none() && expires_ms > now_ms
            } else {
                until_ms.is_some() && !revoked
            };
            assert_eq!(taken, expected, "seed {seed}");
            if taken && is_enrol {
                until_ms = Some(expires_ms);
            }
            revoked |= taken && !is_enrol;
            let usable = !revoked && until_ms.is_some_and(|until_ms| now_ms < until_ms);
            assert_eq!(admit(&state, CERTIFICATE, now_ms).is_ok(), usable, "seed {seed}");
        }
        assert_eq!(findings(&log), [""; 0], "seed {seed}");
    }
}
