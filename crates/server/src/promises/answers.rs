//! The last answers of the checks, in `trust-answers.json` in the data directory. The service writes them
//! for `bailiwick evidence`, and never reads them: after a start, each check answers anew.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use pages::trust::Found;

use crate::files::{NotWritten, write_private};

/// The file's name.
const FILE: &str = "trust-answers.json";

/// Answers that did not change are written again after this time, so that their own times are fresh.
const AGAIN_MS: u64 = 60_000;

/// The answers that were written last.
#[derive(Debug)]
pub(super) struct Saved {
    path: PathBuf,
    last: Option<(u64, Vec<Found>)>,
}

impl Saved {
    pub(super) fn new(data: &Path) -> Self {
        Self { path: data.join(FILE), last: None }
    }

    /// Writes the answers, if they changed or the last ones are old.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn save(&mut self, found: &[Found], now_ms: u64) -> Result<(), NotWritten> {
        let timeless = |found: &Found| Found { checked_ms: 0, ..found.clone() };
        let mut now: Vec<_> = found.iter().map(timeless).collect();
        now.sort_by_key(|found| found.check.name());
        let same = |(at_ms, last): &(u64, Vec<Found>)| {
            *last == now && now_ms.saturating_sub(*at_ms) < AGAIN_MS
        };
        if self.last.as_ref().is_some_and(same) {
            return Ok(());
        }
        write_private(&self.path, &serde_json::to_string(found).unwrap_or_default())?;
        self.last = Some((now_ms, now));
        Ok(())
    }
}

/// Reads the answers in a data directory; none if the service never ran.
///
/// # Errors
/// If the file cannot be read, or is of another version.
pub(crate) fn read(data: &Path) -> io::Result<Vec<Found>> {
    match fs::read_to_string(data.join(FILE)) {
        Ok(text) => Ok(serde_json::from_str(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use pages::trust::{Check, Fact, Outcome};

    use super::*;

    #[test]
    fn answers_are_written_when_they_change_or_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut saved = Saved::new(folder.path());
        let found = |outcome, checked_ms| {
            vec![Found { check: Check::Deadlines, checked_ms, outcome, facts: vec![Fact::OnTime] }]
        };
        assert!(read(folder.path()).unwrap().is_empty());
        saved.save(&found(Outcome::Holds, 1), 1).unwrap();
        assert_eq!(read(folder.path()).unwrap(), found(Outcome::Holds, 1));
        fs::remove_file(&path).unwrap();
        saved.save(&found(Outcome::Holds, 2), 2).unwrap();
        assert!(!path.exists(), "nothing new");
        saved.save(&found(Outcome::Broken, 3), 3).unwrap();
        saved.save(&found(Outcome::Broken, 4), 3 + AGAIN_MS).unwrap();
        assert_eq!(read(folder.path()).unwrap(), found(Outcome::Broken, 4));
        fs::write(&path, "x").unwrap();
        assert!(read(folder.path()).is_err());
    }
}
