//! The desk: where people decide. They sign in with a token of a configured identity provider, and
//! each thing that they ask for is asked of the policies first. It is a listener of its own: customers'
//! officers and the operator's come to it, programs and keys do not decide. (The admin API is served
//! beside it, to programs that sign in, too.)

mod acts;
mod case;
mod content;
mod error;
mod exemption;
mod names;
mod penalty;
mod records;
mod review;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use bytes::Bytes;
use policy::{
    authz::{
        Denied,
        context::Moment,
        facts::{ResourceFacts, Thing},
    },
    id::{PersonId, TeamId},
    permit::{Action, Permit},
    principal::Principal,
    workflow::{Statement, owner::Owner},
};
use serde::{Deserialize, de::DeserializeOwned};
use store::{Directory, Resource, Store, ledger::Ledger, random};

use self::error::DeskError;
pub use self::names::Names;
use crate::{
    authority::Authorities, clock, identity::Providers, listen::Guest, looked::Looked,
    routes::Routes, sign_in::SignedIn,
};

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
    /// What people are called.
    pub names: Names,
}

/// What the desk answers.
#[must_use]
pub fn routes() -> Routes<Desk> {
    let resource = "/desk/v1/resources/{name}";
    let of = |what: &str| format!("{resource}/{what}");
    Routes::new()
        .get("/desk/v1/zeroRetention", exemption::pending)
        .get(&of("zeroRetention"), exemption::status)
        .post(&of("zeroRetention"), exemption::apply)
        .post(&of("zeroRetention/decision"), exemption::decide)
        .post(&of("zeroRetention/withdrawal"), exemption::withdraw)
        .get(&of("abusePenalty"), penalty::status)
        .post(&of("appeal"), penalty::appeal)
        .get(&of("looks"), review::looks)
        .get(&of("acts"), acts::list)
        .get(&of("records"), records::list)
        .get(&of("records/{request}"), records::read)
        .delete(&of("records/{request}"), records::delete)
        .post("/desk/v1/records/{request}/consent", review::consent)
        .post("/desk/v1/records/{request}/decline", review::decline)
}

/// What the review desk answers, to enrolled workstations alone.
#[must_use]
pub fn review_routes() -> Routes<Desk> {
    let record = |what: &str| format!("/review/v1/records/{{request}}/{what}");
    let resource = |what: &str| format!("/review/v1/resources/{{name}}/{what}");
    Routes::new()
        .get("/review/v1/queue", review::queue)
        .post(&record("flag"), review::flag)
        .post(&record("look"), review::request)
        .post(&record("approval"), review::approve)
        .post(&record("refusal"), review::refuse)
        .post(&record("open"), review::open)
        .post(&record("judgement"), review::judge)
        .get("/review/v1/penalties", penalty::list)
        .post(&resource("notice"), penalty::notify)
        .post(&resource("penalty"), penalty::penalise)
        .post(&resource("lift"), penalty::lift)
        .post(&resource("uphold"), penalty::uphold)
}

/// Serves routes at a desk.
pub fn router(desk: Desk, routes: Routes<Desk>) -> Router {
    routes
        .into_router()
        .fallback(async || DeskError::NoSuchPath)
        .method_not_allowed_fallback(async || DeskError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(desk)
}

/// A person who signed in, and the picture in which they ask.
struct Visitor {
    signed_in: SignedIn,
    person: PersonId,
}

impl Visitor {
    /// Asks whether the person may do `A`.
    fn permit<A: Action<Context = Moment>>(
        &self,
        looked: &Looked<A::Thing>,
    ) -> Result<Permit<A>, DeskError> {
        self.permit_in(looked, &Moment { now_ms: clock::now_ms() })
    }

    /// Asks whether the person may do `A` in a context.
    fn permit_in<A: Action>(
        &self,
        looked: &Looked<A::Thing>,
        context: &A::Context,
    ) -> Result<Permit<A>, DeskError> {
        self.permit_or(looked, context, || None)
    }

    /// Asks whether the person may do `A` in a context. Where the policies refuse somebody who may
    /// know of the thing, and no role would change that, `why` says what is missing: the workflow
    /// knows it better than a guard does.
    fn permit_or<A: Action>(
        &self,
        looked: &Looked<A::Thing>,
        context: &A::Context,
        why: impl FnOnce() -> Option<DeskError>,
    ) -> Result<Permit<A>, DeskError> {
        let decided = looked.decide(|thing| self.signed_in.permit(thing, context));
        decided.map_err(|denied| match denied {
            Denied::Forbidden(forbidden)
                if forbidden.roles.is_empty() && forbidden.because.is_none() =>
            {
                why().unwrap_or(DeskError::Forbidden(forbidden))
            }
            denied => denied.into(),
        })
    }

    /// A thing that the person may know of.
    fn known<'l, T: Thing>(&self, looked: &'l Looked<T>) -> Result<&'l T, DeskError> {
        Ok(looked.known(|thing| self.signed_in.knows(thing))?)
    }

    /// The person as an owner, for the log to commit to.
    fn owner(&self) -> Result<Owner, DeskError> {
        Ok(Owner::new(self.person, self.signed_in.object, random()?))
    }

    /// The resource of a name: to be decided about.
    fn resource(&self, name: &str) -> Looked<ResourceFacts> {
        Looked::resource(self.directory().resource_by_name(name))
    }

    /// A resource that a permit was for, to be shown.
    fn shown(&self, of: ResourceFacts) -> Result<&Resource, DeskError> {
        self.directory().resource(of.resource).ok_or(DeskError::NotFound)
    }

    /// The person's team of reviewers.
    fn team(&self) -> Result<TeamId, DeskError> {
        self.directory().roles().team(self.person).ok_or(DeskError::NoTeam)
    }

    /// Everything there is, as of the sign-in.
    fn directory(&self) -> &Directory {
        &self.signed_in.directory
    }
}

/// What a decision about a resource looks at.
fn facts(resource: &Resource) -> ResourceFacts {
    ResourceFacts { tenant: resource.tenant, resource: resource.id }
}

impl FromRequestParts<Desk> for Visitor {
    type Rejection = DeskError;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, DeskError> {
        let Desk { store, authorities, providers, .. } = desk;
        let signed_in = SignedIn::with(&parts.headers, store, authorities, providers).await?;
        if let Some(guest) = parts.extensions.get::<Guest>() {
            guest.recognise(&signed_in);
        }
        let Principal::Person(person) = &signed_in.principal else {
            return Err(DeskError::NoPerson);
        };
        let person = person.id();
        desk.names.remember(&signed_in.principal, signed_in.name.as_deref());
        Ok(Self { signed_in, person })
    }
}

/// Why somebody does something.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

impl Reason {
    /// What they stand by.
    fn said(&self) -> Result<Statement, DeskError> {
        Ok(Statement::new(&self.reason, random()?)?)
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

#[cfg(test)]
mod tests;
