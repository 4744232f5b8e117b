//! Prints the desk's answers about data subjects, for people.

use std::io::{self, Write};

use audit::rfc3339;
use serde_json::Value;

use crate::cli::output::{count, fields, harmless, table};

/// Writes the data that is kept of a data subject.
pub(super) fn found(out: &mut dyn Write, found: &Value) -> io::Result<()> {
    let stores = array(found, "stores");
    if stores.iter().all(|store| number(store, "found") == 0) {
        writeln!(out, "nothing is kept of this data subject")?;
    } else {
        let row = |store: &Value| {
            [text(store, "name"), count(number(store, "found")), text(store, "note")]
        };
        let rows: Vec<[String; 3]> = stores.iter().map(row).collect();
        table(out, ["kept in", "found", "note"], &rows)?;
    }
    let records = array(found, "records");
    if !records.is_empty() {
        writeln!(out)?;
        let row = |record: &Value| {
            let until = time(record, "deadline_ms");
            [text(record, "id"), text(record, "resource"), time(record, "started_ms"), until]
        };
        let rows: Vec<[String; 4]> = records.iter().map(row).collect();
        table(out, ["record", "resource", "started", "kept until"], &rows)?;
    }
    let objects = array(found, "objects");
    if !objects.is_empty() {
        writeln!(out)?;
        let row = |object: &Value| {
            let lines = array(object, "lines").len();
            let lines = if lines == 0 { String::new() } else { format!("{lines} lines") };
            [text(object, "id"), text(object, "class"), text(object, "resource"), lines]
        };
        let rows: Vec<[String; 4]> = objects.iter().map(row).collect();
        table(out, ["object", "class", "resource", ""], &rows)?;
    }
    if found.get("restricted").and_then(Value::as_bool) == Some(true) {
        writeln!(out, "\nrestricted: nothing new of this data subject is kept")?;
    }
    Ok(())
}

/// Writes the erased data, by place.
pub(super) fn erased(out: &mut dyn Write, erased: &Value) -> io::Result<()> {
    if text(erased, "state") == "pending" {
        let id = text(erased, "request");
        writeln!(out, "deleted; keys are still being destroyed, and the certificate follows:")?;
        writeln!(out, "bailiwick desk subject certificate {id}")?;
    } else {
        let row = |store: &Value| {
            [
                text(store, "name"),
                count(number(store, "found")),
                count(number(store, "erased")),
                count(number(store, "kept")),
                text(store, "why"),
            ]
        };
        let rows: Vec<[String; 5]> = array(erased, "stores").iter().map(row).collect();
        table(out, ["kept in", "found", "erased", "left", "why"], &rows)?;
        writeln!(out)?;
    }
    let lines = [
        ("request", text(erased, "request")),
        ("finished", time(erased, "finished_ms")),
        ("log entry", erased.get("entry").map(ToString::to_string).unwrap_or_default()),
        ("salt", text(erased, "salt")),
    ];
    fields(out, &lines)?;
    if !text(erased, "salt").is_empty() {
        writeln!(
            out,
            "keep the salt: with it and the name, the certificate proves whom it is about"
        )?;
    }
    Ok(())
}

/// Writes whether a data subject is restricted now.
pub(super) fn restricted(out: &mut dyn Write, answer: &Value) -> io::Result<()> {
    match answer.get("restricted").and_then(Value::as_bool) {
        Some(true) => {
            writeln!(
                out,
                "restricted: from the next request on, nothing of this data subject is kept"
            )
        }
        _ => writeln!(out, "not restricted: requests of this data subject are kept as all others"),
    }
}

/// Writes the requests of data subjects.
pub(super) fn requests(out: &mut dyn Write, answer: &Value) -> io::Result<()> {
    let requests = array(answer, "data");
    if requests.is_empty() {
        return writeln!(out, "no data subject has made a request");
    }
    let row = |request: &Value| {
        [
            text(request, "id"),
            text(request, "right"),
            text(request, "reference"),
            text(request, "state"),
            time(request, "received_ms"),
            time(request, "due_ms"),
            text(request, "remark"),
        ]
    };
    let rows: Vec<[String; 7]> = requests.iter().map(row).collect();
    table(out, ["request", "right", "reference", "state", "received", "due", ""], &rows)
}

/// Writes one request of a data subject.
pub(super) fn request(out: &mut dyn Write, request: &Value) -> io::Result<()> {
    let lines = [
        ("request", text(request, "id")),
        ("right", text(request, "right")),
        ("state", text(request, "state")),
        ("reference", text(request, "reference")),
        ("received", time(request, "received_ms")),
        ("due", time(request, "due_ms")),
        ("extended", text(request, "extension")),
        ("reason", text(request, "reason")),
        ("", text(request, "remark")),
    ];
    fields(out, &lines)
}

fn array<'v>(of: &'v Value, name: &str) -> &'v [Value] {
    of.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn number(of: &Value, name: &str) -> u64 {
    of.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn text(of: &Value, name: &str) -> String {
    of.get(name).and_then(Value::as_str).map(harmless).unwrap_or_default()
}

fn time(of: &Value, name: &str) -> String {
    let ms = of.get(name).and_then(Value::as_u64);
    ms.map(|ms| rfc3339(ms / 1000)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(answer: &Value, show: fn(&mut dyn Write, &Value) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        show(&mut out, answer).unwrap();
        anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
    }

    #[test]
    fn what_is_kept_is_shown_by_store_and_by_thing() {
        let answer = json!({"stores": [{"name": "records", "found": 1}],
            "records": [{"id": "req_1", "resource": "prod", "started_ms": 1_795_491_985_000_u64,
                         "deadline_ms": 1_795_491_986_000_u64}],
            "objects": [{"id": "file-1", "class": "file", "resource": "prod", "lines": [3, 4]}],
            "restricted": true});
        assert_eq!(
            shown(&answer, found),
            "KEPT IN  FOUND  NOTE\nrecords  1\n\n\
             RECORD  RESOURCE  STARTED               KEPT UNTIL\n\
             req_1   prod      2026-11-24T03:46:25Z  2026-11-24T03:46:26Z\n\n\
             OBJECT  CLASS  RESOURCE\nfile-1  file   prod      2 lines\n\n\
             restricted: nothing new of this data subject is kept\n"
        );
        let nothing = json!({"stores": [{"name": "records", "found": 0}]});
        assert_eq!(shown(&nothing, found), "nothing is kept of this data subject\n");
    }

    #[test]
    fn an_erasure_says_what_is_left_and_why() {
        let answer = json!({"stores": [{"name": "files", "found": 2, "erased": 1, "kept": 1,
            "why": "a\u{1b}[2J"}], "request": "dsr_1", "entry": 7});
        assert_eq!(
            shown(&answer, erased),
            "KEPT IN  FOUND  ERASED  LEFT  WHY\nfiles    2      1       1     a\\u{1b}[2J\n\n\
             request    dsr_1\nlog entry  7\n"
        );
    }
}
