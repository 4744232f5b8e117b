//! The ends of kept objects: logged, shredded and removed, in this order. Each step finds its
//! remaining work in the database, so a crash between two steps loses nothing.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

use policy::{
    id::{ObjectId, TenantId},
    object::Class,
};
use tlog::{entry::Event, object::Why};

use super::{NotRecorded, Shared};
use crate::{
    custody::{ListedObject, OBJECTS_TOGETHER_MAX},
    error::StoreError,
    keys::failed,
    log::Append,
    object::body,
    sqlite::Database,
};

/// Objects that are logged or removed in one transaction: requests that end meanwhile wait for it.
const TOGETHER_MAX: usize = 200;

/// Makes the folder of the bodies, for its owner only.
pub(super) fn prepare(folder: &Path) -> Result<(), StoreError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| failed("create the directory", folder, error))
}

/// The keys of objects at a start.
#[derive(Debug)]
pub(super) struct Keys {
    names: HashMap<ObjectId, ListedObject>,
    /// Objects whose key is not there, and which a restore does not explain.
    missing: Vec<(ObjectId, Class, TenantId)>,
    /// Objects of a restored database whose key is not there: deleted after the backup, or lost.
    given_up: Vec<(ObjectId, Class, TenantId)>,
}

impl Keys {
    /// Compares the custodian's keys with the rows.
    pub(super) fn look(database: &Database, shared: &Shared) -> Result<Self, NotRecorded> {
        let (mut names, mut after) = (HashMap::new(), None);
        loop {
            let some = shared.custody.with(|client| client.object_keys(after))?;
            let Some(last) = some.last() else { break };
            after = Some(last.object);
            names.extend(some.into_iter().map(|name| (name.object, name)));
        }
        let mut keys = Self { names, missing: Vec::new(), given_up: Vec::new() };
        let (mut after, now_ms) = (None, shared.now_ms(database)?.unwrap_or(0));
        loop {
            let some = database.objects_not_gone(after, now_ms)?;
            let Some((last, ..)) = some.last() else { return Ok(keys) };
            after = Some(*last);
            for (object, class, tenant, restored) in some {
                if !keys.names.contains_key(&object) {
                    let list = if restored { &mut keys.given_up } else { &mut keys.missing };
                    list.push((object, class, tenant));
                }
            }
        }
    }

    /// Returns the number of objects whose key is missing without a reason. Objects whose time is over
    /// are not among them.
    pub(super) fn missing(&self) -> u64 {
        self.missing.len() as u64
    }

    /// Completes, at the start, what a crash interrupted: removes keys and bodies without an object.
    /// Gives up the objects whose key was gone already when the backup was restored; with
    /// `are_lost`, all whose key is missing. Returns the number of objects that were given up.
    pub(super) fn settle(
        mut self,
        database: &mut Database,
        shared: &Shared,
        are_lost: bool,
    ) -> Result<u64, NotRecorded> {
        let mut strays = Vec::new();
        for name in self.names.values() {
            match database.object_end(name.object)? {
                None => strays.push(name.object),
                // A crash interrupted a change of the end: the row decides.
                Some(expires_ms) if expires_ms != name.expires_ms => {
                    let to = ListedObject { expires_ms, ..*name };
                    // Refused if the row's end has passed: then the object ends now.
                    let _ = shared.custody.with(|client| client.move_object_key(to));
                }
                Some(_) => {}
            }
        }
        destroy(shared, &strays)?;
        if are_lost {
            self.given_up.append(&mut self.missing);
        }
        for some in self.given_up.chunks(TOGETHER_MAX) {
            end(database, shared, some, Why::KeyLost)?;
        }
        let tx = database.write()?;
        tx.unset_objects_restored()?;
        tx.commit()?;
        remove_strays(database, shared.objects.folder())?;
        Ok(self.given_up.len() as u64)
    }
}

/// Removes incomplete bodies, and bodies without an object.
fn remove_strays(database: &Database, folder: &Path) -> Result<(), NotRecorded> {
    let mut strays = Vec::new();
    for file in fs::read_dir(folder).map_err(|error| failed("read", folder, error))? {
        let path = file.map_err(|error| failed("read", folder, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let object = name.strip_suffix(".new").unwrap_or(name).parse::<ObjectId>().ok();
        let Some(object) = object else { continue };
        if name.ends_with(".new") || database.object_end(object)?.is_none() {
            strays.push(path);
        }
    }
    for path in strays {
        remove(&path).map_err(|error| failed("remove", &path, error))?;
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Carries out what is due: drafts that were given up, and objects whose time is over.
pub(super) fn carry_out(database: &mut Database, shared: &Shared) -> Result<(), NotRecorded> {
    shared.objects.forget_old(shared.reading().boottime_ms);
    let given_up = shared.objects.take_given_up();
    if let Err(error) = destroy(shared, &given_up) {
        shared.objects.give_back(given_up);
        return Err(error);
    }
    while expire_some(database, shared)? {}
    let mut seen = HashSet::new();
    loop {
        let gone = database.objects_gone(TOGETHER_MAX)?;
        // No object comes twice, unless it could not be removed.
        if gone.is_empty() || !gone.iter().all(|object| seen.insert(*object)) {
            return Ok(());
        }
        finish(database, shared, &gone)?;
    }
}

/// Logs some objects whose time is over. Returns whether there may be more.
fn expire_some(database: &mut Database, shared: &Shared) -> Result<bool, NotRecorded> {
    let Some(now_ms) = shared.now_ms(database)? else { return Ok(false) };
    if database.objects_due(now_ms, 1)?.is_empty() {
        return Ok(false);
    }
    let due = database.objects_due(now_ms, TOGETHER_MAX)?;
    end(database, shared, &due, Why::Expired)?;
    Ok(true)
}

/// Logs that objects are destroyed, and marks their rows: from now on no one finds them.
pub(super) fn end(
    database: &mut Database,
    shared: &Shared,
    objects: &[(ObjectId, Class, TenantId)],
    why: Why,
) -> Result<(), NotRecorded> {
    let tx = database.write()?;
    let mut append = Append::begin(&tx, shared.reading())?;
    for &(object, class, tenant) in objects {
        // Its owner may have deleted it in between.
        if tx.set_object_gone(object)? {
            append.push(Event::ObjectDestroyed { object, class, tenant, why })?;
        }
    }
    append.finish()?;
    Ok(tx.commit()?)
}

/// Shreds and removes objects that the log calls destroyed.
pub(crate) fn finish(
    database: &mut Database,
    shared: &Shared,
    gone: &[ObjectId],
) -> Result<(), NotRecorded> {
    gone.iter().for_each(|object| shared.objects.forget(*object));
    destroy(shared, gone)?;
    let folder = shared.objects.folder();
    for object in gone {
        body::remove(folder, *object).map_err(|error| failed("remove from", folder, error))?;
    }
    let tx = database.write()?;
    gone.iter().try_for_each(|object| tx.delete_object(*object))?;
    Ok(tx.commit()?)
}

fn destroy(shared: &Shared, objects: &[ObjectId]) -> Result<(), NotRecorded> {
    for some in objects.chunks(OBJECTS_TOGETHER_MAX) {
        shared.custody.with(|client| client.destroy_object_keys(some.to_vec()))?;
    }
    Ok(())
}
