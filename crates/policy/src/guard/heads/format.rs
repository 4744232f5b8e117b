//! Reads the file of heads. `docs/spec/guard-heads.md` has the format to the byte.

use super::{
    super::verdict::{Category, Digest, Severity},
    features::BUCKETS,
};

/// The first bytes: the format and its version.
const MAGIC: &[u8] = b"BWHEADS1";

/// The longest vector of an encoder.
const MOST_DIMENSIONS: usize = 4096;

/// The heads' categories, in the order of their codes from 1.
const CODES: [Category; 6] = [
    Category::Hate,
    Category::Sexual,
    Category::Violence,
    Category::SelfHarm,
    Category::Jailbreak,
    Category::IndirectAttack,
];

/// The file of heads is damaged, or of another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the file of the content filter's heads is damaged or of another version at {0}; install the file that belongs to this release, or make it anew with `make guard`"
)]
pub struct Damaged(pub(in crate::guard) &'static str);

/// Scores from which a finding is low, medium and high, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Thresholds([f32; 3]);

impl Thresholds {
    /// Returns the severity of a score.
    pub(super) fn severity(&self, score: f32) -> Severity {
        let [low, medium, high] = self.0;
        match score {
            _ if score >= high => Severity::High,
            _ if score >= medium => Severity::Medium,
            _ if score >= low => Severity::Low,
            _ => Severity::Safe,
        }
    }
}

/// The part of a head that weighs the encoder's vector.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OverVector {
    pub(super) share: f32,
    pub(super) bias: f32,
    pub(super) thresholds: Thresholds,
    pub(super) weights: Vec<f32>,
}

/// One category's weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub(super) category: Category,
    pub(super) scale: f32,
    pub(super) bias: f32,
    pub(super) thresholds: Thresholds,
    pub(super) over_vector: Option<OverVector>,
    pub(super) weights: Vec<i8>,
}

/// All parts of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct File {
    pub(super) encoder: Digest,
    pub(super) data: Digest,
    pub(super) dimensions: usize,
    pub(super) rarity: Vec<u8>,
    pub(super) heads: Vec<Head>,
    pub(super) digest: Digest,
}

/// Reads a whole file: nothing may be missing or left over.
pub(super) fn read(bytes: &[u8]) -> Result<File, Damaged> {
    let (body, sum) = bytes.split_last_chunk::<32>().ok_or(Damaged("its length"))?;
    let mut rest = Rest(body);
    if rest.take(MAGIC.len())? != MAGIC {
        return Err(Damaged("its first bytes"));
    }
    // Before anything is read: a flipped bit in a weight would change verdicts without a trace.
    if Digest::of(body).bytes() != sum {
        return Err(Damaged("its checksum"));
    }
    let encoder = Digest::new(rest.array()?);
    let data = Digest::new(rest.array()?);
    let [count, zero, low, high] = rest.array()?;
    let dimensions = usize::from(u16::from_le_bytes([low, high]));
    let named = encoder.bytes() != &[0; 32];
    if zero != 0 || dimensions > MOST_DIMENSIONS || named != (dimensions > 0) {
        return Err(Damaged("its header"));
    }
    let rarity = rest.take(BUCKETS)?.to_vec();
    let mut heads: Vec<Head> = Vec::new();
    for _ in 0..count {
        heads.push(head(&mut rest, dimensions)?);
    }
    let ascending = heads.is_sorted_by(|one, next| code(&one.category) < code(&next.category));
    if heads.is_empty() || !ascending || !rest.0.is_empty() {
        return Err(Damaged("its heads"));
    }
    Ok(File { encoder, data, dimensions, rarity, heads, digest: Digest::of(bytes) })
}

fn head(rest: &mut Rest<'_>, dimensions: usize) -> Result<Head, Damaged> {
    let [code, zeros @ ..] = rest.array::<4>()?;
    let category = usize::from(code).checked_sub(1).and_then(|at| CODES.get(at));
    let category = category.filter(|_| zeros == [0; 3]).ok_or(Damaged("a category"))?.clone();
    let scale = rest.number()?;
    let bias = rest.number()?;
    let thresholds = rest.thresholds()?;
    let over_vector = match dimensions {
        0 => None,
        _ => Some(OverVector {
            share: rest.number()?,
            bias: rest.number()?,
            thresholds: rest.thresholds()?,
            weights: (0..dimensions).map(|_| rest.number()).collect::<Result<_, _>>()?,
        }),
    };
    let weights = rest.take(BUCKETS)?.iter().map(|byte| byte.cast_signed()).collect();
    Ok(Head { category, scale, bias, thresholds, over_vector, weights })
}

fn code(category: &Category) -> Option<usize> {
    CODES.iter().position(|one| one == category)
}

/// The bytes that are not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Damaged("its length"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        self.take(N)?.try_into().map_err(|_| Damaged("its length"))
    }

    /// Reads a number of at most a million. Trained heads have much smaller numbers. The limit keeps
    /// every sum finite.
    fn number(&mut self) -> Result<f32, Damaged> {
        let number = f32::from_le_bytes(self.array()?);
        if number.abs() <= 1e6 { Ok(number) } else { Err(Damaged("a number")) }
    }

    fn thresholds(&mut self) -> Result<Thresholds, Damaged> {
        let all = [self.number()?, self.number()?, self.number()?];
        if all.is_sorted() { Ok(Thresholds(all)) } else { Err(Damaged("a threshold")) }
    }
}
