//! Routes that are listed as they are created. A test walks the list, so every route needs a test
//! of access without permission.

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, on},
};

/// An axum router with a list of its routes.
#[derive(Debug)]
pub(crate) struct Routes<S> {
    router: Router<S>,
    listed: Vec<(Method, String)>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Creates a router without routes.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), listed: Vec::new() }
    }

    /// Adds a route of GET.
    #[must_use]
    pub(crate) fn get<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.on((Method::GET, MethodFilter::GET), path, handler)
    }

    /// Adds a route of POST.
    #[must_use]
    pub(crate) fn post<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.on((Method::POST, MethodFilter::POST), path, handler)
    }

    /// Adds a route of PUT.
    #[must_use]
    pub(crate) fn put<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.on((Method::PUT, MethodFilter::PUT), path, handler)
    }

    /// Adds a route of PATCH.
    #[must_use]
    pub(crate) fn patch<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.on((Method::PATCH, MethodFilter::PATCH), path, handler)
    }

    /// Adds a route of DELETE.
    #[must_use]
    pub(crate) fn delete<H: Handler<T, S>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.on((Method::DELETE, MethodFilter::DELETE), path, handler)
    }

    fn on<H: Handler<T, S>, T: 'static>(
        mut self,
        (method, filter): (Method, MethodFilter),
        path: &str,
        handler: H,
    ) -> Self {
        self.listed.push((method, path.to_owned()));
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    /// Returns methods and path templates, in the order in which they were added.
    #[must_use]
    pub(crate) fn listed(&self) -> &[(Method, String)] {
        &self.listed
    }

    /// Returns the router.
    pub(crate) fn into_router(self) -> Router<S> {
        self.router
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}
