//! The sources of model files: reasons for refusal, and the information in a file's name.

use std::{io, path::PathBuf};

use egress::{EgressError, NotListed};

/// Reason that a file cannot be taken from its source; [`SourceError::help`] names the remedy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// Not the path of a GGUF file in a repository.
    #[error("`{0}` is not the path of a GGUF file inside a repository")]
    BadPath(String),
    /// Not `hf:ORG/NAME` or `hf:ORG/NAME@REVISION`.
    #[error("`{0}` is not a repository; it is written `hf:ORG/NAME` or `hf:ORG/NAME@REVISION`")]
    BadRepository(String),
    /// Not a SHA-256.
    #[error("`{0}` is not a SHA-256: 64 hexadecimal digits")]
    BadDigest(String),
    /// The file has weights in another format.
    #[error("`{0}` is not a GGUF file")]
    OtherFormat(String),
    /// The folder has no GGUF file.
    #[error("`{}` has no GGUF file{}", folder.display(), if *weights { ", but weights in another format" } else { "" })]
    NoFile {
        /// The folder.
        folder: PathBuf,
        /// Whether it has weights of another format.
        weights: bool,
    },
    /// The folder has several GGUF files.
    #[error("`{}` has {} GGUF files: {}", folder.display(), files.len(), files.join(", "))]
    Several {
        /// The folder.
        folder: PathBuf,
        /// Paths of the files in it.
        files: Vec<String>,
    },
    /// The cache has several revisions of a repository.
    #[error("`{}` has {} revisions: {}", folder.display(), revisions.len(), revisions.join(", "))]
    Revisions {
        /// The folder.
        folder: PathBuf,
        /// Names of the revisions.
        revisions: Vec<String>,
    },
    /// The requested file does not exist.
    #[error("`{}` has no file `{file}`", folder.display())]
    Absent {
        /// The folder.
        folder: PathBuf,
        /// The requested file.
        file: String,
    },
    /// The file is one of several parts.
    #[error("`{0}` is one part of a split model")]
    Split(String),
    /// A link leads out of the folder.
    #[error("`{file}` is a link that leads out of `{}`", folder.display())]
    Link {
        /// The folder.
        folder: PathBuf,
        /// The link.
        file: String,
    },
    /// The folder cannot be read.
    #[error("cannot read `{}`: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The file's digest differs from the expected one.
    #[error("the file has the SHA-256 {found}, but {said} says {expected}")]
    Digest {
        /// Digest of the file.
        found: String,
        /// Expected digest.
        expected: String,
        /// Origin of the expected digest.
        said: &'static str,
    },
    /// The file's size differs from the announced one.
    #[error("the file has {found} bytes or more, but {expected} were announced")]
    Size {
        /// Bytes received.
        found: u64,
        /// Bytes announced.
        expected: u64,
    },
    /// A repository was named where only local files are accepted.
    #[error("`{0}` is a repository; the running service cannot fetch repositories")]
    NotHere(String),
    /// The configuration names no mirror.
    #[error("no mirror is configured; repositories are fetched only from a mirror")]
    NoMirror,
    /// The mirror, or the target of its redirect, is not on the egress list.
    #[error("{what} leads to a destination that the configuration does not allow: {problem}")]
    NotListed {
        /// The setting or the redirect that led there.
        what: &'static str,
        /// The destination, and the reason that it is not allowed.
        problem: NotListed,
    },
    /// The mirror does not have the file, or refuses it.
    #[error("{origin} answered {status} for `{file}`")]
    Status {
        /// Origin of the server that answered.
        origin: String,
        /// HTTP status of the answer.
        status: u16,
        /// The requested file.
        file: String,
    },
    /// Too many redirects, perhaps a loop.
    #[error("more than {0} redirects")]
    Redirects(usize),
    /// The mirror's answer does not name its commit.
    #[error("the mirror does not say which commit `{0}` is")]
    NoCommit(String),
    /// The mirror answers from another commit.
    #[error("the mirror answered from the commit {found}, not {expected}")]
    Commit {
        /// Commit of the answer.
        found: String,
        /// Commit that was requested.
        expected: String,
    },
    /// Neither the mirror nor the caller names the file's digest.
    #[error("the mirror names no SHA-256 for `{0}`")]
    NoDigest(String),
    /// The download failed.
    #[error("the download from {origin} failed: {problem}")]
    Download {
        /// Origin of the download.
        origin: String,
        /// Reason that it failed.
        problem: EgressError,
    },
}

impl SourceError {
    /// Names the remedy.
    #[must_use]
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::BadPath(_) => {
                "give the file's path as the repository lists it, such as `model-Q4_K_M.gguf`: no \
                 `..`, no leading `/`, letters, digits and `._-+=/` only"
            }
            Self::BadRepository(_) => "for example `hf:Qwen/Qwen3-1.7B-GGUF@COMMIT`",
            Self::BadDigest(_) => "give it as `sha256sum FILE` prints it",
            Self::OtherFormat(_) | Self::NoFile { weights: true, .. } => {
                "convert the repository with llama.cpp's `convert_hf_to_gguf.py FOLDER --outfile \
                 FILE.gguf`, and add that file; many repositories have a sister whose name ends in \
                 `-GGUF`"
            }
            Self::NoFile { weights: false, .. } => {
                "give a GGUF file, or the folder of a repository that has one; a clone without Git \
                 LFS has pointers in place of files (`git lfs pull`)"
            }
            Self::Several { .. } => "choose one: `--file NAME`",
            Self::Revisions { .. } => "give the folder of one revision: `snapshots/REVISION`",
            Self::Absent { .. } => "give a path in the folder, as it is listed without `--file`",
            Self::Split(_) => {
                "join the parts with llama.cpp's `llama-gguf-split --merge FIRST-PART FILE.gguf`, and \
                 add that file"
            }
            Self::Link { .. } => "copy the file into the folder, or give its own path",
            Self::Folder { .. } => "check that the folder exists, and that you may read it",
            Self::Digest { .. } => {
                "no file was kept; find out why the file differs before you use it"
            }
            Self::Size { .. } | Self::Download { .. } => "no file was kept; try again",
            Self::NotHere(_) => {
                "fetch it with the command line: `bailiwick model add hf:ORG/NAME --file FILE`"
            }
            Self::NoMirror => {
                "set `mirror` in the section `[models]`, and list it under `[[egress]]`, with the \
                 hosts that it redirects to; or fetch the file yourself and give its path"
            }
            Self::NotListed { .. } => {
                "list it under `[[egress]]` if you trust it; bailiwick.example.toml explains how"
            }
            Self::Status { status: 401 | 403, .. } => {
                "the repository is closed or does not exist; Bailiwick sends no tokens to mirrors: \
                 fetch the file yourself and give its path"
            }
            Self::Status { .. } => "check the names of repository, revision and file",
            Self::Redirects(_) => "check the mirror's address",
            Self::NoCommit(_) => "name the commit: `hf:ORG/NAME@COMMIT`, 40 hexadecimal digits",
            Self::Commit { .. } => "do not use this mirror: it does not serve the requested commit",
            Self::NoDigest(_) => "give it: `--sha256 DIGEST`, as the repository's page shows it",
        }
    }
}

/// Checks a path inside a repository: it cannot lead outside, in a file system or in a URL.
pub(super) fn path_inside(text: &str) -> Result<&str, SourceError> {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '=');
    let segment =
        |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(letter);
    if text.len() <= PATH_BYTES_MAX && text.split('/').all(segment) {
        Ok(text)
    } else {
        Err(SourceError::BadPath(text.to_owned()))
    }
}

/// Refuses a file name of another format, or of one part of a split model.
pub(super) fn named_well(file: &str) -> Result<(), SourceError> {
    let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
    if OTHER_FORMATS.iter().any(|end| name.ends_with(end)) {
        return Err(SourceError::OtherFormat(file.to_owned()));
    }
    if is_part(&name) { Err(SourceError::Split(file.to_owned())) } else { Ok(()) }
}

/// Parses a digest from the caller, and converts it to lower case.
pub(super) fn digest(text: &str) -> Result<String, SourceError> {
    let lower = text.trim().to_ascii_lowercase();
    if is_digest(&lower) { Ok(lower) } else { Err(SourceError::BadDigest(text.to_owned())) }
}

/// Whether the text is a SHA-256 in lower-case hex.
pub(super) fn is_digest(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

/// Whether the text is a Git commit id.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

/// Whether a name ends like `-00001-of-00003.gguf`.
fn is_part(name: &str) -> bool {
    let number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(stem) = name.strip_suffix(".gguf") else { return false };
    let mut ends = stem.rsplitn(4, '-');
    let (total, of, part) = (ends.next(), ends.next(), ends.next());
    total.is_some_and(number) && of == Some("of") && part.is_some_and(number)
}

/// Returns the licence in a README's front matter: the lines between two `---` at its beginning.
pub(super) fn license_of(readme: &str) -> Option<String> {
    let mut lines = readme.trim_start_matches('\u{feff}').lines().map(str::trim_end);
    if lines.next() != Some("---") {
        return None;
    }
    let field = |line: &str, name: &str| {
        let value = line.strip_prefix(name)?.strip_prefix(':')?.trim().trim_matches(['"', '\'']);
        let harmless = value.chars().filter(|c| !c.is_control()).take(100).collect::<String>();
        (!harmless.is_empty()).then_some(harmless)
    };
    let front: Vec<&str> = lines.take_while(|line| *line != "---").collect();
    let find = |name: &str| front.iter().find_map(|line| field(line, name));
    match (find("license"), find("license_name")) {
        // `other` is no information; `license_name` is.
        (Some(license), Some(name)) if license == "other" => Some(name),
        (license, name) => license.or(name),
    }
}

/// File name endings of weights that are not GGUF.
pub(super) const OTHER_FORMATS: [&str; 8] =
    [".safetensors", ".bin", ".pt", ".pth", ".onnx", ".h5", ".msgpack", ".ckpt"];

/// Longest path inside a repository, in bytes.
const PATH_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside() {
        for good in ["a.gguf", "Q4_K_M/model-Q4_K_M.gguf", "a+b=c.gguf"] {
            assert!(path_inside(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../a.gguf",
            "a/../../b.gguf",
            "a//b.gguf",
            "./a.gguf",
            ".git/config",
            "a\\..\\b.gguf",
            "a%2f..%2fb.gguf",
            "a?b.gguf",
            "a#b.gguf",
            "a b.gguf",
            "a\0.gguf",
            "a\r\nx: y",
            "http://evil.example/a.gguf",
            "a/..",
            "ä.gguf",
        ] {
            assert!(path_inside(bad).is_err(), "{bad}");
        }
        assert!(path_inside(&"a/".repeat(400)).is_err());
    }

    #[test]
    fn names_tell_what_a_file_is() {
        for (name, good) in [
            ("model.gguf", true),
            ("model-00001.gguf", true),
            ("model-1-of-3.gguf", true),
            ("dir/model-00001-of-00003.gguf", false),
            ("model-00002-of-00003.GGUF", false),
            ("00001-of-00003.gguf", false),
            ("model.safetensors", false),
            ("pytorch_model.bin", false),
        ] {
            assert_eq!(named_well(name).is_ok(), good, "{name}");
        }
        assert!(digest(&"AB".repeat(32)).is_ok_and(|digest| digest == "ab".repeat(32)));
        assert!(digest("abc").is_err() && digest(&"xy".repeat(32)).is_err());
    }

    #[test]
    fn a_readme_names_its_licence() {
        for (text, expected) in [
            ("---\nlicense: apache-2.0\n---\n# A", Some("apache-2.0")),
            ("---\r\nlanguage: en\r\nlicense: \"mit\"\r\n---\r\n", Some("mit")),
            ("---\nlicense: other\nlicense_name: qwen-research\n---\n", Some("qwen-research")),
            ("---\nlicense_name: llama3.2\n---\n", Some("llama3.2")),
            ("---\ntags: x\n---\nlicense: mit\n", None),
            ("license: mit\n", None),
            ("---\nlicense:\n---\n", None),
            ("", None),
        ] {
            assert_eq!(license_of(text).as_deref(), expected, "{text}");
        }
        let long = format!("---\nlicense: {}\u{1b}[31m\n---\n", "x".repeat(500));
        assert_eq!(license_of(&long).map(|license| license.len()), Some(100));
    }
}
