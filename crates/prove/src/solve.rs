//! Questions to the solver: does one policy set imply another, wherever both can apply?

use cedar_policy::{Policy, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::{
    CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env, solver::LocalSolver,
};

/// Milliseconds for one question. The slowest of the built-in policies takes a few dozen.
const QUESTION_MS_MAX: u32 = 60_000;

/// The solver, and what it is asked about.
pub struct Solver {
    compiler: CedarSymCompiler<LocalSolver>,
    schema: Schema,
    /// Every kind of principal with every action on every kind of thing.
    environments: Vec<RequestEnv>,
}

/// Why a question has no answer. That is never taken for a proof.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// cvc5 is missing or does not start.
    #[error("cvc5 does not start: {0}; apt-get install cvc5, or give its path in CVC5")]
    NoSolver(String),
    /// Cedar's compiler or cvc5 gave up.
    #[error("{environment}: {said}; a simpler policy may help")]
    GaveUp {
        /// Whose action on what.
        environment: String,
        /// What they said.
        said: String,
    },
    /// A policy set cannot be used.
    #[error(transparent)]
    Policies(#[from] policy::authz::policies::BadPolicies),
    /// The solver's counterexample is none, when Cedar itself decides it.
    #[error(
        "{environment}: the solver's counterexample is none for Cedar; this is a fault of one of the two, please report it"
    )]
    Disagreement {
        /// Whose action on what.
        environment: String,
    },
}

impl std::fmt::Debug for Solver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Solver").field("environments", &self.environments.len()).finish()
    }
}

impl Solver {
    /// Starts cvc5.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(schema: &Schema) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::NoSolver(error.to_string());
        let limit = format!("--tlimit-per={QUESTION_MS_MAX}");
        let solver = LocalSolver::cvc5_with_args([limit]).map_err(|error| failed(&error))?;
        let compiler = CedarSymCompiler::new(solver).map_err(|error| failed(&error))?;
        let environments = schema.request_envs().collect();
        Ok(Self { compiler, schema: schema.clone(), environments })
    }

    /// Every kind of principal with every action on every kind of thing.
    #[must_use]
    pub fn environments(&self) -> &[RequestEnv] {
        &self.environments
    }

    /// Compiles a policy set for an environment.
    ///
    /// # Errors
    /// When the compiler gives up.
    pub fn compile(&self, set: &PolicySet, at: &RequestEnv) -> Result<CompiledPolicySet, Error> {
        CompiledPolicySet::compile(set, at, &self.schema).map_err(|error| gave_up(at, &error))
    }

    /// What one policy set allows and the other does not, if there is anything.
    ///
    /// # Errors
    /// When compiler or solver gives up.
    pub async fn allows_more(
        &mut self,
        one: &CompiledPolicySet,
        other: &CompiledPolicySet,
        at: &RequestEnv,
    ) -> Result<Option<Env>, Error> {
        let answer = self.compiler.check_implies_with_counterexample_opt(one, other).await;
        answer.map_err(|error| gave_up(at, &error))
    }

    /// Whether one policy set allows nothing that the other does not.
    ///
    /// # Errors
    /// When compiler or solver gives up.
    pub async fn implies(
        &mut self,
        one: &CompiledPolicySet,
        other: &CompiledPolicySet,
        at: &RequestEnv,
    ) -> Result<bool, Error> {
        let answer = self.compiler.check_implies_opt(one, other).await;
        answer.map_err(|error| gave_up(at, &error))
    }

    /// Whether a policy set allows nothing at all.
    ///
    /// # Errors
    /// When compiler or solver gives up.
    pub async fn denies_all(
        &mut self,
        set: &CompiledPolicySet,
        at: &RequestEnv,
    ) -> Result<bool, Error> {
        let answer = self.compiler.check_always_denies_opt(set).await;
        answer.map_err(|error| gave_up(at, &error))
    }

    /// Whether a policy can be evaluated whatever the facts are. One that cannot is skipped by
    /// Cedar: as a clause of a specification it would say less than it seems to.
    ///
    /// # Errors
    /// When compiler or solver gives up.
    pub async fn never_fails(&mut self, policy: &Policy, at: &RequestEnv) -> Result<bool, Error> {
        let compiled = CompiledPolicy::compile(policy, at, &self.schema);
        let compiled = compiled.map_err(|error| gave_up(at, &error))?;
        let answer = self.compiler.check_never_errors_opt(&compiled).await;
        answer.map_err(|error| gave_up(at, &error))
    }
}

fn gave_up(at: &RequestEnv, error: &dyn std::fmt::Display) -> Error {
    Error::GaveUp { environment: environment(at), said: error.to_string() }
}

/// An environment, for people.
#[must_use]
pub fn environment(at: &RequestEnv) -> String {
    format!("{} {} {}", at.principal(), at.action().id().unescaped(), at.resource())
}
