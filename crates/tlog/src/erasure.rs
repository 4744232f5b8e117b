//! The certificate of an erasure: what was erased of one data subject, in which store, and what was
//! not and why. docs/spec/erasure-certificate.md specifies its bytes.
//!
//! The certificate names the data subject only as a salted commitment. The data protection officer
//! has the salt, and gives it to each party that the officer wants to convince. The log has the
//! certificate's digest in an entry `SubjectErased`.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use minicbor::{Decode, Encode, bytes::ByteVec};

use crate::{
    canon::{self, Digest, NotCanonical},
    checkpoint::{BadCheckpoint, Checkpoint},
    entry::{Entry, Event, commit},
    id::{SubjectRequestId, TenantId},
    note::{Signer, Verifier},
    tree,
};

/// The maximum length of a certificate with its proof, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 1024 * 1024;

/// Separates the signed bytes from every other use of the service's key.
pub const CONTEXT: &[u8] = b"bailiwick/erasure/v1\0";

/// A place where something may be kept of a data subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Place {
    /// Records: prompts and completions.
    #[n(0)]
    Records,
    /// Responses of the Responses API.
    #[n(1)]
    Responses,
    /// Conversations, with their items.
    #[n(2)]
    Conversations,
    /// Stored chat completions.
    #[n(3)]
    Completions,
    /// Files, by the lines that name the data subject.
    #[n(4)]
    Files,
    /// Results of batches that are not in a file yet.
    #[n(5)]
    BatchLines,
    /// Batches and fine-tuning jobs.
    #[n(6)]
    Jobs,
    /// Fine-tuned models that were trained on such files, and checkpoints of them.
    #[n(7)]
    Adapters,
    /// Counters of abuse monitoring.
    #[n(8)]
    AbuseCounters,
    /// Rows of the subject index.
    #[n(9)]
    Index,
    /// Receipts of the records' requests.
    #[n(10)]
    Receipts,
    /// Flags of the records, and access requests for them.
    #[n(11)]
    Reviews,
}

impl Place {
    /// All places, in the order of a certificate.
    pub const ALL: [Self; 12] = [
        Self::Records,
        Self::Responses,
        Self::Conversations,
        Self::Completions,
        Self::Files,
        Self::BatchLines,
        Self::Jobs,
        Self::Adapters,
        Self::AbuseCounters,
        Self::Index,
        Self::Receipts,
        Self::Reviews,
    ];

    /// Returns the place's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Responses => "responses",
            Self::Conversations => "conversations",
            Self::Completions => "completions",
            Self::Files => "files",
            Self::BatchLines => "batchLines",
            Self::Jobs => "jobs",
            Self::Adapters => "adapters",
            Self::AbuseCounters => "abuseCounters",
            Self::Index => "index",
            Self::Receipts => "receipts",
            Self::Reviews => "reviews",
        }
    }
}

/// The reason why something was not erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Kept {
    /// A line cannot be cut out of a sealed file, and the officer did not ask to erase whole files.
    #[n(0)]
    FileAsked,
    /// A model cannot unlearn: delete it, or train it again without the file.
    #[n(1)]
    CannotUnlearn,
    /// It has neither content nor the data subject's name, and is evidence of the erasure.
    #[n(2)]
    Evidence,
    /// It belongs to the file that stays.
    #[n(3)]
    WithFile,
}

impl Kept {
    /// Returns the reason in plain words.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::FileAsked => {
                "a line cannot be cut out of a sealed file; erase the whole files with `--files`, \
                 and upload them without these lines"
            }
            Self::CannotUnlearn => {
                "a model cannot unlearn; delete it, or train it again without these lines"
            }
            Self::Evidence => "no content and no name in it; it proves what was done",
            Self::WithFile => "it belongs to a file that was not erased",
        }
    }
}

/// One line of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Line {
    /// The place.
    #[n(0)]
    pub place: Place,
    /// How many items of the data subject were found.
    #[n(1)]
    pub found: u64,
    /// How many of them were erased.
    #[n(2)]
    pub erased: u64,
    /// Why the others were not.
    #[n(3)]
    pub kept: Option<Kept>,
}

/// Entries of the log that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Entries {
    /// The number of the first.
    #[n(0)]
    pub first: u64,
    /// How many.
    #[n(1)]
    pub count: u64,
}

impl Entries {
    /// Puts numbers together to runs. The numbers must ascend.
    #[must_use]
    pub fn runs(numbers: &[u64]) -> Vec<Self> {
        let mut runs: Vec<Self> = Vec::new();
        for number in numbers {
            match runs.last_mut() {
                Some(run) if run.first.saturating_add(run.count) == *number => {
                    run.count = run.count.saturating_add(1);
                }
                _ => runs.push(Self { first: *number, count: 1 }),
            }
        }
        runs
    }

    /// Returns the numbers.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.first..self.first.saturating_add(self.count)
    }
}

/// The statement of an erasure.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Certificate {
    /// The request of the data subject that the erasure answers.
    #[n(0)]
    pub request: SubjectRequestId,
    /// The tenant.
    #[n(1)]
    pub tenant: TenantId,
    /// [`commit`] of the data subject's name, in UTF-8.
    #[n(2)]
    pub subject: Digest,
    /// The time at which the erasure began, in milliseconds since 1970.
    #[n(3)]
    pub started_ms: u64,
    /// The time at which the last key was destroyed.
    #[n(4)]
    pub finished_ms: u64,
    /// Every place that was asked, in order, each once.
    #[n(5)]
    pub lines: Vec<Line>,
    /// The entries of the log that say what was erased: `OwnerDeleted` and `ObjectDestroyed`.
    #[n(6)]
    pub entries: Vec<Entries>,
}

impl Certificate {
    /// Returns the digest that the log's entry has.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest(&canon::encode(self))
    }

    /// Returns true if the certificate is about this data subject.
    #[must_use]
    pub fn is_about(&self, subject: &str, salt: &[u8; 16]) -> bool {
        commit(salt, subject.as_bytes()) == self.subject
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(&[CONTEXT, bytes])
}

/// The proof that the log has a certificate's entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Proof {
    /// The entry's bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub entry: Vec<u8>,
    /// The number of the entry.
    #[n(1)]
    pub index: u64,
    /// The size of the tree that the path is for.
    #[n(2)]
    pub size: u64,
    /// The hashes from the leaf to the root.
    #[n(3)]
    pub path: Vec<Digest>,
    /// The signed note that has this size and root.
    #[n(4)]
    pub checkpoint: String,
}

/// A certificate with its signature and its proof. Nothing is checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Signed {
    /// The certificate's bytes.
    #[n(0)]
    certificate: ByteVec,
    /// The service's Ed25519 signature of [`CONTEXT`] and these bytes.
    #[n(1)]
    signature: ByteVec,
    /// The proof that it is in the log.
    #[n(2)]
    pub proof: Proof,
}

/// The reason why a certificate cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// The bytes are not a certificate.
    #[error(transparent)]
    Malformed(#[from] NotCanonical),
    /// The signature is not this service's.
    #[error("the certificate's signature is not by `{name}`")]
    Signature {
        /// The service's name.
        name: String,
    },
    /// The log entry is not about this certificate.
    #[error("the log entry is not about this certificate")]
    Entry,
    /// The checkpoint does not belong to this log.
    #[error(transparent)]
    Checkpoint(#[from] BadCheckpoint),
    /// The proof does not lead from the entry to the checkpoint.
    #[error("the inclusion proof does not lead from the log entry to the checkpoint")]
    Inclusion,
}

/// The content of a valid certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The certificate.
    pub certificate: Certificate,
    /// The number of its entry in the log.
    pub index: u64,
    /// The checkpoint that the entry is included in.
    pub checkpoint: Checkpoint,
}

impl Signed {
    /// Signs a certificate.
    #[must_use]
    pub fn sign(certificate: &Certificate, proof: Proof, signer: &Signer) -> Self {
        let certificate = canon::encode(certificate);
        let signature = signer.sign_bytes(&[CONTEXT, &certificate].concat()).to_vec();
        Self { certificate: certificate.into(), signature: signature.into(), proof }
    }

    /// Encodes the certificate with its proof.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canon::encode(self)
    }

    /// Decodes a certificate with its proof.
    ///
    /// # Errors
    /// [`NotCanonical`] if the bytes are not canonical, or are too long.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotCanonical> {
        if bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(NotCanonical { what: "a certificate of an erasure" });
        }
        canon::decode(bytes, "a certificate of an erasure")
    }

    /// Returns the certificate after the check of signature, entry and inclusion.
    ///
    /// # Errors
    /// [`BadCertificate`] names the first failed check.
    pub fn verify(&self, service: &Verifier) -> Result<Verified, BadCertificate> {
        let signed = [CONTEXT, &self.certificate].concat();
        if !service.checks(&signed, &self.signature) {
            return Err(BadCertificate::Signature { name: service.name().to_string() });
        }
        let certificate: Certificate =
            canon::decode(&self.certificate, "a certificate's statement")?;
        let (request, tenant) = (certificate.request, certificate.tenant);
        let certified = digest(&self.certificate);
        let entry = Entry::decode(&self.proof.entry)?;
        if entry.event != (Event::SubjectErased { request, tenant, certificate: certified }) {
            return Err(BadCertificate::Entry);
        }
        let checkpoint = Checkpoint::verify(&self.proof.checkpoint, service)?;
        let leaf = tree::leaf_hash(&self.proof.entry);
        let Proof { index, size, path, .. } = &self.proof;
        if *size != checkpoint.size || !tree::includes(leaf, *index, *size, path, &checkpoint.root)
        {
            return Err(BadCertificate::Inclusion);
        }
        Ok(Verified { certificate, index: *index, checkpoint })
    }
}

#[cfg(test)]
mod tests;
