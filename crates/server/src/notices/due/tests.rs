use pages::trust::Promise;

use super::*;

const NOW_MS: u64 = 1_000 * DAY_MS;

#[test]
fn a_deadline_has_a_notice_a_week_before_a_day_before_and_after_it() {
    let at = |left_ms: i64| stage(NOW_MS.saturating_add_signed(left_ms), NOW_MS, &SUBJECT_DAYS);
    let day = i64::try_from(DAY_MS).unwrap();
    assert_eq!(at(7 * day + 1), None);
    assert_eq!(at(7 * day), Some(7));
    assert_eq!(at(day + 1), Some(7));
    assert_eq!(at(day), Some(1));
    assert_eq!(at(1), Some(1));
    assert_eq!([at(0), at(-day)], [Some(0), Some(0)]);
}

#[test]
fn a_promise_that_turned_broken_or_stale_is_a_reason_for_four_days() {
    let of = |state, at_ms| promise(&Change { promise: Promise::Isolated, state, at_ms }, NOW_MS);
    let broken = of(State::Broken, NOW_MS - 1).unwrap();
    assert_eq!((broken.data.promise, broken.data.state), (Some("P2"), Some("broken")));
    assert_eq!((broken.of, broken.data.page.as_deref()), (For::Everybody, Some("/trust")));
    let stale = of(State::Stale, NOW_MS - 1).unwrap();
    assert_ne!(broken.key, stale.key);
    assert_ne!(
        stale.key,
        of(State::Stale, NOW_MS - 2).unwrap().key,
        "another time, another notice"
    );
    for state in [State::Kept, State::NotKept, State::Unchecked] {
        assert_eq!(of(state, NOW_MS - 1), None);
    }
    assert_eq!(of(State::Broken, NOW_MS - PROMISE_MS), None);
}

#[test]
fn a_certificate_is_told_of_once_a_stage() {
    let of = |left_s: u64| certificate("api", NOW_MS / 1000 + left_s, NOW_MS);
    let day = DAY_MS / 1000;
    assert_eq!(of(15 * day), None);
    let [two_weeks, later, days] = [14, 10, 3].map(|days| of(days * day).unwrap());
    assert_eq!(two_weeks.data.days_left, Some(14));
    assert_eq!(later.data.days_left, Some(14));
    assert_eq!(
        (days.of, days.data.listener, days.data.days_left),
        (For::Operator, Some("api"), Some(3))
    );
    // The same certificate a day later: the same notice.
    let next = certificate("api", NOW_MS / 1000 + 14 * day, NOW_MS + DAY_MS).unwrap();
    assert_eq!(next.key, two_weeks.key);
}

#[test]
fn a_page_that_does_not_exist_is_the_desks_first_one() {
    assert_eq!(page(Desk::Review, "/no/such"), "/pages");
}
