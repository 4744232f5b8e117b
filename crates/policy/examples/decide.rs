//! Measures decisions: `cargo run --release -p policy --example decide`.
//!
//! The cases are a key and a refusal, with 1,000 role assignments in the tables. Each is measured
//! as in the service, which remembers fixed decisions, and with a new decision each time. In 99 of
//! 100 cases, a decision must not take longer than 50 µs.

use std::{error::Error, hint::black_box, time::Instant};

use policy::{
    authz::{
        Authority, Settled, authorize,
        context::{Moment, Reaching},
        facts::{DeploymentFacts, EngineFacts, ResourceFacts, Scope},
        policies::Policies,
        role::{Holder, Role, RoleAssignments},
    },
    id::{DeploymentId, PersonId, ResourceId, TenantId},
    permit::{Complete, Reach},
    principal::{Key, Principal, ResourceKeys, authenticate},
};

/// The number of measured decisions.
const DECISIONS: usize = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let policies = Policies::built_in()?;
    report(&format!("policies read and checked in {:?}", started.elapsed()));

    let mut roles = RoleAssignments::default();
    for number in 0..1_000_u128 {
        let person = Holder::Person(PersonId::from_random((number % 100).to_be_bytes()));
        let scope = Scope::Resource(resource(number));
        let role = Role::ALL.get(usize::try_from(number)? % Role::ALL.len()).copied();
        roles.assign(person, role.unwrap_or(Role::OpenAiUser), scope);
    }
    let authority = Authority::new(policies, Some(TenantId::from_random([9; 16])), roles);

    let ResourceFacts { tenant, resource } = resource(1);
    let key = Key::from_random(&[4; 32]);
    let keys =
        ResourceKeys { tenant, resource, key1: key.digest(), key2: key.digest(), disabled: false };
    let caller = Principal::from(authenticate(&key, &keys)?);
    let deployment = DeploymentId::from_random([3; 16]);
    let own = DeploymentFacts { tenant, resource, deployment };
    let foreign = DeploymentFacts { resource: ResourceId::from_random([8; 16]), ..own };

    let anew =
        |thing, moment: &_| authorize::<Complete>(&authority, &caller, thing, moment).is_ok();
    measure("a key, its own deployment, decided anew", |moment| anew(&own, moment));
    measure("a key, another deployment, hidden anew", |moment| anew(&foreign, moment));
    let settled = Settled::new(authority.clone());
    let asked = |moment: &_| settled.authorize::<Complete>(&caller, &own, moment).is_ok();
    measure("a key, its own deployment, as the service asks", asked);

    let texts = |texts: [&str; 2]| texts.map(str::to_owned).into();
    let here = Reaching {
        now_ms: 0,
        engine: EngineFacts::embedded("swedencentral".to_owned()),
        regions: texts(["francecentral", "swedencentral"]),
        processors: texts(["contoso", "fabrikam"]),
    };
    let at = |moment: &Moment| Reaching { now_ms: moment.now_ms, ..here.clone() };
    let anew = |moment: &_| authorize::<Reach>(&authority, &caller, &own, &at(moment)).is_ok();
    measure("a route to an engine, decided anew", anew);
    let asked = |moment: &_| settled.authorize::<Reach>(&caller, &own, &at(moment)).is_ok();
    measure("a route to an engine, as the service asks", asked);
    Ok(())
}

fn resource(number: u128) -> ResourceFacts {
    ResourceFacts {
        tenant: TenantId::from_random([1; 16]),
        resource: ResourceId::from_random(number.to_be_bytes()),
    }
}

fn measure(what: &str, decide: impl Fn(&Moment) -> bool) {
    let mut nanoseconds: Vec<u128> = (0..DECISIONS)
        .map(|decision| {
            let moment = Moment { now_ms: u64::try_from(decision).unwrap_or_default() };
            let started = Instant::now();
            let answer = decide(&moment);
            let elapsed = started.elapsed().as_nanos();
            black_box(answer);
            elapsed
        })
        .collect();
    nanoseconds.sort_unstable();
    let at = |percent: usize| {
        let index = nanoseconds.len().saturating_sub(1) * percent / 100;
        nanoseconds.get(index).copied().unwrap_or_default()
    };
    report(&format!("{what}: p50 {} ns, p99 {} ns", at(50), at(99)));
}

#[expect(clippy::print_stdout, reason = "the measurement is the program's output")]
fn report(line: &str) {
    println!("{line}");
}
