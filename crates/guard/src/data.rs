//! The training data: which files, under which licence, and which labels a file gives to each head.

use std::{fs, path::Path};

use policy::guard::{
    heads::{Bag, Features},
    normalise::Readings,
    verdict::Digest,
};
use serde_json::Value;

/// The heads, in the order of the file: hate, sexual, violence, self-harm, jailbreak.
pub(crate) const HEADS: [&str; 5] = ["hate", "sexual", "violence", "self_harm", "jailbreak"];

/// The number of an encoder's vector.
pub(crate) const DIMENSIONS: usize = 384;

/// What the rows of a file are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Labelled for the four categories: the measured rows.
    Moderation,
    /// Tweets and posts, labelled for hate only.
    Posts,
    /// Jailbreaks, and nothing is known about categories.
    Jailbreaks,
    /// Plain harmful requests: no jailbreaks, and nothing is known about categories.
    Requests,
    /// Ordinary prompts, harmless in every category.
    Benign,
    /// Prompts that only sound harmful. Never trained on: thresholds come from them.
    Hard,
}

/// A file with its pinned digest.
struct File {
    name: &'static str,
    kind: Kind,
    digest: &'static str,
}

const fn file(name: &'static str, kind: Kind, digest: &'static str) -> File {
    File { name, kind, digest }
}

/// All under MIT, Apache-2.0 or CC0-1.0. Left out: data under CC-BY-SA and CC-BY-NC, because the
/// heads ship.
const FILES: [File; 14] = [
    file(
        "openai_moderation_half",
        Kind::Moderation,
        "f3f8a14e22415fa7580af3fa217625816862adfae62b9e6cd8882d52d23e635c",
    ),
    file(
        "davidson_tweets",
        Kind::Posts,
        "40a88acf3b64a731a337ead248ec670d4f24f5fbc4a09fa356a5a7a370202a5b",
    ),
    file(
        "mlma_en",
        Kind::Posts,
        "6178cae3eac93e38a59f4e321bf57be7f50eaf16ec137398efb00f3d3089be91",
    ),
    file(
        "jailbreaks_wild_early",
        Kind::Jailbreaks,
        "1345b147a45e765df22dda79385f782cf5dcb780e10059d5b41b246ef55daa9c",
    ),
    file(
        "gptfuzzer_templates",
        Kind::Jailbreaks,
        "556ee0bce3b8fa6532cfbbf572cad9096fec9470547300cf0a4836604adfdb6f",
    ),
    file(
        "advbench",
        Kind::Requests,
        "a44047635b81d96c826b9bf56f8db379069a2f5b0b2fa78421aef3ae83d0593c",
    ),
    file(
        "catqa_en",
        Kind::Requests,
        "81bf53a5146328957f5af52bb925afd3edb6e0c774cc896fff1f5429d35f5733",
    ),
    file(
        "harmfulqa",
        Kind::Requests,
        "7a181e383b0f4741e43185fa30cec74a14842923fbfac3b4221eaf16e2d57986",
    ),
    file(
        "hh_red_team_first_turns_unlabelled",
        Kind::Requests,
        "9590a070fb059732963b5422351af16699b106f25d48aee50a575976292d8b7a",
    ),
    file(
        "counselchat_questions",
        Kind::Benign,
        "24dd4078264967e0dbcc9c8a28c9dd12e22d2e68204ac02c295721d61dc7de64",
    ),
    file(
        "self_instruct_benign",
        Kind::Benign,
        "8fcfebafe9d358ed01fa8dc949997a02e121067f96d4956d7951fd7ee78be554",
    ),
    file(
        "mtbench_benign",
        Kind::Benign,
        "43732fa517215ec3125cfe0bcbfcce6c8c35583eb041c52f353e9fa6405829d0",
    ),
    file(
        "roleplay_benign_a",
        Kind::Benign,
        "d0cd39ab6f1e19ea97ecd7b751d4f3678eaea904906e44910ec6f9d0965e140c",
    ),
    file(
        "wildguard_benign_tune",
        Kind::Hard,
        "9c4d6e7dc58a494e8974d6d46ef2856c55778bace305e255de34b80b03242609",
    ),
];

/// Texts of other kinds, for the shields.
const MORE: [File; 4] = [
    file(
        "mlma_ar",
        Kind::Posts,
        "e0b0a8dca61850cab9340c6c85b5b4177ab35c5b27af6677a6089718c45dd7ff",
    ),
    file(
        "mlma_fr",
        Kind::Posts,
        "62104e23939a7dd5ed8e01b1878e1538e2fa82554f8de6aa83d5e3842a70dfd5",
    ),
    file(
        "cold_zh_dev",
        Kind::Posts,
        "b94b8b8f5c7a234bdc1065c76dbf87a99ff3c171249e1207ae6817465f4b00f7",
    ),
    file(
        "bipia_email_train",
        Kind::Benign,
        "ce490439f5abb5d579331e3a65d2b78f01d4e14bed75a9f5a888d6c55e1b1480",
    ),
];

/// Reads the rows of a file for the shields, and checks its digest.
pub(crate) fn more(folder: &Path, name: &str) -> Result<Vec<Value>, Unusable> {
    let path = folder.join(format!("{name}.jsonl"));
    let shown = || path.display().to_string();
    let bytes = fs::read(&path).map_err(|error| Unusable::Absent { path: shown(), error })?;
    let has = Digest::of(&bytes);
    let pinned = MORE.iter().any(|file| file.name == name && has.to_string() == file.digest);
    if !pinned {
        return Err(Unusable::Other { path: shown(), has });
    }
    let text = String::from_utf8_lossy(&bytes);
    let rows = text.lines().enumerate().map(|(line, object)| {
        let row = serde_json::from_str(object);
        row.map_err(|_| Unusable::Line { path: shown(), line: line + 1 })
    });
    rows.collect()
}

/// One text.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) bags: Vec<Bag>,
    /// For each head: harmful, harmless, or unknown.
    pub(crate) labels: [Option<bool>; 5],
    pub(crate) vector: Option<Vec<f32>>,
}

/// The training data cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    /// The folder or a file of it is absent.
    #[error(
        "the training data is not complete: cannot read `{path}` ({error}); give the folder that docs/guard.md describes: make guard GUARD_DATA=FOLDER"
    )]
    Absent { path: String, error: std::io::Error },
    /// A file has other bytes.
    #[error(
        "`{path}` is not the pinned file: its SHA-256 is {has}; fetch the version that docs/guard.md names"
    )]
    Other { path: String, has: Digest },
    /// A line is no object with a text.
    #[error("line {line} of `{path}` is no object with a `text`; fetch the file again")]
    Line { path: String, line: usize },
    /// The vectors are not those of the texts.
    #[error(
        "the file of vectors has not {DIMENSIONS} finite numbers for each of {rows} texts; make it again"
    )]
    Vectors { rows: usize },
}

/// All rows, and the digests that the heads name.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) rows: Vec<Row>,
    pub(crate) digest: Digest,
    pub(crate) encoder: Option<Digest>,
}

impl Set {
    /// Reads the files in their order, and checks each one's digest.
    pub(crate) fn read(folder: &Path) -> Result<Self, Unusable> {
        let (mut rows, mut list) = (Vec::new(), String::new());
        for file in &FILES {
            let path = folder.join(format!("{}.jsonl", file.name));
            let shown = || path.display().to_string();
            let bytes =
                fs::read(&path).map_err(|error| Unusable::Absent { path: shown(), error })?;
            let has = Digest::of(&bytes);
            if has.to_string() != file.digest {
                return Err(Unusable::Other { path: shown(), has });
            }
            list.push_str(&format!("{has}  {}.jsonl\n", file.name));
            for (line, object) in String::from_utf8_lossy(&bytes).lines().enumerate() {
                let row = row(file.kind, object);
                rows.push(row.ok_or_else(|| Unusable::Line { path: shown(), line: line + 1 })?);
            }
        }
        Ok(Self { rows, digest: Digest::of(list.as_bytes()), encoder: None })
    }

    /// Returns the texts that want a vector, in order, each a JSON string in a line of its own.
    pub(crate) fn texts(&self) -> String {
        let wanted = self.rows.iter().filter(|row| wants_vector(row));
        wanted.map(|row| format!("{}\n", Value::from(row.text.as_str()))).collect()
    }

    /// Gives the rows their vectors: little-endian 32-bit numbers, in the order of
    /// [`Set::texts`].
    pub(crate) fn with_vectors(mut self, bytes: &[u8], model: &[u8]) -> Result<Self, Unusable> {
        let wanting = self.rows.iter_mut().filter(|row| wants_vector(row));
        let wanting: Vec<_> = wanting.collect();
        let bad = Unusable::Vectors { rows: wanting.len() };
        if bytes.len() != wanting.len() * DIMENSIONS * 4 {
            return Err(bad);
        }
        for (row, bytes) in wanting.into_iter().zip(bytes.chunks_exact(DIMENSIONS * 4)) {
            let (numbers, _) = bytes.as_chunks::<4>();
            let vector: Vec<f32> = numbers.iter().map(|four| f32::from_le_bytes(*four)).collect();
            if !vector.iter().all(|number| number.is_finite()) {
                return Err(bad);
            }
            row.vector = Some(vector);
        }
        self.encoder = Some(Digest::of(model));
        Ok(self)
    }
}

/// Posts get no vector: they do not help the encoder's head, and they are many.
fn wants_vector(row: &Row) -> bool {
    row.kind != Kind::Posts
}

fn row(kind: Kind, line: &str) -> Option<Row> {
    let object: Value = serde_json::from_str(line).ok()?;
    let text = object.get("text")?.as_str()?.to_owned();
    let bags = Features::of(&Readings::of(&text).ok()?).bags().to_vec();
    Some(Row { kind, labels: labels(kind, &object), text, bags, vector: None })
}

fn labels(kind: Kind, object: &Value) -> [Option<bool>; 5] {
    let given = |name: &str| Some(object.get("labels")?.get(name)?.as_i64()? == 1);
    // A text under a narrower label is under the wider one, too.
    let either = |wide: &str, narrow: &str| match (given(wide), given(narrow)) {
        (_, Some(true)) => Some(true),
        (known, _) => known,
    };
    match kind {
        Kind::Moderation => [
            either("hate", "hate_threatening"),
            given("sexual"),
            either("violence", "violence_graphic"),
            given("self_harm"),
            Some(false),
        ],
        Kind::Posts => [given("hate"), None, None, None, None],
        Kind::Jailbreaks => [None, None, None, None, Some(true)],
        Kind::Requests => [None, None, None, None, Some(false)],
        Kind::Benign | Kind::Hard => [Some(false); 5],
    }
}
