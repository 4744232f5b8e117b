//! `bailiwick explain`: the life of a request of a resource.

use std::io::{self, Write};

use audit::rfc3339;

use super::{
    args::ExplainArgs,
    data::configured,
    output::{Failure, note, print},
};
use crate::explain::{
    Explanation,
    fact::Setting,
    sentence::{Check, Sentence, Step},
};

pub(crate) fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    let management = configured(&args.shared.data, args.config.as_deref())?;
    if args.config.is_none() {
        note(
            "No configuration was given (--config FILE): the service's own settings are those of the \
             defaults.",
        );
    }
    if let Some(name) = &args.resource {
        let explanation = management.explain(name)?;
        return print(args.shared.json, &explanation, |out, one| show(out, one, args.brief));
    }
    let all = management.all_explained()?;
    let all: Vec<_> = all.iter().map(Explanation::of).collect();
    print(args.shared.json, &all, |out, all| {
        for (number, one) in all.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            show(out, one, args.brief)?;
        }
        Ok(())
    })
}

fn show(out: &mut dyn Write, explanation: &Explanation, brief: bool) -> io::Result<()> {
    let Explanation { resource, tenant, created_at, configuration_sha256, sentences, .. } =
        explanation;
    writeln!(out, "What happens to a request of `{resource}` (tenant `{tenant}`)")?;
    writeln!(out, "at {}, under configuration {configuration_sha256}", rfc3339(*created_at))?;
    for step in Step::ALL {
        let mut of = sentences.iter().filter(|sentence| sentence.step == step).peekable();
        if of.peek().is_some() {
            writeln!(out, "\n{}", step.title())?;
        }
        for sentence in of {
            show_sentence(out, sentence, brief)?;
        }
    }
    Ok(())
}

fn show_sentence(out: &mut dyn Write, sentence: &Sentence, brief: bool) -> io::Result<()> {
    wrapped(out, "- ", &sentence.text)?;
    if brief {
        return Ok(());
    }
    for Setting { setting, value, source } in &sentence.because {
        wrapped(out, "    because  ", &format!("{setting} = {value} ({source})"))?;
    }
    if sentence.because.is_empty() {
        wrapped(out, "    because  ", "no setting changes this")?;
    }
    for Check { by, how } in &sentence.check {
        wrapped(out, "    check    ", &format!("{by}: {how}"))?;
    }
    Ok(())
}

/// Writes a text in lines of at most [`WIDTH`] characters, the later ones under the first.
pub(super) fn wrapped(out: &mut dyn Write, before: &str, text: &str) -> io::Result<()> {
    let (mut line, empty) = (before.to_owned(), " ".repeat(before.chars().count()));
    let mut is_new = true;
    for word in text.split(' ') {
        if !is_new && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            line.clone_from(&empty);
            is_new = true;
        }
        if !is_new {
            line.push(' ');
        }
        line.push_str(word);
        is_new = false;
    }
    writeln!(out, "{line}")
}

/// Most characters of a line.
const WIDTH: usize = 100;
