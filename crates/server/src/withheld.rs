//! Key-encryption keys that customers hold: whether each is in force. A customer withdraws its key by
//! stopping its key holder, or by taking the key away from it.
//!
//! Without the key, nothing of the tenant opens, and nothing of it runs: requests are refused, and
//! those that run are ended. The keys are asked for every [`CHECK_EVERY`].

use std::{
    collections::HashMap, os::unix::net::UnixStream, path::PathBuf, sync::Arc, time::Duration,
};

use parking_lot::RwLock;
use policy::id::TenantId;
use store::{keys::holder, ledger::Ledger};
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::openai::error::ApiError;

/// The tenants whose keys their customers hold; clones are the same list.
#[derive(Debug, Clone, Default)]
pub(crate) struct CustomerKeys {
    held: Arc<RwLock<HashMap<TenantId, Held>>>,
}

#[derive(Debug)]
struct Held {
    socket: PathBuf,
    /// Cancelled once the key is withdrawn; a new one takes its place when the key is back.
    in_force: CancellationToken,
}

impl CustomerKeys {
    /// Makes the list. A key counts as in force until the first check.
    #[must_use]
    pub(crate) fn new(held: Vec<(TenantId, PathBuf)>) -> Self {
        let held = held
            .into_iter()
            .map(|(tenant, socket)| (tenant, Held { socket, in_force: CancellationToken::new() }));
        Self { held: Arc::new(RwLock::new(held.collect())) }
    }

    /// Returns the token that is cancelled when the tenant's key is withdrawn; `None` for a tenant
    /// whose key is not held by its customer.
    ///
    /// # Errors
    /// If the key is withdrawn.
    pub(crate) fn check(&self, tenant: TenantId) -> Result<Option<CancellationToken>, ApiError> {
        let held = self.held.read();
        let Some(Held { in_force, .. }) = held.get(&tenant) else { return Ok(None) };
        match in_force.is_cancelled() {
            true => Err(ApiError::CustomerKeyWithdrawn),
            false => Ok(Some(in_force.clone())),
        }
    }

    /// Follows the keys until the service stops.
    pub(crate) async fn follow(self, ledger: Ledger) {
        let mut ticks = interval(CHECK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let tenants: Vec<(TenantId, PathBuf)> = {
                let held = self.held.read();
                held.iter().map(|(tenant, held)| (*tenant, held.socket.clone())).collect()
            };
            if tenants.is_empty() {
                return;
            }
            for (tenant, socket) in tenants {
                let asking = ledger.clone();
                let asked = spawn_blocking(move || ask(&asking, tenant, &socket)).await;
                // A key that cannot be asked for is not in force.
                self.set(tenant, asked.unwrap_or(false), &ledger).await;
            }
        }
    }

    async fn set(&self, tenant: TenantId, is_in_force: bool, ledger: &Ledger) {
        {
            let mut held = self.held.write();
            let Some(held) = held.get_mut(&tenant) else { return };
            match (held.in_force.is_cancelled(), is_in_force) {
                (false, true) | (true, false) => return,
                (false, false) => held.in_force.cancel(),
                (true, true) => held.in_force = CancellationToken::new(),
            }
        }
        if is_in_force {
            tracing::info!(%tenant, "the customer's key is in force again");
        } else {
            tracing::warn!(%tenant, "the customer withdrew its key: nothing of the tenant opens or runs");
            ledger.objects().forget(tenant);
        }
        let ledger = ledger.clone();
        let noted = spawn_blocking(move || ledger.key_withheld(tenant, !is_in_force)).await;
        if !matches!(noted, Ok(Ok(()))) {
            tracing::error!(%tenant, "the log has no entry of the customer's key");
        }
    }
}

fn in_force(ledger: &Ledger, tenant: TenantId) -> bool {
    ledger.objects().key_in_force(tenant).unwrap_or(false)
}

/// Asks the custodian whether the key is in force. If it is not, the custodian may have lost its
/// connection: a holder that answers again gets a new custodian.
fn ask(ledger: &Ledger, tenant: TenantId, socket: &PathBuf) -> bool {
    if in_force(ledger, tenant) {
        return true;
    }
    let connection = holder::Connection::new(UnixStream::connect(socket).ok());
    connection.is_present(tenant) && {
        ledger.renew_custodian();
        in_force(ledger, tenant)
    }
}

/// Interval between two checks of a key. A withdrawn key has no effect any more after this time and
/// the wait for the holder's answer.
const CHECK_EVERY: Duration = Duration::from_secs(5);
