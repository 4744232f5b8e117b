//! `bailiwick desk subject`: what is kept of a data subject is found, exported, erased, restricted.
//! The name of the data subject goes in the body of a request, so no log has it.

mod save;
mod show;

use std::{
    fs,
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Ask, Session,
    args::subject::{OfSubject, SubjectCommand},
    segment,
};
use crate::cli::output::{Failure, note, print, size};

/// Most bytes of a data subject's name in a file, with the end of its line.
const NAME_BYTES_MAX: u64 = 4096;

/// Runs one command.
pub(super) fn run(session: &Session, json: bool, command: SubjectCommand) -> Result<(), Failure> {
    match command {
        SubjectCommand::Find(of) => {
            let found = session.answer(post("find", &json!({"subject": *subject(&of)?})))?;
            print(json, &found, show::found)
        }
        SubjectCommand::Export { of, out } => export(session, json, &of, &out),
        SubjectCommand::Erase { of, files, certificate } => {
            erase(session, json, (&of, files), &certificate)
        }
        SubjectCommand::Restrict { of, on, off: _ } => {
            let body = json!({"subject": *subject(&of)?, "restricted": on});
            let done = session.answer(post("restrict", &body))?;
            print(json, &done, show::restricted)
        }
        SubjectCommand::Requests => {
            let requests = session.answer(Ask::Get("/subjects/requests".to_owned()))?;
            print(json, &requests, show::requests)
        }
        SubjectCommand::Receive { right, reference, received } => {
            let received_ms = received.as_deref().map(day).transpose()?;
            let body = json!({"right": right.name(), "reference": reference,
                "received_ms": received_ms});
            show(session, json, post("requests", &body))
        }
        SubjectCommand::Extend { id, reason } => {
            show(session, json, post(&of_request(&id, "extension"), &json!({"reason": reason})))
        }
        SubjectCommand::Answer { id, note } => {
            show(session, json, post(&of_request(&id, "answer"), &json!({"note": note})))
        }
        SubjectCommand::Refuse { id, reason } => {
            show(session, json, post(&of_request(&id, "refusal"), &json!({"reason": reason})))
        }
        SubjectCommand::Certificate { id, out } => {
            let file = save::New::create(&out)?;
            let erased =
                session.answer(Ask::Get(format!("/subjects/erasures/{}", segment(&id))))?;
            keep(json, &erased, file, &out)
        }
    }
}

fn of_request(id: &str, what: &str) -> String {
    format!("requests/{}/{what}", segment(id))
}

/// Takes a step of a request, and shows it.
fn show(session: &Session, json: bool, ask: Ask) -> Result<(), Failure> {
    print(json, &session.answer(ask)?, show::request)
}

/// Reads a day, in UTC, as milliseconds since 1970.
fn day(text: &str) -> Result<u64, Failure> {
    let wrong = |_| Failure::new("`--received` is no day", "give it as YEAR-MONTH-DAY: 2026-03-31");
    let at = humantime::parse_rfc3339_weak(&format!("{text}T00:00:00Z")).map_err(wrong)?;
    let since = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn post(what: &str, body: &Value) -> Ask {
    Ask::Post(format!("/subjects/{what}"), body.clone())
}

/// Reads the name of the data subject.
fn subject(of: &OfSubject) -> Result<Zeroizing<String>, Failure> {
    let name = match (&of.user, &of.user_file) {
        (Some(name), _) => Zeroizing::new(name.clone()),
        (None, Some(path)) => in_file(path)?,
        (None, None) => Zeroizing::default(),
    };
    if name.is_empty() {
        return Err(Failure::new(
            "the name of the data subject is missing",
            "give it with --user-file FILE (`-` is the standard input) or --user ID",
        ));
    }
    Ok(name)
}

/// Reads the name of the data subject from a file: all of it but the end of the line.
fn in_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let read = || -> io::Result<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::new());
        match path.to_str() {
            Some("-") => io::stdin().lock().take(NAME_BYTES_MAX).read_to_string(&mut text)?,
            _ => fs::File::open(path)?.take(NAME_BYTES_MAX).read_to_string(&mut text)?,
        };
        Ok(text)
    };
    let text = read().map_err(|error| {
        Failure::new(
            format!("cannot read the name of the data subject: {error}"),
            "give a file with the name on one line, or `-` for the standard input",
        )
    })?;
    let name = text.strip_suffix('\n').unwrap_or(&text);
    let name = name.strip_suffix('\r').unwrap_or(name);
    if name.contains('\n') {
        return Err(Failure::new(
            "the file has more than one line",
            "give a file with the name of one data subject",
        ));
    }
    Ok(Zeroizing::new(name.to_owned()))
}

fn export(session: &Session, json: bool, of: &OfSubject, out: &Path) -> Result<(), Failure> {
    let mut file = save::New::create(out)?;
    let mut answer = session.ask(post("export", &json!({"subject": *subject(of)?})))?;
    let bytes = file.fill(answer.body_mut().as_reader())?;
    file.keep()?;
    let done = json!({"object": "subject.export.saved", "file": out.display().to_string(),
        "bytes": bytes});
    print(json, &done, |out_, _| {
        writeln!(out_, "saved {} in {}", size(bytes), out.display())?;
        writeln!(out_, "open index.html in it; SHA256SUMS has the digest of each file")
    })?;
    note("The archive is not encrypted: it has everything that is kept of this person.");
    Ok(())
}

fn erase(
    session: &Session,
    json: bool,
    (of, files): (&OfSubject, bool),
    certificate: &Path,
) -> Result<(), Failure> {
    let name = subject(of)?;
    let file = save::New::create(certificate)?;
    if !session.yes {
        let found = session.answer(post("find", &json!({"subject": *name})))?;
        confirm(&found)?;
    }
    let erased = session.answer(post("erase", &json!({"subject": *name, "files": files})))?;
    keep(json, &erased, file, certificate)
}

/// Saves the certificate of an erasure, and shows the erasure.
fn keep(json: bool, erased: &Value, mut file: save::New, path: &Path) -> Result<(), Failure> {
    let bytes = erased.get("certificate").and_then(Value::as_str);
    let bytes = bytes.and_then(|text| STANDARD.decode(text).ok());
    let is_saved = bytes.is_some();
    if let Some(bytes) = bytes {
        file.fill(bytes.as_slice())?;
        file.keep()?;
    }
    print(json, erased, |out, erased| {
        show::erased(out, erased)?;
        if is_saved {
            writeln!(out, "\nthe certificate is saved in {}", path.display())?;
        }
        Ok(())
    })
}

/// Asks the person before anything is erased. Without a terminal no one can be asked.
fn confirm(found: &Value) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            "nothing was erased: this needs your consent, and there is no terminal to ask at",
            "`--yes` erases without asking",
        ));
    }
    let mut err = anstream::stderr();
    show::found(&mut err, found)?;
    write!(err, "\nErase this? It cannot be undone. Type `erase`: ")?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    if line.trim() == "erase" { Ok(()) } else { Err(Failure::plain("nothing was erased")) }
}
