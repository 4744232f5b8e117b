//! When a notice is tried again, and when it is given up.

use std::time::Duration;

use store::notices::NoticeState;

/// The pause after the first failed attempt, in milliseconds. Each next one is three times as long.
const PAUSE_MS: u64 = 5_000;

/// The longest pause, in milliseconds: two hours.
const PAUSE_MS_MAX: u64 = 2 * 60 * 60 * 1000;

/// How long a notice is tried, in milliseconds: three days.
pub(super) const TRY_MS_MAX: u64 = 3 * 24 * 60 * 60 * 1000;

/// Returns the pause after so many failed attempts, in milliseconds.
fn pause_ms(attempts: u32) -> u64 {
    let factor = 3_u64.saturating_pow(attempts.saturating_sub(1));
    PAUSE_MS.saturating_mul(factor).min(PAUSE_MS_MAX)
}

/// The same, as a time span.
pub(super) fn pause(attempts: u32) -> Duration {
    Duration::from_millis(pause_ms(attempts))
}

/// Returns the time from which a notice is tried. An attempt before the start of this process makes no
/// pause: the start may be the repair.
pub(super) fn try_from_ms(state: &NoticeState, started_ms: u64) -> u64 {
    if state.attempts == 0 || state.tried_ms < started_ms {
        return started_ms;
    }
    state.tried_ms.saturating_add(pause_ms(state.attempts))
}

/// Returns whether a notice whose attempt just failed is given up.
pub(super) fn is_hopeless(state: &NoticeState, now_ms: u64) -> bool {
    now_ms.saturating_sub(state.first_ms) >= TRY_MS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_two_hours_and_a_notice_is_given_up_after_three_days() {
        let mut state = NoticeState::seen(1_000);
        assert_eq!(try_from_ms(&state, 1_000), 1_000, "at once");
        let mut pauses = Vec::new();
        let given_up_ms = loop {
            let now_ms = try_from_ms(&state, 1_000);
            pauses.push((now_ms - state.tried_ms) / 1000);
            (state.tried_ms, state.attempts) = (now_ms, state.attempts + 1);
            if is_hopeless(&state, now_ms) {
                break now_ms;
            }
        };
        assert_eq!(pauses[..9], [0, 5, 15, 45, 135, 405, 1215, 3645, 7200]);
        assert!((TRY_MS_MAX..TRY_MS_MAX + PAUSE_MS_MAX).contains(&(given_up_ms - 1_000)));
        assert!(pauses.len() < 50, "{}", pauses.len());
        assert_eq!(pause(u32::MAX), Duration::from_secs(2 * 60 * 60));
    }

    #[test]
    fn a_start_tries_at_once_again() {
        let state = NoticeState { attempts: 20, tried_ms: 9_000, ..NoticeState::seen(1_000) };
        assert_eq!(try_from_ms(&state, 9_500), 9_500);
        assert_eq!(try_from_ms(&state, 8_000), 9_000 + PAUSE_MS_MAX);
    }
}
