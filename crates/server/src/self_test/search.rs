//! The search for marked texts in files and in bytes.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use memchr::memmem::Finder;

use super::marks::Mark;

/// A marked text that was found: the part of the request that it was in, and its form.
pub(crate) type Hit = (&'static str, &'static str);

/// The texts to search.
#[derive(Debug)]
pub(crate) struct Search {
    needles: Vec<(Hit, Finder<'static>)>,
    /// The length of the longest text.
    longest: usize,
}

/// The search cannot find a text that is there.
#[derive(Debug, thiserror::Error)]
#[error("the search does not find a text that it wrote itself: {missing} of its forms")]
pub(crate) struct Blind {
    missing: usize,
}

impl Search {
    /// Makes the search for these texts, each with the part of the request that it is in.
    pub(crate) fn new<'a>(marks: impl Iterator<Item = (&'static str, &'a Mark)>) -> Self {
        let mut needles = Vec::new();
        for (part, mark) in marks {
            for (form, bytes) in mark.forms() {
                needles.push(((part, form), Finder::new(&bytes).into_owned()));
            }
        }
        let longest = needles.iter().map(|(_, needle)| needle.needle().len()).max().unwrap_or(1);
        Self { needles, longest }
    }

    /// Returns the texts that are in some bytes.
    pub(crate) fn bytes(&self, hay: &[u8]) -> BTreeSet<Hit> {
        let found = self.needles.iter().filter(|(_, needle)| needle.find(hay).is_some());
        found.map(|(hit, _)| *hit).collect()
    }

    /// Searches the bytes of a reader; returns the number of bytes and the texts.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn read(&self, mut from: impl Read) -> io::Result<(u64, BTreeSet<Hit>)> {
        let (mut total, mut found) = (0_u64, BTreeSet::new());
        let mut piece = Vec::new();
        loop {
            // Pieces overlap, so that no text is missed on a border.
            let kept = piece.len().min(self.longest);
            piece.drain(..piece.len().saturating_sub(kept));
            let got = from.by_ref().take(PIECE).read_to_end(&mut piece)?;
            if got == 0 {
                return Ok((total, found));
            }
            total = total.saturating_add(u64::try_from(got).unwrap_or(u64::MAX));
            found.extend(self.bytes(&piece));
        }
    }

    /// Searches a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn file(&self, path: &Path) -> io::Result<(u64, BTreeSet<Hit>)> {
        self.read(File::open(path)?)
    }

    /// Writes a mark of its own into a file of this folder, in every form and across the borders of
    /// pieces, and searches it: a search that finds nothing must be able to find something.
    ///
    /// # Errors
    /// If the file cannot be written. [`Blind`] if the search fails, as the source of the error.
    pub(crate) fn control(folder: &Path, mark: &Mark) -> io::Result<()> {
        let path = folder.join(format!("bailiwick-self-test-{}", std::process::id()));
        let forms = mark.forms();
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let mut written = || -> io::Result<BTreeSet<Hit>> {
            let piece = usize::try_from(PIECE).unwrap_or(usize::MAX);
            for (_, bytes) in &forms {
                // Half of it is behind the border.
                let before = piece.saturating_sub(bytes.len() / 2);
                file.write_all(&vec![b'.'; before])?;
                file.write_all(bytes)?;
                let rest = piece.saturating_sub(bytes.len().saturating_sub(bytes.len() / 2));
                file.write_all(&vec![b'.'; rest])?;
            }
            Ok(Self::new(std::iter::once(("control", mark))).file(&path)?.1)
        };
        let found = written();
        fs::remove_file(&path)?;
        let names: BTreeSet<_> = forms.iter().map(|(name, _)| *name).collect();
        let missing = names.len().saturating_sub(found?.len());
        if missing == 0 { Ok(()) } else { Err(io::Error::other(Blind { missing })) }
    }
}

/// Bytes that are searched at once.
const PIECE: u64 = 1 << 20;

/// Lists the regular files in and below a path. A link to a file counts as the file; a link to a folder
/// is not followed. With `since`, files that did not change since then are left out: a text that was
/// made later cannot be in them.
///
/// The second list has the paths that cannot be read.
pub(crate) fn files(path: &Path, since: Option<SystemTime>) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut files, mut unread) = (Vec::new(), Vec::new());
    let Ok(root) = fs::metadata(path) else { return (files, vec![path.to_owned()]) };
    if root.is_file() {
        return (vec![path.to_owned()], unread);
    }
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            unread.push(folder);
            continue;
        };
        for entry in entries {
            let Ok(entry) = entry else {
                unread.push(folder.clone());
                continue;
            };
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
                continue;
            }
            let meta = match fs::metadata(&path) {
                Ok(meta) => meta,
                // It is gone meanwhile, or a link that leads nowhere.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => {
                    unread.push(path);
                    continue;
                }
            };
            let changed = since.is_none_or(|since| meta.modified().map_or(true, |at| at >= since));
            if meta.is_file() && changed {
                files.push(path);
            }
        }
    }
    files.sort();
    (files, unread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_its_own_text_across_borders() {
        let folder = tempfile::tempdir().unwrap();
        Search::control(folder.path(), &Mark::of([3; 12])).unwrap();
        assert!(files(folder.path(), None).0.is_empty(), "the file is gone");
    }

    #[test]
    fn a_text_in_a_file_below_is_found_with_its_part() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        let (one, two) = (Mark::of([1; 12]), Mark::of([2; 12]));
        let file = folder.path().join("below/file");
        fs::write(&file, format!("x{}x", one.reveal())).unwrap();
        let search = Search::new([("prompt", &one), ("user", &two)].into_iter());
        let (found, unread) = files(folder.path(), None);
        assert_eq!((found.len(), unread.len()), (1, 0));
        let (bytes, hits) = search.file(&found[0]).unwrap();
        assert_eq!((bytes, hits), (20, BTreeSet::from([("prompt", "clear")])));
        let later = SystemTime::now() + std::time::Duration::from_secs(3600);
        assert!(files(folder.path(), Some(later)).0.is_empty());
        assert_eq!(files(&folder.path().join("none"), None).1.len(), 1);
    }
}
