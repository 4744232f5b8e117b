//! Where a request may be processed, and by whom: the SKU of its deployment, the region of each
//! engine, and the processors that the resource's customer allowed.
//!
//! A [`Route`] is the only value with which a request can be given to an engine: the embedded one, or
//! another program. It is made from a permit for [`Reach`], so the policies have decided about this
//! engine, its region and its operator. There is no other way to make one, and each is used for one
//! attempt.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use crate::authz::facts::EngineFacts;
use crate::{
    authz::{DeploymentFacts, context::Reaching},
    permit::{Permit, Reach},
};

/// A deployment's SKU, with Azure's names. It decides which regions may process a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Sku {
    /// Processed in the resource's own region.
    Standard,
    /// Processed in a region of the resource's zone.
    DataZoneStandard,
    /// Processed in any region that the configuration lists.
    GlobalStandard,
}

impl Sku {
    /// All SKUs.
    pub const ALL: [Self; 3] = [Self::Standard, Self::DataZoneStandard, Self::GlobalStandard];

    /// Returns the SKU's name, as stored and as typed on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::DataZoneStandard => "DataZoneStandard",
            Self::GlobalStandard => "GlobalStandard",
        }
    }

    /// Returns the SKU with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sku| sku.name() == name)
    }

    /// Returns the rule in words, for refusals: "only the resource's own region", and so on.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Standard => "only the resource's own region",
            Self::DataZoneStandard => "only the regions of the resource's zone",
            Self::GlobalStandard => "only the regions that the configuration lists",
        }
    }
}

/// The zones: sets of regions, as the operator's configuration lists them. There is no built-in
/// zone: what "EU" means is the operator's statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Zones(BTreeMap<String, BTreeSet<String>>);

/// The zones contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the region `{region}` is in two zones, `{one}` and `{other}`; a region has one zone")]
pub struct TwoZones {
    /// The region.
    pub region: String,
    /// One of its zones.
    pub one: String,
    /// The other.
    pub other: String,
}

impl Zones {
    /// Makes the zones from their names and regions.
    ///
    /// # Errors
    /// [`TwoZones`] if a region is in two zones.
    pub fn new(zones: BTreeMap<String, BTreeSet<String>>) -> Result<Self, TwoZones> {
        let mut known: BTreeMap<&String, &String> = BTreeMap::new();
        for (zone, regions) in &zones {
            for region in regions {
                if let Some(other) = known.insert(region, zone) {
                    let (region, one) = (region.clone(), other.clone());
                    return Err(TwoZones { region, one, other: zone.clone() });
                }
            }
        }
        Ok(Self(zones))
    }

    /// Returns the zone of a region.
    #[must_use]
    pub fn of(&self, region: &str) -> Option<&str> {
        self.0.iter().find(|(_, regions)| regions.contains(region)).map(|(zone, _)| zone.as_str())
    }

    /// Returns the zones with their regions.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        self.0.iter()
    }

    /// Returns the regions in which a resource's requests may be processed, by the deployment's
    /// SKU. The resource's own region is always among them.
    #[must_use]
    pub fn regions(&self, sku: Sku, home: &str) -> BTreeSet<String> {
        let mut regions = match sku {
            Sku::Standard => BTreeSet::new(),
            Sku::DataZoneStandard => {
                self.0.values().find(|regions| regions.contains(home)).cloned().unwrap_or_default()
            }
            Sku::GlobalStandard => self.0.values().flatten().cloned().collect(),
        };
        regions.insert(home.to_owned());
        regions
    }
}

/// The reason why an engine may not process a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// Its region is not among the regions of the deployment's SKU.
    Region,
    /// A processor operates it, and the resource's customer has not allowed this processor.
    Processor,
}

impl Reaching {
    /// Returns why the engine does not fit, for the text of a refusal; `None` if it fits. The
    /// policies decide; this function only explains.
    #[must_use]
    pub fn misfit(&self) -> Option<Misfit> {
        if !self.regions.contains(&self.engine.region) {
            return Some(Misfit::Region);
        }
        let processor = self.engine.processor.as_ref()?;
        (!self.processors.contains(processor)).then_some(Misfit::Processor)
    }
}

/// The way to one engine for one attempt to answer one request.
///
/// It is made by [`Route::new`] from a permit, and is neither `Clone` nor `Deserialize`:
///
/// ```compile_fail,E0451
/// use policy::residency::Route;
/// let forged = Route { of: todo!(), reaching: todo!() };
/// ```
///
/// ```compile_fail,E0382
/// fn twice(permit: policy::permit::Permit<policy::permit::Reach>) {
///     let _ = policy::residency::Route::new(permit);
///     let _ = policy::residency::Route::new(permit);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an unused route reaches no engine"]
pub struct Route {
    of: DeploymentFacts,
    reaching: Reaching,
}

impl Route {
    /// Makes the route that a permit allows.
    pub fn new(permit: Permit<Reach>) -> Self {
        let (of, reaching) = permit.spend_with_context();
        Self { of, reaching }
    }

    /// Returns the deployment that the route is for.
    #[must_use]
    pub fn of(&self) -> &DeploymentFacts {
        &self.of
    }

    /// Whether the route leads to the embedded engine, for this deployment.
    #[must_use]
    pub fn is_embedded(&self, of: &DeploymentFacts) -> bool {
        self.reaching.engine.engine.is_none() && self.of == *of
    }

    /// Returns the engine that the route leads to.
    #[must_use]
    pub fn engine(&self) -> &EngineFacts {
        &self.reaching.engine
    }

    /// Returns the regions that were allowed for the request.
    #[must_use]
    pub fn regions(&self) -> &BTreeSet<String> {
        &self.reaching.regions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones() -> Zones {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Zones::new(BTreeMap::from([
            ("eu".to_owned(), set(&["swedencentral", "francecentral"])),
            ("us".to_owned(), set(&["eastus"])),
        ]))
        .unwrap()
    }

    #[test]
    fn each_sku_has_its_regions() {
        let of = |sku, home| zones().regions(sku, home).into_iter().collect::<Vec<_>>();
        assert_eq!(of(Sku::Standard, "swedencentral"), ["swedencentral"]);
        assert_eq!(of(Sku::DataZoneStandard, "swedencentral"), ["francecentral", "swedencentral"]);
        assert_eq!(
            of(Sku::GlobalStandard, "swedencentral"),
            ["eastus", "francecentral", "swedencentral"]
        );
        // A region without a zone has no other region in its zone.
        assert_eq!(of(Sku::DataZoneStandard, "local"), ["local"]);
    }

    #[test]
    fn a_region_has_one_zone() {
        let set = || BTreeSet::from(["norwayeast".to_owned()]);
        let both = BTreeMap::from([("eu".to_owned(), set()), ("nordic".to_owned(), set())]);
        let refused = Zones::new(both).unwrap_err().to_string();
        assert!(refused.contains("`norwayeast` is in two zones, `eu` and `nordic`"), "{refused}");
        assert_eq!(zones().of("eastus"), Some("us"));
        assert_eq!(zones().of("local"), None);
    }
}
