//! Checks a compact receipt: that the service signed it, that it is about your request and answer,
//! and that the log has its entry.

use std::io::{self, Write};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use tlog::{
    note::Verifier,
    receipt::{Compact, CompactClaims},
    tile,
    verify::NoAudit,
};

use crate::{
    Failure, LogFiles,
    files::unusable,
    log::{self, Log},
    receipt::bodies,
    report::Report,
    time::rfc3339,
};

/// The header, or the trailer, of an answer that has it.
pub const HEADER: &str = "x-bailiwick-signed-receipt";

/// Evidence that a compact receipt is compared with.
#[derive(Debug)]
pub struct Against<'a, F> {
    /// The body of the request, with its name in messages.
    pub request: Option<(&'a str, &'a [u8])>,
    /// The body of the response, with its name in messages.
    pub response: Option<(&'a str, &'a [u8])>,
    /// The log that must contain its entry.
    pub log: Option<&'a F>,
}

/// Checks a compact receipt: `text` is the value of the header, or all headers of the answer.
///
/// # Errors
/// If it or the log cannot be read.
pub fn check<F: LogFiles>(
    report: &mut Report,
    service: &Verifier,
    text: &str,
    against: &Against<'_, F>,
) -> Result<(), Failure> {
    let unreadable = |why: String| {
        Failure::unreadable(
            format!("the compact receipt cannot be read: {why}"),
            "give a file with the value of the header x-bailiwick-signed-receipt, or with all headers, \
             as `curl --dump-header FILE` writes them",
        )
    };
    let bytes =
        URL_SAFE_NO_PAD.decode(value(text)).map_err(|error| unreadable(error.to_string()))?;
    let compact = Compact::decode(&bytes).map_err(|error| unreadable(error.to_string()))?;
    let (claims, entry) = match compact.verify(service) {
        Ok(verified) => verified,
        Err(error) => {
            report.failed(error.to_string());
            return Ok(());
        }
    };
    report.good(format!("{} signed the compact receipt", service.name()));
    bodies(
        report,
        [
            ("request", against.request, claims.request_sha256),
            ("response", against.response, claims.response_sha256),
        ],
    );
    logged(report, service, &claims, against.log)?;
    report.compact = Some(Summary {
        request: claims.request.to_string(),
        entry: claims.index,
        time: rfc3339(entry.time_ms / 1000),
    });
    Ok(())
}

/// Returns the value of the header in a text of headers, or the whole text. The last one counts:
/// trailers come after headers.
fn value(text: &str) -> &str {
    let mut headers = text.lines().rev().filter_map(|line| line.split_once(':'));
    let found = headers.find(|(name, _)| name.trim().eq_ignore_ascii_case(HEADER));
    found.map_or(text, |(_, value)| value).trim()
}

/// Looks for the entry in the log.
fn logged(
    report: &mut Report,
    service: &Verifier,
    claims: &CompactClaims,
    files: Option<&impl LogFiles>,
) -> Result<(), Failure> {
    let index = claims.index;
    let Some(files) = files else {
        report.unchecked("whether the log has its entry: give the log with --log FOLDER");
        return Ok(());
    };
    let Some(Log { audit, complete }) = log::replay(report, service, files, None)? else {
        return Ok(());
    };
    if index >= audit.checkpoint.size {
        report.incomplete(format!(
            "the compact receipt is of a later entry, {index}: this copy of the log ends before it"
        ));
        return Ok(());
    }
    if !complete {
        return Ok(());
    }
    // The replay has compared every bundle with the checkpoint.
    let (bundle, place) = (index / tile::WIDTH, index % tile::WIDTH);
    let left = audit.checkpoint.size.saturating_sub(bundle.saturating_mul(tile::WIDTH));
    let part = tile::bundle_path(bundle, left.min(tile::WIDTH));
    let read = |path: &str| {
        files
            .read(path)
            .map_err(|error| unusable(files, &NoAudit::Read { path: path.to_owned(), error }))
    };
    let bytes = match read(&part)? {
        Some(bytes) => Some(bytes),
        None => read(&tile::bundle_path(bundle, tile::WIDTH))?,
    };
    let entries = bytes.as_deref().and_then(tile::entries).unwrap_or_default();
    let found = usize::try_from(place).ok().and_then(|place| entries.get(place));
    report.check(
        found.is_some_and(|entry| **entry == *claims.entry),
        &format!("entry {index} of the log is its entry"),
        &format!("entry {index} of the log is another one: the service signed two histories"),
    );
    Ok(())
}

/// The contents of a compact receipt.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    request: String,
    /// Index of its entry in the log.
    entry: u64,
    time: String,
}

impl Summary {
    pub(crate) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        writeln!(out, "request     {}", self.request)?;
        writeln!(out, "log entry   {}", self.entry)?;
        writeln!(out, "time        {}", self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_found_among_headers_and_alone() {
        assert_eq!(value(" abc\n"), "abc");
        let headers = "HTTP/2 200\r\nX-Bailiwick-Signed-Receipt: one\r\nserver: x\r\n\r\n\
                       x-bailiwick-signed-receipt: two\r\n";
        assert_eq!(value(headers), "two");
    }
}
