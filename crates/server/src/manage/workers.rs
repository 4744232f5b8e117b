//! Management's view of a worker: its state, its process and its confinement.

use engine::{protocol::Confinement, supervise::State};
use policy::{
    authz::facts::Scope,
    permit::{Action as _, ReadEvidence},
    task::Task,
};
use serde::Serialize;

use super::{Acting, ManageError, actor::Named};
use crate::{
    fleet::{self, Fleet},
    looked::Looked,
};

/// A worker.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkerView {
    /// Name of the worker: its model and its task.
    pub name: String,
    /// Name of the model that it runs.
    pub model: String,
    /// Task that it runs the model for.
    pub task: Task,
    /// State of the worker: `loading`, `ready`, `restarting`, `failed`, `stopped`.
    pub state: &'static str,
    /// Part of the model that is loaded, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<f32>,
    /// Reason that it does not run, and the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Id of the process that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Tokens that one of its sequences can hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Graphics cards that it uses. Left out if the processor computes everything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Requests that wait or run in it.
    pub load: u32,
    /// Number of restarts after a death.
    pub restarts: u64,
    /// Restrictions of the process, and the results of its attempts to break out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confinement: Option<ConfinementView>,
}

/// The gateway's own process.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewayView {
    /// Id of the process.
    pub pid: u32,
    /// Restrictions of the process, and the results of its attempts to break out.
    pub confinement: ConfinementView,
}

/// The restrictions of a worker's or the gateway's process.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfinementView {
    /// Version of the active Landlock ABI.
    pub landlock_abi: u32,
    /// Whether the seccomp filter is active.
    pub seccomp: bool,
    /// Whether its memory is locked, so that it cannot be swapped out.
    pub memory_locked: bool,
    /// The attempts that it made after it was confined, each with the resulting error.
    pub attempts: Vec<AttemptView>,
}

/// One attempt to break out.
#[derive(Debug, Serialize)]
pub(crate) struct AttemptView {
    /// Action that was attempted.
    pub attempt: String,
    /// Error that the attempt met.
    pub error: String,
}

impl Acting {
    /// Lists the workers, each with the evidence of its confinement.
    ///
    /// # Errors
    /// The caller may not see evidence.
    pub(crate) fn workers(&self, fleet: &Fleet) -> Result<Vec<WorkerView>, ManageError> {
        let permit = self.permit::<ReadEvidence>(&Looked::there(Scope::Service), Named::Service)?;
        Ok(match permit.spend() {
            Scope::Service => fleet.workers().iter().map(WorkerView::of).collect(),
            // Workers belong to the service, not to a tenant.
            Scope::Tenant(_) | Scope::Resource(_) | Scope::Deployment(_) => Vec::new(),
        })
    }

    /// Returns the gateway with the evidence of its confinement.
    ///
    /// # Errors
    /// The caller may not see evidence.
    pub(crate) fn gateway(&self, confinement: &Confinement) -> Result<GatewayView, ManageError> {
        let permit = self.permit::<ReadEvidence>(&Looked::there(Scope::Service), Named::Service)?;
        let Scope::Service = permit.spend() else {
            return Err(ManageError::NotOfTheService { action: ReadEvidence::NAME });
        };
        let confinement = ConfinementView::of(confinement);
        Ok(GatewayView { pid: std::process::id(), confinement })
    }
}

impl WorkerView {
    /// Returns the view of a worker as of now.
    #[must_use]
    pub(crate) fn of(worker: &fleet::WorkerView) -> Self {
        let mut view = Self {
            name: format!("{}/{}", worker.model, worker.task.name()),
            model: worker.model.clone(),
            task: worker.task,
            state: "loading",
            progress: None,
            reason: None,
            pid: None,
            context_tokens: None,
            devices: Vec::new(),
            load: worker.load,
            restarts: worker.restarts,
            confinement: None,
        };
        match &worker.state {
            State::Loading(progress) => view.progress = Some(*progress),
            State::Ready(report) => {
                view.state = "ready";
                view.pid = Some(report.pid);
                view.context_tokens = Some(report.model.context);
                view.devices.clone_from(&report.model.devices);
                view.confinement = Some(ConfinementView::of(&report.confinement));
            }
            State::Restarting { reason, .. } => {
                view.state = "restarting";
                view.reason = Some(reason.clone());
            }
            State::Failed { reason } => {
                view.state = "failed";
                view.reason = Some(reason.clone());
            }
            State::Stopped => view.state = "stopped",
        }
        view
    }
}

impl ConfinementView {
    fn of(confinement: &Confinement) -> Self {
        let attempt = |(attempt, error): &(String, String)| AttemptView {
            attempt: attempt.clone(),
            error: error.clone(),
        };
        Self {
            landlock_abi: confinement.landlock_abi,
            seccomp: confinement.seccomp,
            memory_locked: confinement.memory_locked,
            attempts: confinement.attempts.iter().map(attempt).collect(),
        }
    }
}
