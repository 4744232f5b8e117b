//! What management shows of a worker: its state, its process, and how it is confined.

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
pub struct WorkerView {
    /// The worker's name: its model and what it does.
    pub name: String,
    /// The name of the model that it runs.
    pub model: String,
    /// What for.
    pub task: Task,
    /// Where it is in its life: `loading`, `ready`, `restarting`, `failed`, `stopped`.
    pub state: &'static str,
    /// How far it has loaded, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<f32>,
    /// Why it does not run, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The process that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Tokens that one of its sequences holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Requests that wait or run in it.
    pub load: u32,
    /// How often it died and was started again.
    pub restarts: u64,
    /// What it is kept from, and what happened when it tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confinement: Option<ConfinementView>,
}

/// The gateway's own process.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayView {
    /// The process.
    pub pid: u32,
    /// What it is kept from, and what happened when it tried.
    pub confinement: ConfinementView,
}

/// What a worker, or the gateway, is kept from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfinementView {
    /// Version of Landlock in force.
    pub landlock_abi: u32,
    /// Whether the seccomp filter is in force.
    pub seccomp: bool,
    /// Whether its memory is kept from swap.
    pub memory_locked: bool,
    /// What it tried after it was confined, and the error that each attempt met.
    pub attempts: Vec<AttemptView>,
}

/// One attempt to break out.
#[derive(Debug, Serialize)]
pub struct AttemptView {
    /// What was tried.
    pub attempt: String,
    /// The error it met.
    pub error: String,
}

impl Acting {
    /// The workers, with what each showed of its confinement.
    ///
    /// # Errors
    /// When the caller may not see evidence.
    pub fn workers(&self, fleet: &Fleet) -> Result<Vec<WorkerView>, ManageError> {
        let permit = self.permit::<ReadEvidence>(&Looked::there(Scope::Service), Named::Service)?;
        Ok(match permit.spend() {
            Scope::Service => fleet.workers().iter().map(WorkerView::of).collect(),
            // Workers are the service's.
            Scope::Tenant(_) | Scope::Resource(_) | Scope::Deployment(_) => Vec::new(),
        })
    }

    /// The gateway, with what it showed of its confinement.
    ///
    /// # Errors
    /// When the caller may not see evidence.
    pub fn gateway(&self, confinement: &Confinement) -> Result<GatewayView, ManageError> {
        let permit = self.permit::<ReadEvidence>(&Looked::there(Scope::Service), Named::Service)?;
        let Scope::Service = permit.spend() else {
            return Err(ManageError::NotOfTheService { action: ReadEvidence::NAME });
        };
        let confinement = ConfinementView::of(confinement);
        Ok(GatewayView { pid: std::process::id(), confinement })
    }
}

impl WorkerView {
    /// What is to be shown of a worker now.
    #[must_use]
    pub fn of(worker: &fleet::WorkerView) -> Self {
        let mut view = Self {
            name: format!("{}/{}", worker.model, worker.task.name()),
            model: worker.model.clone(),
            task: worker.task,
            state: "loading",
            progress: None,
            reason: None,
            pid: None,
            context_tokens: None,
            load: worker.load,
            restarts: worker.restarts,
            confinement: None,
        };
        match &worker.state {
            State::Loading(progress) => view.progress = Some(*progress),
            State::Ready(report) => {
                view.state = "ready";
                view.pid = Some(report.pid);
                view.context_tokens = Some(report.facts.context);
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
