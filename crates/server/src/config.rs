//! The configuration: one TOML file, overridden field by field by environment variables.
//!
//! Nothing weaker is ever put in place of what was asked: an unknown field, a value that does not
//! parse or a number out of its range refuses the start, and says in which file and line, or in
//! which variable. `bailiwick.example.toml` explains every field to operators.

mod identity;
mod load;
mod policies;
mod prices;
mod reload;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use policy::{network::IpRule, retention::Metadata};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, Visitor},
};

pub use self::{
    identity::{IdentityConfig, IssuerConfig},
    load::{ConfigError, Place},
    policies::PoliciesConfig,
    prices::{PriceConfig, PricesConfig},
};

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The data directory: database, models, keys of the administrator.
    pub data: PathBuf,
    /// The key directory: the keys that open records, for the custodian only. Without it, beside
    /// the data directory, with `-keys` after its name.
    pub keys: Option<PathBuf>,
    /// Where to listen.
    pub listen: Listen,
    /// TLS on the API's listener; without it, plain HTTP.
    pub tls: Option<Tls>,
    /// TLS on the operations listener. Without it, it has the API's certificate where others than this
    /// machine reach it and the API has one; and else plain HTTP.
    pub operations: Option<Tls>,
    /// The review desk's own listener, for enrolled workstations; without it, nobody reviews.
    pub review: Option<Review>,
    /// What a caller may ask for.
    pub limits: Limits,
    /// Who may say who calls, beside the keys.
    pub identity: IdentityConfig,
    /// The operator's own policies, beside those that are built in.
    pub policies: PoliciesConfig,
    /// How models are run.
    pub engine: EngineConfig,
    /// How long what holds no content is kept.
    pub retention: Retention,
    /// What tokens cost.
    pub prices: PricesConfig,
    /// What is logged, and how.
    pub log: Log,
    /// Where the service may dial. Nowhere, unless it is listed.
    pub egress: Vec<Destination>,
    /// Who cosigns the transparency log.
    pub witnesses: Vec<Witness>,
}

/// A place where the service may dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Scheme, host and, where it is not the scheme's own, port.
    pub url: String,
    /// PEM file with the authorities whose certificates are trusted there, instead of Mozilla's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Whether plain HTTP to another machine is wanted.
    #[serde(default)]
    pub plaintext: bool,
}

/// One who cosigns the transparency log's checkpoints: C2SP tlog-witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Where it answers: checkpoints are posted to `add-checkpoint` under it.
    pub url: String,
    /// Its verifier key.
    pub key: String,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The API, for customers.
    pub api: SocketAddr,
    /// The API once more, for the operator's own network: resources whose public access is off
    /// answer here only.
    pub private: Option<SocketAddr>,
    /// Health, metrics and administration, for operators.
    pub operations: SocketAddr,
    /// The desk, where people sign in and decide; without it, there is none.
    pub desk: Option<SocketAddr>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpRule>,
    /// With it, `{resource}.{domain}` in the `Host` header names the resource that is called.
    pub domain: Option<String>,
}

/// TLS on a listener. Both are needed; an empty one is refused when everything is read,
/// because two variables set them one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM file with the certificate, and the intermediate ones after it.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// The review desk's own listener, with mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Where it listens.
    pub listen: SocketAddr,
    /// PEM file with its certificate, and the intermediate ones after it.
    pub certificate: PathBuf,
    /// PEM file with its private key.
    pub key: PathBuf,
    /// PEM file with the authority that signs workstations' certificates.
    pub workstation_ca: PathBuf,
}

/// What a caller may ask for. Errors name the limit that was met by these names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes in a request's body.
    #[serde(deserialize_with = "within::<1024, 1_073_741_824, _, _>")]
    pub body_bytes_max: usize,
    /// Headers in a request.
    #[serde(deserialize_with = "within::<16, 1000, _, _>")]
    pub header_count_max: usize,
    /// Bytes in a request's headers together.
    #[serde(deserialize_with = "within::<8192, 1_048_576, _, _>")]
    pub header_bytes_max: usize,
    /// Milliseconds for the headers to arrive.
    #[serde(deserialize_with = "within::<1, 3_600_000, _, _>")]
    pub header_read_ms: u64,
    /// Milliseconds for the body to arrive.
    #[serde(deserialize_with = "within::<1, 3_600_000, _, _>")]
    pub body_read_ms: u64,
    /// Milliseconds for a whole request, answer included.
    #[serde(deserialize_with = "within::<1, 86_400_000, _, _>")]
    pub request_ms: u64,
    /// Milliseconds that a connection of a known caller may stay without a request. One that has
    /// not shown a key gets `header_read_ms`.
    #[serde(deserialize_with = "within::<1, 86_400_000, _, _>")]
    pub idle_ms: u64,
    /// Connections open at once, on the API's listener and on the private one each.
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    pub connections_max: usize,
    /// Connections open at once, on each of the listeners for operators, the desk and reviews.
    #[serde(deserialize_with = "within::<8, 1_000_000, _, _>")]
    pub operators_connections_max: usize,
    /// Percent of a listener's connections that one address may have without a key.
    #[serde(deserialize_with = "within::<1, 100, _, _>")]
    pub connections_address_percent: usize,
    /// Percent of a listener's connections that one network may have without a key.
    #[serde(deserialize_with = "within::<1, 100, _, _>")]
    pub connections_network_percent: usize,
    /// Percent of a listener's connections that are kept for addresses which showed a key lately.
    #[serde(deserialize_with = "within::<0, 90, _, _>")]
    pub connections_known_percent: usize,
    /// Seconds for which an address that showed a key is known.
    #[serde(deserialize_with = "within::<60, 31_536_000, _, _>")]
    pub known_address_s: u64,
    /// What one address may cause each second without a key, in points.
    #[serde(deserialize_with = "within::<10, 1_000_000, _, _>")]
    pub address_points_per_second: u32,
    /// Bodies of one resource that may be on their way at once.
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    pub uploads_max: usize,
    /// Messages in a conversation.
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    pub messages_max: usize,
    /// Functions offered to the model.
    #[serde(deserialize_with = "within::<1, 1024, _, _>")]
    pub tools_max: usize,
    /// Choices of one completion, `n`.
    #[serde(deserialize_with = "within::<1, 128, _, _>")]
    pub choices_max: usize,
    /// Stop texts.
    #[serde(deserialize_with = "within::<1, 64, _, _>")]
    pub stop_max: usize,
    /// Inputs of one embeddings request.
    #[serde(deserialize_with = "within::<1, 65_536, _, _>")]
    pub embed_inputs_max: usize,
    /// Requests of one model that wait for a free sequence.
    #[serde(deserialize_with = "within::<1, 65_536, _, _>")]
    pub queue_max: u32,
    /// Milliseconds that running requests are given to end when the server stops.
    #[serde(deserialize_with = "within::<0, 3_600_000, _, _>")]
    pub drain_ms: u64,
}

/// How models are run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Sequences that one model generates at once.
    #[serde(deserialize_with = "within::<1, 256, _, _>")]
    pub sequences: u32,
    /// Tokens that one sequence holds, prompt and answer; the model's own limit when smaller.
    #[serde(deserialize_with = "within::<64, 16_777_216, _, _>")]
    pub context_tokens: u32,
    /// Folders that models may be added from in place while the service runs.
    pub model_folders: Vec<PathBuf>,
    /// Threads that compute; without it, one for each core.
    #[serde(deserialize_with = "maybe_within::<1, 1024, _, _>")]
    pub threads: Option<u32>,
    /// Seconds that an unused prompt prefix stays in a model's KV cache; 0 keeps none.
    #[serde(deserialize_with = "within::<0, 86_400, _, _>")]
    pub prefix_cache_s: u64,
    /// Milliseconds that one step of a model may take before it is taken for hung.
    #[serde(deserialize_with = "within::<1_000, 3_600_000, _, _>")]
    pub hang_ms: u64,
}

/// How long what holds no content is kept. How long content is kept is each resource's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days that a request's receipt is given out.
    #[serde(deserialize_with = "within::<{ Metadata::DAYS_MIN as u64 }, 36_500, _, _>")]
    pub receipts_days: u32,
    /// Days that usage is kept.
    #[serde(deserialize_with = "within::<{ Metadata::DAYS_MIN as u64 }, 36_500, _, _>")]
    pub usage_days: u32,
}

impl Retention {
    /// As the ledger wants it.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        let Self { receipts_days, usage_days } = *self;
        Metadata { receipts_days, usage_days }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let Metadata { receipts_days, usage_days } = Metadata::DEFAULT;
        Self { receipts_days, usage_days }
    }
}

/// What is logged, and how. No log line holds content or keys, whatever is set here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// The least severe lines that are written.
    pub level: LogLevel,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: a JSON object a line.
    Json,
}

/// How severe a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is not as it should be.
    Warn,
    /// Starts, stops, requests.
    Info,
    /// What helps to find a mistake.
    Debug,
    /// Everything.
    Trace,
}

impl Config {
    /// The certificate of the operations listener: its own, or the API's where others than this machine
    /// reach it. `None` is plain HTTP.
    #[must_use]
    pub fn operations_tls(&self) -> Option<&Tls> {
        let apis = || self.tls.as_ref().filter(|_| !self.listen.operations.ip().is_loopback());
        self.operations.as_ref().or_else(apis)
    }

    /// The key directory: as configured, or beside the data directory.
    #[must_use]
    pub fn key_directory(&self) -> PathBuf {
        self.keys.clone().unwrap_or_else(|| {
            let mut name = self.data.clone().into_os_string();
            name.push("-keys");
            name.into()
        })
    }
}

impl EngineConfig {
    /// Threads that compute: as configured, or one for each core.
    #[must_use]
    pub fn threads_or_cores(&self) -> u32 {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.unwrap_or_else(|| u32::try_from(cores()).unwrap_or(u32::MAX))
    }
}

/// A number from `MIN` to `MAX`, both included.
fn within<'de, const MIN: u64, const MAX: u64, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<u64>,
    D: Deserializer<'de>,
{
    struct Within<const MIN: u64, const MAX: u64>;

    impl<const MIN: u64, const MAX: u64> Visitor<'_> for Within<MIN, MAX> {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a whole number from {MIN} to {MAX}")
        }

        fn visit_i64<E: serde::de::Error>(self, given: i64) -> Result<u64, E> {
            u64::try_from(given)
                .ok()
                .filter(|number| (MIN..=MAX).contains(number))
                .ok_or_else(|| E::custom(format!("{given} is not from {MIN} to {MAX}")))
        }
    }

    let number = deserializer.deserialize_i64(Within::<MIN, MAX>)?;
    T::try_from(number).map_err(|_| D::Error::custom(format!("{number} is too large")))
}

fn maybe_within<'de, const MIN: u64, const MAX: u64, T, D>(
    deserializer: D,
) -> Result<Option<T>, D::Error>
where
    T: TryFrom<u64>,
    D: Deserializer<'de>,
{
    within::<MIN, MAX, T, D>(deserializer).map(Some)
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: "data".into(),
            keys: None,
            listen: Listen::default(),
            tls: None,
            operations: None,
            review: None,
            limits: Limits::default(),
            identity: IdentityConfig::default(),
            policies: PoliciesConfig::default(),
            engine: EngineConfig::default(),
            retention: Retention::default(),
            prices: PricesConfig::default(),
            log: Log::default(),
            egress: Vec::new(),
            witnesses: Vec::new(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            api: (Ipv4Addr::LOCALHOST, 8080).into(),
            private: None,
            operations: (Ipv4Addr::LOCALHOST, 8081).into(),
            desk: None,
            proxies: Vec::new(),
            domain: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 * 1024 * 1024,
            header_count_max: 64,
            header_bytes_max: 16 * 1024,
            header_read_ms: 10_000,
            body_read_ms: 30_000,
            request_ms: 600_000,
            idle_ms: 75_000,
            connections_max: 1024,
            operators_connections_max: 128,
            connections_address_percent: 25,
            connections_network_percent: 50,
            connections_known_percent: 25,
            known_address_s: 3600,
            address_points_per_second: 1000,
            uploads_max: 256,
            messages_max: 2048,
            tools_max: 128,
            choices_max: 8,
            stop_max: 4,
            embed_inputs_max: 2048,
            queue_max: 256,
            drain_ms: 30_000,
        }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            sequences: 8,
            context_tokens: 4096,
            model_folders: Vec::new(),
            threads: None,
            prefix_cache_s: 300,
            hang_ms: 120_000,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info }
    }
}

#[cfg(test)]
mod tests;
