//! The simplest possible model of the desk, compared with the desk in random histories.

use super::{super::super::tests::Numbers, *};

/// The state of the desk, as short as possible.
#[derive(Debug, Default)]
struct Model {
    open: bool,
    escalated_by: Option<u8>,
    look: Option<Requested>,
}

#[derive(Debug)]
struct Requested {
    id: u8,
    by: u8,
    team: u8,
    desk: u8,
    lockbox: bool,
    minutes: u8,
    approved_by: Option<u8>,
    consented: bool,
    opened: bool,
    until_ms: u64,
}

/// An attempted step.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    what: What,
    id: u8,
    by: u8,
    team: u8,
    desk: u8,
    near: bool,
    own_tenant: bool,
    lockbox: bool,
    minutes: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Flag,
    Ask,
    Approve,
    Refuse,
    Consent,
    Decline,
    Open,
    Judge(Outcome),
}

impl Model {
    /// Returns true if the attempt is allowed, and applies it in that case.
    fn attempt(&mut self, attempt: Attempt, now_ms: u64) -> bool {
        let Attempt { what, id, by, team, desk, near, own_tenant, lockbox, minutes } = attempt;
        let wait_ms = u64::from(minutes) * MINUTE_MS;
        if what == What::Flag {
            let taken = !self.open;
            *self =
                if taken { Self { open: true, ..Self::default() } } else { std::mem::take(self) };
            return taken;
        }
        let live = self.look.as_ref().is_some_and(|look| !look.opened && now_ms < look.until_ms);
        let this = self.look.as_ref().filter(|look| look.id == id);
        let managed = live && this.is_some_and(|look| look.by != by && look.team == team);
        let asked = live
            && own_tenant
            && this
                .is_some_and(|look| look.lockbox && look.by != by && look.approved_by != Some(by));
        let taken = self.open
            && match what {
                What::Flag => false,
                What::Ask => near && !live && this.is_none(),
                What::Approve => managed && this.is_some_and(|look| look.approved_by.is_none()),
                What::Refuse => managed,
                What::Consent => {
                    asked && this.is_some_and(|look| look.approved_by.is_some() && !look.consented)
                }
                What::Decline => asked,
                What::Open => this.is_some_and(|look| {
                    let allowed = !look.lockbox && !lockbox || look.consented;
                    near && live
                        && look.approved_by.is_some()
                        && allowed
                        && look.by == by
                        && look.desk == desk
                }),
                What::Judge(outcome) => {
                    near && self.escalated_by != Some(by)
                        && (outcome != Outcome::Escalated || self.escalated_by.is_none())
                }
            };
        if !taken {
            return false;
        }
        match (what, &mut self.look) {
            (What::Ask, look) => {
                let until_ms = now_ms + APPROVAL_WAIT_MS;
                let (approved_by, consented, opened) = (None, false, false);
                *look = Some(Requested {
                    id,
                    by,
                    team,
                    desk,
                    lockbox,
                    minutes,
                    approved_by,
                    consented,
                    opened,
                    until_ms,
                });
            }
            (What::Approve, Some(look)) => {
                look.lockbox |= lockbox;
                (look.approved_by, look.minutes) = (Some(by), minutes);
                look.until_ms = now_ms + if look.lockbox { CONSENT_WAIT_MS } else { wait_ms };
            }
            (What::Consent, Some(look)) => {
                look.consented = true;
                look.until_ms = now_ms + u64::from(look.minutes) * MINUTE_MS;
            }
            (What::Open, Some(look)) => look.opened = true,
            (What::Judge(Outcome::Escalated), look) => {
                (*look, self.escalated_by) = (None, Some(by));
            }
            (What::Judge(_), _) => *self = Self::default(),
            (_, look) => *look = None,
        }
        true
    }
}

fn event(attempt: Attempt) -> Event {
    let Attempt { what, id, by, team, desk, near, own_tenant, lockbox, minutes } = attempt;
    let region = if near { "eu" } else { "us" };
    let team = TeamId::from_random([team; 16]);
    let (reviewer, workstation) =
        (Reviewer { person: person(by), team, region: region.into() }, enrolled(desk, region));
    let manager = Manager { person: person(by), team };
    let tenant = if own_tenant { TENANT } else { TenantId::from_random([99; 16]) };
    let customer = Customer { person: person(by), tenant };
    let (grant, reason, minutes) = (grant(id), because(), Minutes::new(minutes).unwrap());
    match what {
        What::Flag => flag(),
        What::Ask => Event::RequestLook { grant, reviewer, workstation, lockbox, reason },
        What::Approve => Event::Approve { grant, manager, minutes, lockbox },
        What::Refuse => Event::Refuse { grant, manager, reason },
        What::Consent => Event::Consent { grant, customer },
        What::Decline => Event::Decline { grant, customer, reason },
        What::Open => Event::Open { grant, reviewer, workstation, lockbox },
        What::Judge(outcome) => Event::Judge { reviewer, outcome, reason },
    }
}

/// Returns a plausible next attempt, which is usually valid.
fn attempt(numbers: &mut Numbers, model: &Model, new_id: &mut u8) -> Attempt {
    let astray = numbers.one_in(6);
    let what = match numbers.below(13) {
        0 | 1 => What::Flag,
        2 | 3 => What::Ask,
        4 | 5 => What::Approve,
        6 if astray => What::Refuse,
        7 | 8 => What::Consent,
        9 if astray => What::Decline,
        10 if astray => What::Judge(Outcome::Escalated),
        11 if astray => What::Judge(Outcome::Dismissed),
        _ => What::Open,
    };
    let id = match (what, &model.look) {
        (What::Ask, _) if !astray => {
            *new_id += 1;
            *new_id
        }
        (_, Some(look)) if !astray => look.id,
        _ => numbers.few(u64::from(*new_id) + 1),
    };
    let (mut by, mut desk, mut team) = (20 + numbers.few(4), DESK + numbers.few(2), TEAM);
    if let (What::Open, Some(look)) = (what, &model.look)
        && !astray
    {
        (by, desk) = (look.by, look.desk);
    }
    if numbers.one_in(10) {
        team += 1;
    }
    let near = !numbers.one_in(10);
    // A number is never used again, even after a refused request: ids are random.
    Attempt {
        what,
        id,
        by,
        team,
        desk,
        near,
        own_tenant: !numbers.one_in(10),
        lockbox: numbers.one_in(3),
        minutes: 1 + numbers.few(u64::from(GRANT_MINUTES_MAX)),
    }
}

fn enrolled_desks() -> Vec<(u64, entry::Event)> {
    let enrol = |desk| {
        let unknown = workstation::State::default();
        let (_, effects) = workstation::advance(&unknown, enrolment(desk, "eu"), NOW).unwrap();
        (NOW, effects[0].log())
    };
    vec![enrol(DESK), enrol(DESK + 1)]
}

/// The desk accepts exactly the steps that the model accepts, and an auditor accepts the log.
#[test]
fn random_histories_are_as_the_model_says() {
    let (mut looks, mut refusals) = (0, 0);
    for seed in 0..4000 {
        let mut numbers = Numbers(seed);
        let (mut state, mut model) = (State::default(), Model::default());
        let (mut now_ms, mut log, mut new_id) = (NOW, enrolled_desks(), 0);
        for _ in 0..30 {
            now_ms += match numbers.below(20) {
                0 => numbers.below(2 * DAY_MS),
                1..4 => numbers.below(40 * MINUTE_MS),
                _ => numbers.below(MINUTE_MS),
            };
            if now_ms >= NOW + 10 * DAY_MS {
                break; // The workstations' certificates have expired.
            }
            let attempt = attempt(&mut numbers, &model, &mut new_id);
            // A used id is not valid: the caller draws a new one.
            if attempt.what == What::Ask && log.iter().any(|(_, event)| is_asked(event, attempt.id))
            {
                continue;
            }
            let stepped = step(&state, event(attempt), now_ms);
            let taken = model.attempt(attempt, now_ms);
            assert_eq!(stepped.is_ok(), taken, "seed {seed}: {attempt:?} {stepped:?} {model:?}");
            let Ok((next, effects)) = stepped else {
                refusals += 1;
                continue;
            };
            assert_eq!(effects.len(), 1, "each change is logged, once");
            looks += usize::from(matches!(effects[0], Effect::Open(_)));
            log.push((now_ms, effects[0].log()));
            state = stored(&next);
        }
        assert_eq!(findings(&log), [""; 0], "seed {seed}");
    }
    assert!(looks > 200 && refusals > 1000, "{looks} looks, {refusals} refusals");
}

fn is_asked(event: &entry::Event, id: u8) -> bool {
    matches!(event, entry::Event::LookRequested { grant: asked, .. } if *asked == grant(id))
}
