//! Runs a request: in a worker on this machine, or at an engine that the policies allow.
//!
//! Residency comes first. Content reaches an engine, also the embedded one, only with a [`Route`], and
//! only the policies give one. If no engine fits, the request is refused with the rule: it never goes to
//! another region or operator.

use std::{borrow::Cow, collections::BTreeSet};

use engine::{
    request::{Answer, CacheScope, Constraint, Work},
    supervise::Worker,
};
use policy::{
    authz::context::Reaching,
    engine::Engine,
    forward::{CallerLabels, Forwarded},
    guard::guarded::Guarded,
    permit::{Inference, Permit, Reach},
    personal::{Counts, Form, Looking, NoDetector, Outgoing, Ruling, Stopped, ner::Names},
    residency::{EngineFacts, Misfit, Route},
};
use tokio::time::Instant;
use upstream::{Order, Trail};

use super::{
    error::{ApiError, NoEngine},
    events::Events,
    restored::Restoring,
    state::fine_tuning::serving,
    target::Target,
};
use crate::{
    call::Call,
    clock,
    ids::random,
    processing::{Place, Processing},
    services::Services,
};

/// What may leave, and what restores the answer to it.
type Leaving = (Outgoing<(Work, Forwarded)>, Option<Restoring>);

impl Target<'_> {
    /// Runs a permitted request that the content filter let through. The call gets the facts for the receipt before any content leaves
    /// this process. At another engine, the answer has begun when this returns; it got those of the
    /// labels that the resource forwards. A worker gets no labels.
    ///
    /// # Errors
    /// If no engine may process the request, or none answers.
    pub(super) async fn run<A: Inference>(
        &self,
        services: &Services,
        call: &mut Call,
        permit: Permit<A>,
        work: Guarded<Work>,
        labels: &CallerLabels,
        deadline: Instant,
    ) -> Result<Events, ApiError> {
        let (work, _) = work.into_parts();
        let allowed = self.allowed(services)?;
        if self.model.file.is_some() {
            let here = &services.live.current().config.regions.here;
            let engine = EngineFacts::embedded(here.clone());
            let Some(route) = self.route(services, &allowed.reaching(engine, clock::now_ms()))?
            else {
                return Err(self.no_engine(allowed.regions, BTreeSet::new()));
            };
            let worker = self.worker(services).await?;
            let outgoing = (work, Forwarded::default());
            let (outgoing, restoring) = self.shield(services, call, &permit, outgoing, &[]).await?;
            let (work, _) = outgoing.into_inner();
            let failed = call.processing.take().map_or_else(Vec::new, Processing::failed);
            let place = Place::Here { region: here.clone(), failed };
            call.processing = Some(self.processing(allowed, place));
            let worker = worker.behind(call.behind);
            let events = worker.run(permit, route, self.reuse_prefix, work);
            let events = events.map_err(|refusal| self.refused(refusal))?;
            return Ok(Events::of_worker(events).restored(restoring));
        }
        let mut routes = self.routes(services, &allowed)?;
        // All prompts of a call go to one engine: its receipt names one.
        let trail = call.processing.clone().map_or_else(Trail::default, Processing::trail);
        routes.retain(|(_, engine)| {
            trail.current.is_none_or(|current| current == engine.id)
                && trail.failed.iter().all(|failed| failed.engine != engine.id)
        });
        let context = Some(self.model.facts.context_train).filter(|tokens| *tokens > 0);
        let outgoing = (work, self.forward.of(labels));
        let (outgoing, restoring) = self.shield(services, call, &permit, outgoing, &routes).await?;
        let order = Order::new(permit, self.reuse_prefix, random(), context, outgoing);
        let engines = Place::Engines { trail, destination: None, model: None };
        let place = &mut call.processing.insert(self.processing(allowed, engines)).place;
        let Place::Engines { trail, destination, model } = place else {
            return Err(ApiError::Internal);
        };
        let answer = services
            .engines
            .of(&self.caller.directory)
            .run(order, routes, self.model.id, deadline, trail)
            .await
            .map_err(|why| ApiError::unanswered(self.operation, why))?;
        (*destination, *model) = (Some(answer.destination), answer.model);
        call.began(answer.engine, answer.waited);
        Ok(Events::of_engine(answer.events).restored(restoring))
    }

    /// Decides the treatment of personal data, by the settings of the resource and of the
    /// processors that may get the request, and makes the value that may leave.
    ///
    /// # Errors
    /// If the request may not go on.
    async fn shield<A: Inference>(
        &self,
        services: &Services,
        call: &mut Call,
        permit: &Permit<A>,
        mut outgoing: (Work, Forwarded),
        routes: &[(Route, &Engine)],
    ) -> Result<Leaving, ApiError> {
        let directory = &self.caller.directory;
        let names: BTreeSet<&str> = routes
            .iter()
            .filter_map(|(_, engine)| Some(&*engine.processor.as_ref()?.name))
            .collect();
        let settings: Vec<_> =
            names.iter().map(|name| (*name, directory.personal_of_processor(name))).collect();
        let settings = settings.iter().map(|(name, setting)| (*name, Cow::Borrowed(&**setting)));
        let own = directory.personal_of_resource(self.deployment.resource);
        let ruling = Ruling::new(&own, settings);
        let (form, has_logprobs) = answer_of(&outgoing.0);
        let scope = CacheScope::of(permit, false).behind(call.behind);
        let looking = looking(services, &ruling, &mut outgoing, scope).await;
        let shielded = ruling.shield(outgoing, looking, random()).map_err(|stopped| {
            match &stopped {
                Stopped::Blocked { counts, decided } => call.personal.note(decided, counts),
                Stopped::Opaque { decided, .. }
                | Stopped::Crowded(decided)
                | Stopped::Detector { decided, .. } => {
                    call.personal.note(decided, &Counts::default())
                }
            }
            ApiError::Personal(Box::new(stopped))
        })?;
        call.personal.goes_on(&shielded);
        if has_logprobs && shielded.vault.is_some() {
            return Err(ApiError::PersonalLogprobs);
        }
        let restoring = shielded.vault.map(|vault| Restoring::new(vault, form));
        Ok((shielded.outgoing, restoring))
    }

    /// Returns the worker of the deployment. The first call of a fine-tuned model starts one.
    ///
    /// # Errors
    /// If there is none, or the model's adapter is gone.
    pub(super) async fn worker(&self, services: &Services) -> Result<Worker, ApiError> {
        if let Some(tuned) = &self.model.tuned {
            return serving::worker(services, self, tuned).await;
        }
        let worker = services.fleet.worker(&self.caller.directory, self.deployment);
        worker.map_err(|refusal| self.refused(refusal))
    }

    /// Returns the regions and processors that the deployment's SKU and the resource's customer
    /// allow.
    ///
    /// # Errors
    /// If the caller's resource is gone.
    pub(super) fn allowed(&self, services: &Services) -> Result<Allowed, ApiError> {
        let home = &self.caller.resource()?.region;
        let zones = &services.live.current().config.regions.zones;
        let own = zones.regions(self.deployment.sku, home);
        // A request of another deployment stays in the regions of both.
        let regions = match self.spillover {
            Some(spillover) => &own & &spillover.regions(zones, home),
            None => own,
        };
        Ok(Allowed {
            regions,
            processors: self.caller.directory.processors_of(self.deployment.resource).clone(),
        })
    }

    /// Returns the routes that the policies permit, each with its engine.
    ///
    /// # Errors
    /// If there is none.
    fn routes(
        &self,
        services: &Services,
        allowed: &Allowed,
    ) -> Result<Vec<(Route, &Engine)>, ApiError> {
        let (directory, now_ms) = (&self.caller.directory, clock::now_ms());
        let (mut routes, mut not_allowed) = (Vec::new(), BTreeSet::new());
        for engine in directory.engines_of(self.model.id) {
            let reaching = allowed.reaching(engine.facts(), now_ms);
            // Only saves questions: the policies decide about each engine that is left.
            match reaching.misfit() {
                Some(Misfit::Region) => continue,
                Some(Misfit::Processor) => {
                    not_allowed.extend(reaching.engine.processor);
                    continue;
                }
                None => {}
            }
            routes.extend(self.route(services, &reaching)?.map(|route| (route, engine)));
        }
        if routes.is_empty() {
            return Err(self.no_engine(allowed.regions.clone(), not_allowed));
        }
        Ok(routes)
    }

    /// Returns the route to one engine, if the policies permit it.
    ///
    /// # Errors
    /// If the caller's resource is gone.
    pub(super) fn route(
        &self,
        services: &Services,
        reaching: &Reaching,
    ) -> Result<Option<Route>, ApiError> {
        let authority = services.authorities.of(&self.caller.directory);
        let facts = self.facts()?;
        let permit = authority.authorize::<Reach>(&self.caller.principal, &facts, reaching);
        Ok(permit.ok().map(Route::new))
    }

    fn processing(&self, allowed: Allowed, place: Place) -> Processing {
        let Allowed { regions, processors } = allowed;
        Processing { sku: self.deployment.sku, regions, processors, place }
    }

    pub(super) fn no_engine(
        &self,
        regions: BTreeSet<String>,
        processors: BTreeSet<String>,
    ) -> ApiError {
        ApiError::NoEngine(NoEngine { sku: self.deployment.sku, regions, processors })
    }
}

/// Returns the detector, with the names that the model finds in the request, if one is configured and
/// the ruling asks for names. `None` if nothing is looked for.
///
/// # Errors
/// If the detector cannot be built, or the model has not read the request.
async fn looking(
    services: &Services,
    ruling: &Ruling,
    outgoing: &mut (Work, Forwarded),
    scope: CacheScope,
) -> Result<Option<Looking>, NoDetector> {
    let Some(detector) = services.detectors.of(ruling.looks_for())? else { return Ok(None) };
    let names = match &services.ner {
        Some(ner) if ruling.asks_for_names() => {
            ner.names(outgoing, scope).await.map_err(NoDetector::Unread)?
        }
        _ => Names::by_context(),
    };
    Ok(Some(Looking::new(detector, names)))
}

/// Returns the form of the answer's text, and whether log probabilities of its tokens are wanted.
fn answer_of(work: &Work) -> (Form, bool) {
    let Work::Generate(generate) = work else { return (Form::Text, false) };
    let form = match &generate.constraint {
        Constraint::JsonObject
        | Constraint::JsonSchema { .. }
        | Constraint::Tools { answer: Answer::JsonObject | Answer::JsonSchema { .. }, .. } => {
            Form::Json
        }
        Constraint::Free | Constraint::Tools { answer: Answer::Free, .. } => Form::Text,
    };
    (form, generate.logprobs.is_some())
}

/// What a deployment's SKU and its resource's customer allow.
#[derive(Debug)]
pub(super) struct Allowed {
    /// The regions.
    pub(super) regions: BTreeSet<String>,
    /// The processors.
    pub(super) processors: BTreeSet<String>,
}

impl Allowed {
    /// Returns the facts for the decision about an engine.
    pub(super) fn reaching(&self, engine: EngineFacts, now_ms: u64) -> Reaching {
        let (regions, processors) = (self.regions.clone(), self.processors.clone());
        Reaching { now_ms, engine, regions, processors }
    }
}
