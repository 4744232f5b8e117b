//! The token of one destination: how long it is used, and when the endpoint is asked again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{client::NoToken, credential::Credential};

/// The token of a destination, if it has one.
#[derive(Default)]
pub(crate) struct Tokens {
    state: Mutex<State>,
    /// Held while the endpoint is asked.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// The last failure, if no token came after it.
    failed: Option<(Instant, NoToken)>,
    /// The time at which a token was thrown away.
    thrown: Option<Instant>,
}

struct Held {
    token: Credential,
    /// The time from which a new one is requested.
    due: Instant,
    end: Instant,
}

/// What is known about the token at some time.
pub(crate) enum Found {
    /// It is good.
    Good(Credential),
    /// It is good, and must be renewed.
    Due(Credential),
    /// There is none: the endpoint must be asked.
    Nothing,
    /// There is none, and the endpoint is not asked yet: it failed a moment ago.
    Failed(NoToken),
}

impl Tokens {
    pub(crate) fn find(&self, now: Instant) -> Found {
        self.state().find(now)
    }

    pub(crate) fn keep(&self, token: Credential, asked: Instant, lifetime: Duration) {
        self.state().keep(token, asked, lifetime);
    }

    pub(crate) fn failed(&self, why: NoToken, now: Instant) {
        self.state().failed = Some((now, why));
    }

    /// Throws the token away: the destination refused it. A newer one stays.
    pub(crate) fn refused(&self, token: &Credential, now: Instant) {
        self.state().refused(token, now);
    }

    pub(crate) fn turn(&self) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.turn)
    }

    /// Makes the token look as if it had been requested that long ago.
    #[cfg(test)]
    pub(crate) fn age(&self, by: Duration) {
        if let Some(held) = &mut self.state().held {
            (held.due, held.end) = (held.due - by, held.end - by);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn find(&self, now: Instant) -> Found {
        let failed = self.failed.filter(|(at, _)| now.saturating_duration_since(*at) < REST);
        match (&self.held, failed) {
            (Some(Held { token, due, end }), failed) if now < *end => {
                let is_due = now >= *due && failed.is_none();
                if is_due { Found::Due(token.clone()) } else { Found::Good(token.clone()) }
            }
            (_, Some((_, why))) => Found::Failed(why),
            (_, None) => Found::Nothing,
        }
    }

    fn keep(&mut self, token: Credential, asked: Instant, lifetime: Duration) {
        // A short life has a short margin: otherwise each request would ask for a new token.
        let margin = MARGIN.min(lifetime / 2);
        let (due, end) = (asked + lifetime.saturating_sub(margin), asked + lifetime);
        self.held = Some(Held { token, due, end });
        self.failed = None;
    }

    fn refused(&mut self, token: &Credential, now: Instant) {
        // A destination that refuses each new token, too, would cause a request for every request.
        let lately = self.thrown.is_some_and(|at| now.saturating_duration_since(at) < THROWN_AGAIN);
        if !lately && self.held.as_ref().is_some_and(|held| held.token == *token) {
            self.held = None;
            self.thrown = Some(now);
        }
    }
}

/// A token is renewed this long before its end.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// The time after a failure in which the endpoint is not asked.
const REST: Duration = Duration::from_secs(2);
/// The time after a refused token in which another refused one is kept.
const THROWN_AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::credential::CredentialHeader;

    fn token(text: &str) -> Credential {
        let text = Zeroizing::new(text.to_owned());
        Credential::new(CredentialHeader::Bearer, &text).unwrap()
    }

    fn word(state: &State, now: Instant) -> &'static str {
        match state.find(now) {
            Found::Good(_) => "good",
            Found::Due(_) => "due",
            Found::Nothing => "nothing",
            Found::Failed(_) => "failed",
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_renewed_five_minutes_before_its_end() {
        let start = Instant::now();
        let mut state = State::default();
        assert_eq!(word(&state, start), "nothing");
        state.keep(token("one"), start, seconds(3600));
        for (at, expected) in
            [(0, "good"), (3299, "good"), (3300, "due"), (3599, "due"), (3600, "nothing")]
        {
            assert_eq!(word(&state, start + seconds(at)), expected, "{at}");
        }
        // A token of a minute is used for half a minute.
        state.keep(token("two"), start, seconds(60));
        for (at, expected) in [(29, "good"), (30, "due"), (59, "due"), (60, "nothing")] {
            assert_eq!(word(&state, start + seconds(at)), expected, "{at}");
        }
    }

    #[test]
    fn an_endpoint_that_failed_rests() {
        let start = Instant::now();
        let mut state = State { failed: Some((start, NoToken::Client)), ..State::default() };
        assert_eq!(word(&state, start + seconds(1)), "failed");
        assert_eq!(word(&state, start + seconds(2)), "nothing");
        state.keep(token("one"), start, seconds(3600));
        assert_eq!(word(&state, start + seconds(3)), "good");
        // A failed renewal takes no good token away.
        state.failed = Some((start + seconds(3300), NoToken::Late));
        assert_eq!(word(&state, start + seconds(3301)), "good");
        assert_eq!(word(&state, start + seconds(3302)), "due");
    }

    #[test]
    fn a_refused_token_is_thrown_away_once() {
        let start = Instant::now();
        let mut state = State::default();
        state.keep(token("one"), start, seconds(3600));
        state.refused(&token("older"), start);
        assert_eq!(word(&state, start), "good");
        state.refused(&token("one"), start);
        assert_eq!(word(&state, start), "nothing");
        state.keep(token("two"), start, seconds(3600));
        state.refused(&token("two"), start + seconds(59));
        assert_eq!(word(&state, start + seconds(59)), "good", "a new one would be refused, too");
        state.refused(&token("two"), start + seconds(60));
        assert_eq!(word(&state, start + seconds(60)), "nothing");
    }
}
