//! The arguments of `bailiwick engine`. `--help` shows these comments.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use policy::engine::{Capability, Processor};

use super::Shared;
use crate::manage::{CacheSetting, EngineKind, ModelOn};

/// The engine commands with their shared options.
#[derive(Debug, Args)]
pub(crate) struct Engines {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Configuration file with `[regions]` and `[[egress]]`. If not given, the defaults apply
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: EngineCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Add an engine that is another program
    ///
    /// Its address must be at a destination of the configuration (`[[egress]]`), which also has its
    /// credential. docs/operate/engines.md has vLLM, SGLang, llama-server and Azure OpenAI, step by
    /// step.
    Add(Box<Add>),
    /// List all engines; the first is the embedded one
    List,
    /// Show one engine
    Show {
        /// Name of the engine
        name: String,
    },
    /// Change an engine
    Update(Box<Update>),
    /// Remove an engine
    #[command(alias = "delete")]
    Remove {
        /// Name of the engine
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Name of the engine
    pub(crate) name: String,
    /// The API that the engine speaks
    #[arg(long)]
    pub(crate) kind: EngineKind,
    /// Base URL of its API: for `openai` with the path, such as https://gpu1.example:8000/v1; for
    /// `azure` without one, such as https://contoso.openai.azure.com
    #[arg(long)]
    pub(crate) url: String,
    /// Region in which it processes requests
    #[arg(long)]
    pub(crate) region: String,
    /// Model that it serves, and its own name for it, if that differs; on Azure, the name of the
    /// deployment. Repeat for more
    #[arg(long, value_name = "MODEL[=SERVED]", required = true)]
    pub(crate) model: Vec<ModelOn>,
    /// What its prefix cache does. A cache that several customers share reveals, by its timing,
    /// that another customer sent the same prompt.
    ///
    /// `salted` for vLLM: each request carries a secret salt of its tenant. `off` for llama-server:
    /// each request switches the cache off. `none` for an engine that has no prefix cache.
    /// `shared=TENANT` for all others, such as SGLang and Azure OpenAI: the engine serves this
    /// tenant only
    #[arg(long, value_name = "none|salted|off|shared=TENANT")]
    pub(crate) prefix_cache: CacheSetting,
    #[command(flatten)]
    pub(crate) processor: ProcessorArgs,
    #[command(flatten)]
    pub(crate) more: More,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Name of the engine
    pub(crate) name: String,
    /// The API that the engine speaks
    #[arg(long)]
    pub(crate) kind: Option<EngineKind>,
    /// Base URL of its API
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Region in which it processes requests
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Model that it serves, and its own name for it; repeat for more. The list replaces the
    /// existing one
    #[arg(long, value_name = "MODEL[=SERVED]")]
    pub(crate) model: Vec<ModelOn>,
    /// What its prefix cache does: `engine add --help` says which is right
    #[arg(long, value_name = "none|salted|off|shared=TENANT")]
    pub(crate) prefix_cache: Option<CacheSetting>,
    /// Go back to the v1 API of Azure
    #[arg(long, conflicts_with = "api_version")]
    pub(crate) no_api_version: bool,
    #[command(flatten)]
    pub(crate) processor: ProcessorArgs,
    /// The operator of this service operates the engine, and no processor
    #[arg(long, conflicts_with = "processor")]
    pub(crate) no_processor: bool,
    #[command(flatten)]
    pub(crate) more: More,
    /// Send it no new requests; the running ones finish
    #[arg(long, conflicts_with = "serve")]
    pub(crate) drain: bool,
    /// Send it requests again
    #[arg(long)]
    pub(crate) serve: bool,
}

/// The company that operates an engine.
#[derive(Debug, Args)]
pub(crate) struct ProcessorArgs {
    /// Name of the company that operates it, if you do not. Customers allow it by this name at the
    /// desk; until then, none of their content gets there
    #[arg(long, value_name = "NAME", requires_all = ["country", "contract"])]
    processor: Option<String>,
    /// Country of its seat: two letters of ISO 3166-1
    #[arg(long, value_name = "CC", requires = "processor")]
    country: Option<String>,
    /// Reference of your contract with it
    #[arg(long, value_name = "REF", requires = "processor")]
    contract: Option<String>,
}

/// The settings that both commands have.
#[derive(Debug, Args)]
pub(crate) struct More {
    /// Version of Azure's classic API, such as 2024-10-21. If not given, the v1 API is used
    #[arg(long, value_name = "VERSION")]
    pub(crate) api_version: Option<String>,
    /// Ability of its models; repeat for more. If none is given: tools, json_schema, logprobs and
    /// choices; for `azure` also tools_with_json_schema
    #[arg(long, value_name = "NAME", value_parser = capability)]
    pub(crate) capability: Vec<Capability>,
    /// Maximum number of requests that it gets at once [default: 64]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) concurrency: Option<u32>,
    /// Its share of the requests, relative to the other engines of the same model [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) weight: Option<u32>,
    /// Maximum time until its answer begins, in milliseconds [default: 120000]
    #[arg(long, value_name = "MILLISECONDS")]
    pub(crate) first_byte_ms: Option<u64>,
    /// Maximum time between two pieces of its answer, in milliseconds [default: 30000]
    #[arg(long, value_name = "MILLISECONDS")]
    pub(crate) silence_ms: Option<u64>,
}

impl ProcessorArgs {
    /// Returns the processor, if one is named.
    pub(crate) fn named(&self) -> Option<Processor> {
        let Self { processor, country, contract } = self;
        let (name, country, contract) = (processor.clone()?, country.clone()?, contract.clone()?);
        Some(Processor { name, country, contract })
    }
}

fn capability(name: &str) -> Result<Capability, String> {
    Capability::from_name(name).ok_or_else(|| {
        let names = Capability::ALL.map(Capability::name).join(", ");
        format!("write one of: {names}")
    })
}
