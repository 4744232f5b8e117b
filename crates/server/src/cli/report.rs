//! `bailiwick report`: reports for data protection, from the configuration, the directory and the log.

use std::path::Path;

use super::{
    args::ReportArgs,
    data::configured,
    output::{Failure, note, print},
};
use crate::{
    files::write_private,
    manage::About,
    reports::{self, Report},
};

pub(crate) fn report(args: &ReportArgs) -> Result<(), Failure> {
    let about = match (&args.tenant, &args.resource) {
        (_, Some(resource)) => About::Resource(resource.clone()),
        (Some(tenant), None) => About::Tenant(tenant.clone()),
        // clap demands one of the two.
        (None, None) => return Err(Failure::plain("give --tenant NAME or --resource NAME")),
    };
    let acting = configured(&args.shared.data, args.config.as_deref())?;
    let report = acting.report(args.kind, &about, (args.from, args.to))?;
    show(&report, args.html.as_deref(), args.shared.json)
}

/// Prints a report, or writes it to a file of HTML.
pub(super) fn show(report: &Report, html: Option<&Path>, json: bool) -> Result<(), Failure> {
    let Some(file) = html else { return print(json, report, reports::text) };
    write_private(file, &reports::html(report))?;
    note(&format!("wrote {}", file.display()));
    Ok(())
}
