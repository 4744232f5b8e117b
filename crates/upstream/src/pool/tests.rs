use std::collections::BTreeSet;

use policy::engine::{Api, PrefixCache};

use super::*;

fn id(number: u8) -> EngineId {
    EngineId::from_random([number; 16])
}

fn engine(number: u8) -> Engine {
    Engine {
        id: id(number),
        name: format!("engine{number}"),
        api: Api::OpenAi,
        address: format!("http://10.0.0.{number}:8000/v1"),
        region: "local".to_owned(),
        processor: None,
        models: Vec::new(),
        capabilities: BTreeSet::new(),
        prefix_cache: PrefixCache::None,
        concurrency: 4,
        weight: 1,
        first_byte_ms: 1000,
        silence_ms: 1000,
        serving: true,
        created_at: 0,
    }
}

fn pool(engines: &[Engine]) -> Pool {
    let mut pool = Pool::default();
    pool.follow(engines);
    pool
}

fn of(count: u8) -> (Pool, Vec<EngineId>) {
    let engines: Vec<Engine> = (1..=count).map(engine).collect();
    (pool(&engines), engines.iter().map(|engine| engine.id).collect())
}

const BROKEN: Outcome = Outcome::Failed(Failure::Broken);
const NOT_SENT: Outcome = Outcome::Failed(Failure::NotSent);

/// Chooses this engine alone, and gives the place back with the outcome.
fn attempt(pool: &mut Pool, engine: EngineId, outcome: &Outcome, now: Instant) {
    assert_eq!(pool.choose(&[engine], Attempt::First, now), Choice::Take(engine));
    pool.ended(engine, outcome, now);
}

fn condition(pool: &Pool, engine: EngineId, now: Instant) -> Condition {
    pool.states(now).into_iter().find(|state| state.engine == engine).unwrap().condition
}

#[test]
fn the_least_loaded_engine_in_relation_to_its_weight_is_chosen() {
    let engines = [engine(1), Engine { weight: 3, concurrency: 100, ..engine(2) }];
    let (mut pool, now) = (pool(&engines), Instant::now());
    let mut taken = [0, 0];
    for _ in 0..16 {
        match pool.choose(&[id(1), id(2)], Attempt::First, now) {
            Choice::Take(engine) => taken[usize::from(engine == id(2))] += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(taken, [4, 12]);
}

#[test]
fn idle_engines_take_turns() {
    let ((mut pool, ids), now) = (of(3), Instant::now());
    let chosen: Vec<Choice> = (0..6)
        .map(|_| {
            let choice = pool.choose(&ids, Attempt::First, now);
            let Choice::Take(engine) = choice else { panic!("{choice:?}") };
            pool.ended(engine, &Outcome::Answered, now);
            choice
        })
        .collect();
    let twice: Vec<Choice> = ids.iter().chain(&ids).copied().map(Choice::Take).collect();
    assert_eq!(chosen, twice);
}

#[test]
fn concurrency_is_a_limit_and_a_draining_engine_gets_nothing() {
    let ((mut pool, ids), now) = (of(1), Instant::now());
    for _ in 0..4 {
        assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::Take(id(1)));
    }
    assert_eq!(condition(&pool, id(1), now), Condition::Full);
    assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::Busy { retry_after: FULL_RETRY });
    pool.ended(id(1), &Outcome::Abandoned, now);
    assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::Take(id(1)));
    pool.follow(&[Engine { serving: false, ..engine(1) }]);
    assert_eq!(condition(&pool, id(1), now), Condition::Draining);
    assert_eq!(pool.states(now)[0].outstanding, 4, "its requests go on");
    assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::NoEngine);
    pool.follow(&[]);
    pool.ended(id(1), &Outcome::Answered, now);
    assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::NoEngine);
}

#[test]
fn three_failures_in_a_row_eject_for_twice_as_long_each_time() {
    let ((mut pool, _), mut now) = (of(1), Instant::now());
    attempt(&mut pool, id(1), &BROKEN, now);
    attempt(&mut pool, id(1), &BROKEN, now);
    attempt(&mut pool, id(1), &Outcome::Answered, now);
    assert_eq!(condition(&pool, id(1), now), Condition::Ready, "an answer begins the count anew");
    for _ in 0..FAILURES_IN_A_ROW {
        attempt(&mut pool, id(1), &NOT_SENT, now);
    }
    for seconds in [5, 10, 20, 40, 60, 60] {
        let length = Duration::from_secs(seconds);
        assert_eq!(condition(&pool, id(1), now), Condition::Ejected { left: length });
        assert_eq!(
            pool.choose(&[id(1)], Attempt::First, now),
            Choice::Ejected { retry_after: length }
        );
        now += length - Duration::from_millis(1);
        let left = Duration::from_millis(1);
        assert_eq!(
            pool.choose(&[id(1)], Attempt::First, now),
            Choice::Ejected { retry_after: left }
        );
        now += left;
        assert_eq!(condition(&pool, id(1), now), Condition::Trying);
        attempt(&mut pool, id(1), &NOT_SENT, now);
    }
    now += EJECTION_MAX;
    attempt(&mut pool, id(1), &Outcome::Answered, now);
    assert_eq!(condition(&pool, id(1), now), Condition::Ready);
    for _ in 0..FAILURES_IN_A_ROW {
        attempt(&mut pool, id(1), &NOT_SENT, now);
    }
    let first = Condition::Ejected { left: EJECTION_FIRST };
    assert_eq!(condition(&pool, id(1), now), first, "an answer resets the length");
}

#[test]
fn one_request_tries_an_engine_after_its_ejection() {
    let ((mut pool, ids), mut now) = (of(1), Instant::now());
    for _ in 0..FAILURES_IN_A_ROW {
        attempt(&mut pool, id(1), &NOT_SENT, now);
    }
    now += EJECTION_FIRST;
    assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::Take(id(1)));
    assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::Busy { retry_after: FULL_RETRY });
    pool.ended(id(1), &Outcome::Abandoned, now);
    assert_eq!(
        pool.choose(&ids, Attempt::First, now),
        Choice::Take(id(1)),
        "an abandoned trial is repeated"
    );
    pool.ended(id(1), &Outcome::Answered, now);
    for _ in 0..4 {
        assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::Take(id(1)));
    }
}

#[test]
fn an_engine_that_is_tried_gets_its_share_when_it_begins_to_answer() {
    let ((mut pool, ids), mut now) = (of(2), Instant::now());
    for _ in 0..FAILURES_IN_A_ROW {
        attempt(&mut pool, id(1), &BROKEN, now);
    }
    now += EJECTION_FIRST;
    // One new request tries the engine; all others go to the healthy one, until it is full.
    for chosen in [2, 1, 2, 2, 2] {
        assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::Take(id(chosen)));
    }
    let busy = Choice::Busy { retry_after: FULL_RETRY };
    assert_eq!(pool.choose(&ids, Attempt::First, now), busy);
    assert_eq!(condition(&pool, id(1), now), Condition::Trying);
    pool.began(id(1), now);
    assert_eq!(condition(&pool, id(1), now), Condition::Ready);
    assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::Take(id(1)));
    // Until an answer is whole, one failure ejects the engine again, for longer.
    pool.ended(id(1), &BROKEN, now);
    let left = EJECTION_FIRST * 2;
    assert_eq!(condition(&pool, id(1), now), Condition::Ejected { left });
    // After a whole answer, it takes as many failures as at first.
    now += left;
    attempt(&mut pool, id(1), &Outcome::Answered, now);
    attempt(&mut pool, id(1), &BROKEN, now);
    assert_eq!(condition(&pool, id(1), now), Condition::Ready);
}

#[test]
fn a_retry_goes_to_a_healthy_engine_if_one_has_a_place() {
    let ((mut pool, ids), mut now) = (of(2), Instant::now());
    for _ in 0..FAILURES_IN_A_ROW {
        attempt(&mut pool, id(1), &BROKEN, now);
    }
    now += EJECTION_FIRST;
    for _ in 0..4 {
        assert_eq!(pool.choose(&ids, Attempt::Again, now), Choice::Take(id(2)));
    }
    assert_eq!(pool.choose(&ids, Attempt::Again, now), Choice::Take(id(1)), "rather than none");
}

#[test]
fn an_ejected_engine_gets_only_the_requests_that_no_other_has_a_place_for() {
    for number in [Attempt::First, Attempt::Again] {
        let ((mut pool, ids), now) = (of(3), Instant::now());
        for _ in 0..FAILURES_IN_A_ROW {
            attempt(&mut pool, id(1), &NOT_SENT, now);
            attempt(&mut pool, id(2), &BROKEN, now);
        }
        for _ in 0..4 {
            assert_eq!(pool.choose(&ids, number, now), Choice::Take(id(3)));
        }
        assert_eq!(pool.choose(&ids, number, now), Choice::Take(id(2)));
    }
}

#[test]
fn every_request_and_its_outcome_is_counted() {
    let ((mut pool, ids), now) = (of(2), Instant::now());
    attempt(&mut pool, id(1), &Outcome::Answered, now);
    attempt(&mut pool, id(1), &Outcome::Abandoned, now);
    for _ in 0..FAILURES_IN_A_ROW {
        attempt(&mut pool, id(1), &BROKEN, now);
    }
    assert_eq!(pool.choose(&ids, Attempt::Again, now), Choice::Take(id(2)));
    pool.ended(id(2), &Outcome::Failed(Failure::Busy { retry_after: None }), now);
    let counts: Vec<Counts> = pool.states(now).into_iter().map(|state| state.counts).collect();
    let first = Counts {
        requests: 5,
        answered: 1,
        abandoned: 1,
        failed: [("broken", 3)].into(),
        ejections: 1,
        ..Counts::default()
    };
    let second =
        Counts { requests: 1, retries: 1, failed: [("busy", 1)].into(), ..Counts::default() };
    assert_eq!(counts, [first, second]);
    // A trial that fails is one more ejection.
    let later = now + EJECTION_FIRST;
    attempt(&mut pool, id(1), &NOT_SENT, later);
    assert_eq!(pool.states(later)[0].counts.ejections, 2);
}

#[test]
fn every_condition_has_a_listed_name() {
    let left = Duration::from_secs(1);
    let conditions = [
        Condition::Ready,
        Condition::Draining,
        Condition::Full,
        Condition::Resting { left },
        Condition::Ejected { left },
        Condition::Trying,
    ];
    assert_eq!(conditions.map(Condition::name), Condition::NAMES);
}

#[test]
fn more_than_half_of_ten_failures_eject_without_three_in_a_row() {
    let ((mut pool, _), now) = (of(1), Instant::now());
    let outcomes = [&BROKEN, &BROKEN, &Outcome::Answered];
    for (number, outcome) in outcomes.into_iter().cycle().take(9).enumerate() {
        let at = now + Duration::from_millis(u64::try_from(number).unwrap());
        attempt(&mut pool, id(1), outcome, at);
        assert_eq!(condition(&pool, id(1), at), Condition::Ready);
    }
    let later = now + Duration::from_secs(1);
    attempt(&mut pool, id(1), &BROKEN, later);
    let left = EJECTION_FIRST;
    assert_eq!(condition(&pool, id(1), later), Condition::Ejected { left });
}

#[test]
fn failures_outside_of_the_window_do_not_add_up() {
    let ((mut pool, _), mut now) = (of(1), Instant::now());
    let outcomes = [&BROKEN, &BROKEN, &Outcome::Answered];
    for outcome in outcomes.into_iter().cycle().take(60) {
        attempt(&mut pool, id(1), outcome, now);
        now += Duration::from_secs(2);
        assert_eq!(condition(&pool, id(1), now), Condition::Ready);
    }
}

#[test]
fn at_most_half_of_the_engines_are_ejected_unless_they_cannot_be_reached() {
    for count in 1..=5_u8 {
        let ((mut pool, ids), now) = (of(count), Instant::now());
        for engine in &ids {
            for _ in 0..FAILURES_IN_A_ROW {
                attempt(&mut pool, *engine, &BROKEN, now);
            }
        }
        let open = pool.open(&ids, now);
        assert_eq!(open.len(), ids.len() - ids.len() / 2, "{count} engines");
        assert!(matches!(pool.choose(&ids, Attempt::First, now), Choice::Take(_)));

        let ((mut pool, ids), now) = (of(count), Instant::now());
        for engine in &ids {
            for _ in 0..FAILURES_IN_A_ROW {
                attempt(&mut pool, *engine, &NOT_SENT, now);
            }
        }
        assert_eq!(
            pool.choose(&ids, Attempt::First, now),
            Choice::Ejected { retry_after: EJECTION_FIRST }
        );
    }
}

#[test]
fn a_rate_limit_rests_an_engine_without_ejecting_it() {
    let ((mut pool, ids), now) = (of(1), Instant::now());
    let busy = |seconds| {
        Outcome::Failed(Failure::Busy { retry_after: Some(Duration::from_secs(seconds)) })
    };
    for _ in 0..4 {
        assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::Take(id(1)));
    }
    for seconds in [7, 3, 5, 6] {
        pool.ended(id(1), &busy(seconds), now);
    }
    let left = Duration::from_secs(7);
    assert_eq!(condition(&pool, id(1), now), Condition::Resting { left });
    assert_eq!(pool.choose(&ids, Attempt::First, now), Choice::Busy { retry_after: left });
    let later = now + left;
    attempt(&mut pool, id(1), &busy(9000), later);
    assert_eq!(condition(&pool, id(1), later), Condition::Resting { left: REST_MAX });
    let later = later + REST_MAX;
    attempt(&mut pool, id(1), &Outcome::Failed(Failure::Busy { retry_after: None }), later);
    assert_eq!(condition(&pool, id(1), later), Condition::Resting { left: REST_DEFAULT });
}

#[test]
fn refusals_of_a_request_say_nothing_about_the_engine() {
    let ((mut pool, _), now) = (of(1), Instant::now());
    for _ in 0..20 {
        for failure in [
            Failure::ContentFiltered,
            Failure::ContextLength,
            Failure::Rejected { status: 400 },
            Failure::Deadline,
        ] {
            attempt(&mut pool, id(1), &Outcome::Failed(failure), now);
        }
    }
    assert_eq!(condition(&pool, id(1), now), Condition::Ready);
}

#[test]
fn a_probe_ends_the_ejection_of_an_engine_that_could_not_be_reached() {
    let ((mut pool, ids), now) = (of(2), Instant::now());
    for _ in 0..FAILURES_IN_A_ROW {
        pool.probed(id(1), &NOT_SENT, now);
        attempt(&mut pool, id(2), &BROKEN, now);
    }
    assert_eq!(condition(&pool, id(1), now), Condition::Ejected { left: EJECTION_FIRST });
    pool.probed(id(1), &NOT_SENT, now + Duration::from_secs(1));
    let later = now + Duration::from_secs(2);
    let left = Duration::from_secs(3);
    assert_eq!(
        condition(&pool, id(1), later),
        Condition::Ejected { left },
        "no longer than before"
    );
    pool.probed(id(1), &Outcome::Answered, later);
    pool.probed(id(2), &Outcome::Answered, later);
    assert_eq!(condition(&pool, id(1), later), Condition::Trying);
    assert_eq!(condition(&pool, id(2), later), Condition::Ejected { left });
    assert_eq!(pool.choose(&ids, Attempt::First, later), Choice::Take(id(1)));
}

#[test]
fn another_address_begins_anew() {
    let ((mut pool, _), now) = (of(1), Instant::now());
    for _ in 0..FAILURES_IN_A_ROW {
        attempt(&mut pool, id(1), &NOT_SENT, now);
    }
    pool.follow(&[Engine { weight: 2, ..engine(1) }]);
    assert!(matches!(condition(&pool, id(1), now), Condition::Ejected { .. }));
    pool.follow(&[Engine { address: "http://10.0.0.9:8000/v1".to_owned(), ..engine(1) }]);
    assert_eq!(condition(&pool, id(1), now), Condition::Ready);
}

/// A small generator of numbers (xorshift, Marsaglia 2003): the same histories in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn random_histories_keep_the_rules() {
    for seed in 1..200_u64 {
        let mut numbers = Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let count = u8::try_from(numbers.below(5) + 1).unwrap();
        let mut engines: Vec<Engine> = (1..=count)
            .map(|number| Engine {
                weight: u32::try_from(numbers.below(4) + 1).unwrap(),
                concurrency: u32::try_from(numbers.below(5) + 1).unwrap(),
                ..engine(number)
            })
            .collect();
        let mut pool = pool(&engines);
        let (mut now, mut running) = (Instant::now(), Vec::new());
        let (mut asked, mut retried) = (0_u64, 0_u64);
        for _ in 0..400 {
            now += Duration::from_millis(numbers.below(700));
            let candidates: Vec<EngineId> =
                engines.iter().map(|engine| engine.id).filter(|_| numbers.below(4) > 0).collect();
            match numbers.below(8) {
                0..4 => {
                    pool.asked();
                    asked += 1;
                    let before = pool.states(now);
                    let attempt =
                        if numbers.below(4) == 0 { Attempt::Again } else { Attempt::First };
                    let healthy = |state: &&EngineState| {
                        let own = engines.iter().find(|engine| engine.id == state.engine).unwrap();
                        let free = state.outstanding < own.concurrency;
                        candidates.contains(&state.engine)
                            && free
                            && state.condition == Condition::Ready
                    };
                    let has_healthy = before.iter().any(|state| healthy(&state));
                    if let Choice::Take(chosen) = pool.choose(&candidates, attempt, now) {
                        let engine = engines.iter().find(|engine| engine.id == chosen).unwrap();
                        let before = before.iter().find(|state| state.engine == chosen).unwrap();
                        assert!(candidates.contains(&chosen), "only a candidate");
                        assert!(engine.serving, "no draining engine");
                        assert!(before.outstanding < engine.concurrency, "a place was free");
                        let resting = matches!(before.condition, Condition::Resting { .. });
                        assert!(!resting, "no engine that asked to wait");
                        let ejected = matches!(before.condition, Condition::Ejected { .. });
                        let trying = before.condition == Condition::Trying;
                        assert!(!(has_healthy && ejected), "a healthy engine comes first");
                        let again = attempt == Attempt::Again;
                        assert!(!(has_healthy && again && trying), "no trial by a retry");
                        running.push(chosen);
                    }
                }
                4..6 if !running.is_empty() => {
                    let at = usize::try_from(numbers.below(running.len() as u64)).unwrap();
                    let engine = running.swap_remove(at);
                    if numbers.below(2) == 0 {
                        pool.began(engine, now);
                    }
                    let outcome = match numbers.below(6) {
                        0 => BROKEN,
                        1 => NOT_SENT,
                        2 => Outcome::Failed(Failure::Busy { retry_after: None }),
                        3 => Outcome::Abandoned,
                        _ => Outcome::Answered,
                    };
                    pool.ended(engine, &outcome, now);
                }
                6 => retried += u64::from(pool.retry()),
                _ => {
                    let at = usize::try_from(numbers.below(engines.len() as u64)).unwrap();
                    engines[at].serving = numbers.below(3) > 0;
                    pool.follow(&engines);
                }
            }
            for state in pool.states(now) {
                let own = running.iter().filter(|engine| **engine == state.engine).count();
                assert_eq!(usize::try_from(state.outstanding).unwrap(), own, "seed {seed}");
            }
            assert!(retried <= 10 + asked / 10, "the budget holds");
        }
        // When everything has ended and every ejection is over, each engine is tried again.
        for engine in running.drain(..) {
            pool.ended(engine, &Outcome::Abandoned, now);
        }
        now += EJECTION_MAX + REST_MAX;
        for engine in engines.iter().filter(|engine| engine.serving) {
            assert_eq!(
                pool.choose(&[engine.id], Attempt::First, now),
                Choice::Take(engine.id),
                "seed {seed}"
            );
        }
    }
}
