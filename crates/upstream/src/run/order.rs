//! A permitted request on its way to an engine.

use engine::request::Work;
use policy::{
    authz::DeploymentFacts,
    engine::{Engine, PrefixCache},
    forward::Forwarded,
    permit::{Inference, Permit},
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
    pub(super) work: Work,
    pub(super) context_tokens: Option<u32>,
    pub(super) labels: Forwarded,
    reuse_prefix: bool,
    fresh_salt: [u8; 32],
}

impl Order {
    /// Spends the permit for a request. `reuse_prefix` is false if the resource has switched its
    /// prefix cache off; then `entropy`, random bytes, is the salt of this request alone.
    /// `context_tokens` is the length of the model's context, if it is known. No label of the
    /// request is forwarded, unless [`Self::forwarding`] adds some.
    #[must_use]
    pub fn new<A: Inference>(
        permit: Permit<A>,
        reuse_prefix: bool,
        entropy: [u8; 32],
        context_tokens: Option<u32>,
        work: Work,
    ) -> Self {
        let of = permit.spend();
        let labels = Forwarded::default();
        Self { of, work, context_tokens, labels, reuse_prefix, fresh_salt: entropy }
    }

    /// Adds the labels that the resource forwards.
    #[must_use]
    pub fn forwarding(self, labels: Forwarded) -> Self {
        Self { labels, ..self }
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
