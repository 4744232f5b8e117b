//! The tasks that make the checks again and again.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use pages::trust::Outcome;
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    checks,
    replay::{replay, settings},
};
use crate::{clock, services::Services};

/// A task that runs until it is dropped.
pub(crate) type Watch = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Returns the tasks that keep the answers of the checks fresh.
#[must_use]
pub(crate) fn watches(services: &Arc<Services>) -> [Watch; 2] {
    [Box::pin(quickly(Arc::clone(services))), Box::pin(replays(Arc::clone(services)))]
}

async fn quickly(services: Arc<Services>) {
    let mut ticks = interval(QUICK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let services = Arc::clone(&services);
        // The history is written to the disk.
        let checked = spawn_blocking(move || {
            let now_ms = clock::now_ms();
            for found in checks::quick(&services, now_ms) {
                services.promises.take(found, now_ms);
            }
            services.promises.save(now_ms);
        });
        if checked.await.is_err() {
            tracing::error!("the checks of the promises stopped; the pages show them as stale");
        }
    }
}

/// Replays the log when it has grown, and every 15 seconds: files change without a new entry, and a key
/// becomes overdue. A replay takes a twentieth of one core at most.
async fn replays(services: Arc<Services>) {
    let mut last: Option<(Instant, Option<String>)> = None;
    // Whether the last replay saw other settings than those in force, and was the first to see them.
    let (mut differed, mut doubt) = (false, false);
    loop {
        let tiles = services.ledger.tiles();
        let checkpoint = tiles.checkpoint().ok().flatten();
        let due = last
            .as_ref()
            .is_none_or(|(at, seen)| doubt || *seen != checkpoint || at.elapsed() >= REPLAY_EVERY);
        let mut pause = POLL_EVERY;
        if due {
            let began = Instant::now();
            let (services, confirmed) = (Arc::clone(&services), differed);
            match spawn_blocking(move || replayed(&services, confirmed)).await {
                Ok(differs) => (differed, doubt) = (differs, differs && !confirmed),
                Err(_) => {
                    tracing::error!("the replay of the log stopped; the pages show it as stale");
                }
            }
            pause = pause.max(began.elapsed().saturating_mul(20)).min(PAUSE_MAX);
            last = Some((Instant::now(), checkpoint));
        }
        sleep(pause).await;
    }
}

/// Replays the log, and compares the settings with it. Returns whether they differ.
fn replayed(services: &Services, confirmed: bool) -> bool {
    let promises = &services.promises;
    let (found, last) = replay(services.ledger.tiles(), &promises.key, clock::now_ms());
    let now_ms = clock::now_ms();
    promises.take(found, now_ms);
    let found = settings(last, &services.live.current().identity, (confirmed, now_ms));
    let differs = last.is_some() && found.outcome != Outcome::Holds;
    promises.take(found, now_ms);
    differs
}

const QUICK_EVERY: Duration = Duration::from_secs(2);
const POLL_EVERY: Duration = Duration::from_secs(2);
const REPLAY_EVERY: Duration = Duration::from_secs(15);
/// Less than the time for which the answer of a replay counts.
const PAUSE_MAX: Duration = Duration::from_secs(40 * 60);
