//! Blocklists of resources: the customers' own terms.

use std::{collections::BTreeMap, sync::Arc};

use policy::{
    guard::{
        blocklist::{Blocklist, Term},
        verdict::BlocklistName,
    },
    id::{BlocklistId, ResourceId},
    permit::{Permit, WriteDeployment},
};
use tlog::entry::{Action, Subject};

use super::{Expect, check, resource};
use crate::{
    directory::OwnBlocklist,
    error::{Kind, StoreError},
    log::Append,
    manage::{name_of, not_found, refuse_if_used},
    name,
    row::BlocklistItem,
    sqlite::Database,
    store::Store,
};

/// The largest number of blocklists of one resource.
pub const BLOCKLISTS_MAX: usize = 20;

/// The longest description of a blocklist, in bytes.
const DESCRIPTION_LENGTH_MAX: usize = 512;

/// The parameters of a new or replaced blocklist. The permit names the resource.
#[derive(Debug, Clone)]
pub struct NewBlocklist {
    /// A new random id; an existing list keeps its own, and its items.
    pub id: BlocklistId,
    /// The list's name; unique in its resource.
    pub name: BlocklistName,
    /// The owner's description, at most 512 bytes.
    pub description: String,
    /// The time of creation, in seconds since 1970; an existing list keeps its own.
    pub created_at: u64,
}

/// A change of a blocklist's items.
#[derive(Debug)]
pub enum ItemsChange {
    /// Adds items. An item with the name of an existing one takes its place.
    Add(Vec<BlocklistItem>),
    /// Removes the items with these names.
    Remove(Vec<String>),
}

impl Store {
    /// Creates a blocklist of the permit's resource without items, or changes the description of an
    /// existing one. Returns true if it is new.
    ///
    /// # Errors
    /// [`StoreError::BadName`] if the description is too long. [`StoreError::NotFound`] if the
    /// resource or the expected list does not exist. [`StoreError::Exists`] if none was expected.
    /// [`StoreError::TooMany`] if the resource has [`BLOCKLISTS_MAX`] of them.
    /// [`StoreError::OtherThing`] if the permit is not for a resource.
    pub fn write_blocklist(
        &self,
        permit: Permit<WriteDeployment>,
        new: &NewBlocklist,
        expect: Expect,
    ) -> Result<bool, StoreError> {
        let resource = resource(permit)?;
        name::description(&new.description, DESCRIPTION_LENGTH_MAX)?;
        let mut created = false;
        self.change(|tx, log| {
            name_of(tx, Kind::Resource, resource.as_bytes(), &resource)?;
            let mut own = tx.blocklists()?;
            own.retain(|one| one.resource == resource);
            let before = own.iter().find(|one| one.name == new.name);
            let named = (Kind::Blocklist, new.name.as_str());
            check(before.map(|before| before.digest), expect, named)?;
            if before.is_none() && own.len() >= BLOCKLISTS_MAX {
                return Err(StoreError::TooMany { kind: Kind::Blocklist, most: BLOCKLISTS_MAX });
            }
            created = before.is_none();
            let mut list = match before {
                Some(before) => before.clone(),
                None => OwnBlocklist {
                    id: new.id,
                    resource,
                    name: new.name.clone(),
                    description: String::new(),
                    digest: compile(&new.name, &[])?.digest(),
                    terms: 0,
                    created_at: new.created_at,
                },
            };
            list.description.clone_from(&new.description);
            tx.put_blocklist(&list)?;
            told(log, &list, if created { Action::Created } else { Action::Updated })
        })?;
        Ok(created)
    }

    /// Adds or removes items of a blocklist of the permit's resource. Filters that name the list
    /// search for the new terms from the next request on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the list or an item to remove does not exist.
    /// [`StoreError::BadName`] if the name of an item is not allowed. [`StoreError::BadTerm`] if a
    /// term, or the list, would be over a limit. [`StoreError::Meanwhile`] if another change came in
    /// between. [`StoreError::OtherThing`] if the permit is not for a resource. On an error, nothing
    /// changes.
    pub fn change_blocklist(
        &self,
        permit: Permit<WriteDeployment>,
        name: &str,
        change: ItemsChange,
    ) -> Result<(), StoreError> {
        let resource = resource(permit)?;
        // Compiled before the transaction, because all requests wait for that.
        let (list, before) = self.read_list(resource, name)?;
        let items = changed(before.clone(), change)?;
        let compiled = compile(&list.name, &items)?;
        let digest = compiled.digest();
        self.recent().keep(Arc::new(compiled));
        self.change(|tx, log| {
            let mut list = own_list(tx, resource, name)?;
            if tx.items_of(list.id)? != before {
                return Err(StoreError::Meanwhile);
            }
            list.digest = digest;
            list.terms = u64::try_from(items.len()).unwrap_or(u64::MAX);
            tx.put_items(list.id, &items)?;
            tx.put_blocklist(&list)?;
            told(log, &list, Action::Updated)
        })
    }

    /// Deletes a blocklist of the permit's resource that no filter names, with its items.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the list does not exist. [`StoreError::InUse`] if a filter names
    /// it. [`StoreError::OtherThing`] if the permit is not for a resource.
    pub fn delete_blocklist(
        &self,
        permit: Permit<WriteDeployment>,
        name: &str,
    ) -> Result<(), StoreError> {
        let resource = resource(permit)?;
        self.change(|tx, log| {
            let list = own_list(tx, resource, name)?;
            let users = tx.filters_naming(list.id)?;
            refuse_if_used((Kind::Blocklist, name), (Kind::Filter, users))?;
            tx.delete_blocklist(list.id)?;
            let state = format!("resource={resource} name={name}");
            log.changed(Subject::Blocklist, *list.id.as_bytes(), Action::Deleted, &state)
        })
    }

    /// Returns the items of a blocklist of the permit's resource, in the order in which they were
    /// added. The terms are the customer's words: only a caller that may change them may read them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the list does not exist. [`StoreError::OtherThing`] if the permit
    /// is not for a resource.
    pub fn blocklist_items(
        &self,
        permit: Permit<WriteDeployment>,
        name: &str,
    ) -> Result<Vec<BlocklistItem>, StoreError> {
        let resource = resource(permit)?;
        Ok(self.read_list(resource, name)?.1)
    }

    pub(super) fn read_list(
        &self,
        resource: ResourceId,
        name: &str,
    ) -> Result<(OwnBlocklist, Vec<BlocklistItem>), StoreError> {
        let mut reader = self.reader();
        let database = reader.database.read()?;
        let list = own_list(&database, resource, name)?;
        let items = database.items_of(list.id)?;
        Ok((list, items))
    }
}

fn own_list(
    database: &Database,
    resource: ResourceId,
    name: &str,
) -> Result<OwnBlocklist, StoreError> {
    let own = |one: &OwnBlocklist| one.resource == resource && one.name.as_str() == name;
    let found = database.blocklists()?.into_iter().find(own);
    found.ok_or_else(|| not_found(Kind::Blocklist, &name))
}

/// Returns the items after a change.
fn changed(
    mut items: Vec<BlocklistItem>,
    change: ItemsChange,
) -> Result<Vec<BlocklistItem>, StoreError> {
    let mut places: BTreeMap<String, usize> =
        items.iter().enumerate().map(|(place, item)| (item.name.clone(), place)).collect();
    match change {
        ItemsChange::Add(new) => {
            for item in new {
                name::item_name(&item.name)?;
                match places.get(&item.name).and_then(|place| items.get_mut(*place)) {
                    Some(old) => *old = item,
                    None => {
                        places.insert(item.name.clone(), items.len());
                        items.push(item);
                    }
                }
            }
            Ok(items)
        }
        ItemsChange::Remove(names) => {
            for name in &names {
                places.remove(name).ok_or_else(|| not_found(Kind::Item, name))?;
            }
            items.retain(|item| places.contains_key(&item.name));
            Ok(items)
        }
    }
}

/// Compiles a list, as the snapshot does.
pub(super) fn compile(
    name: &BlocklistName,
    items: &[BlocklistItem],
) -> Result<Blocklist, StoreError> {
    let terms: Vec<Term> = items.iter().map(|item| item.term.clone()).collect();
    Blocklist::new(name.clone(), &terms).map_err(|problem| {
        let place = problem.number().and_then(|number| number.checked_sub(1));
        let item = place.and_then(|place| items.get(place)).map(|item| item.name.clone());
        StoreError::BadTerm { item, problem }
    })
}

fn told(log: &mut Append<'_>, list: &OwnBlocklist, action: Action) -> Result<(), StoreError> {
    let OwnBlocklist { id, resource, name, digest, terms, .. } = list;
    let state = format!("resource={resource} name={} terms={terms} digest={digest}", name.as_str());
    log.changed(Subject::Blocklist, *id.as_bytes(), action, &state)
}
