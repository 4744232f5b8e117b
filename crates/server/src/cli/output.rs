//! How results and failures look.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::builder::styling::{AnsiColor, Effects, Style};
use serde::Serialize;

use crate::{config::ConfigError, manage::ManageError};

/// Exit code of a failed command.
const FAILED: u8 = 1;

/// Exit code of a bad configuration, from sysexits.h (`EX_USAGE`).
const BAD_CONFIGURATION: u8 = 64;

const RED: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Why a command did not do what it was asked, and what to do.
#[derive(Debug)]
pub struct Failure {
    message: String,
    help: Option<String>,
    code: u8,
}

impl Failure {
    /// A failure with what to do about it.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: Some(help.into()), code: FAILED }
    }

    /// A failure whose message says what to do itself.
    pub(crate) fn plain(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, code: FAILED }
    }

    /// The same, with an exit code of its own. What has one already keeps it: a bad configuration,
    /// and a pipe that was closed early.
    pub(crate) fn exiting(self, code: u8) -> Self {
        Self { code: if self.code == FAILED { code } else { self.code }, ..self }
    }

    /// Writes the failure to standard error, and says what to exit with.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            let mut err = anstream::stderr().lock();
            // Where standard error is closed there is nobody to tell.
            // What a server said may be in it.
            let _ = writeln!(err, "{RED}error:{RED:#} {}", harmless(&self.message));
            if let Some(help) = &self.help {
                let _ = writeln!(err, "{BOLD}help:{BOLD:#} {}", harmless(help));
            }
        }
        ExitCode::from(self.code)
    }
}

impl From<ManageError> for Failure {
    fn from(error: ManageError) -> Self {
        Self::new(error.to_string(), error.help())
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        Self::new(error.to_string(), error.help())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let help = match error {
            ConfigError::Read { .. } => "check the path; without --config the defaults are used",
            ConfigError::PolicyFile { .. } => {
                "check the path: relative ones start where bailiwick is started"
            }
            ConfigError::Policies(_) => {
                "docs/operate/authorization.md explains how policies are written"
            }
            _ => "every field is explained in bailiwick.example.toml",
        };
        Self { code: BAD_CONFIGURATION, ..Self::new(error.to_string(), help) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // `bailiwick model list | head -1` closes the pipe early: that is no failure.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { message: String::new(), help: None, code: 0 };
        }
        Self::new(format!("input or output failed: {error}"), "check the terminal or the pipe")
    }
}

/// Prints data: as JSON where that was asked for, else as `text` writes it.
pub(crate) fn print<T: Serialize>(
    json: bool,
    data: &T,
    text: impl FnOnce(&mut dyn Write, &T) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    if json {
        let text = serde_json::to_string_pretty(data).map_err(io::Error::from)?;
        writeln!(out, "{}", escaped(&text))?;
    } else {
        text(&mut out, data)?;
    }
    Ok(out.flush()?)
}

/// Text that strangers may have written, as it may be shown in a terminal: what that would obey is
/// escaped, and further lines are indented, so that they do not pass for lines of ours.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::new();
    for one in text.chars() {
        match one {
            '\n' => shown.push_str("\n    "),
            '\t' => shown.push(one),
            _ if is_obeyed(one) => shown.extend(one.escape_unicode()),
            _ => shown.push(one),
        }
    }
    shown
}

/// The same JSON, with what a terminal would obey escaped. It stands in strings only.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for one in json.chars() {
        match one {
            '\n' => text.push(one),
            _ if is_obeyed(one) => text.push_str(&format!("\\u{:04x}", u32::from(one))),
            _ => text.push(one),
        }
    }
    text
}

/// Whether a terminal obeys a character instead of showing it: controls, and those that end lines or
/// turn the direction of writing (<https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>).
fn is_obeyed(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}')
}

/// Writes a remark that is not data.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Writes columns under a header.
pub(crate) fn table<const N: usize>(
    out: &mut dyn Write,
    header: [&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let width = |column: usize, title: &str| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([title.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> =
        header.iter().enumerate().map(|(at, title)| width(at, title)).collect();
    let line = |cells: &[String; N]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  "));
        padded.collect::<String>().trim_end().to_owned()
    };
    writeln!(out, "{BOLD}{}{BOLD:#}", line(&header.map(str::to_uppercase)))?;
    rows.iter().try_for_each(|row| writeln!(out, "{}", line(row)))
}

/// Writes one thing's fields, one a line, without empty ones.
pub(crate) fn fields(out: &mut dyn Write, fields: &[(&str, String)]) -> io::Result<()> {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "{DIM}{name:<width$}{DIM:#}  {value}")?;
    }
    Ok(())
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// A large number for people: 135 M, 7.2 B.
pub(crate) fn count(number: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let (whole, tenth) = (number / unit, number % unit * 10 / unit);
        if whole < 10 { format!("{whole}.{tenth} {name}") } else { format!("{whole} {name}") }
    };
    match number {
        0..1_000_000 => number.to_string(),
        1_000_000..1_000_000_000 => scaled(1_000_000, "M"),
        _ => scaled(1_000_000_000, "B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_without_spaces_at_the_end() {
        let mut out = Vec::new();
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        table(&mut out, ["name", "of"], &[row("größer", "x"), row("a", "")]).unwrap();
        let text = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        assert_eq!(text, "NAME    OF\ngrößer  x\na\n");
    }

    #[test]
    fn a_terminal_obeys_nothing_that_strangers_wrote() {
        let theirs = "a\u{1b}[2Jb\u{9b}\u{202e}\nerror: c\td";
        let shown = harmless(theirs);
        assert_eq!(shown, "a\\u{1b}[2Jb\\u{9b}\\u{202e}\n    error: c\td");
        let json = escaped(&serde_json::to_string_pretty(&[theirs, "ü"]).unwrap());
        assert!(!json.chars().any(|one| one != '\n' && is_obeyed(one)), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [theirs, "ü"]);
    }

    #[test]
    fn large_numbers_are_short() {
        assert_eq!(count(134_515_008), "134 M");
        assert_eq!(count(7_240_000_000), "7.2 B");
        assert_eq!(count(999), "999");
    }
}
