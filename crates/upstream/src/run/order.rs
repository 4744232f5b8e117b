//! A permitted request on its way to an engine.

use engine::request::Work;
use policy::{
    authz::DeploymentFacts,
    engine::{Engine, PrefixCache},
    forward::Forwarded,
    permit::{Inference, Permit},
    personal::Outgoing,
};

/// A request that the policies permit: the permit is spent, and the order is used for one answer.
///
/// ```compile_fail,E0382
/// use upstream::{Order, Trail, Upstream};
/// async fn twice(upstream: Upstream, order: Order, model: policy::id::ModelId) {
///     let deadline = tokio::time::Instant::now();
///     let _ = upstream.run(order, Vec::new(), model, deadline, &mut Trail::default()).await;
///     let _ = upstream.run(order, Vec::new(), model, deadline, &mut Trail::default()).await;
/// }
/// ```
#[derive(Debug)]
pub struct Order {
    pub(super) of: DeploymentFacts,
    sent: Outgoing<(Work, Forwarded)>,
    pub(super) context_tokens: Option<u32>,
    reuse_prefix: bool,
    fresh_salt: [u8; 32],
}

impl Order {
    /// Spends the permit for a request. `reuse_prefix` is false if the resource has switched its
    /// prefix cache off; then `entropy`, random bytes, is the salt of this request alone.
    /// `context_tokens` is the length of the model's context, if it is known. `sent` has the request and
    /// those of its labels that the resource forwards, as the decision about personal data lets them
    /// out.
    #[must_use]
    pub fn new<A: Inference>(
        permit: Permit<A>,
        reuse_prefix: bool,
        entropy: [u8; 32],
        context_tokens: Option<u32>,
        sent: Outgoing<(Work, Forwarded)>,
    ) -> Self {
        let of = permit.spend();
        Self { of, sent, context_tokens, reuse_prefix, fresh_salt: entropy }
    }

    /// Returns the request.
    pub(super) fn work(&self) -> &Work {
        &self.sent.get().0
    }

    /// Returns the labels that the resource forwards.
    pub(super) fn labels(&self) -> &Forwarded {
        &self.sent.get().1
    }

    /// Whether the decision about personal data covers an engine: one of a processor that it did not
    /// count with gets nothing.
    #[must_use]
    pub fn may_leave_to(&self, engine: &Engine) -> bool {
        self.sent.covers(engine.processor.as_ref().map(|processor| processor.name.as_str()))
    }

    /// Returns the deployment that the permit was for.
    #[must_use]
    pub fn of(&self) -> &DeploymentFacts {
        &self.of
    }

    /// Whether the engine's prefix cache may hold the request: a shared one serves one tenant, and
    /// cannot be switched off for a resource.
    #[must_use]
    pub fn suits(&self, engine: &Engine) -> bool {
        let cached = match engine.prefix_cache {
            PrefixCache::Shared(_) => self.reuse_prefix,
            PrefixCache::None | PrefixCache::Salted | PrefixCache::Off => true,
        };
        cached && engine.prefix_cache.admits(self.of.tenant)
    }

    /// Returns the salt of a request whose prefix is not reused.
    pub(super) fn fresh_salt(&self) -> Option<String> {
        (!self.reuse_prefix).then(|| tlog::hex::encode(&self.fresh_salt))
    }
}
