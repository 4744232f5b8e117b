//! The operators' listener: health, readiness, metrics and administration. It is never the
//! customers' listener.

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
    cosigners::{WitnessStatus, Witnesses},
    engines::EngineDoing,
    fleet::{Fleet, Readiness, WorkerStatus},
    gateway::Gateway,
};

#[derive(Debug, Serialize)]
struct Ready {
    status: &'static str,
    /// The workers whose models cannot be loaded; `workers` has the reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<String>,
    workers: Vec<WorkerStatus>,
    /// The engines that are other programs. One that fails does not make the service unready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    engines: Vec<EngineDoing>,
    /// The reason why deadlines cannot be carried out or the log cannot be published, and the next
    /// step.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// The state of the log's witnesses. An unreachable witness does not make the service unready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    witnesses: Vec<WitnessStatus>,
}

/// The service's outbound connections.
#[derive(Debug, Clone)]
pub(crate) struct Outward {
    /// The list of destinations, and the counts of dials.
    pub egress: Egress,
    /// The log's witnesses.
    pub witnesses: Arc<Witnesses>,
}

#[derive(Debug, Clone)]
struct Operations {
    gateway: Arc<Gateway>,
    outward: Outward,
}

/// Returns the listener's routes, merged with the administration's.
pub(crate) fn router(gateway: Arc<Gateway>, outward: Outward, admin: Router) -> Router {
    Router::new()
        .route("/", get(about))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/egress", get(egress))
        .with_state(Operations { gateway, outward })
        .merge(admin)
}

/// Describes the listener, for people who open it in a browser.
async fn about() -> &'static str {
    "Bailiwick: health, metrics and administration.\n\n\
     GET /healthz   whether the process answers\n\
     GET /readyz    whether the service is ready, and the reason if it is not\n\
     GET /metrics   numbers for Prometheus\n\
     GET /egress    outbound connections, by destination\n\
     /admin/v1/...  administration, with the administrator's key or a token\n"
}

/// Reports that the process answers. This listener closes last, so it answers until the drain is
/// over.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Reports ready when every required worker is ready, or has failed while others are ready (failed
/// workers are named). Deadlines must be carried out, the log published, and the service must not
/// be stopping.
async fn readyz(State(operations): State<Operations>) -> Response {
    let Operations { gateway, outward } = operations;
    let trouble = gateway.services.ledger.trouble();
    let (status, text) = match (gateway.is_stopping(), gateway.services.fleet.readiness(), &trouble)
    {
        (true, _, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, _, Some(_)) => (StatusCode::SERVICE_UNAVAILABLE, "troubled"),
        (false, Readiness::Ready, None) => (StatusCode::OK, "ready"),
        (false, Readiness::Starting, None) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (false, Readiness::Failed, None) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
    };
    let workers = statuses(&gateway.services.fleet);
    let failed = workers.iter().filter(|worker| worker.state == "failed");
    let failed = failed.map(|worker| format!("{}/{}", worker.model, worker.task.name())).collect();
    let engines = gateway.services.engines.doing();
    let witnesses = outward.witnesses.status();
    let ready = Ready { status: text, failed, workers, engines, trouble, witnesses };
    (status, Json(ready)).into_response()
}

#[derive(Debug, Serialize)]
struct Left {
    /// Each listed destination, with the numbers of dials, requests and answers.
    destinations: Vec<Visited>,
    /// Number of refused attempts to dial other destinations.
    refused: u64,
}

#[derive(Debug, Serialize)]
struct Visited {
    destination: String,
    dials: u64,
    requests: u64,
    answers: u64,
    /// Whether the destination is still listed: the list may have changed since the start.
    listed: bool,
}

/// Returns all outbound connections since the start, by destination.
async fn egress(State(operations): State<Operations>) -> Json<Left> {
    let egress = operations.outward.egress;
    let visited = |Visits { destination, dials, requests, answers, listed }| Visited {
        destination,
        dials,
        requests,
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
