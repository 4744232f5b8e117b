use super::*;
use crate::guard::verdict::{BlocklistName, Category};

const RESOURCE: ResourceId = ResourceId::from_random([1; 16]);
const NOW: u64 = 1_764_000_000_000;

/// A random number generator with a fixed sequence for each seed: splitmix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn per_mille(&mut self, of: u64) -> bool {
        self.next() % 1000 < of
    }
}

fn finding(category: Category, severity: Severity) -> Finding {
    Finding { side: Side::Prompt, category, severity, filtered: true }
}

fn hate(severity: Severity) -> Vec<Finding> {
    vec![finding(Category::Hate, severity)]
}

/// Returns a request with a text of its own.
fn seen(number: u64, at_ms: u64, findings: Vec<Finding>) -> Observation {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Observation {
        request: RequestId::from_random(id),
        at_ms,
        findings,
        recorded: true,
        text: number,
    }
}

fn clean(number: u64, at_ms: u64) -> Observation {
    seen(number, at_ms, Vec::new())
}

/// A resource, and everything that monitoring did to it.
struct Watched {
    state: State,
    acts: Vec<(u64, Act)>,
}

impl Watched {
    fn new() -> Self {
        Self { state: State::begin(RESOURCE, NOW), acts: Vec::new() }
    }

    fn see(&mut self, seen: &Observation) {
        let Next { state, end_user, acts } = observe(&self.state, None, seen);
        assert_eq!(end_user, None);
        // As a store writes and reads it.
        self.state = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        assert_eq!(self.state, state);
        self.acts.extend(acts.into_iter().map(|act| (seen.at_ms, act)));
    }

    fn names(&self) -> Vec<&'static str> {
        self.acts.iter().map(|(_, act)| act.name()).collect()
    }

    fn count(&self, name: &str) -> usize {
        self.names().iter().filter(|one| **one == name).count()
    }
}

#[test]
fn a_pattern_is_flagged_then_told_then_throttled_for_a_day() {
    let mut watched = Watched::new();
    for number in 0..8 {
        assert_eq!(watched.names(), [""; 0], "{number}");
        watched.see(&seen(number, NOW + number, hate(Severity::Medium)));
    }
    assert_eq!(watched.names(), ["flag"]);
    for number in 8..24 {
        watched.see(&seen(number, NOW + number, hate(Severity::Medium)));
    }
    assert_eq!(watched.names(), ["flag", "flag", "notice", "flag", "throttle"]);
    let (at_ms, Act::Throttle(throttle)) = watched.acts.pop().unwrap() else { panic!() };
    assert_eq!(throttle.terms(), (Percentage::HALF, at_ms + THROTTLE_MS));
    let (resource, reason) = throttle.spend();
    assert_eq!(resource, RESOURCE);
    assert_eq!(
        reason,
        "abuse monitoring: 8 different texts in the last 100 requests were found harmful, most of \
         them in the category hate; these are 8 points, and the limit is 8"
    );
}

#[test]
fn a_flag_is_for_the_request_that_reached_the_limit_and_its_worst_category() {
    let mut watched = Watched::new();
    for number in 0..4 {
        let mut findings = hate(Severity::Medium);
        findings.push(finding(Category::Violence, Severity::High));
        watched.see(&seen(number, NOW, findings));
    }
    let (_, Act::Flag(flag)) = watched.acts.pop().unwrap() else { panic!() };
    let request = seen(3, NOW, Vec::new()).request;
    assert_eq!(flag.request(), request);
    assert_eq!(
        flag.spend(),
        (request, review::Category::Violence),
        "four of high are eight points"
    );
}

/// Under zero retention there is nothing to review.
#[test]
fn without_a_record_the_owner_is_notified_and_nothing_is_flagged() {
    let mut watched = Watched::new();
    let mut alice = EndUser::default();
    for number in 0..100 {
        let seen = Observation { recorded: false, ..seen(number, NOW, hate(Severity::High)) };
        let next = observe(&watched.state, Some(&alice), &seen);
        (watched.state, alice) = (next.state, next.end_user.unwrap());
        watched.acts.extend(next.acts.into_iter().map(|act| (NOW, act)));
    }
    assert_eq!(watched.names(), ["notice", "throttle"]);
    assert_eq!(alice.crossings(), 25);
}

#[test]
fn only_harm_counts() {
    let list = Category::Blocklist(BlocklistName::new("brands").unwrap());
    let nothing = [
        finding(Category::Hate, Severity::Low),
        finding(Category::Sexual, Severity::Safe),
        finding(Category::Jailbreak, Severity::Safe),
        finding(Category::IndirectAttack, Severity::High),
        finding(Category::Profanity, Severity::High),
        finding(Category::ProtectedMaterialText, Severity::High),
        finding(Category::ProtectedMaterialCode, Severity::High),
        finding(list, Severity::High),
    ];
    assert!(nothing.iter().all(|one| one.points().is_none()));
    for (severity, points) in [(Severity::Low, 1), (Severity::Medium, 1), (Severity::High, 1)] {
        let jailbreak = finding(Category::Jailbreak, severity);
        assert_eq!(jailbreak.points(), Some((review::Category::Jailbreak, points)));
    }
    assert_eq!(
        finding(Category::SelfHarm, Severity::High).points(),
        Some((review::Category::SelfHarm, 2))
    );
    let mut watched = Watched::new();
    for number in 0..1000 {
        watched.see(&seen(number, NOW + number, nothing.to_vec()));
    }
    assert_eq!(watched.names(), [""; 0]);
}

/// Otherwise a program that repeats one request that is found harmful by mistake gets its resource
/// flagged.
#[test]
fn the_same_text_counts_once() {
    let mut watched = Watched::new();
    for number in 0..5000 {
        watched.see(&Observation { text: 7, ..seen(number, NOW, hate(Severity::High)) });
    }
    assert_eq!(watched.names(), [""; 0]);
}

#[test]
fn old_requests_leave_the_window() {
    let mut watched = Watched::new();
    for number in 0..10_000 {
        let is_hit = number % 15 == 0;
        let findings = if is_hit { hate(Severity::Medium) } else { Vec::new() };
        watched.see(&seen(number, NOW, findings));
        assert!(watched.state.points() <= 7, "100 / 15 rounded up");
    }
    assert_eq!(watched.names(), [""; 0]);
}

#[test]
fn an_abuser_alone_is_never_throttled_for_longer_than_a_day_in_a_week_and_does_not_fill_the_queue()
{
    let mut watched = Watched::new();
    let every_ms = 60_000;
    let days = 21;
    for number in 0..days * DAY_MS / every_ms {
        watched.see(&seen(number, NOW + number * every_ms, hate(Severity::High)));
    }
    assert_eq!(watched.count("throttle"), 3, "one a week");
    let days = usize::try_from(days).unwrap();
    assert_eq!(watched.count("flag"), FLAGS_A_DAY * days);
    assert!(watched.count("notice") <= days);
    let ends: Vec<u64> = watched
        .acts
        .iter()
        .filter_map(|(at_ms, act)| match act {
            Act::Throttle(throttle) => Some(throttle.terms().1 - at_ms),
            _ => None,
        })
        .collect();
    assert!(ends.iter().all(|lasts_ms| *lasts_ms <= PENALTY_AUTOMATIC_MS_MAX), "{ends:?}");
}

#[test]
fn the_state_is_bounded() {
    let mut watched = Watched::new();
    let mut user = EndUser::default();
    for number in 0..20_000 {
        let seen = seen(u64::MAX - number, NOW + number, hate(Severity::High));
        let next = observe(&watched.state, Some(&user), &seen);
        (watched.state, user) = (next.state, next.end_user.unwrap());
    }
    for bytes in [
        serde_json::to_string(&watched.state).unwrap().len(),
        serde_json::to_string(&user).unwrap().len(),
    ] {
        assert!(bytes < 12_000, "{bytes}");
    }
}

/// Runs a window with a fixed limit, and returns the number of the request that reaches it.
fn first_crossing(points: &[u32], limit: u32) -> Option<usize> {
    let mut window = Window::default();
    (0..).zip(points).find_map(|(number, points)| {
        let found = (*points > 0).then_some((review::Category::Hate, *points));
        window.add(number, found, limit).1.map(|_| usize::try_from(number).unwrap())
    })
}

#[test]
fn more_findings_and_higher_severities_never_come_later() {
    let mut numbers = Numbers(11);
    for _ in 0..2000 {
        let limit = 8 + u32::try_from(numbers.next() % 5).unwrap();
        let less: Vec<u32> = (0..300)
            .map(|_| if numbers.per_mille(60) { u32::from(numbers.per_mille(300)) + 1 } else { 0 })
            .collect();
        let mut more = less.clone();
        let place = usize::try_from(numbers.next() % 300).unwrap();
        more[place] = (more[place] + 1).min(2);
        let first = |points: &[u32]| first_crossing(points, limit).unwrap_or(usize::MAX);
        assert!(first(&more) <= first(&less));
        assert!(first_crossing(&less, limit + 1).unwrap_or(usize::MAX) >= first(&less));
    }
}

#[test]
fn the_order_of_requests_at_the_same_time_does_not_matter() {
    let mut numbers = Numbers(5);
    for _ in 0..300 {
        let mut all: Vec<u64> = (0..60).collect();
        let run = |order: &[u64]| {
            let mut watched = Watched::new();
            for number in order {
                let is_hit = number % 3 == 0;
                let findings = if is_hit { hate(Severity::Medium) } else { Vec::new() };
                watched.see(&seen(*number, NOW, findings));
            }
            (watched.names(), watched.state.points(), watched.state.limit())
        };
        let sorted = run(&all);
        for place in (1..all.len()).rev() {
            let other = usize::try_from(numbers.next()).unwrap() % (place + 1);
            all.swap(place, other);
        }
        assert_eq!(run(&all), sorted);
    }
}

#[test]
fn a_limit_grows_with_mistakes_and_with_traffic_and_has_bounds() {
    assert_eq!(limit::of(0, 0), limit::LEAST);
    assert_eq!(limit::of(199, 199), limit::LEAST, "nothing is known yet");
    assert_eq!(limit::of(u32::MAX, u32::MAX), limit::MOST);
    for requests in (200..20_000).step_by(150) {
        for points in 0..requests / 20 {
            let of = limit::of(requests, points);
            assert!((limit::LEAST..=limit::MOST).contains(&of));
            assert!(limit::of(requests, points + 1) >= of);
            // Each point brings the limit nearer: an abuser cannot run away from it.
            assert!(limit::of(requests, points + 1) <= of + 1, "{requests} {points}");
        }
    }
    let all = [100, 1000, 10_000, 100_000].map(|requests| limit::of(requests, requests / 50));
    assert_eq!(all, [8, 10, 11, 12]);
}

#[test]
fn the_chance_is_that_of_a_binomial_distribution() {
    // Computed with exact fractions by Python: sum of comb(100, i) p^i (1 - p)^(100 - i).
    for (share, limit, expected) in
        [(0.01, 6, 5.34e-4), (0.02, 6, 1.548e-2), (0.02, 7, 4.06e-3), (0.02, 8, 9.3e-4)]
    {
        let chance = limit::chance(share, limit);
        assert!((chance / expected - 1.0).abs() < 0.02, "{share} {limit}: {chance}");
    }
    assert!((limit::chance(0.3, 0) - 1.0).abs() < 1e-9);
}

/// 2 % of harmless requests are found harmful by mistake, a tenth of them at high.
#[test]
fn a_resource_with_harmless_traffic_is_rarely_flagged_and_an_abuser_is() {
    let every_ms = 5 * CALIBRATION_MS / 20_000;
    let (mut flagged, mut throttled) = (0, 0);
    for seed in 0..40 {
        let (mut numbers, mut watched) = (Numbers(seed), Watched::new());
        for number in 0..20_000 {
            let findings = match numbers.per_mille(20) {
                true if numbers.per_mille(100) => hate(Severity::High),
                true => hate(Severity::Medium),
                false => Vec::new(),
            };
            watched.state = observe_quietly(
                &mut watched.acts,
                &watched.state,
                &seen(number, NOW + number * every_ms, findings),
            );
        }
        flagged += watched.count("flag");
        throttled += watched.count("throttle") + watched.count("notice");
    }
    println!("{flagged} flags in 200 weeks of harmless traffic");
    // 40 resources, five weeks each.
    assert!(flagged <= 40, "{flagged} in 200 weeks");
    assert_eq!(throttled, 0);

    // 30 % attacks, two thirds of which are found, from the first request and after a clean month.
    for start in [0, 20_000_u64] {
        let mut within = [0; 2];
        for seed in 0..200 {
            let (mut numbers, mut watched) = (Numbers(seed), Watched::new());
            for number in 0..start {
                let seen = clean(number, NOW + number * every_ms);
                watched.state = observe_quietly(&mut watched.acts, &watched.state, &seen);
            }
            let first = (0..200).find(|number| {
                let is_found = numbers.per_mille(300) && numbers.per_mille(670);
                let findings = if is_found { hate(Severity::Medium) } else { Vec::new() };
                let at_ms = NOW + (start + number) * every_ms;
                let seen = seen(start + number, at_ms, findings);
                watched.state = observe_quietly(&mut watched.acts, &watched.state, &seen);
                !watched.acts.is_empty()
            });
            within[0] += u32::from(first.is_some_and(|first| first < 40));
            within[1] += u32::from(first.is_some_and(|first| first < 120));
        }
        println!("{within:?} of 200 within 40 and 120 requests, from {start}");
        assert!(within[0] >= 80 && within[1] >= 198, "{start}: {within:?} of 200");
    }
}

/// As [`Watched::see`], without the detour over JSON, which takes most of the time.
fn observe_quietly(acts: &mut Vec<(u64, Act)>, state: &State, seen: &Observation) -> State {
    let next = observe(state, None, seen);
    acts.extend(next.acts.into_iter().map(|act| (seen.at_ms, act)));
    next.state
}

#[test]
fn an_abuser_in_the_first_week_does_not_escape_by_raising_the_limit() {
    for harmful in [100, 200, 500, 1000] {
        let (mut numbers, mut watched) = (Numbers(3), Watched::new());
        for number in 0..2000 {
            let findings =
                if numbers.per_mille(harmful) { hate(Severity::Medium) } else { Vec::new() };
            watched.see(&seen(number, NOW + number * 1000, findings));
        }
        assert!(watched.count("flag") >= 1, "{harmful} of 1000: {:?}", watched.names());
    }
}

#[test]
fn an_end_user_is_counted_alone() {
    let mut state = State::begin(RESOURCE, NOW);
    let (mut alice, mut bob) = (EndUser::default(), EndUser::default());
    assert!(alice.is_unremarkable());
    let mut acts = Vec::new();
    let mut number = 0;
    // Alice is one of twenty: the resource's own window stays below its limit.
    for _ in 0..8 {
        for turn in 0..20 {
            number += 1;
            let (user, findings) = if turn == 0 {
                (&mut alice, hate(Severity::Medium))
            } else {
                (&mut bob, Vec::new())
            };
            let next = observe(&state, Some(user), &seen(number, NOW + number, findings));
            (state, *user) = (next.state, next.end_user.unwrap());
            acts.extend(next.acts);
        }
    }
    assert_eq!(acts.iter().map(Act::name).collect::<Vec<_>>(), ["flag"]);
    assert_eq!((alice.crossings(), alice.points(), alice.last_ms()), (1, 0, NOW + 141));
    assert_eq!(alice.hits().collect::<Vec<_>>(), [("hate", 8)]);
    assert!(!alice.is_unremarkable() && bob.is_unremarkable());
    assert_eq!(state.points(), 5, "in the last hundred");
}

#[test]
fn pseudonyms_are_read_back() {
    let pseudonym = Pseudonym([0xa5; 16]);
    assert_eq!(pseudonym.to_string(), "a5".repeat(16));
    assert_eq!(pseudonym.to_string().parse(), Ok(pseudonym));
    assert_eq!(Pseudonym([0; 16]).to_string().parse(), Ok(Pseudonym([0; 16])));
    for bad in
        ["", "a5", "+5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5", "alice", &"a5".repeat(17), &"é".repeat(16)]
    {
        assert_eq!(bad.parse::<Pseudonym>(), Err(BadPseudonym), "{bad}");
    }
}
