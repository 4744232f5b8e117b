//! `bailiwick compare`: which offerings meet a customer's needs, by their own words.

use std::io::{self, Write};

use store::Store;

use super::{
    args::CompareArgs,
    data::configured,
    explain::wrapped,
    output::{Failure, note, print, table},
};
use crate::{
    clock,
    compare::{
        Compared, Comparison, Outcome, Said,
        catalogue::{Catalogue, Verdict},
    },
    explain::{Facts, fact::Setting},
};

pub(crate) fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let catalogue = Catalogue::built_in().map_err(|error| Failure::plain(error.to_string()))?;
    let needs = catalogue.chosen(&args.need);
    let needs = needs.map_err(|error| {
        Failure::new(error.to_string(), "`bailiwick compare --list` says what each need asks")
    })?;
    let comparison = catalogue.compare(needs, &own(args)?, clock::now_ms());
    print(args.shared.json, &comparison, |out, comparison| match args.list {
        true => list(out, comparison),
        false => choose(out, comparison),
    })
}

/// Returns the facts about this service's resources; none if there is no data directory.
fn own(args: &CompareArgs) -> Result<Vec<Facts>, Failure> {
    let data = &args.shared.data;
    if args.resource.is_none() && !Store::is_at(data) {
        note(&format!(
            "There is no Bailiwick data in `{}`, so Bailiwick itself is not compared: give --data DIR.",
            data.display()
        ));
        return Ok(Vec::new());
    }
    let management = configured(data, args.config.as_deref())?;
    if args.config.is_none() {
        note(
            "No configuration was given (--config FILE): the service's own settings are those of the \
             defaults.",
        );
    }
    match &args.resource {
        Some(name) => Ok(vec![management.explained(name)?]),
        None => Ok(management.all_explained()?),
    }
}

/// Writes the catalogue: each need, and the words of each offering.
fn list(out: &mut dyn Write, comparison: &Comparison) -> io::Result<()> {
    let needs: Vec<_> =
        comparison.needs.iter().map(|need| [need.id.clone(), need.asks.clone()]).collect();
    table(out, ["need", "asks"], &needs)?;
    writeln!(out, "\nWhat offerings say, as of {}:", comparison.gathered)?;
    for one in &comparison.offerings {
        writeln!(out)?;
        offering(out, one, &Verdict::ALL)?;
    }
    Ok(())
}

/// Writes which offerings meet the needs, and why the others do not.
fn choose(out: &mut dyn Write, comparison: &Comparison) -> io::Result<()> {
    let names: Vec<_> = comparison.needs.iter().map(|need| need.id.as_str()).collect();
    wrapped(out, "You need: ", &names.join(", "))?;
    for outcome in Outcome::ALL {
        writeln!(out, "\n{}", outcome.title())?;
        let mut of = comparison.offerings.iter().filter(|one| one.outcome == outcome).peekable();
        if of.peek().is_none() {
            writeln!(out, "  none")?;
        }
        // Of an offering that fails, the reasons are of interest, and nothing else.
        let shown: &[Verdict] = match outcome {
            Outcome::Fails => &[Verdict::No],
            Outcome::Unknown => &[Verdict::Unknown, Verdict::Partly],
            Outcome::Conditions | Outcome::Fits => &Verdict::ALL,
        };
        for one in of {
            offering(out, one, shown)?;
        }
    }
    writeln!(out)?;
    let words = "Quotes are what offerings say, as the catalogue found it; what they do is not known \
                 here. Bailiwick's rows are computed from its settings.";
    wrapped(out, "", words)
}

fn offering(out: &mut dyn Write, one: &Compared, shown: &[Verdict]) -> io::Result<()> {
    writeln!(out, "  {} ({})", one.offering.name, one.offering.vendor)?;
    for said in one.claims.iter().filter(|said| shown.contains(&said.verdict)) {
        claim(out, said)?;
    }
    Ok(())
}

fn claim(out: &mut dyn Write, said: &Said) -> io::Result<()> {
    writeln!(out, "    {}: {}", said.need, said.verdict.name())?;
    if let Some(quote) = &said.quote {
        wrapped(out, "      ", &format!("\u{201c}{quote}\u{201d}"))?;
    }
    if let Some(source) = &said.source {
        let dated = match &said.dated {
            Some(date) => format!("dated {date}"),
            None => format!("without a date, read {}", said.read.as_deref().unwrap_or_default()),
        };
        let old = said.old.as_ref().map(|why| format!("; OLD: {why}")).unwrap_or_default();
        let title = said.title.as_deref().unwrap_or_default();
        writeln!(out, "      {title} ({dated}{old})\n      {source}")?;
    }
    if let Some(note) = &said.note {
        wrapped(out, "      ", note)?;
    }
    if said.quote.is_none() && said.note.is_none() {
        writeln!(out, "      the catalogue has no words of it about this")?;
    }
    for Setting { setting, value, source } in &said.because {
        wrapped(out, "      because  ", &format!("{setting} = {value} ({source})"))?;
    }
    Ok(())
}
