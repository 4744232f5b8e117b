//! The operators' listener: whether the service lives, whether it is ready, its numbers, and the
//! administration. It is never the customers' listener.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use egress::{Egress, Visits};
use serde::Serialize;

use crate::{
    fleet::{Fleet, Readiness, WorkerStatus},
    gateway::Gateway,
    witnesses::{WitnessStatus, Witnesses},
};

#[derive(Debug, Serialize)]
struct Ready {
    status: &'static str,
    /// The workers whose models cannot be loaded; `workers` says why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
    workers: Vec<WorkerStatus>,
    /// Why deadlines cannot be carried out or the log cannot be published, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// How the log's witnesses do. One that cannot be reached is no trouble of this service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    witnesses: Vec<WitnessStatus>,
}

/// Where the service dials, and whom it asks there.
#[derive(Debug, Clone)]
pub struct Outward {
    /// What may be dialed.
    pub egress: Egress,
    /// The log's witnesses.
    pub witnesses: Arc<Witnesses>,
}

#[derive(Debug, Clone)]
struct Operations {
    gateway: Arc<Gateway>,
    outward: Outward,
}

/// The listener's routes, with the administration's beside them.
pub fn router(gateway: Arc<Gateway>, outward: Outward, admin: Router) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/egress", get(egress))
        .with_state(Operations { gateway, outward })
        .merge(admin)
}

/// The process answers. This listener is the last to close, so it says so until the drain is over.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Every worker that a deployment needs is ready, or has failed and is named beside others that are
/// ready; deadlines are carried out, the log is published, and the service is not about to end.
async fn readyz(State(operations): State<Operations>) -> Response {
    let Operations { gateway, outward } = operations;
    let trouble = gateway.ledger.trouble();
    let (status, text) = match (gateway.is_stopping(), gateway.fleet.readiness(), &trouble) {
        (true, _, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, _, Some(_)) => (StatusCode::SERVICE_UNAVAILABLE, "troubled"),
        (false, Readiness::Ready, None) => (StatusCode::OK, "ready"),
        (false, Readiness::Starting, None) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (false, Readiness::Failed, None) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
    };
    let workers = statuses(&gateway.fleet);
    let failed = workers.iter().filter(|worker| worker.state == "failed");
    let failed = failed.map(|worker| format!("{}/{}", worker.model, worker.task.name())).collect();
    let witnesses = outward.witnesses.status();
    (status, Json(Ready { status: text, failed, workers, trouble, witnesses })).into_response()
}

#[derive(Debug, Serialize)]
struct Left {
    /// Each destination that may be dialed, and how often it was.
    destinations: Vec<Visited>,
    /// How often something else was to be dialed.
    refused: u64,
}

#[derive(Debug, Serialize)]
struct Visited {
    destination: String,
    dials: u64,
    answers: u64,
    /// Whether it may still be dialed: the list may have changed since the start.
    listed: bool,
}

/// All that has left the machine since the start, by destination.
async fn egress(State(operations): State<Operations>) -> Json<Left> {
    let egress = operations.outward.egress;
    let visited = |Visits { destination, dials, answers, listed }| Visited {
        destination,
        dials,
        answers,
        listed,
    };
    let destinations = egress.visits().into_iter().map(visited).collect();
    Json(Left { destinations, refused: egress.refused() })
}

fn statuses(fleet: &Fleet) -> Vec<WorkerStatus> {
    fleet.workers().iter().map(|view| view.status()).collect()
}

async fn metrics(State(operations): State<Operations>) -> Response {
    match operations.gateway.metrics.encode() {
        Ok(text) => ([(CONTENT_TYPE, PROMETHEUS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
