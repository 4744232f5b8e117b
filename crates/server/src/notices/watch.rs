//! The task that looks for due notices, and one task for each destination that delivers them.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use egress::Egress;
use policy::retention::DAY_MS;
use store::{
    StoreError,
    notices::{NoticeEnd, NoticeId, NoticeState},
};
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    Inner, Notices,
    due::{self, Due},
    message, plan,
    receiver::Receiver,
    send::{self, is_of_destination},
};
use crate::{clock, posted::NotAccepted, services::Services};

/// A task that runs until it is dropped.
pub(crate) type Watch = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Notices {
    /// Returns the tasks.
    #[must_use]
    pub(crate) fn watches(&self, services: &Arc<Services>) -> Vec<Watch> {
        let egress = &services.promises.egress;
        let service: Arc<str> = services.promises.key.name().into();
        let started_ms = clock::now_ms();
        let looking: Watch = Box::pin(look(self.clone(), Arc::clone(services)));
        let delivering = (0..self.0.receivers.len()).map(|place| -> Watch {
            let inner = Arc::clone(&self.0);
            let (egress, service) = (egress.clone(), Arc::clone(&service));
            Box::pin(Delivering { inner, place, egress, service, started_ms }.run())
        });
        [looking].into_iter().chain(delivering).collect()
    }
}

/// The state at the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    version: Option<u64>,
    changes: usize,
    entries: u64,
}

impl Seen {
    /// Returns how long a look is good: not at all after a change of the directory or of a promise. Some
    /// steps, such as an approval, add an entry to the log only, as recorded requests do.
    fn is_good_for(self, now: Self) -> Duration {
        if (self.version, self.changes) != (now.version, now.changes) {
            Duration::ZERO
        } else if self.entries != now.entries {
            LOOK_SOON
        } else {
            LOOK_AGAIN
        }
    }
}

/// Looks again after each change, and now and then: time alone can make a notice due.
async fn look(notices: Notices, services: Arc<Services>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last: Option<(Seen, Instant)> = None;
    loop {
        ticks.tick().await;
        let (notices, services) = (notices.clone(), Arc::clone(&services));
        let before = last;
        let looked = spawn_blocking(move || notices.look(&services, before)).await;
        match looked {
            Ok(Ok(seen)) => last = seen,
            Ok(Err(error)) => {
                tracing::error!(%error, help = error.help(), "the reasons for notices cannot be read");
            }
            Err(_) => tracing::error!("the look for due notices stopped; it is repeated"),
        }
    }
}

impl Notices {
    fn look(
        &self,
        services: &Services,
        last: Option<(Seen, Instant)>,
    ) -> Result<Option<(Seen, Instant)>, StoreError> {
        let (version, entries) = (services.store.version()?, services.ledger.entries()?);
        let seen = Seen { version, changes: services.promises.changes().len(), entries };
        if last.is_some_and(|(before, at)| at.elapsed() < before.is_good_for(seen)) {
            return Ok(last);
        }
        let now_ms = clock::now_ms();
        let (due, reviews) = due::due(services, &self.0.waiting.certificates(), now_ms)?;
        self.0.waiting.set_reviews(reviews);
        let ids: std::collections::HashSet<NoticeId> = self
            .0
            .receivers
            .iter()
            .flat_map(|receiver| {
                due.iter().filter(|due| receiver.gets(due)).map(|due| receiver.id(due))
            })
            .collect();
        self.0.book.prune(now_ms.saturating_sub(KEPT_MS), |id| ids.contains(&id));
        self.0.due.send_if_modified(|before| {
            let is_new = **before != due;
            if is_new {
                *before = Arc::new(due);
            }
            is_new
        });
        self.0.count();
        Ok(Some((seen, Instant::now())))
    }
}

/// The task of one destination.
struct Delivering {
    inner: Arc<Inner>,
    place: usize,
    egress: Egress,
    service: Arc<str>,
    started_ms: u64,
}

impl Delivering {
    async fn run(self) {
        let Some(receiver) = self.inner.receivers.get(self.place) else { return };
        let mut changes = self.inner.due.subscribe();
        let mut failures = 0;
        loop {
            let due = Arc::clone(&*changes.borrow_and_update());
            let pause = self.round(receiver, &due, &mut failures).await;
            tokio::select! {
                changed = changes.changed(), if failures == 0 => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = sleep(pause) => {}
            }
        }
    }

    /// Tries the due notices, one after another; returns the time until the next round. After a failure of the
    /// destination itself, the rest waits.
    async fn round(&self, receiver: &Receiver, due: &[Due], failures: &mut u32) -> Duration {
        let mut next = LOOK_AGAIN;
        for due in due.iter().filter(|due| receiver.gets(due)) {
            let id = receiver.id(due);
            let known = self.inner.book.get(id);
            let mut state = known.unwrap_or_else(|| NoticeState::seen(clock::now_ms()));
            if state.ended.is_some() {
                continue;
            }
            let from_ms = plan::try_from_ms(&state, self.started_ms);
            if let wait_ms @ 1.. = from_ms.saturating_sub(clock::now_ms()) {
                next = next.min(Duration::from_millis(wait_ms));
                continue;
            }
            if known.is_none() {
                self.note(id, state).await;
            }
            let body = message::body(&self.service, due.kind, &due.data, state.first_ms);
            let sent = send::deliver(&self.egress, receiver, id, body, clock::now_ms()).await;
            state.tried_ms = clock::now_ms();
            state.attempts = state.attempts.saturating_add(1);
            let of_destination = sent.as_ref().is_err_and(is_of_destination);
            self.judge(receiver, due, &mut state, sent);
            self.note(id, state).await;
            if of_destination {
                *failures = failures.saturating_add(1);
                return plan::pause(*failures);
            }
            *failures = 0;
            if state.ended.is_none() {
                next = next.min(plan::pause(state.attempts));
            }
        }
        next
    }

    /// Decides about a notice after an attempt, and logs it.
    fn judge(
        &self,
        receiver: &Receiver,
        due: &Due,
        state: &mut NoticeState,
        sent: Result<(), NotAccepted>,
    ) {
        let (kind, destination, attempts) = (due.kind.name(), &receiver.origin, state.attempts);
        match sent {
            Ok(()) => {
                state.ended = Some(NoticeEnd::Delivered);
                self.inner.waiting.delivered();
                tracing::info!(kind, destination, attempts, "a notice was delivered");
            }
            Err(error) if plan::is_hopeless(state, state.tried_ms) => {
                state.ended = Some(NoticeEnd::GivenUp);
                self.inner.waiting.given_up();
                tracing::error!(kind, destination, attempts, %error, "a notice was given up");
            }
            Err(error) => {
                tracing::warn!(kind, destination, attempts, %error, "a notice was not delivered yet");
            }
        }
    }

    async fn note(&self, id: NoticeId, state: NoticeState) {
        let inner = Arc::clone(&self.inner);
        // It fails only if it panics; then the notice is tried again.
        let noted = spawn_blocking(move || {
            inner.book.note(id, state);
            inner.count();
        });
        drop(noted.await);
    }
}

/// Time between two looks for changes.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Time after which a look is made if the log has grown.
const LOOK_SOON: Duration = Duration::from_secs(5);
/// Time after which a look is made without a change.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How long the end of a notice is remembered after its reason is gone.
const KEPT_MS: u64 = 90 * DAY_MS;
