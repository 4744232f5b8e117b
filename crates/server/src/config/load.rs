//! Reads the file and the environment, checks both, and reports the place of a mistake.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use policy::authz::policies::BadPolicies;

use super::{Config, Listen, Tls};

/// Fields outside of all sections that a variable can set.
const TOP: [&str; 5] = ["DATA", "EGRESS", "NOTICES", "REVIEW", "WITNESSES"];

/// Prefix of environment variables that override a field: `BAILIWICK_<SECTION>__<FIELD>`.
const PREFIX: &str = "BAILIWICK_";

/// The configuration cannot be loaded. The text names the file and line, or the variable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file has an unknown field or an invalid value.
    #[error("{}:{place}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The place in the file.
        place: Place,
        /// The mistake at that place.
        message: String,
    },
    /// An environment variable names an unknown field or has an invalid value.
    #[error("environment variable `{name}`: {message}")]
    Variable {
        /// The variable.
        name: String,
        /// The mistake in the variable.
        message: String,
    },
    /// The fields contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// A file of policies cannot be read.
    #[error("cannot read `{}`, which `policies.files` lists: {source}", path.display())]
    PolicyFile {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A policy file holds policies that this service cannot use.
    #[error("`policies.files`: {0}")]
    Policies(#[from] BadPolicies),
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
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
    /// If the file cannot be read, or a field or value is invalid; the error names the place.
    pub(crate) fn load(
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
            // Sorted: the same environment must always give the same message.
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

    /// Checks the rules that concern several fields together.
    ///
    /// # Errors
    /// If fields contradict each other.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if let Some(wrong) = self.prices.wrong() {
            return Err(ConfigError::Contradiction(wrong));
        }
        self.guard.guard_model().map_err(ConfigError::Contradiction)?;
        self.personal.model().map_err(ConfigError::Contradiction)?;
        if let Some(wrong) = self.wrong_notices() {
            return Err(ConfigError::Contradiction(wrong));
        }
        if let Some(wrong) = self.regions.wrong() {
            return Err(ConfigError::Contradiction(wrong));
        }
        if let Some(wrong) = self.engine.wrong_gpu(engine::gpu::BACKEND) {
            return Err(ConfigError::Contradiction(wrong));
        }
        let Listen { api, private, operations, desk, domain, .. } = &self.listen;
        let listeners =
            [("api", Some(api)), ("private", private.as_ref()), ("desk", desk.as_ref())];
        for (name, address) in listeners {
            if address == Some(operations) && operations.port() != 0 {
                let message = format!(
                    "`listen.{name}` and `listen.operations` are both {operations}; give them two \
                     addresses: administration is never on the customers' listener"
                );
                return Err(ConfigError::Contradiction(message));
            }
        }
        if private.as_ref() == Some(api) && api.port() != 0 {
            let message = format!(
                "`listen.api` and `listen.private` are both {api}; give them two addresses: \
                 requests to the private listener count as coming from the operator's own network"
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
        self.identity.trusts().map_err(ConfigError::Contradiction)?;
        for destination in &self.egress {
            destination.access().map_err(ConfigError::Contradiction)?;
        }
        for (section, tls) in [("tls", &self.tls), ("operations", &self.operations)] {
            let Some(Tls { certificate, key }) = tls else { continue };
            for (field, path) in [("certificate", certificate), ("key", key)] {
                if path.as_os_str().is_empty() {
                    let message = format!(
                        "`{section}.{field}` is missing: TLS needs `certificate` and `key`; set it, \
                         or remove the section `{section}`"
                    );
                    return Err(ConfigError::Contradiction(message));
                }
            }
        }
        Ok(())
    }
}

/// Splits `BAILIWICK_LISTEN__API` into `listen` and `api`. Names without `__` are not overrides
/// (`BAILIWICK_API_KEY` is for clients), except the fields in `TOP`.
fn field(name: String, value: String) -> Option<(String, Vec<String>, String)> {
    let rest = name.strip_prefix(PREFIX)?;
    if !TOP.contains(&rest) && !rest.contains("__") {
        return None;
    }
    let path = rest.split("__").map(str::to_ascii_lowercase).collect();
    Some((name, path, value))
}

/// Replaces one field of the table, and parses the resulting configuration.
///
/// The value is parsed as TOML first (`8`, `true`) and then used as plain text. Operators therefore
/// never put quotes inside quotes.
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
