//! Fetches a file of a Hugging Face repository from the mirror that the operator configured.
//!
//! The mirror answers as the Hub does: `/ORG/NAME/resolve/REVISION/FILE` gives the file, or a
//! redirect to it, with its commit, size and SHA-256. Each request needs a permit of `egress`. The
//! download is compared with these headers; only a complete file with the right digest is kept.

use std::time::Duration;

use egress::{Download, DownloadLimits, Egress};

use super::{
    Whence, expect, file as file_error,
    folder::README_BYTES_MAX,
    part::Part,
    source::{SourceError, digest, is_commit, is_digest, license_of, named_well, path_inside},
};
use crate::manage::ManageError;

/// The prefix that distinguishes a repository from a path.
pub(super) const PREFIX: &str = "hf:";

/// A model to fetch.
#[derive(Debug, Clone)]
pub(crate) struct NewFromHub {
    /// Name of the model.
    pub name: String,
    repository: Repository,
    file: String,
    sha256: Option<String>,
}

#[derive(Debug, Clone)]
struct Repository {
    name: String,
    revision: String,
}

impl NewFromHub {
    /// Whether this names a repository, not a path.
    #[must_use]
    pub(crate) fn is_named(source: &str) -> bool {
        source.starts_with(PREFIX)
    }

    /// Parses `hf:ORG/NAME` or `hf:ORG/NAME@REVISION`; the default revision is `main`.
    ///
    /// # Errors
    /// [`SourceError`] if the repository, the file or the digest is malformed.
    pub(crate) fn parse(
        name: &str,
        source: &str,
        file: &str,
        sha256: Option<&str>,
    ) -> Result<Self, SourceError> {
        let file = path_inside(file)?.to_owned();
        named_well(&file)?;
        if !file.to_ascii_lowercase().ends_with(".gguf") {
            return Err(SourceError::OtherFormat(file));
        }
        let repository = Repository::parse(source)?;
        Ok(Self {
            name: name.to_owned(),
            repository,
            file,
            sha256: sha256.map(digest).transpose()?,
        })
    }
}

impl Repository {
    fn parse(source: &str) -> Result<Self, SourceError> {
        let bad = || SourceError::BadRepository(source.to_owned());
        let text = source.strip_prefix(PREFIX).ok_or_else(bad)?;
        let (repository, revision) = text.split_once('@').unwrap_or((text, "main"));
        let (org, name) = repository.split_once('/').ok_or_else(bad)?;
        let word = |text: &str| {
            let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            (1..=96).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(letter)
                && !text.contains("..")
        };
        if ![org, name, revision].into_iter().all(word) {
            return Err(bad());
        }
        Ok(Self { name: format!("{org}/{name}"), revision: revision.to_owned() })
    }
}

/// The configured mirror, with the egress that reaches it.
#[derive(Debug)]
pub(crate) struct Hub {
    egress: Egress,
    mirror: String,
    limits: DownloadLimits,
}

/// The mirror's information about a file.
#[derive(Debug, Default)]
struct FileInfo {
    commit: Option<String>,
    sha256: Option<String>,
    bytes: Option<u64>,
}

impl Hub {
    /// Makes a hub for the mirror's URL. The egress list is checked at the first request.
    #[must_use]
    pub(crate) fn new(egress: Egress, mirror: &str, file_bytes_max: u64) -> Self {
        let limits =
            DownloadLimits { time: TIME_MAX, stall: STALL_MAX, body_bytes_max: file_bytes_max };
        Self { egress, mirror: mirror.trim_end_matches('/').to_owned(), limits }
    }

    /// Fetches a file into `part`, and returns its source and licence.
    pub(super) async fn fetch(
        &self,
        new: &NewFromHub,
        part: &mut Part,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Whence, ManageError> {
        let Repository { name, revision } = &new.repository;
        let (said, mut download, mirror) =
            self.ask(&new.repository, &new.file, self.limits).await?;
        let commit = commit(&said, revision)?;
        if said.sha256.is_none() && new.sha256.is_none() {
            return Err(SourceError::NoDigest(new.file.clone()).into());
        }
        if let Some(told) = &said.sha256 {
            expect(told, new.sha256.as_deref(), "`--sha256`")?;
        }
        let announced = said.bytes.or(download.announced());
        if announced.is_some_and(|bytes| bytes > self.limits.body_bytes_max) {
            return Err(self.too_large(&download).into());
        }
        let failed = |origin: &str| {
            let origin = origin.to_owned();
            move |problem| SourceError::Download { origin, problem }
        };
        let origin = download.origin().to_owned();
        while let Some(bytes) = download.next().await.map_err(failed(&origin))? {
            part.write(&bytes).map_err(file_error("write", part.path()))?;
            let found = part.bytes();
            if let Some(expected) = announced.filter(|expected| found > *expected) {
                return Err(SourceError::Size { found, expected }.into());
            }
            progress(found, announced.unwrap_or(0));
        }
        let found = part.bytes();
        if let Some(expected) = announced.filter(|expected| found != *expected) {
            return Err(SourceError::Size { found, expected }.into());
        }
        let sha256 = part.sha256();
        expect(&sha256, said.sha256.as_deref(), "the mirror")?;
        expect(&sha256, new.sha256.as_deref(), "`--sha256`")?;
        let by = if origin == mirror { String::new() } else { format!(" by {origin}") };
        let source = format!("{PREFIX}{name}@{commit}/{}, from {mirror}{by}", new.file);
        let pinned = Repository { name: name.clone(), revision: commit };
        Ok(Whence { source: Some(source), license: self.license(&pinned).await })
    }

    /// Requests a file and follows the mirror's redirects, with a permit for each request. Only the
    /// mirror's own information about the file counts.
    async fn ask(
        &self,
        from: &Repository,
        file: &str,
        limits: DownloadLimits,
    ) -> Result<(FileInfo, Download, String), SourceError> {
        let mut url = format!("{}/{}/resolve/{}/{file}", self.mirror, from.name, from.revision);
        let mut said = FileInfo::default();
        let mut mirror: Option<String> = None;
        for _ in 0..=REDIRECTS_MAX {
            let what =
                if mirror.is_none() { "`models.mirror`" } else { "a redirect of the mirror" };
            let permit = self
                .egress
                .permit(&url)
                .map_err(|problem| SourceError::NotListed { what, problem })?;
            let origin = permit.destination();
            let download = self
                .egress
                .download(permit, limits)
                .await
                .map_err(|problem| SourceError::Download { origin: origin.clone(), problem })?;
            if *mirror.get_or_insert_with(|| origin.clone()) == origin {
                said.learn(&download);
            }
            if let Some(next) = download.redirect() {
                url = next;
                continue;
            }
            let mirror = mirror.unwrap_or_default();
            return match download.status() {
                200 => Ok((said, download, mirror)),
                status => Err(SourceError::Status { origin, status, file: file.to_owned() }),
            };
        }
        Err(SourceError::Redirects(REDIRECTS_MAX))
    }

    /// Returns the licence in the repository's README, if the mirror has one.
    async fn license(&self, pinned: &Repository) -> Option<String> {
        let limits =
            DownloadLimits { body_bytes_max: README_BYTES_MAX, time: STALL_MAX, ..self.limits };
        let (_, mut download, _) = self.ask(pinned, "README.md", limits).await.ok()?;
        let mut text = Vec::new();
        while let Some(bytes) = download.next().await.ok()? {
            text.extend_from_slice(&bytes);
        }
        license_of(&String::from_utf8_lossy(&text))
    }

    fn too_large(&self, download: &Download) -> SourceError {
        let max = usize::try_from(self.limits.body_bytes_max).unwrap_or(usize::MAX);
        let problem = egress::EgressError::TooLarge(max);
        SourceError::Download { origin: download.origin().to_owned(), problem }
    }
}

impl FileInfo {
    /// Reads the Hub's headers. Values from an earlier answer stay.
    fn learn(&mut self, download: &Download) {
        let text = |name: &str| download.header(name).map(str::trim).map(str::to_ascii_lowercase);
        let commit = text("x-repo-commit").filter(|commit| is_commit(commit));
        let etag = |name: &str| {
            let tag = text(name)?;
            let tag = tag.trim_start_matches("w/").trim_matches('"');
            is_digest(tag).then(|| tag.to_owned())
        };
        // The `etag` of a redirect describes the redirect, not the file.
        let own = || etag("etag").filter(|_| download.redirect().is_none());
        let sha256 = etag("x-linked-etag").or_else(own);
        let bytes = text("x-linked-size").and_then(|bytes| bytes.parse().ok());
        self.commit = self.commit.take().or(commit);
        self.sha256 = self.sha256.take().or(sha256);
        self.bytes = self.bytes.or(bytes);
    }
}

/// Returns the commit of the answer.
fn commit(said: &FileInfo, revision: &str) -> Result<String, SourceError> {
    let asked = is_commit(revision).then(|| revision.to_owned());
    match (&said.commit, asked) {
        (Some(found), Some(expected)) if *found != expected => {
            Err(SourceError::Commit { found: found.clone(), expected })
        }
        (_, Some(asked)) => Ok(asked),
        (Some(found), None) => Ok(found.clone()),
        (None, None) => Err(SourceError::NoCommit(revision.to_owned())),
    }
}

/// Redirects that are followed: from the mirror to its file storage, and a few more.
const REDIRECTS_MAX: usize = 4;
/// Time limit for one file.
const TIME_MAX: Duration = Duration::from_secs(48 * 3600);
/// Time limit without any data.
const STALL_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_an_organisation_a_name_and_maybe_a_revision() {
        let parse = |text: &str| NewFromHub::parse("m", text, "a.gguf", None);
        let parsed = parse("hf:Qwen/Qwen2.5-0.5B_GGUF").unwrap();
        assert_eq!(
            (parsed.repository.name.as_str(), parsed.repository.revision.as_str()),
            ("Qwen/Qwen2.5-0.5B_GGUF", "main")
        );
        assert_eq!(parse("hf:a/b@v1.0").unwrap().repository.revision, "v1.0");
        for bad in [
            "hf:",
            "hf:a",
            "hf:a/",
            "hf:/b",
            "hf:a/b/c",
            "hf:a/b@",
            "hf:a/b@x/y",
            "hf:a/../b",
            "hf:../b",
            "hf:a/b@..",
            "hf:a/b@x?y",
            "hf:a/b#c",
            "hf:a/b%2fc",
            "hf:a /b",
            "hf:a/b@x@y",
            "a/b",
            "hf:a/b@x\r\ny",
            "hf:evil.example@a/b",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for (file, digest) in [
            ("../a.gguf", None),
            ("a.safetensors", None),
            ("a.txt", None),
            ("a-00001-of-00002.gguf", None),
            ("a.gguf", Some("123")),
        ] {
            assert!(NewFromHub::parse("m", "hf:a/b", file, digest).is_err(), "{file}");
        }
    }

    #[test]
    fn the_commit_is_the_one_that_was_asked_for() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let file_info =
            |commit: Option<&String>| FileInfo { commit: commit.cloned(), ..FileInfo::default() };
        assert_eq!(commit(&file_info(Some(&one)), "main").unwrap(), one);
        assert_eq!(commit(&file_info(Some(&one)), &one).unwrap(), one);
        assert_eq!(commit(&file_info(None), &one).unwrap(), one);
        assert!(matches!(commit(&file_info(Some(&two)), &one), Err(SourceError::Commit { .. })));
        assert!(matches!(commit(&file_info(None), "main"), Err(SourceError::NoCommit(_))));
    }
}
