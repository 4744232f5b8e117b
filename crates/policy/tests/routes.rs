//! Random configurations of zones, SKUs, engines and permissions: a route leads only to an engine that
//! the rules allow. The test is outside of the crate, so that a decision costs as much as in the
//! service.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop, and says what it did"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    num::Wrapping,
};

use policy::{
    authz::{
        Authority, DeploymentFacts, authorize,
        context::Reaching,
        policies::{File, Policies},
        role::RoleAssignments,
    },
    id::{DeploymentId, EngineId, ResourceId, TenantId},
    permit::Reach,
    principal::{Key, Principal, ResourceKeys, authenticate},
    residency::{EngineFacts, Misfit, Route, Sku, Zones},
};

/// A random number generator with a fixed sequence: splitmix64.
struct Numbers(Wrapping<u64>);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 += 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0;
        z = (z ^ (z >> 30)) * Wrapping(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)) * Wrapping(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).0
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.next().is_multiple_of(bound)
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.next() % choices.len() as u64).unwrap()]
    }

    /// Returns each of the texts with even odds.
    fn some_of(&mut self, texts: &[&str]) -> BTreeSet<String> {
        texts.iter().filter(|_| self.one_in(2)).map(|text| (*text).to_owned()).collect()
    }
}

const REGIONS: [&str; 6] =
    ["local", "swedencentral", "francecentral", "eastus", "westus", "norwayeast"];
const PROCESSORS: [&str; 3] = ["contoso", "fabrikam", "northwind"];
const CONFIGURATIONS: u32 = 100_000;

/// Returns a key, and a deployment of its resource. All resources are of one tenant.
fn caller(number: u8) -> (Principal, DeploymentFacts) {
    let (tenant, resource) =
        (TenantId::from_random([1; 16]), ResourceId::from_random([number; 16]));
    let key = Key::from_random(&[number; 32]);
    let (key1, key2) = (key.digest(), key.digest());
    let keys = ResourceKeys { tenant, resource, key1, key2, disabled: false };
    let deployment = DeploymentId::from_random([number; 16]);
    let facts = DeploymentFacts { tenant, resource, deployment };
    (authenticate(&key, &keys).unwrap().into(), facts)
}

/// Checks routes against a second reading of the rules, which knows neither [`Zones`] nor Cedar.
#[test]
fn no_random_configuration_makes_a_route_that_is_not_allowed() {
    let text = "@id(\"site-open\") permit (principal, action, resource);";
    let open = Policies::with(&[File { name: "site.cedar", text }]).unwrap();
    let open = Authority::new(open, None, RoleAssignments::default());
    let authorities = [Authority::built_in().unwrap(), open];
    let callers = [1, 2].map(caller);
    let mut numbers = Numbers(Wrapping(9));
    let (mut routes, mut misfits) = (0, BTreeMap::new());
    for round in 0..CONFIGURATIONS {
        // The zone of each region, if it is listed, and the processors of each resource.
        let zones: BTreeMap<&str, &str> = REGIONS
            .into_iter()
            .filter_map(|region| Some((region, numbers.one_of(&[None, Some("eu"), Some("us")])?)))
            .collect();
        let allowed = [1, 2].map(|resource| (resource, numbers.some_of(&PROCESSORS)));
        let (sku, home) = (numbers.one_of(&Sku::ALL), numbers.one_of(&REGIONS));
        let named = numbers.one_of(&PROCESSORS);
        let processor = numbers.one_of(&[None, Some(named)]);
        let region = numbers.one_of(&REGIONS);
        let called = usize::from(numbers.one_in(2));
        let ((resource, processors), (caller, deployment)) = (&allowed[called], &callers[called]);

        let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (region, zone) in &zones {
            listed.entry((*zone).to_owned()).or_default().insert((*region).to_owned());
        }
        let reaching = Reaching {
            now_ms: u64::from(round),
            engine: EngineFacts {
                engine: Some(EngineId::from_random(u128::from(numbers.next()).to_be_bytes())),
                region: region.to_owned(),
                processor: processor.map(str::to_owned),
            },
            regions: Zones::new(listed).unwrap().regions(sku, home),
            processors: processors.clone(),
        };
        let authority = &authorities[usize::from(numbers.one_in(2))];
        let route = authorize::<Reach>(authority, caller, deployment, &reaching).map(Route::new);

        let (from, to) = (zones.get(home), zones.get(region));
        let region_fits = region == home
            || match sku {
                Sku::Standard => false,
                Sku::DataZoneStandard => from.is_some() && from == to,
                Sku::GlobalStandard => to.is_some(),
            };
        let processor_fits = processor.is_none_or(|processor| {
            allowed.iter().any(|(of, all)| of == resource && all.contains(processor))
        });
        let told = || format!("round {round}: {zones:?} {sku:?} {home} {allowed:?} {reaching:?}");
        assert_eq!(route.is_ok(), region_fits && processor_fits, "{}", told());
        let misfit = match (region_fits, processor_fits) {
            (false, _) => Some(Misfit::Region),
            (true, false) => Some(Misfit::Processor),
            (true, true) => None,
        };
        assert_eq!(reaching.misfit(), misfit, "{}", told());
        *misfits.entry(misfit).or_insert(0) += 1;
        if let Ok(route) = route {
            assert_eq!((route.of(), route.engine()), (deployment, &reaching.engine), "{}", told());
            routes += 1;
        }
    }
    // Each case is frequent.
    assert!(misfits.len() == 3 && misfits.values().all(|count| *count > 10_000), "{misfits:?}");
    assert_eq!(misfits.get(&None), Some(&routes));
}
