//! Chooses the GGUF file in a folder: a clone or download of a Hugging Face repository, or its
//! cache (`models--ORG--NAME/snapshots/REVISION`, with links into `blobs`).

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use super::source::{
    OTHER_FORMATS, SourceError, is_commit, is_digest, license_of, named_well, path_inside,
};

/// A file on this machine that may become a model.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The file itself, with links resolved.
    pub(super) path: PathBuf,
    /// Repository, revision and file, if the folder names them.
    pub(super) source: Option<String>,
    /// The licence that the folder's README names.
    pub(super) license: Option<String>,
    /// SHA-256 of the file, if the folder names it.
    pub(super) sha256: Option<String>,
}

/// Takes a file as given, or chooses one in a folder.
pub(super) fn choose(path: &Path, file: Option<&str>) -> Result<Chosen, SourceError> {
    let real = canonical(path)?;
    if !real.is_dir() {
        if let Some(file) = file {
            return Err(SourceError::Absent { folder: path.to_owned(), file: file.to_owned() });
        }
        named_well(&path.to_string_lossy())?;
        return Ok(Chosen { path: real, source: None, license: None, sha256: None });
    }
    let folder = Folder::open(real)?;
    let file = match file {
        Some(file) => path_inside(file)?.to_owned(),
        None => folder.only_file()?,
    };
    named_well(&file)?;
    let path = folder.resolve(&file)?;
    if !path.is_file() {
        return Err(SourceError::Absent { folder: folder.path, file });
    }
    if !begins_as_gguf(&path) {
        return Err(SourceError::OtherFormat(file));
    }
    let source = folder.repository.as_ref().map(|of| format!("{of}/{file}, from a local cache"));
    // The cache names Git LFS files by their SHA-256.
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let sha256 = name.filter(|name| folder.blobs.is_some() && is_digest(name));
    Ok(Chosen { path, source, license: folder.license(), sha256 })
}

struct Folder {
    path: PathBuf,
    /// Folder that links may lead into, beside the folder itself.
    blobs: Option<PathBuf>,
    /// `hf:ORG/NAME@REVISION`.
    repository: Option<String>,
}

impl Folder {
    /// Opens a folder. For a cache, chooses the only revision, or the one that `main` names.
    fn open(path: PathBuf) -> Result<Self, SourceError> {
        let cache = |path: &Path| {
            let name = path.file_name()?.to_str()?.strip_prefix("models--")?;
            let (org, name) = name.split_once("--")?;
            path.join("snapshots").is_dir().then(|| format!("hf:{org}/{name}"))
        };
        if let Some(repository) = cache(&path) {
            let revision = only_revision(&path)?;
            let snapshot = path.join("snapshots").join(&revision);
            return Ok(Self::of_cache(&path, snapshot, &repository, &revision));
        }
        let root = path.parent().filter(|parent| parent.ends_with("snapshots"));
        if let Some(root) = root.and_then(Path::parent)
            && let Some(repository) = cache(root)
        {
            let revision = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Self::of_cache(root, path.clone(), &repository, &revision));
        }
        Ok(Self { path, blobs: None, repository: None })
    }

    fn of_cache(root: &Path, path: PathBuf, repository: &str, revision: &str) -> Self {
        let blobs = root.join("blobs").canonicalize().ok();
        // A folder `blobs` that is itself a link to another place does not count.
        let blobs = blobs.filter(|blobs| blobs.starts_with(root));
        Self { path, blobs, repository: Some(format!("{repository}@{revision}")) }
    }

    /// Returns the only GGUF file in the folder.
    fn only_file(&self) -> Result<String, SourceError> {
        let mut found = Found::default();
        self.look(&self.path, "", 0, &mut found)?;
        found.models.sort_unstable();
        let whole: Vec<&String> =
            found.models.iter().filter(|file| named_well(file).is_ok()).collect();
        match (whole.as_slice(), found.models.as_slice()) {
            ([only], _) => Ok((*only).clone()),
            ([], [first, ..]) => Err(SourceError::Split(first.clone())),
            ([], []) => {
                Err(SourceError::NoFile { folder: self.path.clone(), weights: found.others })
            }
            _ => Err(SourceError::Several { folder: self.path.clone(), files: found.models }),
        }
    }

    fn look(
        &self,
        folder: &Path,
        inside: &str,
        depth: usize,
        found: &mut Found,
    ) -> Result<(), SourceError> {
        let unreadable = |source| SourceError::Folder { folder: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            found.entries = found.entries.saturating_add(1);
            if name.starts_with('.') || found.entries > ENTRIES_MAX {
                continue;
            }
            let lower = name.to_ascii_lowercase();
            // Links to folders are not followed.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth < DEPTH_MAX {
                self.look(&entry.path(), &format!("{inside}{name}/"), depth + 1, found)?;
            } else if is_folder {
                continue;
            } else if lower.ends_with(".gguf") && !lower.contains("mmproj") {
                // `mmproj` files are the vision part of a model, not a model.
                found.models.push(format!("{inside}{name}"));
            } else if OTHER_FORMATS.iter().any(|end| lower.ends_with(end)) {
                found.others = true;
            }
        }
        Ok(())
    }

    /// Resolves a path in the folder. Links may lead into the folder itself; in a cache, also into
    /// its blobs.
    fn resolve(&self, file: &str) -> Result<PathBuf, SourceError> {
        let absent = || SourceError::Absent { folder: self.path.clone(), file: file.to_owned() };
        let path = self.path.join(file).canonicalize().map_err(|_| absent())?;
        let allowed = [Some(&self.path), self.blobs.as_ref()];
        if allowed.into_iter().flatten().any(|folder| path.starts_with(folder)) {
            return Ok(path);
        }
        Err(SourceError::Link { folder: self.path.clone(), file: file.to_owned() })
    }

    fn license(&self) -> Option<String> {
        let file = File::open(self.resolve("README.md").ok()?).ok()?;
        let mut text = Vec::new();
        file.take(README_BYTES_MAX).read_to_end(&mut text).ok()?;
        license_of(&String::from_utf8_lossy(&text))
    }
}

/// The contents of a folder.
#[derive(Default)]
struct Found {
    models: Vec<String>,
    /// Whether there are weights of other formats.
    others: bool,
    entries: usize,
}

fn only_revision(root: &Path) -> Result<String, SourceError> {
    let snapshots = root.join("snapshots");
    let unreadable = |source| SourceError::Folder { folder: snapshots.clone(), source };
    let entries = fs::read_dir(&snapshots).map_err(unreadable)?.flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut revisions: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    revisions.sort_unstable();
    if let [only] = revisions.as_slice() {
        return Ok(only.clone());
    }
    let main = fs::read_to_string(root.join("refs/main")).unwrap_or_default();
    let main = main.trim();
    if is_commit(main) && revisions.iter().any(|revision| revision == main) {
        return Ok(main.to_owned());
    }
    if revisions.is_empty() {
        return Err(SourceError::NoFile { folder: root.to_owned(), weights: false });
    }
    Err(SourceError::Revisions { folder: root.to_owned(), revisions })
}

fn canonical(path: &Path) -> Result<PathBuf, SourceError> {
    path.canonicalize().map_err(|source| SourceError::Folder { folder: path.to_owned(), source })
}

/// Whether a file begins with GGUF's magic bytes. A Git LFS pointer in place of the file does not.
fn begins_as_gguf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && &magic == b"GGUF"
}

/// Depth of folders that are searched.
const DEPTH_MAX: usize = 3;
/// Directory entries that are examined.
const ENTRIES_MAX: usize = 10_000;
/// Bytes of a README that are read.
pub(super) const README_BYTES_MAX: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn refused(path: &Path, file: Option<&str>) -> String {
        let error = choose(path, file).unwrap_err();
        assert!(!error.help().is_empty());
        error.to_string() + "; " + error.help()
    }

    #[test]
    fn the_only_gguf_file_is_chosen_and_of_several_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        assert!(refused(&path, None).contains("has no GGUF file; give a GGUF file"));
        write(&path, "model.safetensors", "x");
        assert!(refused(&path, None).contains("convert_hf_to_gguf.py"));
        assert!(refused(&path, Some("model.safetensors")).contains("convert_hf_to_gguf.py"));
        write(&path, "a-Q4_K_M.gguf", "GGUF…");
        write(&path, "mmproj-a-f16.gguf", "GGUF…");
        write(&path, ".git/lfs/b.gguf", "GGUF…");
        write(&path, "README.md", "---\nlicense: apache-2.0\n---\n");
        let chosen = choose(&path, None).unwrap();
        assert_eq!(chosen.path, path.join("a-Q4_K_M.gguf"));
        assert_eq!(chosen.license.as_deref(), Some("apache-2.0"));
        assert_eq!((chosen.source, chosen.sha256), (None, None));

        write(&path, "Q8/a-Q8_0.gguf", "GGUF…");
        let several = refused(&path, None);
        assert!(several.contains("2 GGUF files: Q8/a-Q8_0.gguf, a-Q4_K_M.gguf"), "{several}");
        let chosen = choose(&path, Some("Q8/a-Q8_0.gguf")).unwrap();
        assert_eq!(chosen.path, path.join("Q8/a-Q8_0.gguf"));
        assert!(refused(&path, Some("absent.gguf")).contains("has no file `absent.gguf`"));
        write(&path, "lfs.gguf", "version https://git-lfs.github.com/spec/v1\n");
        assert!(refused(&path, Some("lfs.gguf")).contains("not a GGUF file"));
        for outside in ["../a.gguf", "/etc/passwd", "Q8/../../a.gguf"] {
            assert!(refused(&path, Some(outside)).contains("not the path"), "{outside}");
        }
        let file = path.join("a-Q4_K_M.gguf");
        assert_eq!(choose(&file, None).unwrap().path, file);
    }

    #[test]
    fn a_split_model_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for part in 1..=2 {
            write(folder.path(), &format!("big-0000{part}-of-00002.gguf"), "GGUF…");
        }
        let said = refused(folder.path(), None);
        assert!(said.contains("big-00001-of-00002.gguf") && said.contains("--merge"), "{said}");
        let said = refused(&folder.path().join("big-00002-of-00002.gguf"), None);
        assert!(said.contains("llama-gguf-split --merge"), "{said}");
    }

    #[test]
    fn links_lead_to_the_folder_or_a_caches_blobs_and_nowhere_else() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        let digest = "ab".repeat(32);
        let (old, new) = ("1".repeat(40), "2".repeat(40));
        write(&base, "outside.gguf", "GGUF…");
        let root = base.join("models--acme--tiny-GGUF");
        write(&root, &format!("blobs/{digest}"), "GGUF…");
        write(&root, &format!("snapshots/{new}/README.md"), "---\nlicense: mit\n---\n");
        let snapshot = root.join("snapshots").join(&new);
        symlink(format!("../../blobs/{digest}"), snapshot.join("tiny.gguf")).unwrap();
        for given in [&root, &snapshot] {
            let chosen = choose(given, None).unwrap();
            assert_eq!(chosen.path, root.join("blobs").join(&digest));
            assert_eq!(chosen.sha256.as_ref(), Some(&digest));
            let source = format!("hf:acme/tiny-GGUF@{new}/tiny.gguf, from a local cache");
            assert_eq!((chosen.source, chosen.license.as_deref()), (Some(source), Some("mit")));
        }
        // With two revisions, `main` decides, or the caller.
        write(&root, &format!("snapshots/{old}/README.md"), "");
        assert!(refused(&root, None).contains("has 2 revisions"));
        write(&root, "refs/main", &new);
        assert!(choose(&root, None).is_ok());
        // Out of the cache: by a link, by a folder, by a link of a link.
        for (name, target) in [
            ("up.gguf", "../../../outside.gguf".to_owned()),
            ("whole.gguf", base.join("outside.gguf").display().to_string()),
            ("root.gguf", "../../refs/main".to_owned()),
        ] {
            symlink(target, snapshot.join(name)).unwrap();
            let said = refused(&snapshot, Some(name));
            assert!(said.contains("leads out of"), "{name}: {said}");
        }
        symlink(&base, snapshot.join("folder")).unwrap();
        assert!(refused(&snapshot, Some("folder/outside.gguf")).contains("leads out of"));
        // A plain folder has no blobs.
        let plain = base.join("plain");
        write(&plain, "a.gguf", "GGUF…");
        symlink("a.gguf", plain.join("b.gguf")).unwrap();
        symlink(root.join("blobs").join(&digest), plain.join("c.gguf")).unwrap();
        symlink(base.join("outside.gguf"), plain.join("README.md")).unwrap();
        assert!(choose(&plain, Some("b.gguf")).is_ok_and(|chosen| chosen.license.is_none()));
        assert!(refused(&plain, Some("c.gguf")).contains("leads out of"));
        // A `blobs` that links to another place does not count.
        let fake = base.join("models--acme--fake");
        fs::create_dir_all(fake.join("snapshots").join(&new)).unwrap();
        symlink(&base, fake.join("blobs")).unwrap();
        symlink("../../blobs/outside.gguf", fake.join("snapshots").join(&new).join("x.gguf"))
            .unwrap();
        assert!(refused(&fake, None).contains("leads out of"));
    }
}
