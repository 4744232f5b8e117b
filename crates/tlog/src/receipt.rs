//! Receipts: what was done with one request, signed, and provably in the log. docs/spec/receipt.md
//! gives their bytes.
//!
//! A receipt is a COSE_Sign1 (RFC 9052) over the claims. Beside them, unsigned because they prove
//! themselves, go the log entry that commits to the claims, the salt that opens it, its inclusion
//! proof, and the checkpoint that the proof leads to.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    encode::{Error, Write},
};

use crate::{
    canon::{self, Digest, NotCanonical},
    checkpoint::{BadCheckpoint, Checkpoint},
    entry::{Entry, Event, commit},
    id::{DeploymentId, KeyId, RequestId, ResourceId, TenantId},
    note::{Signer, Verifier},
    tree,
};

/// Bytes of a receipt, at most.
pub const RECEIPT_BYTES_MAX: usize = 64 * 1024;

/// What is claimed about one request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Claims {
    /// What is the same for many requests.
    #[n(0)]
    pub terms: Terms,
    /// What is this request's own.
    #[n(1)]
    pub facts: Facts,
}

/// The terms under which a request was processed: the same for many.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Terms {
    /// Whose request: ids that mean nothing outside the service.
    #[n(0)]
    pub tenant: TenantId,
    /// The resource that was called.
    #[n(1)]
    pub resource: ResourceId,
    /// The deployment that ran, where one was found.
    #[n(2)]
    pub deployment: Option<DeploymentId>,
    /// Where it was processed.
    #[n(3)]
    pub region_processed: String,
    /// Where what is kept of it is kept.
    #[n(4)]
    pub region_stored: String,
    /// What ran the model: `embedded`.
    #[n(5)]
    pub engine: String,
    /// SHA-256 of the model's file, where a deployment was found.
    #[n(6)]
    pub model: Option<Digest>,
    /// SHA-256 of the program's file.
    #[n(7)]
    pub binary: Digest,
    /// SHA-256 of the configuration in force.
    #[n(8)]
    pub configuration: Digest,
    /// What was done to the content by filters.
    #[n(9)]
    pub filter: Filter,
    /// Days that content is kept: 0 for a resource under zero retention.
    #[n(10)]
    pub retention_days: u8,
    /// The policies that decided who may do what; none: an earlier version, which did not tell.
    #[n(11)]
    pub policies: Option<PolicySet>,
}

/// Policies in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct PolicySet {
    /// SHA-256 of the policies, their schema and the specifications.
    #[n(0)]
    pub digest: Digest,
    /// Whether a solver had proved, by the service's start, that they keep the promises.
    #[n(1)]
    pub proved: bool,
}

/// What is one request's own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Facts {
    /// The request, as `x-request-id` named it.
    #[n(0)]
    pub request: RequestId,
    /// When its head had arrived: milliseconds since 1970, by the service's clock.
    #[n(1)]
    pub started_ms: u64,
    /// When its answer was complete, all but the last bytes sent.
    #[n(2)]
    pub finished_ms: u64,
    /// The HTTP status that the client was told.
    #[n(3)]
    pub status: u16,
    /// How it ended.
    #[n(4)]
    pub outcome: Outcome,
    /// SHA-256 of the request's body, as it arrived; of nothing where none did.
    #[n(5)]
    pub request_sha256: Digest,
    /// SHA-256 of the response's body, as it was sent: of a stream, all of its bytes from the first
    /// `data:` to the line break after `[DONE]`.
    #[n(6)]
    pub response_sha256: Digest,
    /// Tokens of the prompt.
    #[n(7)]
    pub prompt_tokens: u64,
    /// Tokens that were generated.
    #[n(8)]
    pub completion_tokens: u64,
    /// Where prompt and completion are kept; none: nowhere.
    #[n(9)]
    pub stored: Option<Stored>,
}

/// Where and how long content is kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Stored {
    /// The key pair that it is sealed to.
    #[n(0)]
    pub key: KeyId,
    /// When that key is destroyed, at the latest: milliseconds since 1970.
    #[n(1)]
    pub deadline_ms: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// Answered in full.
    #[n(0)]
    Answered,
    /// Refused: the request could not be answered as asked.
    #[n(1)]
    Refused,
    /// The engine or the service failed.
    #[n(2)]
    Failed,
    /// The client hung up before the end.
    #[n(3)]
    HungUp,
}

impl Outcome {
    /// The outcome's name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::HungUp => "client hung up",
        }
    }
}

/// What was done to the content by filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Filter {
    /// There is no content filter in this version.
    #[n(0)]
    None,
}

/// Who stands behind a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voucher {
    /// The receipt and the log prove it.
    Proved,
    /// Whoever reads it can check it with what they have.
    Reader,
    /// The operator says so.
    Operator,
}

impl Voucher {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved by the log",
            Self::Reader => "checked by you",
            Self::Operator => "the operator's word",
        }
    }
}

/// Each claim with who stands behind it. It is the same for every receipt of this version.
pub const VOUCHERS: [(&str, Voucher); 13] = [
    ("request and response hashes", Voucher::Reader),
    ("that these claims were in the log at this place, unchanged since", Voucher::Proved),
    ("the deadline, fixed when the request was answered", Voucher::Proved),
    ("whether the log says by the deadline that the key was destroyed", Voucher::Proved),
    ("that the key was destroyed then, and no copy of it kept", Voucher::Operator),
    ("that nothing else keeps the content", Voucher::Operator),
    ("whether the log says that the policies were proved to keep the promises", Voucher::Proved),
    ("that this proof was made (`bailiwick-prove` repeats it)", Voucher::Operator),
    ("that these policies decided, and were given true facts", Voucher::Operator),
    ("binary, configuration and model", Voucher::Operator),
    ("regions", Voucher::Operator),
    ("times", Voucher::Operator),
    ("tokens and outcome", Voucher::Operator),
];

/// What takes a receipt into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The salt of the entry's commitment.
    pub salt: [u8; 16],
    /// The entry, to the byte.
    pub entry: Vec<u8>,
    /// The entry's place.
    pub index: u64,
    /// The size of the tree that the path leads through.
    pub size: u64,
    /// From the leaf to the root.
    pub path: Vec<Digest>,
    /// The signed note with that size and root.
    pub checkpoint: String,
}

/// A receipt, taken apart. Nothing is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    protected: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
    /// What takes it into the log.
    pub proof: Proof,
}

/// A receipt that cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReceipt {
    /// Not a receipt's bytes.
    #[error(transparent)]
    Malformed(#[from] NotCanonical),
    /// The signature is not this service's.
    #[error("the receipt's signature is not by `{name}`")]
    Signature {
        /// The service.
        name: String,
    },
    /// The log entry is not about this receipt.
    #[error("the log entry does not commit to this receipt's claims")]
    Commitment,
    /// The checkpoint is not one of this log.
    #[error(transparent)]
    Checkpoint(#[from] BadCheckpoint),
    /// The proof does not lead from the entry to the checkpoint.
    #[error("the inclusion proof does not lead from the log entry to the checkpoint")]
    Inclusion,
}

impl Receipt {
    /// Signs claims. Ed25519 signs the same bytes always the same way, so a receipt can be made
    /// again whenever it is asked for.
    #[must_use]
    pub fn sign(claims: &Claims, proof: Proof, signer: &Signer) -> Self {
        let protected = canon::encode(&Protected { kid: signer.verifier().key_id() });
        let payload = canon::encode(claims);
        let signature = signer.sign_bytes(&to_be_signed(&protected, &payload)).to_vec();
        Self { protected, payload, signature, proof }
    }

    /// The receipt's bytes: a tagged COSE_Sign1.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canon::encode(self)
    }

    /// Reads a receipt's bytes.
    ///
    /// # Errors
    /// When they are not canonical.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotCanonical> {
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(NotCanonical { what: "a receipt" });
        }
        canon::decode(bytes, "a receipt")
    }

    /// The claims, once signature, commitment and inclusion are good.
    ///
    /// # Errors
    /// When one is not; says which.
    pub fn verify(&self, service: &Verifier) -> Result<Verified, BadReceipt> {
        let protected: Protected = canon::decode(&self.protected, "a receipt's protected header")?;
        let signed = to_be_signed(&self.protected, &self.payload);
        if protected.kid != service.key_id() || !service.checks(&signed, &self.signature) {
            return Err(BadReceipt::Signature { name: service.name().to_string() });
        }
        let claims: Claims = canon::decode(&self.payload, "a receipt's claims")?;
        let entry = Entry::decode(&self.proof.entry)?;
        let commitment = commit(&self.proof.salt, &self.payload);
        if entry.event != (Event::Request { commitment }) {
            return Err(BadReceipt::Commitment);
        }
        let checkpoint = Checkpoint::verify(&self.proof.checkpoint, service)?;
        let leaf = tree::leaf_hash(&self.proof.entry);
        let Proof { index, size, path, .. } = &self.proof;
        if *size != checkpoint.size || !tree::includes(leaf, *index, *size, path, &checkpoint.root)
        {
            return Err(BadReceipt::Inclusion);
        }
        Ok(Verified { claims, entry, index: *index, checkpoint })
    }
}

/// What a good receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The claims.
    pub claims: Claims,
    /// The log entry that commits to them.
    pub entry: Entry,
    /// Its place in the log.
    pub index: u64,
    /// The checkpoint that it is included in.
    pub checkpoint: Checkpoint,
}

/// RFC 9052 §4.4.
fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes);
    let written: Result<(), Error<core::convert::Infallible>> = (|| {
        encoder.array(4)?.str("Signature1")?.bytes(protected)?.bytes(&[])?.bytes(payload)?.ok()
    })();
    debug_assert!(written.is_ok(), "memory takes all bytes");
    bytes
}

/// COSE header labels: RFC 9052 §3.1 and COSE Receipts.
mod label {
    pub(super) const ALGORITHM: u8 = 1;
    pub(super) const CONTENT_TYPE: u8 = 3;
    pub(super) const KEY_ID: u8 = 4;
    /// Verifiable data structure.
    pub(super) const VDS: u16 = 395;
    /// Its proofs.
    pub(super) const VDP: u16 = 396;
    /// An inclusion proof among them.
    pub(super) const INCLUSION: i8 = -1;
    /// Ours, from the range for private use.
    pub(super) const SALT: i32 = -70_001;
    pub(super) const ENTRY: i32 = -70_002;
    pub(super) const CHECKPOINT: i32 = -70_003;
}

const EDDSA: i8 = -8;
const RFC9162_SHA256: u8 = 1;
const COSE_SIGN1: u64 = 18;

/// The claims' media type.
pub const CONTENT_TYPE: &str = "application/bailiwick-receipt+cbor";

struct Protected {
    kid: [u8; 4],
}

impl<C> Encode<C> for Protected {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), Error<W::Error>> {
        e.map(4)?.u8(label::ALGORITHM)?.i8(EDDSA)?;
        e.u8(label::CONTENT_TYPE)?.str(CONTENT_TYPE)?;
        e.u8(label::KEY_ID)?.bytes(&self.kid)?;
        e.u16(label::VDS)?.u8(RFC9162_SHA256)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Protected {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        // What was read is encoded again and compared, so only what differs is looked at.
        d.map()?;
        for _ in 0..2 {
            d.skip()?;
            d.skip()?;
        }
        d.skip()?;
        let kid = canon::array(d)?;
        d.skip()?;
        d.skip()?;
        Ok(Self { kid })
    }
}

impl<C> Encode<C> for Receipt {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), Error<W::Error>> {
        let proof = &self.proof;
        e.tag(minicbor::data::Tag::new(COSE_SIGN1))?.array(4)?.bytes(&self.protected)?;
        e.map(4)?.u16(label::VDP)?.map(1)?.i8(label::INCLUSION)?.array(1)?;
        e.bytes(&inclusion(proof))?;
        e.i32(label::SALT)?.bytes(&proof.salt)?;
        e.i32(label::ENTRY)?.bytes(&proof.entry)?;
        e.i32(label::CHECKPOINT)?.str(&proof.checkpoint)?;
        e.bytes(&self.payload)?.bytes(&self.signature)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Receipt {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        // As above: labels and lengths are compared when it is encoded again.
        d.tag()?;
        d.array()?;
        let protected = d.bytes()?.to_vec();
        d.map()?;
        d.skip()?;
        d.map()?;
        d.skip()?;
        d.array()?;
        let mut inclusion = Decoder::new(d.bytes()?);
        inclusion.array()?;
        let (size, index) = (inclusion.u64()?, inclusion.u64()?);
        let path = inclusion.decode()?;
        d.skip()?;
        let salt = canon::array(d)?;
        d.skip()?;
        let entry = d.bytes()?.to_vec();
        d.skip()?;
        let checkpoint = d.str()?.to_string();
        let (payload, signature) = (d.bytes()?.to_vec(), d.bytes()?.to_vec());
        let proof = Proof { salt, entry, index, size, path, checkpoint };
        Ok(Self { protected, payload, signature, proof })
    }
}

fn inclusion(proof: &Proof) -> Vec<u8> {
    canon::encode(&(proof.size, proof.index, &proof.path))
}

#[cfg(test)]
pub(crate) mod tests {
    use alloc::vec;

    use super::*;
    use crate::tree::{Frontier, leaf_hash};

    pub(crate) fn claims() -> Claims {
        Claims {
            terms: Terms {
                tenant: TenantId::from_random([1; 16]),
                resource: ResourceId::from_random([2; 16]),
                deployment: Some(DeploymentId::from_random([3; 16])),
                region_processed: "local".into(),
                region_stored: "local".into(),
                engine: "embedded".into(),
                model: Some(Digest([4; 32])),
                binary: Digest([5; 32]),
                configuration: Digest([6; 32]),
                filter: Filter::None,
                retention_days: 30,
                policies: Some(PolicySet { digest: Digest([10; 32]), proved: true }),
            },
            facts: Facts {
                request: RequestId::from_random([7; 16]),
                started_ms: 1_764_000_000_000,
                finished_ms: 1_764_000_000_250,
                status: 200,
                outcome: Outcome::Answered,
                request_sha256: Digest::of(&[b"request"]),
                response_sha256: Digest::of(&[b"response"]),
                prompt_tokens: 12,
                completion_tokens: 3,
                stored: Some(Stored {
                    key: KeyId::from_random([8; 16]),
                    deadline_ms: 1_766_534_400_000,
                }),
            },
        }
    }

    fn receipt() -> (Receipt, Verifier) {
        let signer = Signer::new("log.example", &[1; 32]).unwrap();
        let (claims, salt) = (claims(), [9; 16]);
        let commitment = commit(&salt, &canon::encode(&claims));
        let entry = Entry { time_ms: 5, event: Event::Request { commitment } }.encode();
        let before = leaf_hash(b"an entry before");
        let mut frontier = Frontier::default();
        frontier.push(before);
        frontier.push(leaf_hash(&entry));
        let checkpoint =
            Checkpoint { origin: "log.example".into(), size: 2, root: frontier.root() };
        let checkpoint = checkpoint.sign(&signer);
        let proof = Proof { salt, entry, index: 1, size: 2, path: vec![before], checkpoint };
        (Receipt::sign(&claims, proof, &signer), signer.verifier())
    }

    #[test]
    fn a_receipt_is_good_as_it_was_made() {
        let (receipt, service) = receipt();
        let read = Receipt::decode(&receipt.encode()).unwrap();
        assert_eq!(read, receipt);
        assert_eq!(read.verify(&service).unwrap().claims, claims());
    }

    #[test]
    fn every_changed_byte_is_found() {
        let (receipt, service) = receipt();
        let bytes = receipt.encode();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let good = Receipt::decode(&changed).is_ok_and(|read| read.verify(&service).is_ok());
            assert!(!good, "byte {at}");
        }
    }

    #[test]
    fn another_services_key_and_another_entry_are_refused() {
        let (receipt, service) = receipt();
        let other = Signer::new("log.example", &[2; 32]).unwrap().verifier();
        assert!(matches!(receipt.verify(&other), Err(BadReceipt::Signature { .. })));
        let mut moved = receipt;
        moved.proof.salt = [0; 16];
        assert_eq!(moved.verify(&service), Err(BadReceipt::Commitment));
    }
}
