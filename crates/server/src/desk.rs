//! The desk: where people decide. They sign in with a token of a configured identity provider, and
//! each thing that they ask for is asked of the policies first. It is a listener of its own: customers'
//! officers and the operator's come to it, programs and keys do not.

mod content;
mod error;
mod exemption;
mod records;
mod review;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request},
    http::{header::AUTHORIZATION, request::Parts},
    routing::{get, post},
};
use bytes::Bytes;
use policy::{
    authz::{Settled, context::Moment, facts::ResourceFacts},
    id::PersonId,
    permit::{Action, Permit},
    principal::{self, NamedTenant, Principal},
    token::{Guid, looks_like_one},
    workflow::owner::Owner,
};
use serde::de::DeserializeOwned;
use store::{Directory, Resource, Store, ledger::Ledger, random};

use self::error::DeskError;
use crate::{authority::Authorities, clock, identity::Providers};

/// Bytes of a request.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the desk works with.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Tenants, resources, roles, workflows.
    pub store: Store,
    /// What decides who may do what.
    pub authorities: Arc<Authorities>,
    /// Who may say who somebody is.
    pub providers: Providers,
    /// Where records are.
    pub ledger: Ledger,
}

/// The desk's routes.
pub fn router(desk: Desk) -> Router {
    let exemption = "/desk/v1/resources/{name}/zeroRetention";
    let records = "/desk/v1/resources/{name}/records";
    Router::new()
        .route("/desk/v1/zeroRetention", get(exemption::pending))
        .route(exemption, get(exemption::status).post(exemption::apply))
        .route(&format!("{exemption}/decision"), post(exemption::decide))
        .route(&format!("{exemption}/withdrawal"), post(exemption::withdraw))
        .route("/desk/v1/resources/{name}/looks", get(review::looks))
        .route(records, get(records::list))
        .route(&format!("{records}/{{request}}"), get(records::read).delete(records::delete))
        .route("/desk/v1/records/{request}/consent", post(review::consent))
        .route("/desk/v1/records/{request}/decline", post(review::decline))
        .fallback(async || DeskError::NoSuchPath)
        .method_not_allowed_fallback(async || DeskError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(desk)
}

/// The review desk's routes: for enrolled workstations alone.
pub fn review_router(desk: Desk) -> Router {
    let record = "/review/v1/records/{request}";
    Router::new()
        .route("/review/v1/queue", get(review::queue))
        .route(&format!("{record}/flag"), post(review::flag))
        .route(&format!("{record}/look"), post(review::request))
        .route(&format!("{record}/approval"), post(review::approve))
        .route(&format!("{record}/refusal"), post(review::refuse))
        .route(&format!("{record}/open"), post(review::open))
        .route(&format!("{record}/judgement"), post(review::judge))
        .fallback(async || DeskError::NoSuchPath)
        .method_not_allowed_fallback(async || DeskError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(desk)
}

/// A person who signed in, and the picture in which they ask.
struct Visitor {
    principal: Principal,
    person: PersonId,
    /// Who it is in their own directory.
    object: Guid,
    directory: Arc<Directory>,
    authority: Arc<Settled>,
}

impl Visitor {
    /// Asks whether the person may do `A`.
    fn permit<A: Action<Context = Moment>>(
        &self,
        thing: &A::Thing,
    ) -> Result<Permit<A>, DeskError> {
        self.permit_in(thing, &Moment { now_ms: clock::read().wall_ms })
    }

    /// Asks whether the person may do `A` in a context.
    fn permit_in<A: Action>(
        &self,
        thing: &A::Thing,
        context: &A::Context,
    ) -> Result<Permit<A>, DeskError> {
        Ok(self.authority.authorize(&self.principal, thing, context)?)
    }

    /// The person as an owner, for the log to commit to.
    fn owner(&self) -> Result<Owner, DeskError> {
        Ok(Owner::new(self.person, self.object, random()?))
    }

    /// A resource by its name. Whether the person may know of it, each permit says.
    fn resource(&self, name: &str) -> Result<&Resource, DeskError> {
        self.directory.resource_by_name(name).ok_or(DeskError::NotFound)
    }
}

/// What a decision about a resource looks at.
fn facts(resource: &Resource) -> ResourceFacts {
    ResourceFacts { tenant: resource.tenant, resource: resource.id }
}

impl FromRequestParts<Desk> for Visitor {
    type Rejection = DeskError;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, DeskError> {
        let bearer = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = bearer
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| looks_like_one(token))
            .ok_or(DeskError::Unauthorized)?;
        let token = desk.providers.verify(token).await?;
        let directory = desk.store.directory()?;
        let tenant =
            directory.tenant_by_name(token.tenant_name()).ok_or(DeskError::Unauthorized)?;
        // Whoever has no role has no id, and nothing to do here.
        let id = directory.principal_id(tenant.id, token.object_id()).ok_or(DeskError::NoRole)?;
        let named = NamedTenant { name: &tenant.name, id: tenant.id };
        let principal =
            principal::admit(&token, &named, id).map_err(|_| DeskError::Unauthorized)?;
        let Principal::Person(person) = &principal else { return Err(DeskError::NoPerson) };
        let person = person.id();
        let authority = desk.authorities.of(&directory);
        Ok(Self { principal, person, object: token.object_id(), directory, authority })
    }
}

/// A JSON body.
struct Parsed<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Parsed<T> {
    type Rejection = DeskError;

    async fn from_request(request: Request, state: &S) -> Result<Self, DeskError> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| DeskError::BadRequest(rejection.body_text()))?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| DeskError::BadRequest(format!("the body is not as expected: {error}")))
    }
}

/// Runs what waits for the disk where it holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeskError> + Send + 'static,
) -> Result<T, DeskError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(DeskError::Aborted))
}
