//! The owner desk and the review desk: HTTP listeners where people decide. They sign in with a
//! token of a configured identity provider, and the policies decide each request first. Customers'
//! officers and the operator's come here; programs and keys cannot decide. (The admin API is served
//! beside the owner desk, and programs can sign in there.)

mod abuse;
mod acts;
mod case;
mod content;
mod drafted;
mod error;
mod exemption;
mod inventory;
mod names;
mod penalty;
mod processors;
mod public_key;
mod records;
mod reports;
mod review;
mod roll;
mod signing;
mod subjects;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts, State},
    http::request::Parts,
};
use policy::{
    authz::{Denied, context::Moment, facts::ResourceFacts, thing::Thing},
    id::{PersonId, TeamId},
    permit::{Action, ListOwnRecords, Permit},
    principal::Principal,
    workflow::{Statement, owner::Owner},
};
use serde::{Deserialize, Serialize};
use store::{Directory, Resource, Store, ledger::Ledger};

use self::{
    error::DeskError,
    exemption::{ContentFilter, ContentLogging},
    signing::Signing,
};
pub(crate) use self::{
    names::Names,
    signing::{DRAFT, Drafts, SIGNATURE, with_key},
};
use crate::{
    authority::Authorities,
    clock,
    http::{BODY_BYTES_MAX, Parsed},
    identity::Providers,
    listen::Guest,
    live::Configured,
    looked::Looked,
    routes::Routes,
    sign_in::SignedIn,
};

/// The parts that a desk needs.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    /// Tenants, resources, roles and workflows.
    pub store: Store,
    /// The authorities that decide each request.
    pub authorities: Arc<Authorities>,
    /// The identity providers whose tokens identify people.
    pub providers: Providers,
    /// The ledger that holds the records.
    pub ledger: Ledger,
    /// Statements that wait for their signatures.
    pub drafts: Drafts,
    /// Names of signed-in people.
    pub names: Names,
    /// The active configuration, for reports.
    pub configured: Configured,
}

/// Returns the routes of the owner desk.
#[must_use]
pub(crate) fn routes() -> Routes<Desk> {
    let resource = "/desk/v1/resources/{name}";
    let of = |what: &str| format!("{resource}/{what}");
    Routes::new()
        .get("/desk/v1/resources", resources)
        .get("/desk/v1/roll", roll::show)
        .post("/desk/v1/roll", roll::state)
        .get("/desk/v1/zeroRetention", exemption::pending::<ContentLogging>)
        .get(&of("zeroRetention"), exemption::status::<ContentLogging>)
        .post(&of("zeroRetention"), exemption::apply::<ContentLogging>)
        .post(&of("zeroRetention/decision"), exemption::decide::<ContentLogging>)
        .post(&of("zeroRetention/withdrawal"), exemption::withdraw::<ContentLogging>)
        .get("/desk/v1/contentFilterExemption", exemption::pending::<ContentFilter>)
        .get(&of("contentFilterExemption"), exemption::status::<ContentFilter>)
        .post(&of("contentFilterExemption"), exemption::apply::<ContentFilter>)
        .post(&of("contentFilterExemption/decision"), exemption::decide::<ContentFilter>)
        .post(&of("contentFilterExemption/withdrawal"), exemption::withdraw::<ContentFilter>)
        .get(&of("abuse"), abuse::owned)
        .post(&of("abuse/endUser"), abuse::hash)
        .get(&of("abusePenalty"), penalty::status)
        .post(&of("appeal"), penalty::appeal)
        .get(&of("processors"), processors::list)
        .put(&of("processors/{processor}"), processors::allow)
        .delete(&of("processors/{processor}"), processors::withdraw)
        .get("/desk/v1/reports/{kind}", reports::of_tenant)
        .get(&of("reports/{kind}"), reports::of_resource)
        .get(&of("inventory"), inventory::list)
        .delete(&of("inventory/{id}"), inventory::delete)
        .get(&of("looks"), review::looks)
        .get(&of("acts"), acts::list)
        .get(&of("records"), records::list)
        .get(&of("records/{request}"), records::read)
        .delete(&of("records/{request}"), records::delete)
        .post("/desk/v1/records/{request}/consent", review::consent)
        .post("/desk/v1/records/{request}/decline", review::decline)
        .post("/desk/v1/subjects/find", subjects::find)
        .post("/desk/v1/subjects/export", subjects::export)
        .post("/desk/v1/subjects/erase", subjects::erase)
        .get("/desk/v1/subjects/erasures/{request}", subjects::certificate)
        .post("/desk/v1/subjects/restrict", subjects::restrict)
        .get("/desk/v1/subjects/requests", subjects::list)
        .post("/desk/v1/subjects/requests", subjects::receive)
        .post("/desk/v1/subjects/requests/{request}/extension", subjects::extend)
        .post("/desk/v1/subjects/requests/{request}/answer", subjects::answer)
        .post("/desk/v1/subjects/requests/{request}/refusal", subjects::refuse)
}

/// Returns the routes of the review desk, which only enrolled workstations reach.
#[must_use]
pub(crate) fn review_routes() -> Routes<Desk> {
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
        .get(&resource("abuse"), abuse::of_operator)
        .get("/review/v1/penalties", penalty::list)
        .post(&resource("notice"), penalty::notify)
        .post(&resource("penalty"), penalty::penalise)
        .post(&resource("lift"), penalty::lift)
        .post(&resource("uphold"), penalty::uphold)
}

/// Builds the router of a desk from its routes.
pub(crate) fn router(desk: Desk, routes: Routes<Desk>) -> Router {
    routes
        .into_router()
        .fallback(async || DeskError::NoSuchPath)
        .method_not_allowed_fallback(async || DeskError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(desk)
}

/// A signed-in person, with the directory snapshot of the sign-in.
struct Visitor {
    signed_in: SignedIn,
    person: PersonId,
    signing: Signing,
}

impl Visitor {
    /// Asks the policies whether the person may do `A`.
    fn permit<A: Action<Context = Moment>>(
        &self,
        looked: &Looked<A::Thing>,
    ) -> Result<Permit<A>, DeskError> {
        self.permit_in(looked, &Moment { now_ms: clock::now_ms() })
    }

    /// Asks the policies whether the person may do `A` in a context.
    fn permit_in<A: Action>(
        &self,
        looked: &Looked<A::Thing>,
        context: &A::Context,
    ) -> Result<Permit<A>, DeskError> {
        self.permit_or(looked, context, || None)
    }

    /// Asks the policies whether the person may do `A` in a context. If they refuse, the person may
    /// know of the thing, and no role would help, then `why` names the missing step: the workflow
    /// knows it better than a policy does.
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

    /// Returns a thing if the person may know of it.
    fn known<'l, T: Thing>(&self, looked: &'l Looked<T>) -> Result<&'l T, DeskError> {
        Ok(looked.known(|thing| self.signed_in.knows(thing))?)
    }

    /// Returns the person as an owner; the log commits to it.
    fn owner(&self) -> Result<Owner, DeskError> {
        Ok(Owner::new(self.person, self.signed_in.object, self.random()))
    }

    /// Looks up a resource, for a decision.
    fn resource(&self, name: &str) -> Looked<ResourceFacts> {
        Looked::resource(self.directory().resource_by_name(name))
    }

    /// Returns the resource of a permit, to show it.
    fn shown(&self, of: ResourceFacts) -> Result<&Resource, DeskError> {
        self.directory().resource(of.resource).ok_or(DeskError::NotFound)
    }

    /// Returns the person's team of reviewers.
    fn team(&self) -> Result<TeamId, DeskError> {
        self.directory().roles().team(self.person).ok_or(DeskError::NoTeam)
    }

    /// Returns the directory snapshot of the sign-in.
    fn directory(&self) -> &Directory {
        &self.signed_in.directory
    }
}

/// Returns the facts of a resource for a decision.
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
        let signing = Signing::of(parts, &desk.drafts, person)?;
        Ok(Self { signed_in, person, signing })
    }
}

/// Reason for a step, in a request's body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

impl Reason {
    /// Returns the reason as a statement that the log commits to.
    fn statement(&self, visitor: &Visitor) -> Result<Statement, DeskError> {
        Ok(Statement::new(&self.reason, visitor.random())?)
    }
}

/// A resource, as the people see it who may know of it: the settings that decide about its data.
#[derive(Debug, Serialize)]
struct Known {
    name: String,
    tenant: String,
    region: String,
    retention_days: u8,
    lockbox: bool,
    prefix_cache: bool,
    subject_header: Option<String>,
    /// Access requests that wait for the customer's consent; null for people who may not list them.
    waiting_for_consent: Option<usize>,
}

/// Lists the resources that the person may know of.
async fn resources(
    State(desk): State<Desk>,
    visitor: Visitor,
) -> Result<Json<Vec<Known>>, DeskError> {
    let directory = visitor.directory();
    let all = directory.resources().into_iter();
    let known: Vec<_> =
        all.filter(|resource| visitor.signed_in.knows(&facts(resource))).cloned().collect();
    let may_list = |resource: &Resource| {
        let looked = Looked::there(facts(resource));
        visitor.permit::<ListOwnRecords>(&looked).is_ok()
    };
    let listed = known.iter().filter(|resource| may_list(resource)).map(|one| one.id).collect();
    let waiting = blocking(move || review::waiting_for_consent(&desk, listed)).await?;
    let shown = known.into_iter().filter_map(|resource| {
        Some(Known {
            tenant: directory.tenant(resource.tenant)?.name.clone(),
            retention_days: resource.retention.days.get(),
            lockbox: resource.lockbox,
            prefix_cache: resource.prefix_cache,
            subject_header: resource.subject_header.as_ref().map(ToString::to_string),
            waiting_for_consent: waiting.get(&resource.id).copied(),
            name: resource.name,
            region: resource.region,
        })
    });
    Ok(Json(shown.collect()))
}

/// Runs work that waits for the disk on a blocking thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeskError> + Send + 'static,
) -> Result<T, DeskError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(DeskError::Aborted))
}

#[cfg(test)]
mod tests;
