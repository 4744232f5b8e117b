//! Prints results and failures.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use audit::escaped;
pub(crate) use audit::harmless;
use clap::builder::styling::{AnsiColor, Effects, Style};
use serde::Serialize;

pub(crate) use crate::failure::Failure;

const RED: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

impl Failure {
    /// Writes the failure to standard error, and returns its exit code.
    #[must_use]
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message().is_empty() {
            let mut err = anstream::stderr().lock();
            // Errors are ignored: if standard error is closed, no reader exists. The message may
            // quote a server, so control characters are escaped.
            let _ = writeln!(err, "{RED}error:{RED:#} {}", harmless(self.message()));
            if let Some(help) = self.help() {
                let _ = writeln!(err, "{BOLD}help:{BOLD:#} {}", harmless(help));
            }
        }
        ExitCode::from(self.code())
    }
}

/// Prints data: as JSON if `json` is set, otherwise with `text`.
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

/// Writes a remark to standard error.
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

/// Writes the non-empty fields of one thing, one per line.
pub(crate) fn fields(out: &mut dyn Write, fields: &[(&str, String)]) -> io::Result<()> {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "{DIM}{name:<width$}{DIM:#}  {value}")?;
    }
    Ok(())
}

/// Formats a number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// Formats a large number for people: 135 M, 7.2 B.
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
    fn large_numbers_are_short() {
        assert_eq!(count(134_515_008), "134 M");
        assert_eq!(count(7_240_000_000), "7.2 B");
        assert_eq!(count(999), "999");
    }
}
