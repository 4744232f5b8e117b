//! Models: a confined worker inspects the GGUF file; the file is then copied, and pinned by its
//! digest.

mod folder;
mod hub;
mod part;
mod source;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use engine::{digest, protocol::LoadedModel};
use policy::{
    authz::facts::Service,
    id::ModelId,
    model::ModelFacts,
    permit::{Permit, ReadModels, WriteModel},
    task::Task,
};
use serde::Deserialize;
use store::{Directory, Kind, Model, ModelFile, StoreError};

use self::part::Part;
pub(crate) use self::{
    hub::{Hub, NewFromHub},
    source::SourceError,
};
use crate::fleet::EXECUTABLE;

use super::{Acting, ManageError, ModelView, find_model, now, random};

/// A new model from a file.
#[derive(Debug, Clone)]
pub(crate) struct NewModel {
    /// Name of the model.
    pub name: String,
    /// The GGUF file, or a folder with one, on the machine that the server runs on.
    pub path: PathBuf,
    /// The file in the folder, if the folder has several.
    pub file: Option<String>,
    /// The SHA-256 that the file must have.
    pub sha256: Option<String>,
    /// Use the file where it is, instead of a copy in the data directory.
    pub in_place: bool,
}

/// A new model without a file, which engines serve. The operator states its facts.
#[derive(Debug, Clone)]
pub(crate) struct NewServedModel {
    /// Name of the model.
    pub name: String,
    /// Its task.
    pub task: Task,
    /// Tokens in its context, if they are known.
    pub context_tokens: Option<u32>,
}

/// A new model, as the admin API receives it.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "ModelFields")]
pub(crate) enum ModelToAdd {
    /// From a file.
    File(NewModel),
    /// Without a file.
    Served(NewServedModel),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ModelFields {
    name: String,
    path: Option<PathBuf>,
    file: Option<String>,
    sha256: Option<String>,
    in_place: Option<bool>,
    #[serde(default)]
    served: bool,
    task: Option<Task>,
    context_tokens: Option<u32>,
}

impl TryFrom<ModelFields> for ModelToAdd {
    type Error = &'static str;

    fn try_from(fields: ModelFields) -> Result<Self, Self::Error> {
        match fields {
            ModelFields {
                name,
                path: Some(path),
                file,
                sha256,
                in_place,
                served: false,
                task: None,
                context_tokens: None,
            } => {
                let in_place = in_place.unwrap_or(false);
                Ok(Self::File(NewModel { name, path, file, sha256, in_place }))
            }
            ModelFields {
                name,
                path: None,
                file: None,
                sha256: None,
                in_place: None,
                served: true,
                task: Some(task),
                context_tokens,
            } => Ok(Self::Served(NewServedModel { name, task, context_tokens })),
            ModelFields { served: true, .. } => Err(
                "a served model has `task`, may have `contextTokens`, and has neither `path`, `file`, \
                 `sha256` nor `inPlace`",
            ),
            ModelFields { served: false, .. } => Err(
                "a model from a file has `path`, and neither `task` nor `contextTokens`; for a model \
                 that engines serve, add `\"served\": true`",
            ),
        }
    }
}

impl Acting {
    /// Adds a model. `progress` receives the number of bytes read, and their total.
    ///
    /// # Errors
    /// The name is not allowed or taken, the file cannot be read or run, or its digest differs.
    pub(crate) async fn add_model(
        &self,
        new: NewModel,
        progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<ModelView, ManageError> {
        let permit = self.new_model(&new.name)?;
        let given = new.path.to_string_lossy();
        if given.starts_with(hub::PREFIX) {
            return Err(SourceError::NotHere(given.into_owned()).into());
        }
        let wanted = new.sha256.as_deref().map(source::digest).transpose()?;
        let chosen = folder::choose(&new.path, new.file.as_deref())?;
        // Inspect before copying: an unsuitable file of many gigabytes is refused in a moment. If
        // the file changes later, its worker refuses to start, because it checks the digest.
        let facts = look_into(&chosen.path).await?;
        let data = (!new.in_place).then(|| self.data.clone());
        let (path, named) = (chosen.path, chosen.sha256);
        let check = move |found: &str| {
            expect(found, wanted.as_deref(), "`--sha256`")?;
            expect(found, named.as_deref(), "the cache")
        };
        let taken = tokio::task::spawn_blocking(move || take(&path, data, check, progress))
            .await
            .map_err(|error| ManageError::Aborted(error.to_string()))??;
        self.keep_model(
            permit,
            new.name,
            Whence { source: chosen.source, license: chosen.license },
            taken,
            facts,
        )
    }

    /// Adds a model from a repository, through the configured mirror only.
    ///
    /// # Errors
    /// The name is not allowed or taken, the mirror does not give the file or gives a different
    /// one, or the file cannot be run. No part of the file is kept then.
    pub(crate) async fn add_model_from_hub(
        &self,
        new: NewFromHub,
        hub: &Hub,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<ModelView, ManageError> {
        let permit = self.new_model(&new.name)?;
        let mut part = Part::begin(&self.data)?;
        let fetched = hub.fetch(&new, &mut part, progress).await?;
        let facts = look_into(part.path()).await?;
        let (sha256, size_bytes) = (part.sha256(), part.bytes());
        let taken = ModelFile { path: part.keep()?, sha256, size_bytes };
        self.keep_model(permit, new.name, fetched, taken, facts)
    }

    /// Checks that a model of this name may be added, and returns the permit.
    fn new_model(&self, name: &str) -> Result<Permit<WriteModel>, ManageError> {
        let permit = self.of_service::<WriteModel>()?;
        store::model_name(name)?;
        if self.store.directory()?.model_by_name(name).is_some() {
            return Err(StoreError::Exists { kind: Kind::Model, name: name.to_owned() }.into());
        }
        Ok(permit)
    }

    fn keep_model(
        &self,
        permit: Permit<WriteModel>,
        name: String,
        whence: Whence,
        taken: ModelFile,
        loaded: LoadedModel,
    ) -> Result<ModelView, ManageError> {
        let license = whence.license.or(loaded.facts.license);
        let model = Model {
            id: ModelId::from_random(random()?),
            name,
            file: Some(taken),
            source: whence.source,
            facts: ModelFacts { license, ..loaded.facts },
            tuned: None,
            created_at: now(),
        };
        self.store.create_model(permit, &model)?;
        let view = ModelView::of(&model, &*self.store.directory()?);
        Ok(ModelView { template: loaded.template, ..view })
    }

    /// Lists all models.
    ///
    /// # Errors
    /// The caller may not see models, or the store cannot be read.
    pub(crate) fn models(&self) -> Result<Vec<ModelView>, ManageError> {
        let Service = self.of_service::<ReadModels>()?.spend();
        let directory = self.store.directory()?;
        let view = |model| ModelView::of(model, &directory);
        Ok(directory.models().into_iter().map(view).collect())
    }

    /// Returns one model.
    ///
    /// # Errors
    /// No model has that name, or the caller may not see models.
    pub(crate) fn model(&self, name: &str) -> Result<ModelView, ManageError> {
        let Service = self.of_service::<ReadModels>()?.spend();
        let directory = self.store.directory()?;
        Ok(ModelView::of(find_model(&directory, name)?, &directory))
    }

    /// Adds a model without a file.
    ///
    /// # Errors
    /// The name is not allowed or taken, or the caller may not.
    pub(crate) fn add_served_model(&self, new: &NewServedModel) -> Result<ModelView, ManageError> {
        let permit = self.new_model(&new.name)?;
        let generates = match new.task {
            Task::Chat => true,
            Task::Embeddings => false,
        };
        let model = Model {
            id: ModelId::from_random(random()?),
            name: new.name.clone(),
            file: None,
            source: None,
            facts: ModelFacts {
                architecture: String::new(),
                name: None,
                license: None,
                parameters: 0,
                context_train: new.context_tokens.unwrap_or(0),
                embedding_length: 0,
                vocabulary: 0,
                generates,
                chat_template: generates,
            },
            tuned: None,
            created_at: now(),
        };
        self.store.create_model(permit, &model)?;
        Ok(ModelView::of(&model, &*self.store.directory()?))
    }

    /// Deletes a model and its copy in the data directory. A file that is used in place stays.
    ///
    /// # Errors
    /// No model has that name, or deployments or engines use it.
    pub(crate) fn delete_model(&self, name: &str) -> Result<(), ManageError> {
        let permit = self.of_service::<WriteModel>()?;
        let (id, file_of_model) = {
            let directory = self.store.directory()?;
            let model = find_model(&directory, name)?;
            (model.id, model.file.clone())
        };
        self.store.delete_model(permit, id)?;
        let Some(ModelFile { path, .. }) = file_of_model else { return Ok(()) };
        let is_copy = part::copies(&self.data).is_some_and(|copies| path.starts_with(copies));
        // Two names may share one copy.
        let shared = is_used(&*self.store.directory()?, &path);
        if is_copy && !shared {
            fs::remove_file(&path).map_err(file("delete", &path))?;
        }
        Ok(())
    }
}

/// The origin of a file.
struct Whence {
    source: Option<String>,
    license: Option<String>,
}

/// Whether a model has this file.
fn is_used(directory: &Directory, path: &Path) -> bool {
    let models = directory.models();
    models.iter().any(|other| other.file.as_ref().is_some_and(|file| file.path == path))
}

/// Inspects a file in a confined worker.
async fn look_into(path: &Path) -> Result<LoadedModel, ManageError> {
    let facts = engine::supervise::inspect(EXECUTABLE.into(), path.to_owned()).await;
    facts.map_err(|reason| ManageError::Unsuitable { path: path.to_owned(), reason })
}

/// Compares a digest with the expected one, if one is given.
fn expect(found: &str, expected: Option<&str>, said: &'static str) -> Result<(), SourceError> {
    match expected {
        Some(expected) if expected != found => {
            let (found, expected) = (found.to_owned(), expected.to_owned());
            Err(SourceError::Digest { found, expected, said })
        }
        _ => Ok(()),
    }
}

/// Hashes a file. If `data` names a data directory, copies the file there under its digest; a file
/// with a wrong digest is not kept.
fn take(
    source: &Path,
    data: Option<PathBuf>,
    check: impl FnOnce(&str) -> Result<(), SourceError>,
    mut progress: impl FnMut(u64, u64),
) -> Result<ModelFile, ManageError> {
    let mut reader = File::open(source).map_err(file("read", source))?;
    let total = reader.metadata().map_err(file("read", source))?.len();
    let Some(data) = data else {
        let mut size_bytes = 0;
        let note = |done| {
            size_bytes = done;
            progress(done, total);
        };
        let sha256 = digest::sha256(&mut reader, note).map_err(file("read", source))?.to_string();
        check(&sha256)?;
        return Ok(ModelFile { path: source.to_owned(), sha256, size_bytes });
    };
    let mut part = Part::begin(&data)?;
    digest::each_chunk(&mut reader, |bytes| {
        part.write(bytes)?;
        progress(part.bytes(), total);
        Ok(())
    })
    .map_err(file("copy", source))?;
    let (sha256, size_bytes) = (part.sha256(), part.bytes());
    check(&sha256)?;
    Ok(ModelFile { path: part.keep()?, sha256, size_bytes })
}

fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ManageError {
    let path = path.to_owned();
    move |source| ManageError::File { doing, path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_copied_under_its_digest_and_hashed_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.gguf");
        fs::write(&source, vec![7; 3_000_000]).unwrap();
        let mut seen = Vec::new();
        let data = dir.path().join("data");
        let models = data.join("models");
        let any = |_: &str| Ok(());
        let note = |done, total| seen.push((done, total));
        let copied = take(&source, Some(data.clone()), any, note).unwrap();
        let size = u64::try_from(3_000_000).unwrap();
        assert_eq!(seen.last(), Some(&(size, size)));
        assert_eq!(copied.size_bytes, size);
        assert_eq!(
            copied.path,
            models.canonicalize().unwrap().join(format!("{}.gguf", copied.sha256))
        );
        assert_eq!(fs::read(&copied.path).unwrap(), fs::read(&source).unwrap());
        assert_eq!(fs::metadata(&copied.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&models).unwrap().count(), 1, "no part is left");

        let in_place = take(&source, None, any, |_, _| ()).unwrap();
        assert_eq!((in_place.path, in_place.sha256), (source, copied.sha256));
    }

    #[test]
    fn a_file_with_another_digest_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.gguf");
        fs::write(&source, "").unwrap();
        let wrong = "0".repeat(64);
        for data in [None, Some(dir.path().join("data"))] {
            let check = |found: &str| {
                assert!(found.starts_with("e3b0c44298fc1c14"), "of nothing: {found}");
                expect(found, Some(&wrong), "`--sha256`")
            };
            let Err(error) = take(&source, data, check, |_, _| ()) else { panic!() };
            let said = error.to_string();
            assert!(said.contains("`--sha256` says 0000"), "{said}");
        }
        assert_eq!(fs::read_dir(dir.path().join("data/models")).unwrap().count(), 0);
    }
}
