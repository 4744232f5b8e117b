//! Queries to the solver: does one policy set imply another, for every request that both apply to?

use cedar_policy::{Policy, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::{
    CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env, solver::LocalSolver,
};

/// The time limit of one query, in milliseconds. The slowest query about the built-in policies
/// takes a few dozen.
const QUESTION_MS_MAX: u32 = 60_000;

/// The solver and the subject of its queries.
pub struct Solver {
    compiler: CedarSymCompiler<LocalSolver>,
    schema: Schema,
    /// Every combination of principal kind, action and resource kind.
    environments: Vec<RequestEnv>,
}

/// The reason why a query has no answer. A missing answer never counts as a proof.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// cvc5 is missing or does not start.
    #[error("cvc5 does not start: {0}; apt-get install cvc5, or give its path in CVC5")]
    NoSolver(String),
    /// Cedar's compiler or cvc5 gave up.
    #[error("{environment}: {said}; a simpler policy may help")]
    GaveUp {
        /// The combination of principal kind, action and resource kind.
        environment: String,
        /// The message of Cedar's compiler or of cvc5.
        said: String,
    },
    /// A policy set cannot be used.
    #[error(transparent)]
    Policies(#[from] policy::authz::policies::BadPolicies),
    /// Cedar itself does not confirm the solver's counterexample.
    #[error(
        "{environment}: Cedar does not confirm the solver's counterexample; this is a fault of one of the two, please report it"
    )]
    Disagreement {
        /// The combination of principal kind, action and resource kind.
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
    /// [`Error::NoSolver`] if it does not start.
    pub fn start(schema: &Schema) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::NoSolver(error.to_string());
        let limit = format!("--tlimit-per={QUESTION_MS_MAX}");
        let solver = LocalSolver::cvc5_with_args([limit]).map_err(|error| failed(&error))?;
        let compiler = CedarSymCompiler::new(solver).map_err(|error| failed(&error))?;
        let environments = schema.request_envs().collect();
        Ok(Self { compiler, schema: schema.clone(), environments })
    }

    /// Returns every combination of principal kind, action and resource kind.
    #[must_use]
    pub fn environments(&self) -> &[RequestEnv] {
        &self.environments
    }

    /// Compiles a policy set for an environment.
    ///
    /// # Errors
    /// [`Error::GaveUp`] if the compiler gives up.
    pub fn compile(&self, set: &PolicySet, at: &RequestEnv) -> Result<CompiledPolicySet, Error> {
        CompiledPolicySet::compile(set, at, &self.schema).map_err(|error| gave_up(at, &error))
    }

    /// Returns a request that set `one` allows and set `other` does not, if there is one.
    ///
    /// # Errors
    /// [`Error::GaveUp`] if the compiler or the solver gives up.
    pub async fn allows_more(
        &mut self,
        one: &CompiledPolicySet,
        other: &CompiledPolicySet,
        at: &RequestEnv,
    ) -> Result<Option<Env>, Error> {
        let answer = self.compiler.check_implies_with_counterexample_opt(one, other).await;
        answer.map_err(|error| gave_up(at, &error))
    }

    /// Returns true if set `other` allows every request that set `one` allows.
    ///
    /// # Errors
    /// [`Error::GaveUp`] if the compiler or the solver gives up.
    pub async fn implies(
        &mut self,
        one: &CompiledPolicySet,
        other: &CompiledPolicySet,
        at: &RequestEnv,
    ) -> Result<bool, Error> {
        let answer = self.compiler.check_implies_opt(one, other).await;
        answer.map_err(|error| gave_up(at, &error))
    }

    /// Returns true if a policy set allows no request at all.
    ///
    /// # Errors
    /// [`Error::GaveUp`] if the compiler or the solver gives up.
    pub async fn denies_all(
        &mut self,
        set: &CompiledPolicySet,
        at: &RequestEnv,
    ) -> Result<bool, Error> {
        let answer = self.compiler.check_always_denies_opt(set).await;
        answer.map_err(|error| gave_up(at, &error))
    }

    /// Returns true if a policy evaluates for all facts. Cedar skips a policy that fails, so a
    /// failing clause of a specification would forbid less than it appears to.
    ///
    /// # Errors
    /// [`Error::GaveUp`] if the compiler or the solver gives up.
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

/// Returns an environment as text.
#[must_use]
pub fn environment(at: &RequestEnv) -> String {
    format!("{} {} {}", at.principal(), at.action().id().unescaped(), at.resource())
}
