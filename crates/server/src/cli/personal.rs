//! `bailiwick personal-data`: the settings of resources and processors for personal data.

use std::{fs, io, path::Path};

use policy::content::Content;
use zeroize::Zeroizing;

use super::{
    args::{
        Switch,
        personal::{Named, PersonalCommand, PersonalData, Set},
    },
    data::open,
    output::{Failure, fields, print},
};
use crate::manage::{PersonalOf, PersonalTerm, PersonalUpdate, PersonalView};

/// The longest file of words or patterns, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

pub(crate) fn personal_data(args: &PersonalData) -> Result<(), Failure> {
    let (management, json) = (open(&args.shared.data)?, args.shared.json);
    match &args.command {
        PersonalCommand::Show(named) => print(json, &management.personal(&of(named))?, show),
        PersonalCommand::Set(set) => {
            let update = update(set)?;
            if update == PersonalUpdate::default() {
                return Err(Failure::new(
                    "the update changes nothing",
                    "name a field to change; `bailiwick personal-data set --help` lists them",
                ));
            }
            print(json, &management.set_personal(&of(&set.of), &update)?, show)
        }
    }
}

fn of(named: &Named) -> PersonalOf {
    match (&named.resource, &named.processor) {
        (_, Some(name)) => PersonalOf::Processor(name.clone()),
        (name, None) => PersonalOf::Resource(name.clone().unwrap_or_default()),
    }
}

fn update(set: &Set) -> Result<PersonalUpdate, Failure> {
    Ok(PersonalUpdate {
        mode: set.mode,
        kinds: (!set.kind.is_empty()).then(|| set.kind.iter().copied().collect()),
        words: set.words.as_deref().map(terms).transpose()?,
        patterns: set.patterns.as_deref().map(terms).transpose()?,
        unreadable: set.unreadable,
        everywhere: set.everywhere.map(|switch| switch == Switch::On),
    })
}

/// Reads the lines of a file. Empty lines are left out.
fn terms(file: &Path) -> Result<Vec<PersonalTerm>, Failure> {
    let unread =
        |error: io::Error| Failure::plain(format!("cannot read `{}`: {error}", file.display()));
    if fs::metadata(file).map_err(unread)?.len() > FILE_BYTES_MAX {
        return Err(Failure::plain(format!(
            "`{}` is longer than {FILE_BYTES_MAX} bytes",
            file.display()
        )));
    }
    let text = Zeroizing::new(fs::read_to_string(file).map_err(unread)?);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(|line| PersonalTerm(Content::new(line.to_owned()))).collect())
}

fn show(out: &mut dyn io::Write, view: &PersonalView) -> io::Result<()> {
    let kinds = if view.kinds.is_empty() { "none".to_owned() } else { view.kinds.join(", ") };
    let everywhere = if view.everywhere { "every engine" } else { "engines of processors" };
    fields(
        out,
        &[
            ("personal data", view.mode.to_owned()),
            ("kinds", kinds),
            ("own words", view.words.to_string()),
            ("own patterns", view.patterns.to_string()),
            ("images, sounds, tokens", view.unreadable.to_owned()),
            ("applies to", everywhere.to_owned()),
        ],
    )
}
