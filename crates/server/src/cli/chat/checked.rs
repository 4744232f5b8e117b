//! `bailiwick chat --verify`: one question, and its answer with the receipt checked.

use std::{fs, io::Write as _, path::Path, process::ExitCode};

use serde::Deserialize;

use super::client::{Client, Exchanged, Message};
use crate::cli::{
    output::{Failure, harmless, note},
    verify::{self, receipt::Against, report::Report},
};

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
}

/// Asks, prints the answer, and checks its receipt with the service's public key.
pub(super) fn ask(
    client: &Client,
    messages: &[Message],
    (key, save): (&str, Option<&Path>),
) -> Result<ExitCode, Failure> {
    let service = verify::service_key(key)?;
    let Exchanged { request, response, receipt } = client.whole(messages)?;
    let answer: Answer = serde_json::from_slice(&response).map_err(|error| {
        Failure::new(
            format!("the answer is not understood: {error}"),
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
    let against = Against {
        request: Some(("what was sent", &request)),
        response: Some(("what came", &response)),
        ..Against::default()
    };
    verify::receipt::check(&mut report, &service, &receipt, against)?;
    report.print(false)
}

fn keep(folder: &Path, files: &[(&str, &Vec<u8>)]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            format!("cannot write to `{}`: {error}", folder.display()),
            "give another folder with --save",
        )
    };
    fs::create_dir_all(folder).map_err(failed)?;
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).map_err(failed)?;
    }
    note(&format!("request, response and receipt are in `{}`", folder.display()));
    Ok(())
}
