//! `bailiwick chat --verify`: one question, and its answer with the receipt checked.

use std::{
    fs::{DirBuilder, File, Permissions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    process::ExitCode,
};

use audit::{Folder, Report, receipt, receipt::Against};
use serde::Deserialize;

use super::client::{Client, Exchanged, Message};
use crate::cli::output::{Failure, harmless, note};

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: AnswerMessage,
}

#[derive(Deserialize)]
struct AnswerMessage {
    content: Option<String>,
}

/// Asks, prints the answer, and checks its receipt with the service's public key.
pub(super) fn ask(
    client: &Client,
    messages: &[Message],
    (key, save): (&str, Option<&Path>),
) -> Result<ExitCode, Failure> {
    let service = audit::command::service_key(key)?;
    let Exchanged { request, response, receipt } = client.whole(messages)?;
    let answer: Answer = serde_json::from_slice(&response).map_err(|error| {
        Failure::new(
            format!("the answer cannot be parsed: {error}"),
            "is this the address of a Bailiwick server?",
        )
    })?;
    let said = answer.choices.into_iter().next().and_then(|choice| choice.message.content);
    writeln!(anstream::stdout(), "{}\n", harmless(&said.unwrap_or_default()))?;
    if let Some(folder) = save {
        let files = [("request", &request), ("response", &response), ("receipt", &receipt)];
        keep(folder, &files)?;
    }
    let mut report = Report::default();
    let against = Against::<Folder> {
        request: Some(("what was sent", &request)),
        response: Some(("what came", &response)),
        log: None,
        witnesses: &[],
    };
    receipt::check(&mut report, &service, &receipt, &against)?;
    Ok(report.print(false)?)
}

fn keep(folder: &Path, files: &[(&str, &Vec<u8>)]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            format!("cannot write to `{}`: {error}", folder.display()),
            "give another folder with --save",
        )
    };
    // Other users of the machine must not read the question or the answer.
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    for (name, bytes) in files {
        let path = folder.join(name);
        let mut file = File::options();
        let file = file.write(true).create(true).truncate(true).mode(0o600).open(path);
        let mut file = file.map_err(failed)?;
        // A file of an earlier run may be readable by other users.
        file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
    }
    note(&format!("request, response and receipt are in `{}`", folder.display()));
    Ok(())
}
