//! Checks the files of a release of Bailiwick against its signed checksums.
//!
//! `SHA256SUMS.note` is a C2SP signed note. Its text is what `sha256sum` prints: one line for each file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tlog::{
    canon::Digest,
    note::{Note, Verifier},
};

use crate::{Failure, report::Report};

const KEY_HELP: &str = "give the key of the release, or its file: compare it with the key that the \
                        project publishes";

/// One line of the checksums.
#[derive(Debug, PartialEq, Eq)]
struct Listed<'a> {
    digest: Digest,
    name: &'a str,
}

/// Parses the key of a release: `given` itself, or the content of the file that it names.
///
/// # Errors
/// If it is not the key of a signer of notes.
pub(crate) fn release_key(given: &str) -> Result<Verifier, Failure> {
    let text = match fs::read_to_string(given) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => given.to_owned(),
        Err(error) => {
            return Err(Failure::unreadable(format!("`--key {given}`: {error}"), KEY_HELP));
        }
    };
    Verifier::parse(&text)
        .ok()
        .filter(|verifier| !verifier.is_witness())
        .ok_or_else(|| Failure::unreadable(format!("`--key {given}`: this is no key"), KEY_HELP))
}

/// Checks the signature of the checksums, and then the files; without a list of files, all that the
/// checksums name, in the folder of the note.
///
/// # Errors
/// If the note is not readable or lists no checksums, or a given file cannot be read.
pub(crate) fn check(
    report: &mut Report,
    key: &Verifier,
    note: &Path,
    files: &[PathBuf],
) -> Result<(), Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        let message = format!("`{}`: {error}", note.display());
        Failure::unreadable(message, "give the file SHA256SUMS.note of the release")
    };
    let bytes = fs::read_to_string(note).map_err(|error| unreadable(&error))?;
    let parsed = Note::parse(&bytes).map_err(|error| unreadable(&error))?;
    let signed = match parsed.verify(key) {
        Ok(signed) => signed,
        // Without a good signature, the checksums say nothing about the files.
        Err(error) => {
            report
                .failed(format!("the checksums are not signed: {error}. Do not install the files"));
            return Ok(());
        }
    };
    let listed = parse(signed.text).ok_or_else(|| unreadable(&"its text has no checksums"))?;
    report.good(format!("{} signed the checksums of {} files", key.name(), listed.len()));
    let folder = note.parent().unwrap_or(Path::new(""));
    if files.is_empty() {
        for line in &listed {
            compare(report, Some(line), line.name, &folder.join(line.name))?;
        }
    }
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        compare(report, listed.iter().find(|line| line.name == name), &name, file)?;
    }
    Ok(())
}

/// Compares one file with its line.
fn compare(
    report: &mut Report,
    line: Option<&Listed<'_>>,
    name: &str,
    file: &Path,
) -> Result<(), Failure> {
    let Some(line) = line else {
        report.failed(format!("the checksums do not list `{name}`: it is not of this release"));
        return Ok(());
    };
    match fs::read(file) {
        Ok(bytes) if Digest::of(&[&bytes]) == line.digest => {
            report.good(format!("`{name}` is the file of the release"));
        }
        Ok(_) => report.failed(format!(
            "`{name}` is not the file of the release: its SHA-256 differs. Do not install it"
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            report.incomplete(format!("`{name}` is missing: fetch it, or name the files to check"));
        }
        Err(error) => {
            let message = format!("`{}`: {error}", file.display());
            return Err(Failure::unreadable(message, "check the path and its permissions"));
        }
    }
    Ok(())
}

/// Parses the lines of `sha256sum`. Names are names in one folder, each once.
fn parse(text: &str) -> Option<Vec<Listed<'_>>> {
    let mut listed: Vec<Listed<'_>> = Vec::new();
    for line in text.strip_suffix('\n')?.split('\n') {
        let (digest, name) = line.split_once("  ")?;
        let digest = Digest::from_hex(digest)?;
        let is_bad = name.is_empty() || name.contains('/') || matches!(name, "." | "..");
        if is_bad || listed.iter().any(|line| line.name == name) {
            return None;
        }
        listed.push(Listed { digest, name });
    }
    Some(listed)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tlog::note::Signer;

    use super::*;
    use crate::Verdict;

    const NAME: &str = "bailiwick.example/release";

    /// A release with two files.
    struct Release {
        folder: TempDir,
        signer: Signer,
    }

    impl Release {
        fn new() -> Self {
            let new = Self {
                folder: tempfile::tempdir().unwrap(),
                signer: Signer::new(NAME, &[7; 32]).unwrap(),
            };
            let mut sums = String::new();
            for name in ["a.deb", "b.tar.zst"] {
                fs::write(new.path(name), name).unwrap();
                sums.push_str(&format!("{}  {name}\n", Digest::of(&[name.as_bytes()])));
            }
            fs::write(new.path("SHA256SUMS.note"), new.signer.sign(&sums)).unwrap();
            new
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn verdict(&self, files: &[PathBuf]) -> Verdict {
            let mut report = Report::default();
            let note = self.path("SHA256SUMS.note");
            check(&mut report, &self.signer.verifier(), &note, files).unwrap();
            report.verdict()
        }
    }

    #[test]
    fn every_file_must_be_the_signed_one() {
        let release = Release::new();
        assert_eq!(release.verdict(&[]), Verdict::Verified);
        assert_eq!(release.verdict(&[release.path("a.deb")]), Verdict::Verified);
        fs::write(release.path("b.tar.zst"), "other").unwrap();
        assert_eq!(release.verdict(&[]), Verdict::Failed);
        assert_eq!(release.verdict(&[release.path("a.deb")]), Verdict::Verified);
        fs::remove_file(release.path("b.tar.zst")).unwrap();
        assert_eq!(release.verdict(&[]), Verdict::Incomplete);
        fs::write(release.path("c.deb"), "a.deb").unwrap();
        assert_eq!(release.verdict(&[release.path("c.deb")]), Verdict::Failed, "not listed");
    }

    #[test]
    fn a_changed_note_and_another_key_are_not_accepted() {
        let mut release = Release::new();
        let note = fs::read_to_string(release.path("SHA256SUMS.note")).unwrap();
        fs::write(release.path("SHA256SUMS.note"), note.replace("a.deb", "c.deb")).unwrap();
        assert_eq!(release.verdict(&[]), Verdict::Failed);
        fs::write(release.path("SHA256SUMS.note"), note).unwrap();
        release.signer = Signer::new(NAME, &[8; 32]).unwrap();
        assert_eq!(release.verdict(&[]), Verdict::Failed);
        assert!(release_key(&release.signer.witness_verifier().to_string()).is_err());
        assert_eq!(release_key(&release.signer.verifier().to_string()).unwrap().name(), NAME);
    }

    #[test]
    fn names_stay_in_the_folder_and_stand_once() {
        let digest = Digest([1; 32]);
        assert_eq!(parse(&format!("{digest}  a\n")), Some(vec![Listed { digest, name: "a" }]));
        for bad in ["", "\n", "a\n", &format!("{digest} a\n"), &format!("{digest}  a")] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        for bad in ["../a", "/a", "..", ""] {
            assert_eq!(parse(&format!("{digest}  {bad}\n")), None, "{bad:?}");
        }
        assert_eq!(parse(&format!("{digest}  a\n{digest}  a\n")), None);
    }
}
