//! The arguments of `bailiwick personal-data`. `--help` shows these comments.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use policy::personal::{Kind, Mode, Opaque};

use super::{Shared, Switch};

/// The commands about personal data with their shared options.
#[derive(Debug, Args)]
pub(crate) struct PersonalData {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: PersonalCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonalCommand {
    /// Show the setting of a resource or a processor for personal data
    Show(Named),
    /// Change the setting of a resource or a processor for personal data
    ///
    /// From the next request on. The strictest of the settings of the resource and of the processors
    /// that may get a request decides.
    Set(Box<Set>),
}

/// The owner of a setting.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Named {
    /// Name of the resource
    #[arg(long, value_name = "RESOURCE")]
    pub(crate) resource: Option<String>,
    /// Name of the processor: a company that operates engines
    #[arg(long, value_name = "PROCESSOR")]
    pub(crate) processor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) of: Named,
    /// Treatment: `off`, `report` (count it), `pseudonymise` (send placeholders, and restore the
    /// values in the answer) or `block` (refuse the request)
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub(crate) mode: Option<Mode>,
    /// Look for this kind; repeat for more. All others are then left alone.
    ///
    /// KIND is email, phone, card, iban, ip, mac, url, crypto, national_id, secret, name, address or
    /// term
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(crate) kind: Vec<Kind>,
    /// File with own words or phrases, one a line. They replace those before
    #[arg(long, value_name = "FILE")]
    pub(crate) words: Option<PathBuf>,
    /// File with own patterns (regular expressions), one a line. They replace those before
    #[arg(long, value_name = "FILE")]
    pub(crate) patterns: Option<PathBuf>,
    /// Treatment of images, sounds and tokens, which cannot be looked into
    #[arg(long, value_name = "refuse|pass", value_parser = unreadable)]
    pub(crate) unreadable: Option<Opaque>,
    /// Apply a resource's setting to the operator's own engines, too
    #[arg(long, value_name = "on|off")]
    pub(crate) everywhere: Option<Switch>,
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::named(text).ok_or_else(|| "write off, report, pseudonymise or block".to_owned())
}

fn kind(text: &str) -> Result<Kind, String> {
    let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    Kind::named(text).ok_or_else(|| format!("write one of: {}", names.join(", ")))
}

fn unreadable(text: &str) -> Result<Opaque, String> {
    match text {
        "refuse" => Ok(Opaque::Refuse),
        "pass" => Ok(Opaque::Pass),
        _ => Err("write refuse or pass".to_owned()),
    }
}
