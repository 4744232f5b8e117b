//! `bailiwick doctor`: compares the database with the log.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;
use store::{
    Store,
    doctor::{Finding, Report},
};

use super::{
    args::DoctorArgs,
    data::existing,
    output::{Failure, print},
    serve::load,
};
use crate::{
    clock,
    manage::{SERVICE_KEY_FILE, key_in},
};

/// The output: the report, and how long the comparison took.
#[derive(Debug, Serialize)]
struct Examined {
    #[serde(flatten)]
    report: Report,
    took_ms: u64,
}

/// Compares, and prints every difference. The exit code is 1 if there are any.
pub(crate) fn doctor(args: &DoctorArgs) -> Result<ExitCode, Failure> {
    let data = &args.shared.data;
    existing(data)?;
    let metadata = load(args.config.as_deref())?.retention.metadata();
    // A database that no service ever ran on has no key, and no log that people signed.
    let key = data.join(SERVICE_KEY_FILE);
    let origin = match key.exists() {
        true => key_in(&key)?.verifier().name().to_owned(),
        false => String::new(),
    };
    let began_ms = clock::read().wall_ms;
    let store = Store::look(data, clock::read)?.ok_or_else(|| {
        Failure::new(
            "an older version wrote this database",
            "start the service of this version once, and run the command again",
        )
    })?;
    let report = store
        .doctor(&origin, metadata)
        .map_err(|error| Failure::new(error.to_string(), error.help()))?;
    let took_ms = clock::read().wall_ms.saturating_sub(began_ms);
    let examined = Examined { report, took_ms };
    print(args.shared.json, &examined, show)?;
    Ok(ExitCode::from(u8::from(!examined.report.is_clean())))
}

fn show(out: &mut dyn Write, examined: &Examined) -> io::Result<()> {
    let Examined { report, took_ms } = examined;
    // Findings of one kind stand together, and their next step stands once, after the last of them.
    let nexts = report.findings.iter().skip(1).map(|finding| Some(finding.what)).chain([None]);
    for (finding @ Finding { what, .. }, next) in report.findings.iter().zip(nexts) {
        writeln!(out, "DIFFERS: {finding}")?;
        if next != Some(*what) {
            writeln!(out, "  next: {}", what.help())?;
        }
    }
    if report.left_out > 0 {
        writeln!(out, "{} more differences are not listed", report.left_out)?;
    }
    let Report { entries, rows, receipts, .. } = report;
    let compared =
        format!("{entries} entries, {rows} rows and {receipts} receipts, in {took_ms} ms");
    if report.is_clean() {
        return writeln!(out, "the database says what the log says: {compared}");
    }
    let so = match report.stopping().next() {
        Some(_) => "no service starts on it",
        None => "no request depends on them, and a service starts on it",
    };
    let count = report.count();
    writeln!(out, "the database differs from the log in {count} places ({compared}); {so}")
}
