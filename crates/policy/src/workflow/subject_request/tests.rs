use super::*;
use crate::{id::PersonId, token::Guid, workflow::Logged as _};

const RECEIVED_MS: u64 = 1_796_000_000_000;

fn id() -> SubjectRequestId {
    SubjectRequestId::from_random([1; 16])
}

fn tenant(number: u8) -> TenantId {
    TenantId::from_random([number; 16])
}

fn said(text: &str) -> Statement {
    Statement::new(text, [7; 16]).unwrap()
}

fn take(state: &State, of: u8, event: Event, now_ms: u64) -> Result<(State, Effect), Refused> {
    let request = advance(state.request.as_ref(), tenant(of), &event, now_ms)?;
    let person = PersonId::from_random([8; 16]);
    let object: Guid = "11111111-2222-3333-4444-555555555555".parse().unwrap();
    let by = Owner::new(person, object, [9; 16]);
    let effect = Effect::of((id(), &request), by, event);
    Ok((State { id: id(), request: Some(request) }, effect))
}

fn received() -> State {
    let event = Event::Receive {
        kind: Kind::Erasure,
        reference: said("letter 17"),
        received_ms: Some(RECEIVED_MS),
    };
    take(&State::of(id()), 1, event, RECEIVED_MS + 5).unwrap().0
}

#[test]
fn a_request_is_due_in_a_month_and_may_be_extended_once_within_it() {
    let state = received();
    let due_ms = state.due_ms().unwrap();
    assert_eq!(due_ms, months_after(RECEIVED_MS, 1));
    let extend = || Event::Extend { reason: said("many files") };
    let (longer, effect) = take(&state, 1, extend(), due_ms - 1).unwrap();
    assert_eq!(longer.due_ms(), Some(months_after(RECEIVED_MS, 3)));
    assert_eq!(effect.statements().len(), 2);
    assert_eq!(take(&longer, 1, extend(), due_ms - 1).err(), Some(Refused::Extended));
    assert_eq!(take(&state, 1, extend(), due_ms).err(), Some(Refused::TooLate));
}

#[test]
fn an_answered_request_is_over_and_never_due() {
    let (answered, _) = take(&received(), 1, Event::Answer { note: said("sent") }, 9_999).unwrap();
    assert_eq!(answered.due_ms(), None);
    let again = take(&answered, 1, Event::Begin { note: said("again") }, RECEIVED_MS + 9);
    assert_eq!(again.err(), Some(Refused::Over));
    let view = answered.view(tenant(1), u64::MAX).unwrap();
    assert_eq!((view.status, view.urgency), (Status::Answered, Urgency::Over));
}

#[test]
fn another_tenants_request_is_unknown() {
    let refused = take(&received(), 2, Event::Answer { note: said("sent") }, RECEIVED_MS + 9);
    assert_eq!(refused.err(), Some(Refused::Unknown));
    assert_eq!(received().view(tenant(2), RECEIVED_MS), None);
}

#[test]
fn a_request_is_urgent_a_week_before_its_deadline() {
    let (state, due_ms) = (received(), months_after(RECEIVED_MS, 1));
    let urgency = |now_ms| state.view(tenant(1), now_ms).unwrap().urgency;
    assert_eq!(urgency(RECEIVED_MS), Urgency::InTime);
    assert_eq!(urgency(due_ms - 6 * crate::retention::DAY_MS), Urgency::DueSoon);
    assert_eq!(urgency(due_ms), Urgency::Overdue);
}

#[test]
fn a_request_of_tomorrow_was_not_received() {
    let event = Event::Receive {
        kind: Kind::Access,
        reference: said("letter"),
        received_ms: Some(RECEIVED_MS),
    };
    assert_eq!(take(&State::of(id()), 1, event, 5).err(), Some(Refused::Future));
}
