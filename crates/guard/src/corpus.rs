//! Harmless texts of many kinds, for the detector of optimised suffixes: prose, other languages, this
//! repository's sources and documents, encoded data.

use std::{
    fs,
    path::{Path, PathBuf},
};

use policy::guard::verdict::Digest;

use crate::{
    data::{self, Kind, Set},
    fit::Random,
};

/// The longest text, in characters, and the most texts of one kind.
const LONGEST: usize = 2000;
const MOST: usize = 500;

/// The texts of one kind, shuffled.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) texts: Vec<String>,
}

/// Reads all kinds. The digest is of every text.
pub(crate) fn read(
    set: &Set,
    folder: &Path,
    repository: &Path,
) -> Result<(Vec<Group>, Digest), String> {
    let mut groups = Vec::new();
    for (name, kind) in [
        ("moderation set", Kind::Moderation),
        ("requests", Kind::Requests),
        ("ordinary prompts", Kind::Benign),
        ("posts", Kind::Posts),
    ] {
        let rows = set.rows.iter().filter(|row| row.kind == kind);
        push(&mut groups, name, rows.map(|row| row.text.clone()).collect(), 4 * MOST);
    }
    for (name, file) in [
        ("Arabic", "mlma_ar"),
        ("French", "mlma_fr"),
        ("Chinese", "cold_zh_dev"),
        ("e-mails", "bipia_email_train"),
    ] {
        let rows = data::more(folder, file).map_err(|error| error.to_string())?;
        let text = |row: &serde_json::Value| Some(row.get("text")?.as_str()?.to_owned());
        push(&mut groups, name, rows.iter().filter_map(text).collect(), MOST);
    }
    for extension in ["rs", "md", "sh", "py", "js", "toml", "json", "cedar", "jinja"] {
        let mut files = Vec::new();
        for folder in ["crates", "docs", "scripts", "tests"] {
            walk(&repository.join(folder), extension, &mut files);
        }
        // The page of the scores is written after the training.
        files.retain(|file| !file.ends_with("docs/guard.md"));
        files.sort();
        let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
        let parts = texts.flat_map(|text| parts(&text).into_iter().take(12).collect::<Vec<_>>());
        push(&mut groups, &format!(".{extension}"), parts.collect(), MOST);
    }
    push(&mut groups, "encoded", encoded(), MOST);
    let mut all = String::new();
    for text in groups.iter().flat_map(|group| &group.texts) {
        all.push_str(text);
        all.push('\0');
    }
    Ok((groups, Digest::of(all.as_bytes())))
}

fn push(groups: &mut Vec<Group>, name: &str, mut texts: Vec<String>, most: usize) {
    Random(11).shuffle(&mut texts);
    texts.truncate(most);
    texts.iter_mut().for_each(|text| *text = text.chars().take(LONGEST).collect());
    groups.push(Group { name: name.to_owned(), texts });
}

fn walk(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let built = ["node_modules", "target"].iter().any(|built| name == *built);
        if path.is_dir() && !built && !name.to_string_lossy().starts_with('.') {
            walk(&path, extension, files);
        } else if path.extension().is_some_and(|own| own == extension) {
            files.push(path);
        }
    }
}

fn parts(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(1500).map(|part| part.iter().collect()).collect()
}

/// Returns random bytes in base64 and in hexadecimal, addresses, and rows of numbers.
fn encoded() -> Vec<String> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut random = Random(23);
    let mut texts = Vec::new();
    for _ in 0..100 {
        let mut digits = |length: usize, base: u64| -> String {
            let digit = |_| {
                let place = usize::try_from(random.next() % base).unwrap_or(0);
                DIGITS.get(place).copied().map_or('A', char::from)
            };
            (0..length).map(digit).collect()
        };
        texts.push(format!("Decode this: {}==", digits(310, 64)));
        texts.push(format!("The key is {}", digits(128, 52).to_lowercase()));
        let (path, query) = (digits(40, 62), digits(20, 62));
        texts.push(format!(
            "See https://example.com/{path}?id={query}&utm_source=mail&ref=%2Fa%2Fb"
        ));
        let row =
            |one: usize| format!("| {one} | {}.{:02} | item {} |\n", one * 17, one % 100, one * 3);
        texts.push((texts.len()..texts.len() + 12).map(row).collect());
    }
    texts
}
