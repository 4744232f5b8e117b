//! The configuration: one TOML file, overridden field by field by environment variables.
//!
//! Nothing weaker is ever put in place of what was asked: an unknown field, a value that does not
//! parse or a number out of its range refuses the start, and says in which file and line, or in
//! which variable. `bailiwick.example.toml` explains every field to operators.

use std::{
    fmt, fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, Visitor},
};

/// Environment variables that override a field begin so: `BAILIWICK_<SECTION>__<FIELD>`.
const PREFIX: &str = "BAILIWICK_";

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The data directory: database, models, keys of the administrator.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: Listen,
    /// TLS on the API's listener; without it, plain HTTP.
    pub tls: Option<Tls>,
    /// What a caller may ask for.
    pub limits: Limits,
    /// How models are run.
    pub engine: EngineConfig,
    /// What is logged, and how.
    pub log: Log,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The API, for customers.
    pub api: SocketAddr,
    /// Health, metrics and administration, for operators.
    pub operations: SocketAddr,
    /// With it, `{resource}.{domain}` in the `Host` header names the resource that is called.
    pub domain: Option<String>,
}

/// TLS on the API's listener. Both are needed; an empty one is refused when everything is read,
/// because two variables set them one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM file with the certificate, and the intermediate ones after it.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
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
    /// Connections open at once.
    #[serde(deserialize_with = "within::<1, 1_000_000, _, _>")]
    pub connections_max: usize,
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
    /// Threads that compute; without it, one for each core.
    #[serde(deserialize_with = "maybe_within::<1, 1024, _, _>")]
    pub threads: Option<u32>,
    /// Seconds that an unused prompt prefix stays in a model's KV cache; 0 keeps none.
    #[serde(deserialize_with = "within::<0, 86_400, _, _>")]
    pub prefix_cache_s: u64,
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

impl EngineConfig {
    /// Threads that compute: as configured, or one for each core.
    #[must_use]
    pub fn threads_or_cores(&self) -> u32 {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.unwrap_or_else(|| u32::try_from(cores()).unwrap_or(u32::MAX))
    }
}

/// Why there is no configuration. It names the file and line, or the variable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file says something that is not understood.
    #[error("{}:{place}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        place: Place,
        /// What is wrong there.
        message: String,
    },
    /// An environment variable says something that is not understood.
    #[error("environment variable `{name}`: {message}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// The fields contradict each other.
    #[error("{0}")]
    Contradiction(String),
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// The line's text.
    pub text: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: `{}`", self.line, self.column, self.text.trim())
    }
}

impl Config {
    /// Reads a configuration file, or the defaults without one, and applies the overrides in
    /// `environment`.
    ///
    /// # Errors
    /// When anything in it is not understood; says where.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?,
            None => String::new(),
        };
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            let path = file.unwrap_or(Path::new("")).to_owned();
            let place = place(&text, error.span().map_or(0, |span| span.start));
            ConfigError::File { path, place, message: error.message().to_owned() }
        })?;
        let mut overrides: Vec<_> =
            environment.into_iter().filter_map(|(name, value)| field(name, value)).collect();
        if !overrides.is_empty() {
            // Sorted, so that the same environment always gives the same message.
            overrides.sort();
            let mut table = toml::Table::try_from(&config)
                .map_err(|error| ConfigError::Contradiction(error.to_string()))?;
            for (name, path, value) in overrides {
                (table, config) = override_one(&table, &path, &value)
                    .map_err(|message| ConfigError::Variable { name, message })?;
            }
        }
        config.check()?;
        Ok(config)
    }

    /// Looks for what no single field shows.
    ///
    /// # Errors
    /// When fields contradict each other.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Listen { api, operations, domain } = &self.listen;
        if api == operations && api.port() != 0 {
            let message = format!(
                "`listen.api` and `listen.operations` are both {api}; give them two addresses: \
                 administration is never on the customers' listener"
            );
            return Err(ConfigError::Contradiction(message));
        }
        if let Some(domain) = domain
            && !domain.split('.').all(|label| store::resource_name(label).is_ok())
        {
            let message = format!(
                "`listen.domain` is `{domain}`; write a host name in lower case, such as \
                 `openai.example.com`"
            );
            return Err(ConfigError::Contradiction(message));
        }
        if let Some(Tls { certificate, key }) = &self.tls {
            for (field, path) in [("certificate", certificate), ("key", key)] {
                if path.as_os_str().is_empty() {
                    let message = format!(
                        "`tls.{field}` is missing: TLS needs `certificate` and `key`; set it, or \
                         remove the section `tls`"
                    );
                    return Err(ConfigError::Contradiction(message));
                }
            }
        }
        Ok(())
    }
}

/// Splits `BAILIWICK_LISTEN__API` into `listen` and `api`. Names without `__` are not overrides
/// (`BAILIWICK_API_KEY` is for clients), apart from `BAILIWICK_DATA`.
fn field(name: String, value: String) -> Option<(String, Vec<String>, String)> {
    let rest = name.strip_prefix(PREFIX)?;
    if rest != "DATA" && !rest.contains("__") {
        return None;
    }
    let path = rest.split("__").map(str::to_ascii_lowercase).collect();
    Some((name, path, value))
}

/// The table with one field replaced, and what it means.
///
/// A value is tried as TOML first (`8`, `true`), then as plain text, so that nobody has to put
/// quotes inside quotes.
fn override_one(
    table: &toml::Table,
    path: &[String],
    value: &str,
) -> Result<(toml::Table, Config), String> {
    let attempt = |value: toml::Value| {
        let mut table = table.clone();
        put(&mut table, path, value)?;
        let config = table.clone().try_into().map_err(|e: toml::de::Error| e.message().to_owned());
        config.map(|config| (table, config))
    };
    let text = toml::Value::String(value.to_owned());
    match value.parse::<toml::Value>() {
        Ok(typed) => attempt(typed).or_else(|message| attempt(text).map_err(|_| message)),
        Err(_) => attempt(text),
    }
}

fn put(table: &mut toml::Table, path: &[String], value: toml::Value) -> Result<(), String> {
    match path {
        [] => Ok(()),
        [field] => {
            table.insert(field.clone(), value);
            Ok(())
        }
        [section, rest @ ..] => {
            let inner = table
                .entry(section.clone())
                .or_insert_with(|| toml::Value::Table(toml::Table::new()))
                .as_table_mut()
                .ok_or_else(|| format!("`{section}` is a field, not a section"))?;
            put(inner, rest, value)
        }
    }
}

fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before.get(start..).unwrap_or("").chars().count() + 1,
        text: text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("").to_owned(),
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
            listen: Listen::default(),
            tls: None,
            limits: Limits::default(),
            engine: EngineConfig::default(),
            log: Log::default(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            api: (Ipv4Addr::LOCALHOST, 8080).into(),
            operations: (Ipv4Addr::LOCALHOST, 8081).into(),
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
            connections_max: 1024,
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
        Self { sequences: 8, context_tokens: 4096, threads: None, prefix_cache_s: 300 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LogLevel::Info }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../bailiwick.example.toml");

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.toml");
        fs::write(&path, text).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::load(Some(&path), environment)
    }

    fn refusal(text: &str) -> String {
        let message = load(text, &[]).unwrap_err().to_string();
        message.rsplit_once("/b.toml:").map_or(message.clone(), |(_, rest)| rest.to_owned())
    }

    #[test]
    fn the_example_is_exactly_the_defaults() {
        assert_eq!(load(EXAMPLE, &[]).unwrap(), Config::default());
        assert_eq!(load("", &[]).unwrap(), Config::default());
    }

    #[test]
    fn the_example_explains_every_field() {
        let full = Config {
            tls: Some(Tls { certificate: "c".into(), key: "k".into() }),
            ..Config::default()
        };
        let serde_json::Value::Object(config) = serde_json::to_value(full).unwrap() else {
            panic!()
        };
        let lines: Vec<&str> =
            EXAMPLE.lines().map(|line| line.trim_start_matches(['#', ' '])).collect();
        let mentioned = |start: &str| lines.iter().any(|line| line.starts_with(start));
        for (name, value) in config {
            let serde_json::Value::Object(section) = value else {
                assert!(mentioned(&format!("{name} = ")), "{name}");
                continue;
            };
            assert!(mentioned(&format!("[{name}]")), "[{name}]");
            for field in section.keys() {
                assert!(mentioned(&format!("{field} = ")), "{name}.{field}");
            }
        }
    }

    #[test]
    fn a_refusal_names_line_column_and_field() {
        let cases = [
            ("data = 'x'\n[limits]\nbody_bytes = 3\n", "3:1: `body_bytes = 3`: unknown field"),
            ("[limits]\nstop_max = 0\n", "2:12: `stop_max = 0`: 0 is not from 1 to 64"),
            ("[limits]\nqueue_max = -1\n", "2:13: `queue_max = -1`: -1 is not from"),
            (
                "[limits]\nqueue_max = 1.5\n",
                "2:13: `queue_max = 1.5`: invalid type: floating point",
            ),
            (
                "[limits]\nqueue_max = 'x'\n",
                "2:13: `queue_max = 'x'`: invalid type: string \"x\", expected a whole number from 1",
            ),
            ("[listen]\napi = 'here'\n", "2:7: `api = 'here'`: invalid socket address"),
            ("[log]\nlevel = 'loud'\n", "2:9: `level = 'loud'`: unknown variant `loud`"),
            ("[lissten]\n", "1:2: `[lissten]`: unknown field `lissten`"),
            ("data = \n", "1:8: `data =`: "),
        ];
        for (text, expected) in cases {
            let message = refusal(text);
            assert!(message.starts_with(expected), "{text}: {message}");
        }
    }

    #[test]
    fn variables_override_the_file() {
        let config = load(
            "[limits]\nstop_max = 2\n",
            &[
                ("BAILIWICK_LIMITS__STOP_MAX", "3"),
                ("BAILIWICK_LISTEN__API", "0.0.0.0:80"),
                ("BAILIWICK_ENGINE__THREADS", "2"),
                ("BAILIWICK_TLS__CERTIFICATE", "1"),
                ("BAILIWICK_TLS__KEY", "/key.pem"),
                ("BAILIWICK_DATA", "/data"),
                ("BAILIWICK_API_KEY", "not an override"),
                ("HOME", "/root"),
            ],
        );
        let config = config.unwrap();
        assert_eq!(config.limits.stop_max, 3);
        assert_eq!(config.listen.api.to_string(), "0.0.0.0:80");
        assert_eq!(config.engine.threads, Some(2));
        assert_eq!(config.data, Path::new("/data"));
        let tls = Tls { certificate: "1".into(), key: "/key.pem".into() };
        assert_eq!(config.tls, Some(tls));
    }

    #[test]
    fn a_variable_that_is_not_understood_is_refused_by_name() {
        for (name, value, expected) in [
            ("BAILIWICK_LIMITS__STOPMAX", "3", "unknown field `stopmax`"),
            ("BAILIWICK_LIMIT__STOP_MAX", "3", "unknown field `limit`"),
            ("BAILIWICK_LIMITS__STOP_MAX", "none", "invalid type: string"),
            ("BAILIWICK_LIMITS__STOP_MAX", "1000", "1000 is not from 1 to 64"),
            ("BAILIWICK_DATA__X", "3", "`data` is a field"),
            ("BAILIWICK_LISTEN__API", "", "invalid socket address"),
        ] {
            let message = load("", &[(name, value)]).unwrap_err().to_string();
            assert!(message.starts_with(&format!("environment variable `{name}`: ")), "{message}");
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn fields_that_contradict_each_other_are_refused() {
        let same = "[listen]\napi = '127.0.0.1:9'\noperations = '127.0.0.1:9'\n";
        assert!(refusal(same).contains("two addresses"));
        assert!(refusal("[listen]\ndomain = 'https://x'\n").contains("host name"));
        assert!(refusal("[tls]\ncertificate = 'c'\n").contains("`tls.key` is missing"));
    }
}
