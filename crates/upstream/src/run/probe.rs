//! Probes: a question to each of the operator's own engines from time to time, so that an engine
//! that came back is used before a caller's request has to find that out.

use std::time::Duration;

use egress::{SendLimits, SendRequest};
use policy::id::EngineId;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{Upstream, source::failure};
use crate::{failure::Failure, pool::Outcome, read};

/// Maximum time of a probe.
const PROBE_MAX: Duration = Duration::from_secs(5);
/// Maximum size of the answer to a probe, in bytes: a list of models.
const PROBE_BYTES_MAX: u64 = 1024 * 1024;

impl Upstream {
    /// Asks each of the operator's own engines for its models, again and again with `every` between
    /// the rounds. It never returns: the caller drops it at the end of the service.
    pub async fn probe(&self, every: Duration) {
        let mut rounds = interval(every);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            let engines = self.pool.lock().probed.clone();
            let mut round = JoinSet::new();
            for (engine, address) in engines {
                let upstream = self.clone();
                round.spawn(async move { upstream.probe_one(engine, &address).await });
            }
            while round.join_next().await.is_some() {}
        }
    }

    async fn probe_one(&self, engine: EngineId, address: &str) {
        let outcome = match self.ask(address).await {
            Ok(()) => Outcome::Answered,
            Err(failure) => Outcome::Failed(failure),
        };
        self.pool.lock().pool.probed(engine, &outcome, Instant::now().into_std());
    }

    /// Asks for the models. Any answer but a failure shows that the engine runs: not every program
    /// has a list of models.
    async fn ask(&self, address: &str) -> Result<(), Failure> {
        let url = format!("{address}/models");
        let permit = self.egress.permit(&url).map_err(|_| Failure::NotListed)?;
        let limits = SendLimits {
            connect: PROBE_MAX,
            first_byte: PROBE_MAX,
            silence: PROBE_MAX,
            body_bytes_max: PROBE_BYTES_MAX,
        };
        let request = SendRequest::get().authenticated();
        let sent = self.egress.send(permit, request, limits).await;
        let mut reply = sent.map_err(|error| failure(&error))?;
        let (status, retry_after) = (reply.status(), reply.retry_after());
        if status >= 500 {
            return Err(read::failure(status, retry_after, &[]));
        }
        // Reading to the end keeps the connection. The content of the list has no meaning here.
        while let Ok(Some(_)) = reply.chunk().await {}
        Ok(())
    }
}
