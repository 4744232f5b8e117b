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
use serde::Serialize;

use crate::{
    fleet::{Fleet, WorkerStatus},
    gateway::Gateway,
};

#[derive(Debug, Serialize)]
struct Readiness {
    status: &'static str,
    workers: Vec<WorkerStatus>,
    /// Why deadlines cannot be carried out or the log cannot be published, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

/// The listener's routes, with the administration's beside them.
pub fn router(gateway: Arc<Gateway>, admin: Router) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(gateway)
        .merge(admin)
}

/// The process answers.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Every worker that a deployment needs is ready, deadlines are carried out, and the log is published.
async fn readyz(State(gateway): State<Arc<Gateway>>) -> Response {
    let trouble = gateway.ledger.trouble();
    let (status, text) = match (gateway.is_stopping(), gateway.fleet.ready(), &trouble) {
        (true, _, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        (false, _, Some(_)) => (StatusCode::SERVICE_UNAVAILABLE, "troubled"),
        (false, true, None) => (StatusCode::OK, "ready"),
        (false, false, None) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
    };
    let workers = statuses(&gateway.fleet);
    (status, Json(Readiness { status: text, workers, trouble })).into_response()
}

fn statuses(fleet: &Fleet) -> Vec<WorkerStatus> {
    fleet.workers().iter().map(|view| view.status()).collect()
}

async fn metrics(State(gateway): State<Arc<Gateway>>) -> Response {
    match gateway.metrics.encode() {
        Ok(text) => ([(CONTENT_TYPE, PROMETHEUS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
