//! The proof detects every weakened policy, unless the change allows nothing more.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop, and says what it did"
)]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use cedar_policy::{PolicySet, RequestEnv};
use cedar_policy_symcc::CompiledPolicySet;
use policy::authz::policies::Policies;
use prove::{
    Promise, Solver,
    mutate::{Mutant, mutants},
    promise::with_everything_permitted,
    solve::environment,
};

/// The result for a weakened policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// Cedar's validator refuses it.
    Invalid,
    /// A promise breaks.
    Caught(String),
    /// It allows nothing more, with any other permits.
    NoWeaker,
    /// It allows more, but no promise breaks.
    Survived(String),
}

/// The proof, prepared for queries about many policy sets.
struct Bench {
    solver: Solver,
    promises: Vec<Promise>,
    /// For each promise, true if it holds for any permitting policy.
    guarded: Vec<bool>,
    own: PolicySet,
    compiled: HashMap<String, At>,
}

/// The compiled sets of one environment that do not change.
#[derive(Clone)]
struct At {
    own: CompiledPolicySet,
    open: CompiledPolicySet,
    promises: Vec<CompiledPolicySet>,
}

impl Bench {
    async fn start(policies: &Policies) -> Self {
        let mut solver = Solver::start(policies.schema()).unwrap();
        let proof = prove::prove(&mut solver, policies).await.unwrap();
        assert!(proof.holds());
        let guarded = proof.outcomes.iter().map(|outcome| outcome.guarded).collect();
        let promises = proof.outcomes.into_iter().map(|outcome| outcome.promise).collect();
        Self { solver, promises, guarded, own: policies.set().clone(), compiled: HashMap::new() }
    }

    fn at(&mut self, at: &RequestEnv) -> At {
        let Self { solver, promises, own, .. } = self;
        let compile = |set: &PolicySet| solver.compile(set, at).unwrap();
        let made = || At {
            own: compile(own),
            open: compile(&with_everything_permitted(own)),
            promises: promises.iter().map(|promise| compile(&promise.set)).collect(),
        };
        self.compiled.entry(environment(at)).or_insert_with(made).clone()
    }

    async fn fate(&mut self, set: &PolicySet, environments: &[RequestEnv]) -> Fate {
        let mut weaker = None;
        for at in environments {
            let before = self.at(at);
            let own = self.solver.compile(set, at).unwrap();
            let open = self.solver.compile(&with_everything_permitted(set), at).unwrap();
            let same = self.solver.implies(&own, &before.own, at).await.unwrap()
                && self.solver.implies(&open, &before.open, at).await.unwrap();
            if same {
                continue;
            }
            for (index, promise) in before.promises.iter().enumerate() {
                let name = &self.promises[index].id;
                let kept = self.solver.implies(&own, promise, at).await.unwrap()
                    && (!self.guarded[index]
                        || self.solver.implies(&open, promise, at).await.unwrap());
                if !kept {
                    return Fate::Caught(name.clone());
                }
            }
            weaker = Some(environment(at));
        }
        weaker.map_or(Fate::NoWeaker, Fate::Survived)
    }
}

/// Decides the fate of each mutant, in order. There is one solver for each processor: a solver is a
/// process of its own, and while it computes, its thread waits.
fn decide(policies: &Policies, all: &[Mutant]) -> Vec<Fate> {
    let next = AtomicUsize::new(0);
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut bench = Bench::start(policies).await;
            let mut decided = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(mutant) = all.get(index) else { return decided };
                let fate = match mutant.valid {
                    true => bench.fate(&mutant.set, &mutant.environments).await,
                    false => Fate::Invalid,
                };
                decided.push((index, fate));
            }
        })
    };
    let threads = thread::available_parallelism().unwrap().get();
    let mut decided: Vec<_> = thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    decided.sort_by_key(|(index, _)| *index);
    decided.into_iter().map(|(_, fate)| fate).collect()
}

/// Weakened policies that allow nothing more: the policy, the change, and the reason.
const KNOWN: &[(&str, &str, &str)] = &[
    ("azure-roles-read", "is `Operator`", "an operator may do that anyway"),
    ("contributor-deploys", "`Cognitive Services Contributor` is `", "the other role may anyway"),
    ("contributor-manages", "is `Operator`", "an operator may do that anyway"),
    ("guard-by-person", "\"approveLook\"", "only a person is of a team"),
    ("guard-by-person", "\"decideFlag\"", "only a person is a grant's reviewer"),
    ("guard-by-person", "\"openRecord\"", "only a person is a grant's reviewer"),
    ("guard-operator-only", "\"createTenant\"", ON_SERVICE),
    ("guard-operator-only", "\"enrollWorkstation\"", ON_SERVICE),
    ("guard-operator-only", "\"listReviewQueue\"", ON_SERVICE),
    ("guard-operator-only", "\"readEngines\"", ON_SERVICE),
    ("guard-operator-only", "\"writeEngine\"", ON_SERVICE),
    ("guard-operator-only", "\"writeModel\"", ON_SERVICE),
    ("key-data-plane", "any action", "`guard-keys` keeps keys to the data plane"),
    ("key-sees", "any action", "`guard-keys` keeps keys to the data plane"),
    ("manager-approves", "", "`guard-approve` names the role too"),
    ("manager-suspends", "is `Operator`", "an operator may do that anyway"),
    ("officer-allows-processor", "", "`guard-allow-processor` names the role too"),
    ("officer-assigns-reviewers", "", "`guard-assign-reviewers` names the role too"),
    ("officer-inventory", "is `Cognitive Services OpenAI", "the other role may do that anyway"),
    ("openai-contributor-deploys", "is `Operator`", "an operator may do that anyway"),
    ("operator-locks", "is `", "the other role may do that anyway"),
    ("usages-reader-reads", "is `", "the other role may do that anyway"),
];

const ON_SERVICE: &str =
    "it is done to the service, which `guard-own-tenant` keeps to the operator";

#[test]
fn every_weakened_policy_is_noticed() {
    let policies = Policies::built_in().unwrap();
    let all = mutants(policies.set(), policies.schema()).unwrap();
    let count = all.len();
    let mut fates: BTreeMap<Fate, usize> = BTreeMap::new();
    let (mut survived, mut unexplained) = (Vec::new(), Vec::new());
    let mut explained = BTreeSet::new();
    for (mutant, fate) in all.iter().zip(decide(&policies, &all)) {
        let line = format!("{}: {}", mutant.policy, mutant.change);
        match &fate {
            Fate::Survived(at) => survived.push(format!("{line} ({at})")),
            Fate::NoWeaker => {
                let known = KNOWN.iter().find(|(policy, change, _)| {
                    *policy == mutant.policy.to_string() && mutant.change.contains(change)
                });
                match known {
                    Some((policy, change, reason)) => {
                        println!("no weaker: {line}: {reason}");
                        explained.insert((policy, change));
                    }
                    None => unexplained.push(line),
                }
            }
            Fate::Invalid | Fate::Caught(_) => {}
        }
        *fates.entry(fate).or_default() += 1;
    }
    let noticed = count - fates.get(&Fate::NoWeaker).copied().unwrap_or_default();
    println!("{count} weakened policies, {noticed} noticed: {fates:#?}");
    assert!(survived.is_empty(), "no promise breaks: {survived:#?}");
    assert!(unexplained.is_empty(), "no weaker, and KNOWN has no reason: {unexplained:#?}");
    let known: BTreeSet<_> = KNOWN.iter().map(|(policy, change, _)| (policy, change)).collect();
    assert_eq!(explained, known, "an explanation of what is noticed by now");
}
