//! Answers a question: runs the check that its fields describe.

use audit::{
    Failure, InMemory, Report, escaped, log, older_checkpoint, proof,
    receipt::{self, Against},
    service_key,
};
use serde::Serialize;
use tlog::{id::RequestId, note::Verifier};

use crate::question::{Malformed, Question};

/// The answer for a host: an exit status, and a report or an error.
#[derive(Serialize)]
struct Answer {
    status: u8,
    /// The text that `bailiwick verify` prints.
    text: String,
    /// The JSON that `bailiwick verify --json` prints.
    report: Option<String>,
    error: Option<String>,
    help: Option<String>,
}

/// The reason why there is no report.
enum NoReport {
    Failed(Failure),
    /// The question has invalid or missing fields.
    Malformed,
}

impl From<Failure> for NoReport {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Malformed> for NoReport {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Answers a question with JSON.
pub(crate) fn ask(question: &[u8]) -> String {
    let report = Question::parse(question).map_err(NoReport::from).and_then(|q| check(&q));
    let answer = match report {
        Ok(report) => {
            let mut text = Vec::new();
            // Cannot fail: without memory the module ends.
            let _ = report.text(&mut text);
            Answer {
                status: report.verdict().status(),
                text: String::from_utf8_lossy(&text).into_owned(),
                report: Some(escaped(&report.json())),
                error: None,
                help: None,
            }
        }
        Err(NoReport::Failed(failure)) => unanswered(&failure.exiting(UNREADABLE)),
        Err(NoReport::Malformed) => unanswered(
            &Failure::new(
                "the question cannot be read",
                "check its fields: one is missing, or is not text",
            )
            .exiting(UNREADABLE),
        ),
    };
    serde_json::to_string(&answer).unwrap_or_default()
}

/// Exit status of wrong usage and of unreadable input.
const UNREADABLE: u8 = 2;

fn unanswered(failure: &Failure) -> Answer {
    Answer {
        status: failure.code(),
        text: failure.to_string(),
        report: None,
        error: Some(failure.message().to_owned()),
        help: Some(failure.help().to_owned()),
    }
}

fn check(question: &Question<'_>) -> Result<Report, NoReport> {
    let given = question.text("serviceKey")?.ok_or(Malformed)?;
    let service = service_key(given, question.text("serviceKeyFile")?)?;
    let mut report = Report::default();
    let witnesses = question.texts("witness")?;
    match question.text("what")? {
        Some("receipt") => of_receipt(&mut report, &service, question, &witnesses)?,
        Some("log") => of_log(&mut report, &service, question, &witnesses)?,
        Some("checkpoint") => {
            let note = question.text("checkpoint")?.ok_or(Malformed)?;
            proof::checkpoint(&mut report, &service, note, &witnesses)?;
        }
        Some("inclusion") => {
            let note = question.text("checkpoint")?.ok_or(Malformed)?;
            let index = question.text("index")?.and_then(|index| index.parse().ok());
            let entry = question.bytes("entry").ok_or(Malformed)?;
            let path = question.bytes("proof").ok_or(Malformed)?;
            let entry = (index.ok_or(Malformed)?, entry);
            proof::inclusion(&mut report, &service, note, entry, path)?;
        }
        Some("consistency") => {
            let older = question.text("older")?.ok_or(Malformed)?;
            let newer = question.text("checkpoint")?.ok_or(Malformed)?;
            let path = question.bytes("proof").ok_or(Malformed)?;
            proof::consistency(&mut report, &service, (older, newer), path)?;
        }
        _ => return Err(NoReport::Malformed),
    }
    Ok(report)
}

fn of_receipt(
    report: &mut Report,
    service: &Verifier,
    question: &Question<'_>,
    witnesses: &[String],
) -> Result<(), NoReport> {
    let named = |name: &'static str, field: &str| -> Result<_, Malformed> {
        let called = question.text(&format!("{field}Name"))?.unwrap_or(name);
        Ok(question.bytes(field).map(|bytes| (called, bytes)))
    };
    let (request, response) = (named("request", "request")?, named("response", "response")?);
    let log = files(question)?;
    // A log without files still counts as a log, in which all files are missing.
    let log = question.bytes("logName").is_some().then_some(&log);
    let bytes = question.bytes("receipt").ok_or(Malformed)?;
    let against = Against { request, response, log, witnesses };
    Ok(receipt::check(report, service, bytes, &against)?)
}

fn of_log(
    report: &mut Report,
    service: &Verifier,
    question: &Question<'_>,
    witnesses: &[String],
) -> Result<(), NoReport> {
    let older = match question.bytes("older") {
        None => None,
        Some(note) => {
            let name = question.text("olderName")?.unwrap_or("older");
            Some(older_checkpoint(service, &String::from_utf8_lossy(note), name)?)
        }
    };
    let requests = question.texts("requestId")?.into_iter().map(|id| {
        id.parse::<RequestId>().map_err(|_| {
            let help = "give the id as `x-request-id` had it: `req_` and 32 hexadecimal digits";
            Failure::new(format!("`{id}` is not the id of a request"), help)
        })
    });
    let requests = requests.collect::<Result<Vec<_>, _>>()?;
    let files = files(question)?;
    log::check(report, service, &files, older.as_ref(), &requests)?;
    Ok(log::cosigned(report, &files, witnesses)?)
}

fn files<'a>(question: &Question<'a>) -> Result<InMemory<'a>, Malformed> {
    let name = question.text("logName")?.unwrap_or("log").to_owned();
    Ok(InMemory { name, files: question.files() })
}
