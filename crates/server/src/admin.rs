//! The admin API: management over HTTP, on the operations listener only, for the holder of the
//! administrator's key.
//!
//! It does what the command line does, by the same functions, and answers in the same JSON.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, FromRequest, Path, Query, Request, State, rejection::QueryRejection,
    },
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use policy::principal::{Key, KeyName};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::{Store, StoreError};

use crate::{
    config::Config,
    fleet::Fleet,
    manage::{
        DeploymentUpdate, ManageError, Management, NewDeployment, NewModel, NewResource,
        ResourceUpdate, RoleAssignment, UsageView, WorkerView,
    },
};

/// Bytes of a request; none of them is long.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The admin API of one server.
pub fn router(store: Store, fleet: Fleet, config: &Config) -> Router {
    let management = Management::new(store, &config.data);
    let workers = get(move || async move {
        Json(fleet.workers().iter().map(WorkerView::of).collect::<Vec<_>>())
    });
    let resource = "/admin/v1/resources/{name}";
    Router::new()
        .route("/admin/v1/tenants", get(tenants).post(create_tenant))
        .route("/admin/v1/tenants/{name}", get(tenant).delete(delete_tenant))
        .route("/admin/v1/resources", get(resources).post(create_resource))
        .route(resource, get(show_resource).patch(update_resource).delete(delete_resource))
        .route(&format!("{resource}/listKeys"), get(keys))
        .route(&format!("{resource}/regenerateKey"), post(regenerate_key))
        .route(&format!("{resource}/deployments"), get(deployments).post(create_deployment))
        .route(
            &format!("{resource}/deployments/{{deployment}}"),
            get(deployment).patch(update_deployment).delete(delete_deployment),
        )
        .route("/admin/v1/models", get(models).post(add_model))
        .route("/admin/v1/models/{name}", get(model).delete(delete_model))
        .route(
            "/admin/v1/roleAssignments",
            get(role_assignments).post(assign_role).delete(remove_role),
        )
        .route("/admin/v1/usage", get(usage))
        .route("/admin/v1/workers", workers)
        .route("/admin/{*rest}", axum::routing::any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        // Last, and so outermost: the key is checked before anything is read. Only on these routes,
        // because the listener has others beside them.
        .route_layer(middleware::from_fn_with_state(management.clone(), only_admin))
        .with_state(management)
}

async fn only_admin(
    State(management): State<Management>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Result<Response, AdminError> {
    let presented = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| Key::presented(key.trim()));
    let Some(key) = presented else { return Err(AdminError::Unauthorized) };
    if !blocking(move || management.is_admin(&key)).await? {
        return Err(AdminError::Unauthorized);
    }
    Ok(next.run(request).await)
}

type Answer<T> = Result<Json<T>, AdminError>;
type Created<T> = Result<(StatusCode, Json<T>), AdminError>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfTenant {
    tenant: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfResource {
    resource: Option<String>,
    format: Option<UsageFormat>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum UsageFormat {
    Json,
    Csv,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Regenerate {
    key_name: KeyName,
}

async fn tenants(State(m): State<Management>) -> Answer<impl Serialize> {
    blocking(move || m.tenants()).await.map(Json)
}

async fn create_tenant(
    State(m): State<Management>,
    Parsed(new): Parsed<NewTenant>,
) -> Created<impl Serialize> {
    created(blocking(move || m.create_tenant(&new.name)).await)
}

async fn tenant(State(m): State<Management>, Path(name): Path<String>) -> Answer<impl Serialize> {
    blocking(move || m.tenant(&name)).await.map(Json)
}

async fn delete_tenant(
    State(m): State<Management>,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_tenant(&name)).await)
}

async fn resources(
    State(m): State<Management>,
    query: Result<Query<OfTenant>, QueryRejection>,
) -> Answer<impl Serialize> {
    let Query(of) = query.map_err(|error| AdminError::BadRequest(error.body_text()))?;
    blocking(move || m.resources(of.tenant.as_deref())).await.map(Json)
}

async fn create_resource(
    State(m): State<Management>,
    Parsed(new): Parsed<NewResource>,
) -> Created<impl Serialize> {
    created(blocking(move || m.create_resource(&new)).await)
}

async fn show_resource(
    State(m): State<Management>,
    Path(name): Path<String>,
) -> Answer<impl Serialize> {
    blocking(move || m.resource(&name)).await.map(Json)
}

async fn update_resource(
    State(m): State<Management>,
    Path(name): Path<String>,
    Parsed(update): Parsed<ResourceUpdate>,
) -> Answer<impl Serialize> {
    blocking(move || m.update_resource(&name, &update)).await.map(Json)
}

async fn delete_resource(
    State(m): State<Management>,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_resource(&name)).await)
}

async fn role_assignments(State(m): State<Management>) -> Answer<impl Serialize> {
    blocking(move || m.role_assignments()).await.map(Json)
}

async fn assign_role(
    State(m): State<Management>,
    Parsed(given): Parsed<RoleAssignment>,
) -> Result<StatusCode, AdminError> {
    blocking(move || m.assign_role(&given)).await.map(|()| StatusCode::CREATED)
}

async fn remove_role(
    State(m): State<Management>,
    Parsed(given): Parsed<RoleAssignment>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.remove_role(&given)).await)
}

async fn usage(
    State(m): State<Management>,
    query: Result<Query<OfResource>, QueryRejection>,
) -> Result<Response, AdminError> {
    let Query(of) = query.map_err(|error| AdminError::BadRequest(error.body_text()))?;
    let views = blocking(move || m.usage(of.resource.as_deref())).await?;
    Ok(if of.format == Some(UsageFormat::Csv) {
        ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], UsageView::csv(&views))
            .into_response()
    } else {
        Json(views).into_response()
    })
}

async fn keys(State(m): State<Management>, Path(name): Path<String>) -> Answer<impl Serialize> {
    blocking(move || m.keys(&name)).await.map(Json)
}

async fn regenerate_key(
    State(m): State<Management>,
    Path(name): Path<String>,
    Parsed(which): Parsed<Regenerate>,
) -> Answer<impl Serialize> {
    blocking(move || m.rotate_key(&name, which.key_name)).await.map(Json)
}

async fn deployments(
    State(m): State<Management>,
    Path(name): Path<String>,
) -> Answer<impl Serialize> {
    blocking(move || m.deployments(Some(&name))).await.map(Json)
}

async fn create_deployment(
    State(m): State<Management>,
    Path(name): Path<String>,
    Parsed(new): Parsed<NewDeployment>,
) -> Created<impl Serialize> {
    created(blocking(move || m.create_deployment(&name, &new)).await)
}

async fn deployment(
    State(m): State<Management>,
    Path((resource, name)): Path<(String, String)>,
) -> Answer<impl Serialize> {
    blocking(move || m.deployment(&resource, &name)).await.map(Json)
}

async fn update_deployment(
    State(m): State<Management>,
    Path((resource, name)): Path<(String, String)>,
    Parsed(update): Parsed<DeploymentUpdate>,
) -> Answer<impl Serialize> {
    blocking(move || m.update_deployment(&resource, &name, update)).await.map(Json)
}

async fn delete_deployment(
    State(m): State<Management>,
    Path((resource, name)): Path<(String, String)>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_deployment(&resource, &name)).await)
}

async fn models(State(m): State<Management>) -> Answer<impl Serialize> {
    blocking(move || m.models()).await.map(Json)
}

async fn add_model(
    State(m): State<Management>,
    Parsed(new): Parsed<NewModel>,
) -> Created<impl Serialize> {
    // A task of its own: it is carried to its end, also when the caller does not wait for it.
    let added = tokio::spawn(async move { m.add_model(new, |_, _| ()).await }).await;
    created(
        added
            .unwrap_or_else(|error| Err(ManageError::Aborted(error.to_string())))
            .map_err(AdminError::from),
    )
}

async fn model(State(m): State<Management>, Path(name): Path<String>) -> Answer<impl Serialize> {
    blocking(move || m.model(&name)).await.map(Json)
}

async fn delete_model(
    State(m): State<Management>,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_model(&name)).await)
}

async fn not_found() -> AdminError {
    AdminError::NoSuchPath
}

async fn method_not_allowed() -> AdminError {
    AdminError::MethodNotAllowed
}

/// Runs what waits for the disk where it holds nobody up.
fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ManageError> + Send + 'static,
) -> impl Future<Output = Result<T, AdminError>> {
    let done = tokio::task::spawn_blocking(work);
    async move {
        let done = done.await.unwrap_or_else(|error| Err(ManageError::Aborted(error.to_string())));
        done.map_err(AdminError::from)
    }
}

/// A JSON body. axum's own would refuse in plain text, and want a content type.
struct Parsed<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Parsed<T> {
    type Rejection = AdminError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AdminError> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                AdminError::TooLarge
            } else {
                AdminError::BadRequest(rejection.body_text())
            }
        })?;
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            AdminError::BadRequest(format!("the body is not as expected: {error}"))
        })
    }
}

fn created<T>(result: Result<T, AdminError>) -> Created<T> {
    result.map(|view| (StatusCode::CREATED, Json(view)))
}

fn deleted(result: Result<(), AdminError>) -> Result<StatusCode, AdminError> {
    result.map(|()| StatusCode::NO_CONTENT)
}

/// Why the admin API refused.
#[derive(Debug)]
enum AdminError {
    Unauthorized,
    NoSuchPath,
    MethodNotAllowed,
    TooLarge,
    BadRequest(String),
    Refused(ManageError),
}

impl From<ManageError> for AdminError {
    fn from(error: ManageError) -> Self {
        Self::Refused(error)
    }
}

impl AdminError {
    fn status(&self) -> (StatusCode, &'static str) {
        const BAD_REQUEST: (StatusCode, &str) = (StatusCode::BAD_REQUEST, "BadRequest");
        const FAILED: (StatusCode, &str) =
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError");
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "NotFound"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge"),
            Self::BadRequest(_) => BAD_REQUEST,
            Self::Refused(error) => match error {
                ManageError::Store(StoreError::NotFound { .. }) => {
                    (StatusCode::NOT_FOUND, "NotFound")
                }
                ManageError::Store(StoreError::Exists { .. } | StoreError::InUse(_)) => {
                    (StatusCode::CONFLICT, "Conflict")
                }
                ManageError::Store(StoreError::Busy) => {
                    (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
                }
                ManageError::Store(StoreError::BadName { .. })
                | ManageError::ModelCannotChat { .. }
                | ManageError::Days(_)
                | ManageError::NoReason
                | ManageError::TooManyIpRules { .. }
                | ManageError::Role(_)
                | ManageError::ObjectId
                | ManageError::Workstation(_)
                | ManageError::NoRole
                | ManageError::Unsuitable { .. }
                | ManageError::File { .. } => BAD_REQUEST,
                ManageError::Store(
                    StoreError::Exposed { .. }
                    | StoreError::Newer { .. }
                    | StoreError::Damaged { .. }
                    | StoreError::Clock(_)
                    | StoreError::NoRandom(_)
                    | StoreError::Locked { .. }
                    | StoreError::Database(_)
                    | StoreError::File { .. },
                )
                | ManageError::Random(_)
                | ManageError::Aborted(_) => FAILED,
            },
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unauthorized => {
                "send the administrator's key as `Authorization: Bearer KEY`; it is in the file \
                 admin.key in the data directory, and `bailiwick key rotate --admin` makes a new \
                 one"
                .to_owned()
            }
            Self::NoSuchPath => {
                "there is nothing at this path; the admin API has /admin/v1/tenants, resources, \
                 models, roleAssignments, usage and workers"
                    .to_owned()
            }
            Self::MethodNotAllowed => "this path does not take this method".to_owned(),
            Self::TooLarge => format!("the body is longer than {BODY_BYTES_MAX} bytes"),
            Self::BadRequest(message) => message.clone(),
            Self::Refused(error) => format!("{error}; {}", error.help()),
        }
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let (status, code) = self.status();
        if status.is_server_error() {
            tracing::error!(%code, message = self.message(), "an admin request failed");
        }
        let body = serde_json::json!({ "error": { "code": code, "message": self.message() } });
        (status, Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests;
