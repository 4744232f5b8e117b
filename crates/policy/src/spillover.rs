//! Which deployment may take the requests for which another one has no capacity: Azure's
//! `spilloverDeploymentName`.
//!
//! Spillover never widens residency. Both deployments have the same SKU (Azure demands that, too)
//! and belong to one resource, so the same regions and the same processors are allowed. The target
//! decides about each request anew: its own permit, limits, engines and routes.
//!
//! There is one hop: the target of a spillover has none.

use std::collections::BTreeSet;

use crate::{
    id::{DeploymentId, ResourceId},
    residency::{Sku, Zones},
    task::Task,
};

/// The facts about a deployment that spillover reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Its resource.
    pub resource: ResourceId,
    /// Its task.
    pub task: Task,
    /// Its SKU.
    pub sku: Sku,
    /// The deployment that takes its overflow, if any.
    pub spillover: Option<DeploymentId>,
}

/// The reason why a deployment may not take another one's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSpillover {
    /// It is the same deployment.
    #[error("a deployment cannot be its own spillover")]
    Itself,
    /// It belongs to another resource.
    #[error("the spillover belongs to another resource")]
    OtherResource,
    /// It serves another task.
    #[error("the spillover serves another task")]
    OtherTask,
    /// Its SKU allows other regions.
    #[error("the spillover has the SKU {}, and the deployment {}", to.name(), from.name())]
    OtherSku {
        /// The SKU of the deployment that was called.
        from: Sku,
        /// The SKU of the spillover.
        to: Sku,
    },
    /// It has a spillover itself.
    #[error("the spillover has a spillover itself")]
    Chain,
}

impl NoSpillover {
    /// Returns the remedy.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Itself | Self::OtherResource => "name another deployment of the same resource",
            Self::OtherTask => "name a deployment for the same task",
            Self::OtherSku { .. } => {
                "give both the same SKU: a spillover never widens the regions of a request"
            }
            Self::Chain => "name a deployment without a spillover: there is one hop",
        }
    }
}

/// The decision that a deployment takes one request of another one.
///
/// Only [`Spillover::permitted`] makes it, and it is for one request:
///
/// ```compile_fail,E0451
/// # use policy::spillover::{Side, Spillover};
/// fn forge(from: Side, to: Side) -> Spillover {
///     Spillover { from, to }
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an unused decision means that the request is refused"]
pub struct Spillover {
    from: Side,
    to: Side,
}

impl Spillover {
    /// Decides whether `to` may take the requests of `from`.
    ///
    /// # Errors
    /// [`NoSpillover`] if it may not.
    pub fn permitted(from: Side, to: Side) -> Result<Self, NoSpillover> {
        if from.deployment == to.deployment {
            return Err(NoSpillover::Itself);
        }
        if from.resource != to.resource {
            return Err(NoSpillover::OtherResource);
        }
        if from.task != to.task {
            return Err(NoSpillover::OtherTask);
        }
        if from.sku != to.sku {
            return Err(NoSpillover::OtherSku { from: from.sku, to: to.sku });
        }
        if to.spillover.is_some() {
            return Err(NoSpillover::Chain);
        }
        Ok(Self { from, to })
    }

    /// Returns the deployment that takes the request.
    #[must_use]
    pub fn to(&self) -> DeploymentId {
        self.to.deployment
    }

    /// Returns the regions that may process the request: those that both deployments allow.
    #[must_use]
    pub fn regions(&self, zones: &Zones, home: &str) -> BTreeSet<String> {
        &zones.regions(self.from.sku, home) & &zones.regions(self.to.sku, home)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(number: u8) -> Side {
        Side {
            deployment: DeploymentId::from_random([number; 16]),
            resource: ResourceId::from_random([9; 16]),
            task: Task::Chat,
            sku: Sku::Standard,
            spillover: None,
        }
    }

    #[test]
    fn a_spillover_never_widens_the_regions() {
        for from in Sku::ALL {
            for to in Sku::ALL {
                let decision = Spillover::permitted(
                    Side { sku: from, ..side(1) },
                    Side { sku: to, ..side(2) },
                );
                match decision {
                    Ok(_) => assert_eq!(from, to),
                    Err(refused) => assert_eq!(refused, NoSpillover::OtherSku { from, to }),
                }
            }
        }
        // Also if a setting were wrong, a request stays in the regions of both.
        let zones = Zones::new(
            [("eu".to_owned(), ["local".to_owned(), "francecentral".to_owned()].into())].into(),
        );
        let spill = Spillover { from: side(1), to: Side { sku: Sku::GlobalStandard, ..side(2) } };
        assert_eq!(spill.regions(&zones.unwrap(), "local"), ["local".to_owned()].into());
    }

    #[test]
    fn the_target_is_another_deployment_of_the_same_kind_without_a_spillover() {
        let from = Side { spillover: Some(side(2).deployment), ..side(1) };
        assert_eq!(Spillover::permitted(from, side(2)).unwrap().to(), side(2).deployment);
        let refused = |to| Spillover::permitted(from, to).unwrap_err();
        assert_eq!(refused(from), NoSpillover::Itself);
        let resource = ResourceId::from_random([8; 16]);
        assert_eq!(refused(Side { resource, ..side(2) }), NoSpillover::OtherResource);
        assert_eq!(refused(Side { task: Task::Embeddings, ..side(2) }), NoSpillover::OtherTask);
        let spillover = Some(side(3).deployment);
        assert_eq!(refused(Side { spillover, ..side(2) }), NoSpillover::Chain);
    }
}
