//! The admin API: management over HTTP. The operations listener accepts the administrator's key,
//! and tokens; the desk accepts only tokens of callers that hold a role.
//!
//! The API calls the same functions as the command line, and answers in the same JSON.

mod filters;
mod personal;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{
        DefaultBodyLimit, FromRequestParts, Path, Query, Request, State, rejection::QueryRejection,
    },
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::any,
};
use engine::protocol::Confinement;
use policy::{
    principal::{Key, KeyName},
    retention::Metadata,
    token::looks_like_one,
};
use serde::{Deserialize, Serialize};
use store::StoreError;

use crate::{
    authority::Authorities,
    board::Doing,
    config::PricesConfig,
    engines::Engines,
    fleet::Fleet,
    http::{BODY_BYTES_MAX, Parsed, bearer, refusal},
    identity::Providers,
    listen::Guest,
    manage::{
        Acting, Actor, BadEngine, DeploymentUpdate, EngineUpdate, InventoryQuestion, ManageError,
        Management, ModelToAdd, NewDeployment, NewEngine, NewResource, Period, ResourceUpdate,
        RoleAssignment, Step, UsageQuestion, UsageView,
    },
    recent_errors::RecentErrors,
    routes::Routes,
    sign_in::{NotSignedIn, SignedIn},
};

/// The parts that the admin API needs.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    /// Tenants, resources, deployments, models and roles, before an actor is known.
    pub management: Management,
    /// The workers.
    pub fleet: Fleet,
    /// The engines that are other programs.
    pub engines: Engines,
    /// The authorities that decide each request.
    pub authorities: Arc<Authorities>,
    /// The identity providers whose tokens identify callers.
    pub providers: Providers,
    /// Whether this listener accepts the administrator's key.
    pub key: AdminKey,
    /// The confinement of this process.
    pub confinement: Arc<Confinement>,
    /// The prices of tokens.
    pub prices: Arc<PricesConfig>,
    /// How long data without content is kept.
    pub metadata: Metadata,
    /// The errors of the last hour.
    pub errors: Arc<RecentErrors>,
}

/// Whether a listener accepts the administrator's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdminKey {
    /// Accepted: the operator's own listener.
    Taken,
    /// Refused: a listener that customers reach accepts only tokens.
    Refused,
}

/// Returns the routes of the admin API.
#[must_use]
pub(crate) fn routes() -> Routes<Admin> {
    let resource = "/admin/v1/resources/{name}";
    let of = |what: &str| format!("{resource}/{what}");
    Routes::new()
        .get("/admin/v1/tenants", tenants)
        .post("/admin/v1/tenants", create_tenant)
        .get("/admin/v1/tenants/{name}", tenant)
        .delete("/admin/v1/tenants/{name}", delete_tenant)
        .get("/admin/v1/resources", resources)
        .post("/admin/v1/resources", create_resource)
        .get(resource, show_resource)
        .patch(resource, update_resource)
        .delete(resource, delete_resource)
        .get(&of("listKeys"), keys)
        .post(&of("regenerateKey"), regenerate_key)
        .get(&of("inventory"), inventory)
        .get(&of("explain"), explain)
        .get(&of("errors"), errors)
        .get(&of("deployments"), deployments)
        .post(&of("deployments"), create_deployment)
        .get(&of("deployments/{deployment}"), deployment)
        .patch(&of("deployments/{deployment}"), update_deployment)
        .delete(&of("deployments/{deployment}"), delete_deployment)
        .get(&of("personalData"), personal::of_resource)
        .patch(&of("personalData"), personal::set_of_resource)
        .get(&of("raiPolicies"), filters::filters)
        .get(&of("raiPolicies/{policy}"), filters::filter)
        .put(&of("raiPolicies/{policy}"), filters::write_filter)
        .delete(&of("raiPolicies/{policy}"), filters::delete_filter)
        .get(&of("raiBlocklists"), filters::blocklists)
        .get(&of("raiBlocklists/{list}"), filters::blocklist)
        .put(&of("raiBlocklists/{list}"), filters::write_blocklist)
        .delete(&of("raiBlocklists/{list}"), filters::delete_blocklist)
        .post(&of("raiBlocklists/{list}/addRaiBlocklistItems"), filters::add_items)
        .post(&of("raiBlocklists/{list}/deleteRaiBlocklistItems"), filters::delete_items)
        .get(&of("raiBlocklists/{list}/raiBlocklistItems"), filters::items)
        .get(&of("raiBlocklists/{list}/raiBlocklistItems/{item}"), filters::item)
        .put(&of("raiBlocklists/{list}/raiBlocklistItems/{item}"), filters::write_item)
        .delete(&of("raiBlocklists/{list}/raiBlocklistItems/{item}"), filters::delete_item)
        .get("/admin/v1/models", models)
        .post("/admin/v1/models", add_model)
        .get("/admin/v1/models/{name}", model)
        .delete("/admin/v1/models/{name}", delete_model)
        .get("/admin/v1/engines", engines)
        .post("/admin/v1/engines", create_engine)
        .get("/admin/v1/engines/{name}", engine)
        .patch("/admin/v1/engines/{name}", update_engine)
        .delete("/admin/v1/engines/{name}", delete_engine)
        .get("/admin/v1/processors", processors)
        .get("/admin/v1/processors/{name}/personalData", personal::of_processor)
        .patch("/admin/v1/processors/{name}/personalData", personal::set_of_processor)
        .get("/admin/v1/roleAssignments", role_assignments)
        .post("/admin/v1/roleAssignments", assign_role)
        .delete("/admin/v1/roleAssignments", remove_role)
        .get("/admin/v1/usage", usage)
        .get("/admin/v1/compare", compare)
        .get("/admin/v1/workers", workers)
        .get("/admin/v1/gateway", gateway)
}

/// Builds the router of the admin API.
pub(crate) fn router(admin: Admin) -> Router {
    routes()
        .into_router()
        .route("/admin/{*rest}", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        // The last layer is the outermost: the caller is identified before anything is read. It
        // covers only these routes, because the listener serves others beside them.
        .route_layer(middleware::from_fn_with_state(admin.clone(), let_in))
        .with_state(admin)
}

/// Identifies the actor of a request, and stores it with the request.
async fn let_in(
    State(admin): State<Admin>,
    mut request: Request,
    next: Next,
) -> Result<Response, AdminError> {
    let actor = admin.actor(request.headers()).await?;
    if let Some(guest) = request.extensions().get::<Guest>() {
        guest.recognise(&actor);
    }
    request.extensions_mut().insert(actor);
    Ok(next.run(request).await)
}

impl Admin {
    /// Lists the states of the workers.
    fn doing(&self) -> Vec<Doing> {
        self.fleet.workers().iter().map(|view| view.status().into()).collect()
    }

    async fn actor(&self, headers: &HeaderMap) -> Result<Actor, AdminError> {
        let presented = bearer(headers).ok_or(AdminError::Unauthorized(self.key))?;
        if looks_like_one(presented) {
            let store = self.management.store();
            let signed_in = SignedIn::with(headers, store, &self.authorities, &self.providers);
            return signed_in.await.map(Actor::SignedIn).map_err(|error| match error {
                NotSignedIn::Unauthorized => AdminError::Unauthorized(self.key),
                error => AdminError::NotSignedIn(error),
            });
        }
        if self.key == AdminKey::Refused {
            return Err(AdminError::Unauthorized(self.key));
        }
        let (store, key) = (self.management.store().clone(), Key::presented(presented));
        let administrator = blocking(move || Ok(store.administrator(&key)?)).await?;
        administrator.map(Actor::Administrator).ok_or(AdminError::Unauthorized(self.key))
    }
}

/// Management on the caller's behalf; handlers get no other.
struct OnBehalf(Acting);

impl FromRequestParts<Admin> for OnBehalf {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, AdminError> {
        let actor = parts.extensions.get::<Actor>().cloned();
        let actor = actor.ok_or(AdminError::Unauthorized(admin.key))?;
        Ok(Self(admin.management.on_behalf_of(actor)))
    }
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
struct UsageQuery {
    tenant: Option<String>,
    resource: Option<String>,
    from: Option<Period>,
    to: Option<Period>,
    #[serde(default)]
    by: Step,
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

async fn tenants(OnBehalf(m): OnBehalf) -> Answer<impl Serialize> {
    blocking(move || m.tenants()).await.map(Json)
}

async fn create_tenant(
    OnBehalf(m): OnBehalf,
    Parsed(new): Parsed<NewTenant>,
) -> Created<impl Serialize> {
    created(blocking(move || m.create_tenant(&new.name)).await)
}

async fn tenant(OnBehalf(m): OnBehalf, Path(name): Path<String>) -> Answer<impl Serialize> {
    blocking(move || m.tenant(&name)).await.map(Json)
}

async fn delete_tenant(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_tenant(&name)).await)
}

async fn resources(
    OnBehalf(m): OnBehalf,
    query: Result<Query<OfTenant>, QueryRejection>,
) -> Answer<impl Serialize> {
    let Query(of) = query.map_err(|error| AdminError::BadRequest(error.body_text()))?;
    blocking(move || m.resources(of.tenant.as_deref())).await.map(Json)
}

async fn create_resource(
    OnBehalf(m): OnBehalf,
    Parsed(new): Parsed<NewResource>,
) -> Created<impl Serialize> {
    created(blocking(move || m.create_resource(&new)).await)
}

async fn show_resource(OnBehalf(m): OnBehalf, Path(name): Path<String>) -> Answer<impl Serialize> {
    blocking(move || m.resource(&name)).await.map(Json)
}

async fn update_resource(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
    Parsed(update): Parsed<ResourceUpdate>,
) -> Answer<impl Serialize> {
    blocking(move || m.update_resource(&name, &update)).await.map(Json)
}

async fn delete_resource(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_resource(&name)).await)
}

async fn role_assignments(OnBehalf(m): OnBehalf) -> Answer<impl Serialize> {
    blocking(move || m.role_assignments()).await.map(Json)
}

async fn assign_role(
    OnBehalf(m): OnBehalf,
    Parsed(given): Parsed<RoleAssignment>,
) -> Result<StatusCode, AdminError> {
    blocking(move || m.assign_role(&given)).await.map(|()| StatusCode::CREATED)
}

async fn remove_role(
    OnBehalf(m): OnBehalf,
    Parsed(given): Parsed<RoleAssignment>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.remove_role(&given)).await)
}

async fn workers(State(admin): State<Admin>, OnBehalf(m): OnBehalf) -> Answer<impl Serialize> {
    blocking(move || m.workers(&admin.fleet)).await.map(Json)
}

async fn gateway(State(admin): State<Admin>, OnBehalf(m): OnBehalf) -> Answer<impl Serialize> {
    blocking(move || m.gateway(&admin.confinement)).await.map(Json)
}

async fn usage(
    State(admin): State<Admin>,
    OnBehalf(m): OnBehalf,
    query: Result<Query<UsageQuery>, QueryRejection>,
) -> Result<Response, AdminError> {
    let Query(query) = query.map_err(|error| AdminError::BadRequest(error.body_text()))?;
    let UsageQuery { tenant, resource, from, to, by, format } = query;
    let question = UsageQuestion { tenant, resource, from, to, by };
    let views = blocking(move || m.usage(&question, &admin.prices)).await?;
    Ok(if format == Some(UsageFormat::Csv) {
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"usage.csv\""),
        ];
        (headers, UsageView::csv(&views)).into_response()
    } else {
        Json(views).into_response()
    })
}

async fn inventory(
    State(admin): State<Admin>,
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
    question: Result<Query<InventoryQuestion>, QueryRejection>,
) -> Result<Response, AdminError> {
    let Query(question) = question.map_err(|error| AdminError::BadRequest(error.body_text()))?;
    let metadata = admin.metadata;
    let page = blocking(move || m.inventory(&name, &question, metadata)).await?;
    Ok(Json(page).into_response())
}

async fn explain(OnBehalf(m): OnBehalf, Path(name): Path<String>) -> Answer<impl Serialize> {
    blocking(move || m.explain(&name)).await.map(Json)
}

async fn errors(
    State(admin): State<Admin>,
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
) -> Answer<impl Serialize> {
    blocking(move || m.errors(&name, &admin.errors)).await.map(Json)
}

/// The needs by their names, with commas between them; all of them if missing. The resources that
/// are compared with the offerings: one, or all that the caller may see.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompareQuery {
    needs: Option<String>,
    resource: Option<String>,
}

async fn compare(
    OnBehalf(m): OnBehalf,
    query: Result<Query<CompareQuery>, QueryRejection>,
) -> Answer<impl Serialize> {
    let Query(asked) = query.map_err(|error| AdminError::BadRequest(error.body_text()))?;
    let names = asked.needs.iter().flat_map(|names| names.split(','));
    let names: Vec<_> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    blocking(move || m.compare(&names, asked.resource.as_deref())).await.map(Json)
}

async fn keys(OnBehalf(m): OnBehalf, Path(name): Path<String>) -> Answer<impl Serialize> {
    blocking(move || m.keys(&name)).await.map(Json)
}

async fn regenerate_key(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
    Parsed(which): Parsed<Regenerate>,
) -> Answer<impl Serialize> {
    blocking(move || m.rotate_key(&name, which.key_name)).await.map(Json)
}

async fn deployments(
    State(admin): State<Admin>,
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
) -> Answer<impl Serialize> {
    let views = blocking(move || m.deployments(Some(&name))).await?;
    let workers = admin.doing();
    Ok(Json(views.into_iter().map(|view| view.with_worker(&workers)).collect::<Vec<_>>()))
}

async fn create_deployment(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
    Parsed(new): Parsed<NewDeployment>,
) -> Created<impl Serialize> {
    created(blocking(move || m.create_deployment(&name, &new)).await)
}

async fn deployment(
    State(admin): State<Admin>,
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Path<(String, String)>,
) -> Answer<impl Serialize> {
    let view = blocking(move || m.deployment(&resource, &name)).await?;
    Ok(Json(view.with_worker(&admin.doing())))
}

async fn update_deployment(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Path<(String, String)>,
    Parsed(update): Parsed<DeploymentUpdate>,
) -> Answer<impl Serialize> {
    blocking(move || m.update_deployment(&resource, &name, update)).await.map(Json)
}

async fn delete_deployment(
    OnBehalf(m): OnBehalf,
    Path((resource, name)): Path<(String, String)>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_deployment(&resource, &name)).await)
}

async fn models(OnBehalf(m): OnBehalf) -> Answer<impl Serialize> {
    blocking(move || m.models()).await.map(Json)
}

async fn add_model(
    OnBehalf(m): OnBehalf,
    Parsed(new): Parsed<ModelToAdd>,
) -> Created<impl Serialize> {
    let new = match new {
        ModelToAdd::File(new) => new,
        ModelToAdd::Served(new) => {
            return created(blocking(move || m.add_served_model(&new)).await);
        }
    };
    // A separate task: the work completes even if the caller disconnects.
    let added = tokio::spawn(async move { m.add_model(new, |_, _| ()).await }).await;
    created(
        added
            .unwrap_or_else(|error| Err(ManageError::Aborted(error.to_string())))
            .map_err(AdminError::from),
    )
}

async fn model(OnBehalf(m): OnBehalf, Path(name): Path<String>) -> Answer<impl Serialize> {
    blocking(move || m.model(&name)).await.map(Json)
}

async fn delete_model(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_model(&name)).await)
}

async fn engines(State(admin): State<Admin>, OnBehalf(m): OnBehalf) -> Answer<impl Serialize> {
    let doing = admin.engines.doing();
    let engines = blocking(move || m.engines()).await?;
    Ok(Json(engines.into_iter().map(|view| view.with(&doing)).collect::<Vec<_>>()))
}

async fn create_engine(
    OnBehalf(m): OnBehalf,
    Parsed(new): Parsed<NewEngine>,
) -> Created<impl Serialize> {
    created(blocking(move || m.create_engine(&new)).await)
}

async fn engine(
    State(admin): State<Admin>,
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
) -> Answer<impl Serialize> {
    let doing = admin.engines.doing();
    Ok(Json(blocking(move || m.engine(&name)).await?.with(&doing)))
}

async fn update_engine(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
    Parsed(update): Parsed<EngineUpdate>,
) -> Answer<impl Serialize> {
    blocking(move || m.update_engine(&name, &update)).await.map(Json)
}

async fn delete_engine(
    OnBehalf(m): OnBehalf,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    deleted(blocking(move || m.delete_engine(&name)).await)
}

async fn processors(OnBehalf(m): OnBehalf) -> Answer<impl Serialize> {
    blocking(move || m.processors()).await.map(Json)
}

async fn not_found() -> AdminError {
    AdminError::NoSuchPath
}

async fn method_not_allowed() -> AdminError {
    AdminError::MethodNotAllowed
}

/// Runs work that waits for the disk on a blocking thread.
fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ManageError> + Send + 'static,
) -> impl Future<Output = Result<T, AdminError>> {
    let done = tokio::task::spawn_blocking(work);
    async move {
        let done = done.await.unwrap_or_else(|error| Err(ManageError::Aborted(error.to_string())));
        done.map_err(AdminError::from)
    }
}

fn created<T>(result: Result<T, AdminError>) -> Created<T> {
    result.map(|view| (StatusCode::CREATED, Json(view)))
}

fn deleted(result: Result<(), AdminError>) -> Result<StatusCode, AdminError> {
    result.map(|()| StatusCode::NO_CONTENT)
}

/// Reason that the admin API refused a request.
#[derive(Debug)]
enum AdminError {
    Unauthorized(AdminKey),
    NotSignedIn(NotSignedIn),
    NoSuchPath,
    MethodNotAllowed,
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
        const FORBIDDEN: (StatusCode, &str) = (StatusCode::FORBIDDEN, "Forbidden");
        const UNAVAILABLE: (StatusCode, &str) =
            (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");
        const FAILED: (StatusCode, &str) =
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError");
        match self {
            Self::Unauthorized(_) | Self::NotSignedIn(NotSignedIn::Unauthorized) => {
                (StatusCode::UNAUTHORIZED, "Unauthorized")
            }
            Self::NotSignedIn(NotSignedIn::NoRole) => FORBIDDEN,
            Self::NotSignedIn(NotSignedIn::Unavailable) => UNAVAILABLE,
            Self::NotSignedIn(NotSignedIn::Store(_)) => FAILED,
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "NotFound"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::BadRequest(_) => BAD_REQUEST,
            Self::Refused(error) => match error {
                ManageError::Store(StoreError::NotFound { .. }) => {
                    (StatusCode::NOT_FOUND, "NotFound")
                }
                ManageError::Store(
                    StoreError::Exists { .. }
                    | StoreError::Promised { .. }
                    | StoreError::InUse(_)
                    | StoreError::OtherKind { .. }
                    | StoreError::Spillover { .. }
                    | StoreError::TooMany { .. }
                    | StoreError::Meanwhile,
                )
                | ManageError::Engine(
                    BadEngine::OtherTerms { .. } | BadEngine::SameProcessor { .. },
                )
                | ManageError::Penalised { .. } => (StatusCode::CONFLICT, "Conflict"),
                ManageError::Store(StoreError::Busy) => UNAVAILABLE,
                ManageError::Store(StoreError::NoPerson(_) | StoreError::NotLogged(_))
                | ManageError::Forbidden(_)
                | ManageError::NotOfTheService { .. }
                | ManageError::OwnersLockbox { .. }
                | ManageError::NotTheAdministrator => FORBIDDEN,
                ManageError::Store(
                    StoreError::BadName { .. }
                    | StoreError::BadEngine { .. }
                    | StoreError::BadPersonalTerm(_)
                    | StoreError::HasFile { .. }
                    | StoreError::BadTerm { .. },
                )
                | ManageError::Fields(_)
                | ManageError::Rule(_)
                | ManageError::TooWeak(_)
                | ManageError::ListName(_)
                | ManageError::ModelCannotChat { .. }
                | ManageError::ModelCannotEmbed { .. }
                | ManageError::OtherRegion { .. }
                | ManageError::Days(_)
                | ManageError::NoReason
                | ManageError::TooManyIpRules { .. }
                | ManageError::Question(_)
                | ManageError::Need(_)
                | ManageError::Role(_)
                | ManageError::ObjectId
                | ManageError::Workstation(_)
                | ManageError::NoRole
                | ManageError::Unsuitable { .. }
                | ManageError::Engine(_)
                | ManageError::Source(_)
                | ManageError::File { .. } => BAD_REQUEST,
                ManageError::Store(
                    StoreError::Exposed { .. }
                    | StoreError::Newer { .. }
                    | StoreError::Damaged { .. }
                    | StoreError::OtherThing
                    | StoreError::Clock(_)
                    | StoreError::NoRandom(_)
                    | StoreError::Locked { .. }
                    | StoreError::NetworkFiles { .. }
                    | StoreError::Displaced { .. }
                    | StoreError::Differs { .. }
                    | StoreError::Backup { .. }
                    | StoreError::Database(_)
                    | StoreError::File { .. },
                )
                | ManageError::Aborted(_) => FAILED,
            },
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unauthorized(AdminKey::Taken) => {
                "send the administrator's key as `Authorization: Bearer KEY`; it is in the file \
                 admin.key in the data directory, and `bailiwick key rotate --admin` makes a new \
                 one. Or send a token of your identity provider; the operator's log has the \
                 reason for each refusal"
                    .to_owned()
            }
            Self::Unauthorized(AdminKey::Refused) => NotSignedIn::Unauthorized.to_string(),
            Self::NotSignedIn(error) => error.to_string(),
            Self::NoSuchPath => {
                "this path does not exist; the admin API has /admin/v1/tenants, resources, \
                 models, engines, processors, roleAssignments, usage, compare, workers and gateway"
                    .to_owned()
            }
            Self::MethodNotAllowed => "this path does not support this method".to_owned(),
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
        refusal((status, code), &self.message())
    }
}

#[cfg(test)]
mod tests;
