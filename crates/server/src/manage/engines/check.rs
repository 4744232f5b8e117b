//! The checks of an engine: against the configuration, the directory, and the other engines.

use std::ops::RangeInclusive;

use egress::Destination;
use hyper::Uri;
use policy::engine::{Api, Engine, PrefixCache};
use store::{Directory, ProcessorUse};
use tlog::receipt::EMBEDDED;

use crate::config::{self, Access, Config, CredentialSource};

/// Maximum length of an engine's base URL, in bytes.
const ADDRESS_BYTES_MAX: usize = 512;

/// Maximum length of a version of Azure's API, in bytes.
const VERSION_BYTES_MAX: usize = 32;

/// Reason that an engine is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadEngine {
    /// The name belongs to the embedded engine.
    #[error("the engine `{EMBEDDED}` is part of this service; it cannot be changed or removed")]
    Embedded,
    /// The address is not a base URL.
    #[error("the engine's URL is not a base URL")]
    Address,
    /// The address is not at a listed destination.
    #[error("`{origin}` is not a listed destination")]
    Unlisted {
        /// The address's scheme, host and port.
        origin: String,
    },
    /// No SKU allows the region.
    #[error(
        "no request can be processed in the region `{region}`: the configuration does not list it"
    )]
    Region {
        /// The region.
        region: String,
    },
    /// The engine serves no model.
    #[error("the engine serves no model")]
    NoModels,
    /// An engine with OpenAI's API has a version.
    #[error("only Azure's API has a version")]
    VersionOfOpenAi,
    /// The version of Azure's API is not allowed.
    #[error("this is not a version of Azure's API")]
    Version,
    /// Another engine states another country or contract for the processor.
    #[error(
        "the engine `{engine}` has another country or contract for the processor `{processor}`"
    )]
    OtherTerms {
        /// Name of the processor.
        processor: String,
        /// Name of the engine that has other terms.
        engine: String,
    },
    /// Customers allow a processor of this name with other terms.
    #[error("customers allow the processor `{processor}` with another country or contract")]
    SameProcessor {
        /// Name of the processor.
        processor: String,
    },
    /// The setting of the prefix cache needs a parameter that Azure's API refuses.
    #[error("Azure's API takes neither a cache's salt nor a switch to turn it off")]
    CacheOfAzure,
    /// A number is out of its range.
    #[error("`{field}` is {given}")]
    Range {
        /// The field's name.
        field: &'static str,
        /// The value.
        given: u64,
        /// The smallest allowed value.
        least: u64,
        /// The largest allowed value.
        most: u64,
    },
}

impl BadEngine {
    /// Names the remedy.
    #[must_use]
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Embedded => {
                "the section `engine` of the configuration has its settings".to_owned()
            }
            Self::Address => format!(
                "write `https://` or `http://`, a host and the path of the API, such as \
                 `https://gpu1.example:8000/v1`, without `?`, `#` and user name, and at most \
                 {ADDRESS_BYTES_MAX} bytes"
            ),
            Self::Unlisted { origin } => format!(
                "add it to the configuration, with its credential, as an entry `[[egress]]` with \
                 `url = \"{origin}\"`; then send SIGHUP to the service, or restart it for a new \
                 port. On the command line, name the configuration: --config FILE"
            ),
            Self::Region { region } => format!(
                "add `{region}` to a zone (`regions.zones`), or correct the engine's region. On the \
                 command line, name the configuration: --config FILE"
            ),
            Self::NoModels => "name at least one model: --model MODEL[=SERVED]".to_owned(),
            Self::VersionOfOpenAi => {
                "leave the version out, or add the engine as --kind azure".to_owned()
            }
            Self::Version => {
                "write a version such as `2024-10-21`, or leave it out for the v1 API".to_owned()
            }
            Self::OtherTerms { .. } => {
                "write the same country and contract, or give this company's other contract a name \
                 of its own: customers allow a processor by its name"
                    .to_owned()
            }
            Self::SameProcessor { .. } => {
                "give the new terms a new name, and let the customers allow that: they decided \
                 about the terms before"
                    .to_owned()
            }
            Self::CacheOfAzure => {
                "write `none` or `shared=TENANT`: docs/operate/engines.md says when each is right"
                    .to_owned()
            }
            Self::Range { least, most, .. } => {
                format!("write a whole number from {least} to {most}")
            }
        }
    }
}

/// Checks a base URL, and returns it without slashes at its end.
pub(super) fn address(url: &str) -> Result<String, BadEngine> {
    let trimmed = url.trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@' | b'"');
    if trimmed.len() > ADDRESS_BYTES_MAX || !trimmed.bytes().all(plain) {
        return Err(BadEngine::Address);
    }
    origin(trimmed).ok_or(BadEngine::Address)?;
    Ok(trimmed.to_owned())
}

/// Returns the destination of an address: its scheme, host and port.
fn origin(address: &str) -> Option<Destination> {
    let uri: Uri = address.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    Destination::parse(&format!("{scheme}://{authority}")).ok()
}

/// Checks the facts that no configuration decides, and that the store does not check.
pub(super) fn facts(engine: &Engine, directory: &Directory) -> Result<(), BadEngine> {
    if engine.models.is_empty() {
        return Err(BadEngine::NoModels);
    }
    match (&engine.api, engine.prefix_cache) {
        (Api::Azure { .. }, PrefixCache::Salted | PrefixCache::Off) => {
            return Err(BadEngine::CacheOfAzure);
        }
        (Api::Azure { version: Some(version) }, _) => {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let length = 1..=VERSION_BYTES_MAX;
            if !length.contains(&version.len()) || !version.bytes().all(allowed) {
                return Err(BadEngine::Version);
            }
        }
        (Api::Azure { version: None }, PrefixCache::None | PrefixCache::Shared(_))
        | (Api::OpenAi, _) => {}
    }
    if let Some(processor) = &engine.processor {
        let others = directory.engines();
        let mut others = others.into_iter().filter(|other| other.id != engine.id);
        let differs = |other: &&Engine| {
            other
                .processor
                .as_ref()
                .is_some_and(|other| other.name == processor.name && other != processor)
        };
        if let Some(other) = others.find(differs) {
            let (processor, engine) = (processor.name.clone(), other.name.clone());
            return Err(BadEngine::OtherTerms { processor, engine });
        }
    }
    range("concurrency", engine.concurrency.into(), 1..=100_000)?;
    range("weight", engine.weight.into(), 1..=1_000)?;
    range("firstByteMs", engine.first_byte_ms, 100..=3_600_000)?;
    range("silenceMs", engine.silence_ms, 100..=3_600_000)
}

/// Refuses other terms for a processor that customers allow: they decided about its terms before.
pub(super) fn same_terms(engine: &Engine, uses: &[ProcessorUse]) -> Result<(), BadEngine> {
    let Some(processor) = &engine.processor else { return Ok(()) };
    let known = uses.iter().find(|known| known.processor.name == processor.name);
    match known {
        Some(known) if known.processor != *processor && !known.permissions.is_empty() => {
            Err(BadEngine::SameProcessor { processor: processor.name.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

fn range(field: &'static str, given: u64, allowed: RangeInclusive<u64>) -> Result<(), BadEngine> {
    if allowed.contains(&given) {
        return Ok(());
    }
    let (least, most) = allowed.into_inner();
    Err(BadEngine::Range { field, given, least, most })
}

/// Finds the entry of the configuration whose destination is the engine's address.
fn entry<'a>(engine: &Engine, config: &'a Config) -> Result<&'a config::Destination, BadEngine> {
    let origin = origin(&engine.address).ok_or(BadEngine::Address)?.to_string();
    let is_it = |entry: &&config::Destination| {
        Destination::parse(&entry.url).is_ok_and(|listed| listed.to_string() == origin)
    };
    let found = config.egress.iter().find(is_it);
    found.ok_or(BadEngine::Unlisted { origin })
}

/// Names the source of the engine's credential in the configuration, `file:PATH`, `env:NAME` or
/// `token:URL`; `None` if it has none. The credential itself is not read.
pub(super) fn credential(engine: &Engine, config: &Config) -> Option<String> {
    Some(match entry(engine, config).ok()?.access().ok()?? {
        Access::Secret(_, CredentialSource::File(path)) => format!("file:{}", path.display()),
        Access::Secret(_, CredentialSource::Variable(name)) => format!("env:{name}"),
        Access::Token(token, _) => format!("token:{}", token.url),
    })
}

/// Checks that the configuration lists the engine's address and region.
pub(super) fn listed(engine: &Engine, config: &Config) -> Result<(), BadEngine> {
    entry(engine, config)?;
    if config.regions.lists(&engine.region) {
        return Ok(());
    }
    Err(BadEngine::Region { region: engine.region.clone() })
}

/// Returns why no request can reach the engine under this configuration; `None` if some can.
#[must_use]
pub(crate) fn out_of_reach(engine: &Engine, config: &Config) -> Option<BadEngine> {
    listed(engine, config).err()
}
