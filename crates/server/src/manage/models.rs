//! Models: a GGUF file is looked at by a confined worker, copied, and pinned by its digest.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use engine::protocol::ModelFacts;
use policy::{
    authz::facts::Service,
    id::ModelId,
    permit::{ReadModels, WriteModel},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use store::{Kind, Model, ModelFactsRow, StoreError};

use crate::fleet::EXECUTABLE;

use super::{Acting, ManageError, ModelView, find_model, now, random};

/// Where copies of models are, in the data directory.
const MODELS: &str = "models";

/// Read at once while a file is hashed and copied.
const CHUNK_BYTES: usize = 1024 * 1024;

/// What a model is added with.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewModel {
    /// Its name.
    pub name: String,
    /// The GGUF file, on the machine that the server runs on.
    pub path: PathBuf,
    /// Use the file where it is, instead of a copy in the data directory.
    #[serde(default)]
    pub in_place: bool,
}

impl Acting {
    /// Adds a model. `progress` is told how many bytes of how many have been read.
    ///
    /// # Errors
    /// When its name is not allowed or taken, or the file cannot be read or run.
    pub async fn add_model(
        &self,
        new: NewModel,
        progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> Result<ModelView, ManageError> {
        let permit = self.of_service::<WriteModel>()?;
        store::model_name(&new.name)?;
        if self.store.directory()?.model_by_name(&new.name).is_some() {
            return Err(StoreError::Exists { kind: Kind::Model, name: new.name }.into());
        }
        let source = new.path.canonicalize().map_err(file("read", &new.path))?;
        // Before copying: an unsuitable file of many gigabytes is refused in a moment. Should the
        // file change after this look, its worker refuses to start: the digest is checked there.
        let facts = engine::supervise::inspect(EXECUTABLE.into(), source.clone())
            .await
            .map_err(|reason| ManageError::Unsuitable { path: new.path.clone(), reason })?;
        let models = (!new.in_place).then(|| self.data.join(MODELS));
        let taken = tokio::task::spawn_blocking(move || take(&source, models, progress))
            .await
            .map_err(|error| ManageError::Aborted(error.to_string()))??;
        let model = Model {
            id: ModelId::from_random(random()?),
            name: new.name,
            path: taken.path,
            sha256: taken.sha256,
            size_bytes: taken.size_bytes,
            facts: row(&facts),
            created_at: now(),
        };
        self.store.create_model(permit, &model)?;
        Ok(ModelView { template: facts.template, ..ModelView::of(&model) })
    }

    /// All models.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn models(&self) -> Result<Vec<ModelView>, ManageError> {
        let Service = self.of_service::<ReadModels>()?.spend();
        Ok(self.store.directory()?.models().into_iter().map(ModelView::of).collect())
    }

    /// One model.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn model(&self, name: &str) -> Result<ModelView, ManageError> {
        let Service = self.of_service::<ReadModels>()?.spend();
        Ok(ModelView::of(find_model(&*self.store.directory()?, name)?))
    }

    /// Deletes a model and its copy in the data directory; a file used in place is left alone.
    ///
    /// # Errors
    /// When there is none of that name, or deployments use it.
    pub fn delete_model(&self, name: &str) -> Result<(), ManageError> {
        let permit = self.of_service::<WriteModel>()?;
        let (id, path) = {
            let directory = self.store.directory()?;
            let model = find_model(&directory, name)?;
            (model.id, model.path.clone())
        };
        self.store.delete_model(permit, id)?;
        let copies = self.data.join(MODELS).canonicalize();
        let is_copy = copies.is_ok_and(|copies| path.starts_with(copies));
        // Two names may share one copy.
        let shared = self.store.directory()?.models().iter().any(|other| other.path == path);
        if is_copy && !shared {
            fs::remove_file(&path).map_err(file("delete", &path))?;
        }
        Ok(())
    }
}

struct Taken {
    path: PathBuf,
    sha256: String,
    size_bytes: u64,
}

/// Hashes a file and, when `models` names a directory, copies it there under its digest.
fn take(
    source: &Path,
    models: Option<PathBuf>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Taken, ManageError> {
    let mut reader = File::open(source).map_err(file("read", source))?;
    let total = reader.metadata().map_err(file("read", source))?.len();
    let Some(models) = models else {
        let (sha256, size_bytes) = hash(&mut reader, &mut io::sink(), total, &mut progress)
            .map_err(file("read", source))?;
        return Ok(Taken { path: source.to_owned(), sha256, size_bytes });
    };
    let make = DirBuilder::new().recursive(true).mode(0o700).create(&models);
    make.map_err(file("create", &models))?;
    let models = models.canonicalize().map_err(file("read", &models))?;
    let part = Part(models.join(format!(".{}.part", ModelId::from_random(random()?))));
    let mut writer = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part.0)
        .map_err(file("write", &part.0))?;
    let (sha256, size_bytes) =
        hash(&mut reader, &mut writer, total, &mut progress).map_err(file("copy", source))?;
    let path = models.join(format!("{sha256}.gguf"));
    writer.sync_all().and_then(|()| fs::rename(&part.0, &path)).map_err(file("write", &path))?;
    Ok(Taken { path, sha256, size_bytes })
}

/// A file that is not complete yet; removed unless it was renamed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn hash(
    reader: &mut impl io::Read,
    writer: &mut impl io::Write,
    total: u64,
    progress: &mut impl FnMut(u64, u64),
) -> io::Result<(String, u64)> {
    let mut digest = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut done = 0;
    loop {
        let length = match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = chunk.get(..length).unwrap_or_default();
        digest.update(bytes);
        writer.write_all(bytes)?;
        done += u64::try_from(length).unwrap_or(u64::MAX);
        progress(done, total);
    }
    let text = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((text, done))
}

fn row(facts: &ModelFacts) -> ModelFactsRow {
    ModelFactsRow {
        architecture: facts.architecture.clone(),
        name: facts.name.clone(),
        parameters: facts.parameters,
        context_train: facts.context_train,
        embedding_length: facts.embedding_length,
        vocabulary: facts.vocabulary,
        generates: facts.generates,
        chat_template: facts.chat_template,
    }
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
        fs::write(&source, vec![7; 3 * CHUNK_BYTES + 1]).unwrap();
        let mut seen = Vec::new();
        let models = dir.path().join("models");
        let copied =
            take(&source, Some(models.clone()), |done, total| seen.push((done, total))).unwrap();
        let size = u64::try_from(3 * CHUNK_BYTES + 1).unwrap();
        assert_eq!(seen.last(), Some(&(size, size)));
        assert_eq!(copied.size_bytes, size);
        assert_eq!(
            copied.path,
            models.canonicalize().unwrap().join(format!("{}.gguf", copied.sha256))
        );
        assert_eq!(fs::read(&copied.path).unwrap(), fs::read(&source).unwrap());
        assert_eq!(fs::metadata(&copied.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&models).unwrap().count(), 1, "no part is left");

        let in_place = take(&source, None, |_, _| ()).unwrap();
        assert_eq!((in_place.path, in_place.sha256), (source, copied.sha256));
    }

    #[test]
    fn an_empty_file_has_the_known_digest() {
        let (sha256, size) = hash(&mut io::empty(), &mut io::sink(), 0, &mut |_, _| ()).unwrap();
        assert_eq!(size, 0);
        assert!(sha256.starts_with("e3b0c44298fc1c14"), "{sha256}");
    }
}
