//! The paths of all listeners: a test calls each of them without permission.

use axum::http::Method;

pub use crate::openai::routes::{Endpoint, Page, Route, State, routes};
use crate::{admin, desk};

/// Returns methods and path templates of the administration.
#[must_use]
pub fn administration() -> Vec<(Method, String)> {
    admin::routes().listed().to_vec()
}

/// Returns methods and path templates of the owner desk.
#[must_use]
pub fn desk() -> Vec<(Method, String)> {
    desk::routes().listed().to_vec()
}

/// Returns methods and path templates of the review desk.
#[must_use]
pub fn review() -> Vec<(Method, String)> {
    desk::review_routes().listed().to_vec()
}
