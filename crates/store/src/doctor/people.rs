//! Roles, teams, and the directory's objects behind random ids.

use std::collections::{BTreeMap, BTreeSet};

use tlog::hex;

use super::{
    Finding, Findings, What, named_object,
    told::{Id, Told},
};
use crate::{error::StoreError, row::DirectoryObject, sqlite::Read};

/// Compares these tables.
pub(super) fn compare(
    told: &Told,
    database: &Read<'_>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let rows = database.roles()?;
    let has: BTreeSet<(Id, String)> = rows
        .iter()
        .map(|row| {
            let (scope, at) = (&row.scope, hex::encode(&row.scope_id));
            (row.id, format!("role={} scope={scope} {at}", row.role))
        })
        .collect();
    for differs in told.roles.symmetric_difference(&has) {
        let (id, role) = differs;
        let whose = rows.iter().find(|row| row.id == *id).map_or_else(String::new, |row| {
            let DirectoryObject { tenant, object, .. } = row.subject;
            format!(", object {object} of {tenant}")
        });
        let which = format!("{} of {}{whose}", role.trim_end(), hex::encode(id));
        let words = |held| if held { "assigned" } else { "not assigned" };
        let (said, has) = (words(told.roles.contains(differs)), words(has.contains(differs)));
        findings.add(Finding::new(What::Role, which, said, has));
    }
    let mut checked = BTreeSet::new();
    for row in &rows {
        let Some(said) = told.objects.get(&row.id) else { continue };
        if checked.insert(row.id) && *said != named_object(row.subject) {
            let table = "another object of a directory";
            let log = "the object that got the role";
            findings.add(Finding::new(What::Principal, hex::encode(&row.id), log, table));
        }
    }
    teams(told, database, findings)
}

fn teams(told: &Told, database: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    let rows = database.teams()?;
    let has: BTreeMap<Id, String> =
        rows.into_iter().map(|(person, team)| (*person.as_bytes(), team.to_string())).collect();
    let known: BTreeSet<Id> = database.principals()?.into_iter().map(|row| row.id).collect();
    let people: BTreeSet<&Id> = told.teams.keys().chain(has.keys()).collect();
    for person in people {
        let (said, has) = (told.teams.get(person), has.get(person));
        // A person who left is deleted with the membership, and needs no entry.
        if said == has || (has.is_none() && !known.contains(person)) {
            continue;
        }
        let words = |team: Option<&String>| team.map_or("none", String::as_str).to_owned();
        let finding = Finding::new(What::Team, hex::encode(person), words(said), words(has));
        findings.add(finding);
    }
    Ok(())
}
