//! The configuration: one TOML file, overridden field by field by environment variables.
//!
//! No setting is ever weakened silently: an unknown field, a value that does not parse, or a number
//! out of its range refuses the start. The error names the file and line, or the variable.
//! `bailiwick.example.toml` explains every field to operators.

mod batch;
mod destination;
mod guard;
mod identity;
mod load;
mod pages;
mod parties;
mod personal;
mod policies;
mod prices;
mod regions;
mod reload;
mod trust;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use engine::protocol::{Device, Gpu};
use policy::{network::IpRule, retention::Metadata};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, Visitor},
};
use tlog::canon::Digest;
use wire::{limits::RequestLimits, no_effect::NoEffectFields};

pub(crate) use self::{
    batch::BatchConfig,
    destination::{Access, CredentialHeader, CredentialSource, Destination, TokenRequest},
    guard::GuardConfig,
    identity::{IdentityConfig, IssuerConfig, SignInConfig},
    load::ConfigError,
    pages::PagesConfig,
    parties::{CustomerConfig, OperatorConfig, Party},
    personal::PersonalConfig,
    policies::PoliciesConfig,
    prices::PricesConfig,
    regions::RegionsConfig,
    trust::{Audience, TrustConfig},
};

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The data directory: database, models, keys of the administrator.
    pub data: PathBuf,
    /// The key directory: the keys that open records, for the custodian only. By default the path
    /// of the data directory, with `-keys` after its name.
    pub keys: Option<PathBuf>,
    /// The region of this service, and the zones.
    pub regions: RegionsConfig,
    /// Addresses of the listeners.
    pub listen: Listen,
    /// TLS on the API's listener; without it, plain HTTP.
    pub tls: Option<Tls>,
    /// TLS on the operations listener. By default it uses the API's certificate if other machines
    /// can reach the listener and the API has a certificate; otherwise it speaks plain HTTP.
    pub operations: Option<Tls>,
    /// The review desk's own listener, for enrolled workstations; without it, records cannot be
    /// reviewed.
    pub review: Option<Review>,
    /// Limits on requests, connections and times.
    pub limits: HttpLimits,
    /// Settings for reading requests.
    pub requests: RequestsConfig,
    /// Identity providers: the issuers whose tokens are accepted, in addition to API keys.
    pub identity: IdentityConfig,
    /// The operator's own policies, in addition to the built-in ones.
    pub policies: PoliciesConfig,
    /// Settings for running models.
    pub engine: EngineConfig,
    /// Settings for running batches.
    pub batch: BatchConfig,
    /// The content filter's detectors.
    pub guard: GuardConfig,
    /// The model that finds names and addresses.
    pub personal: PersonalConfig,
    /// The source of model files.
    pub models: ModelsConfig,
    /// Retention of data that holds no content: receipts and usage.
    pub retention: Retention,
    /// Prices of tokens.
    pub prices: PricesConfig,
    /// Level and format of the log lines.
    pub log: Log,
    /// Destinations that the service may dial. If the list is empty, it dials none.
    pub egress: Vec<Destination>,
    /// Witnesses that cosign the transparency log.
    pub witnesses: Vec<Witness>,
    /// Tenants whose key-encryption key their customer holds.
    pub customer_keys: Vec<CustomerKey>,
    /// The operator's name and contacts, for reports.
    pub operator: OperatorConfig,
    /// The customers' names and contacts, for reports.
    pub customers: Vec<CustomerConfig>,
    /// The pages that people check the service with.
    pub trust: TrustConfig,
    /// The pages of people who sign in.
    pub pages: PagesConfig,
}

/// A tenant whose key-encryption key its customer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerKey {
    /// The tenant's name. It must exist.
    pub tenant: String,
    /// The Unix socket of the customer's `bailiwick key-holder`.
    pub socket: PathBuf,
}

/// A witness that cosigns the transparency log's checkpoints (C2SP tlog-witness).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Witness {
    /// Its base URL: checkpoints are posted to `add-checkpoint` under it.
    pub url: String,
    /// Its verifier key, as in C2SP signed-note.
    pub key: String,
}

/// Addresses of the listeners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Listen {
    /// The API, for customers.
    pub api: SocketAddr,
    /// The API again, for the operator's own network. Resources with public access turned off
    /// answer only here.
    pub private: Option<SocketAddr>,
    /// Health, metrics and administration, for operators.
    pub operations: SocketAddr,
    /// The desk, where people sign in and decide; without it, the desk is off.
    pub desk: Option<SocketAddr>,
    /// Proxies from which `X-Forwarded-For` is accepted.
    pub proxies: Vec<IpRule>,
    /// If set, `{resource}.{domain}` in the `Host` header selects the resource.
    pub domain: Option<String>,
}

/// TLS on a listener. Both files are required. An empty path is refused only after the whole
/// configuration is read, because two variables set the two paths one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// PEM file with the certificate, followed by the intermediate certificates.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// The review desk's own listener, with mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    /// Address of the listener.
    pub listen: SocketAddr,
    /// PEM file with its certificate, followed by the intermediate certificates.
    pub certificate: PathBuf,
    /// PEM file with its private key.
    pub key: PathBuf,
    /// PEM file with the authority that signs workstations' certificates.
    pub workstation_ca: PathBuf,
}

/// Limits on requests, connections and times. Errors name the exceeded limit by its field name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HttpLimits {
    /// Maximum bytes of a request's body.
    #[serde(deserialize_with = "within::<1024, 1_073_741_824, _, _>")]
    pub body_bytes_max: usize,
    /// Maximum number of headers in a request.
    #[serde(deserialize_with = "within::<16, 1000, _, _>")]
    pub header_count_max: usize,
    /// Maximum bytes of all headers of a request together.
    #[serde(deserialize_with = "within::<8192, 1_048_576, _, _>")]
    pub header_bytes_max: usize,
    /// Milliseconds within which the headers must arrive.
    #[serde(deserialize_with = "within::<1, 3_600_000, _, _>")]
    pub header_read_ms: u64,
    /// Milliseconds within which the body must arrive.
    #[serde(deserialize_with = "within::<1, 3_600_000, _, _>")]
    pub body_read_ms: u64,
    /// Milliseconds for a whole request, including the answer.
    #[serde(deserialize_with = "within::<1, 86_400_000, _, _>")]
    pub request_ms: u64,
    /// Milliseconds that a known caller's connection may stay open without a request. A connection
    /// that has not shown a key gets `header_read_ms`.
    #[serde(deserialize_with = "within::<1, 86_400_000, _, _>")]
    pub idle_ms: u64,
    /// Open connections at once, on the API's listener and on the private listener each.
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    pub connections_max: usize,
    /// Open connections at once, on each of the operations, desk and review listeners.
    #[serde(deserialize_with = "within::<8, 1_000_000, _, _>")]
    pub operators_connections_max: usize,
    /// Percentage of a listener's connections that one address may use without a key.
    #[serde(deserialize_with = "within::<1, 100, _, _>")]
    pub connections_address_percent: usize,
    /// Percentage of a listener's connections that one network may use without a key.
    #[serde(deserialize_with = "within::<1, 100, _, _>")]
    pub connections_network_percent: usize,
    /// Percentage of a listener's connections reserved for addresses that recently showed a key.
    #[serde(deserialize_with = "within::<0, 90, _, _>")]
    pub connections_known_percent: usize,
    /// Seconds for which an address stays known after it showed a key.
    #[serde(deserialize_with = "within::<60, 31_536_000, _, _>")]
    pub known_address_s: u64,
    /// Points per second that one address may use without a key.
    #[serde(deserialize_with = "within::<10, 1_000_000, _, _>")]
    pub address_points_per_second: u32,
    /// Bodies of one resource that may be arriving at once.
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    pub uploads_max: usize,
    /// Bytes of one file that a customer uploads, in one request or in parts.
    #[serde(deserialize_with = "within::<1, 68_719_476_736, _, _>")]
    pub file_bytes_max: u64,
    /// Milliseconds in which 64 KiB more of an uploaded file must arrive. The whole upload may take
    /// longer than `body_read_ms` and `request_ms`.
    #[serde(deserialize_with = "within::<1, 3_600_000, _, _>")]
    pub file_idle_ms: u64,
    /// Files of one resource that may be arriving at once.
    #[serde(deserialize_with = "within::<1, 65_536, _, _>")]
    pub files_at_once_max: usize,
    /// Bytes of one line of an uploaded file.
    #[serde(deserialize_with = "within::<1024, 1_073_741_824, _, _>")]
    pub line_bytes_max: u64,
    /// Messages in a conversation.
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    pub messages_max: usize,
    /// Functions offered to the model.
    #[serde(deserialize_with = "within::<1, 1024, _, _>")]
    pub tools_max: usize,
    /// Choices of one completion, `n`.
    #[serde(deserialize_with = "within::<1, 128, _, _>")]
    pub choices_max: usize,
    /// Stop sequences of one request.
    #[serde(deserialize_with = "within::<1, 64, _, _>")]
    pub stop_max: usize,
    /// Inputs of one embeddings request.
    #[serde(deserialize_with = "within::<1, 65_536, _, _>")]
    pub embed_inputs_max: usize,
    /// Images and sounds in one conversation.
    #[serde(deserialize_with = "within::<0, 100_000, _, _>")]
    pub media_max: usize,
    /// Bytes of one image's data URL, and of one sound's base64.
    #[serde(deserialize_with = "within::<1024, 1_073_741_824, _, _>")]
    pub media_bytes_max: usize,
    /// Lines in one batch.
    #[serde(deserialize_with = "within::<1, 100_000, _, _>")]
    pub batch_lines_max: u32,
    /// Requests of one model that may wait for a free sequence.
    #[serde(deserialize_with = "within::<1, 65_536, _, _>")]
    pub queue_max: u32,
    /// Milliseconds that running requests have to finish when the server stops.
    #[serde(deserialize_with = "within::<0, 3_600_000, _, _>")]
    pub drain_ms: u64,
}

impl HttpLimits {
    /// Returns the limits that the parser of request bodies checks.
    #[must_use]
    pub(crate) fn request(&self) -> RequestLimits {
        let &Self {
            messages_max,
            tools_max,
            choices_max,
            stop_max,
            embed_inputs_max,
            media_max,
            media_bytes_max,
            ..
        } = self;
        RequestLimits {
            messages_max,
            tools_max,
            choices_max,
            stop_max,
            embed_inputs_max,
            media_max,
            media_bytes_max,
        }
    }
}

/// Settings for reading requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RequestsConfig {
    /// Treatment of requests with fields that have no effect here.
    pub no_effect_fields: NoEffectFields,
}

/// Settings for running models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EngineConfig {
    /// Sequences that one model generates at once.
    #[serde(deserialize_with = "within::<1, 256, _, _>")]
    pub sequences: u32,
    /// Tokens in one sequence, prompt and answer together; a smaller limit of the model takes
    /// precedence.
    #[serde(deserialize_with = "within::<64, 16_777_216, _, _>")]
    pub context_tokens: u32,
    /// Folders from which models may be added in place while the service runs.
    pub model_folders: Vec<PathBuf>,
    /// Number of compute threads; by default one for each core.
    #[serde(deserialize_with = "maybe_within::<1, 1024, _, _>")]
    pub threads: Option<u32>,
    /// Seconds that an unused prompt prefix stays in a model's KV cache; 0 stores no prefix.
    #[serde(deserialize_with = "within::<0, 86_400, _, _>")]
    pub prefix_cache_s: u64,
    /// Milliseconds that one step of a model may take; after that the worker is considered hung.
    #[serde(deserialize_with = "within::<1_000, 3_600_000, _, _>")]
    pub hang_ms: u64,
    /// Layers of each model that graphics cards compute; 0 uses the processor alone.
    #[serde(deserialize_with = "within::<0, 100_000, _, _>")]
    pub gpu_layers: u32,
    /// The card: llama.cpp's name of it, such as `Vulkan0`, or `software`. By default all cards.
    pub gpu_device: Option<String>,
}

/// The source from which `bailiwick model add hf:…` fetches model files. The running service
/// fetches no files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ModelsConfig {
    /// The URL of a mirror of the Hugging Face Hub; without it, no files are fetched.
    pub mirror: Option<String>,
    /// Maximum bytes of a fetched file.
    #[serde(deserialize_with = "within::<1_048_576, 10_995_116_277_760, _, _>")]
    pub file_bytes_max: u64,
}

/// Retention of data that holds no content. Each resource sets the retention of its own content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Retention {
    /// Days for which a request's receipt is available.
    #[serde(deserialize_with = "within::<{ Metadata::DAYS_MIN as u64 }, 36_500, _, _>")]
    pub receipts_days: u32,
    /// Days for which usage is stored.
    #[serde(deserialize_with = "within::<{ Metadata::DAYS_MIN as u64 }, 36_500, _, _>")]
    pub usage_days: u32,
    /// Seconds between two comparisons of the database with the log.
    #[serde(deserialize_with = "within::<1, 86_400, _, _>")]
    pub compare_seconds: u32,
}

impl Retention {
    /// Converts the settings to the ledger's type.
    #[must_use]
    pub(crate) fn metadata(&self) -> Metadata {
        let Self { receipts_days, usage_days, .. } = *self;
        Metadata { receipts_days, usage_days }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let Metadata { receipts_days, usage_days } = Metadata::DEFAULT;
        Self { receipts_days, usage_days, compare_seconds: 300 }
    }
}

/// Level and format of the log lines. Log lines hold no content and no keys at any level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// Format of the lines.
    pub format: LogFormat,
    /// Lowest severity that is written.
    pub level: LogLevel,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text for people.
    Text,
    /// JSON for machines, one object per line.
    Json,
}

/// Severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    /// Something failed.
    Error,
    /// Something needs attention.
    Warn,
    /// Starts, stops, requests.
    Info,
    /// Details that help to find a mistake.
    Debug,
    /// Everything.
    Trace,
}

impl Config {
    /// Returns the SHA-256 of the configuration in its canonical form, as in the log and in receipts.
    #[must_use]
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&[&serde_json::to_vec(self).unwrap_or_default()])
    }

    /// Returns the certificate of the operations listener: its own, or the API's if other machines
    /// can reach the listener. `None` means plain HTTP.
    #[must_use]
    pub(crate) fn operations_tls(&self) -> Option<&Tls> {
        let apis = || self.tls.as_ref().filter(|_| !self.listen.operations.ip().is_loopback());
        self.operations.as_ref().or_else(apis)
    }

    /// Returns the key directory: as configured, or beside the data directory.
    #[must_use]
    pub(crate) fn key_directory(&self) -> PathBuf {
        self.keys.clone().unwrap_or_else(|| {
            let mut name = self.data.clone().into_os_string();
            name.push("-keys");
            name.into()
        })
    }
}

impl EngineConfig {
    /// Returns the number of compute threads: as configured, or one for each core.
    #[must_use]
    pub(crate) fn threads_or_cores(&self) -> u32 {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.unwrap_or_else(|| u32::try_from(cores()).unwrap_or(u32::MAX))
    }

    /// Returns the wish for graphics cards; `None` if the processor computes everything.
    #[must_use]
    pub(crate) fn gpu(&self) -> Option<Gpu> {
        let device = match self.gpu_device.as_deref() {
            None => Device::Every,
            Some(SOFTWARE) => Device::Software,
            Some(name) => Device::Named(name.to_owned()),
        };
        (self.gpu_layers > 0).then_some(Gpu { layers: self.gpu_layers, device })
    }

    /// Returns the contradiction in the settings for graphics cards. `backend` is the one of this
    /// build.
    fn wrong_gpu(&self, backend: Option<&str>) -> Option<String> {
        let layers = self.gpu_layers;
        let message = match (self.gpu(), backend) {
            (None, _) if self.gpu_device.is_some() => {
                "`engine.gpu_device` is set, but `engine.gpu_layers` is 0, so no card is used: set \
                 `gpu_layers`, or remove `gpu_device`"
                    .to_owned()
            }
            (Some(_), None) => format!(
                "`engine.gpu_layers` is {layers}, but this program was built for the processor \
                 alone: build it with `make build GPU=vulkan` or `GPU=cuda`, or set `gpu_layers = 0`"
            ),
            (Some(gpu), Some(backend)) if gpu.is_software() && backend != "Vulkan" => format!(
                "`engine.gpu_device` is `{SOFTWARE}`, a driver of Vulkan, but this program was built \
                 for {backend}: build it with `make build GPU=vulkan`, or name a card"
            ),
            _ => return None,
        };
        Some(message)
    }
}

/// The value of `engine.gpu_device` for the driver that computes on the processor.
const SOFTWARE: &str = "software";

/// Deserializes a number from `MIN` to `MAX`, both included.
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
            regions: RegionsConfig::default(),
            listen: Listen::default(),
            tls: None,
            operations: None,
            review: None,
            limits: HttpLimits::default(),
            requests: RequestsConfig::default(),
            identity: IdentityConfig::default(),
            policies: PoliciesConfig::default(),
            engine: EngineConfig::default(),
            batch: BatchConfig::default(),
            guard: GuardConfig::default(),
            personal: PersonalConfig::default(),
            models: ModelsConfig::default(),
            retention: Retention::default(),
            prices: PricesConfig::default(),
            log: Log::default(),
            egress: Vec::new(),
            witnesses: Vec::new(),
            customer_keys: Vec::new(),
            operator: OperatorConfig::default(),
            customers: Vec::new(),
            trust: TrustConfig::default(),
            pages: PagesConfig::default(),
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

impl Default for HttpLimits {
    fn default() -> Self {
        let RequestLimits {
            messages_max,
            tools_max,
            choices_max,
            stop_max,
            embed_inputs_max,
            media_max,
            media_bytes_max,
        } = RequestLimits::default();
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
            file_bytes_max: 512 * 1024 * 1024,
            file_idle_ms: 60_000,
            files_at_once_max: 8,
            line_bytes_max: 16 * 1024 * 1024,
            messages_max,
            tools_max,
            choices_max,
            stop_max,
            embed_inputs_max,
            media_max,
            media_bytes_max,
            batch_lines_max: 100_000,
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
            gpu_layers: 0,
            gpu_device: None,
        }
    }
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self { mirror: None, file_bytes_max: 100_000_000_000 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info }
    }
}

#[cfg(test)]
mod tests;
