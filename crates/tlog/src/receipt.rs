//! Receipts: the signed and logged facts about one request. docs/spec/receipt.md specifies their
//! bytes.
//!
//! A receipt is a COSE_Sign1 (RFC 9052) over the claims. Its unprotected header has the log entry
//! that commits to the claims, the salt that opens the commitment, the inclusion proof, and the
//! checkpoint that the proof leads to. These parts need no signature, because they can be checked
//! themselves.

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
    id::{DeploymentId, KeyId, ObjectId, RequestId, ResourceId, TenantId},
    note::{Signer, Verifier},
    tree,
};

mod compact;
mod personal;
mod ran;
mod screened;
mod written;

pub use compact::{COMPACT_BYTES_MAX, COMPACT_CONTENT_TYPE, Compact, CompactClaims};
pub use personal::{Handling, KINDS_MAX, KindCount, Personal, PersonalFound};
pub use ran::{Attempt, AttemptFailure, EngineKind, Ran};
pub use screened::{
    Category, Check, ContentFilter, DETECTORS_MAX, Detector, FINDINGS_MAX, Filter, Finding,
    Screened, Severity, Side,
};
pub use written::{WRITTEN_MAX, Written};

/// The maximum length of a receipt, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 64 * 1024;

/// The claims about one request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Claims {
    /// The claims that many requests share.
    #[n(0)]
    pub terms: Terms,
    /// The claims that belong to this request only.
    #[n(1)]
    pub facts: Facts,
}

/// The terms under which a request was processed. Many requests share them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Terms {
    /// The tenant that made the request. The ids are meaningless outside the service.
    #[n(0)]
    pub tenant: TenantId,
    /// The resource that was called.
    #[n(1)]
    pub resource: ResourceId,
    /// The deployment that ran, if one was found.
    #[n(2)]
    pub deployment: Option<DeploymentId>,
    /// The region that processed the request: the engine's, if [`Terms::ran`] is present.
    #[n(3)]
    pub region_processed: String,
    /// The region that stores the request's data.
    #[n(4)]
    pub region_stored: String,
    /// The name of the engine that ran the model; [`EMBEDDED`] for the service's own.
    #[n(5)]
    pub engine: String,
    /// SHA-256 of the model's file, if a deployment was found and its model has a file.
    #[n(6)]
    pub model: Option<Digest>,
    /// SHA-256 of the program's file.
    #[n(7)]
    pub binary: Digest,
    /// SHA-256 of the active configuration.
    #[n(8)]
    pub configuration: Digest,
    /// Whether a content filter applied.
    #[n(9)]
    pub filter: Filter,
    /// The number of days for which content is stored; 0 for a resource under zero retention.
    #[n(10)]
    pub retention_days: u8,
    /// The policies that authorized the request; `None` in receipts of earlier versions, which did
    /// not record them.
    #[n(11)]
    pub policies: Option<PolicySet>,
    /// Where the request was processed, and which places and processors were allowed. If several
    /// engines were tried, this is the last one, also if it did not answer. `None` for a request
    /// that was sent to no engine, and in receipts of earlier versions, which did not record it.
    #[n(12)]
    pub ran: Option<Ran>,
    /// The content filter that applied. `None` where [`Terms::filter`] is [`Filter::None`].
    #[n(13)]
    pub content_filter: Option<ContentFilter>,
    /// The adapter of a fine-tuned model, whose base model's file is [`Terms::model`]. `None` for other
    /// models.
    #[n(14)]
    pub adapter: Option<Adapter>,
    /// Treatment of the personal data of the request, and its decider. `None` for a request that
    /// did not leave the service's boundary and whose resource asks for nothing, and in receipts of
    /// earlier versions.
    #[n(15)]
    pub personal: Option<Personal>,
    /// The customer's root and its promise about this resource. `None` for a customer without a root,
    /// and in receipts of earlier versions.
    #[n(16)]
    pub customer: Option<Customer>,
}

/// A customer with a root: the keys that name its people. The log has the root, and each promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Customer {
    /// The fingerprint of its root: [`Root::fingerprint`](crate::people::Root::fingerprint).
    #[n(0)]
    pub root: Digest,
    /// True if the customer must consent to each access request.
    #[n(1)]
    pub lockbox: bool,
}

/// The adapter of a fine-tuned model. The log has an entry about the job that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Adapter {
    /// SHA-256 of the adapter.
    #[n(0)]
    pub digest: Digest,
    /// The job that made it.
    #[n(1)]
    pub job: ObjectId,
}

/// The name of the service's own engine in [`Terms::engine`].
pub const EMBEDDED: &str = "embedded";

/// A set of active policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct PolicySet {
    /// SHA-256 of the policies, their schema and the specifications.
    #[n(0)]
    pub digest: Digest,
    /// True if, at the service's start, the log had a proof that they keep the promises.
    #[n(1)]
    pub proved: bool,
}

/// The claims that belong to one request only.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Facts {
    /// The id of the request in `x-request-id`.
    #[n(0)]
    pub request: RequestId,
    /// The time when its head had arrived: milliseconds since 1970, by the service's clock.
    #[n(1)]
    pub started_ms: u64,
    /// The time when its answer was complete, except for the last bytes sent.
    #[n(2)]
    pub finished_ms: u64,
    /// The HTTP status of the answer.
    #[n(3)]
    pub status: u16,
    /// The outcome.
    #[n(4)]
    pub outcome: Outcome,
    /// SHA-256 of the request's body as received; of the empty string if there was no body.
    #[n(5)]
    pub request_sha256: Digest,
    /// SHA-256 of the response's body as sent. For a stream, this covers all bytes from the first
    /// `data:` to the line break after `[DONE]`.
    #[n(6)]
    pub response_sha256: Digest,
    /// The number of prompt tokens.
    #[n(7)]
    pub prompt_tokens: u64,
    /// The number of generated tokens.
    #[n(8)]
    pub completion_tokens: u64,
    /// The place where prompt and completion are stored; `None` if they are not stored.
    #[n(9)]
    pub stored: Option<Stored>,
    /// The paths of the request's fields that could have no effect, as in the response's
    /// `x-bailiwick-no-effect`. Never empty: without such fields it is absent, as in receipts of
    /// versions that accepted no such fields.
    #[n(10)]
    pub no_effect: Option<Vec<String>>,
    /// The attempts on engines before the one in [`Terms::ran`], in their order. Never empty:
    /// without earlier attempts it is absent, as in receipts of earlier versions.
    #[n(11)]
    #[cbor(decode_with = "ran::attempts")]
    pub attempts: Option<Vec<Attempt>>,
    /// How far the content filter checked the request, and what it found. `None` where
    /// [`Terms::filter`] is [`Filter::None`].
    #[n(12)]
    pub screened: Option<Screened>,
    /// The objects that the request asked the service to keep, and those that it had destroyed.
    /// Never empty: without objects it is absent, as in receipts of earlier versions.
    #[n(13)]
    #[cbor(decode_with = "written::objects")]
    pub objects: Option<Vec<Written>>,
    /// How much personal data was found, and restored. Present exactly if [`Terms::personal`] is.
    #[n(14)]
    pub personal: Option<PersonalFound>,
}

/// The place and the deadline of stored content.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Stored {
    /// The key pair that the content is sealed to.
    #[n(0)]
    pub key: KeyId,
    /// The latest time for the key's destruction, in milliseconds since 1970.
    #[n(1)]
    pub deadline_ms: u64,
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// The request was answered in full.
    #[n(0)]
    Answered,
    /// The request was refused: it could not be answered in this form.
    #[n(1)]
    Refused,
    /// The engine or the service failed.
    #[n(2)]
    Failed,
    /// The client disconnected before the end.
    #[n(3)]
    HungUp,
}

impl Outcome {
    /// Returns the outcome's name in plain words.
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

/// The party that vouches for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voucher {
    /// The receipt and the log prove it.
    Proved,
    /// The reader can check the claim with their own data.
    Reader,
    /// The operator vouches for the claim.
    Operator,
}

impl Voucher {
    /// Returns the party in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved by the log",
            Self::Reader => "checked by you",
            Self::Operator => "the operator's word",
        }
    }
}

/// Each claim with the party that vouches for it. The list is the same for every receipt of this
/// version.
pub const VOUCHERS: [(&str, Voucher); 20] = [
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
    ("whether the log says that the customer allowed the processor", Voucher::Proved),
    (
        "the customer's root, and whether lockbox and retention agree with its promises in the log",
        Voucher::Proved,
    ),
    ("engine, its operator, regions, SKU and earlier attempts", Voucher::Operator),
    ("that this destination was dialed, and answered with this model's name", Voucher::Operator),
    ("content filter, its detectors, and what they checked and found", Voucher::Operator),
    ("what was done with personal data, and how much was found", Voucher::Operator),
    ("objects that the request wrote or destroyed, and until when", Voucher::Operator),
    ("whether the log says that an object of the request was destroyed", Voucher::Proved),
    ("times", Voucher::Operator),
    ("tokens, outcome and fields without effect", Voucher::Operator),
];

/// The proof that a receipt's claims are in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The salt of the entry's commitment.
    pub salt: [u8; 16],
    /// The exact bytes of the entry.
    pub entry: Vec<u8>,
    /// The number of the entry.
    pub index: u64,
    /// The size of the tree that the path is for.
    pub size: u64,
    /// The hashes from the leaf to the root.
    pub path: Vec<Digest>,
    /// The signed note that has this size and root.
    pub checkpoint: String,
}

/// A parsed receipt. Nothing is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    protected: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
    /// The proof that the claims are in the log.
    pub proof: Proof,
}

/// The reason why a receipt cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReceipt {
    /// The bytes are not a receipt.
    #[error(transparent)]
    Malformed(#[from] NotCanonical),
    /// The signature is not this service's.
    #[error("the receipt's signature is not by `{name}`")]
    Signature {
        /// The service's name.
        name: String,
    },
    /// The log entry does not commit to the claims of this receipt.
    #[error("the log entry does not commit to this receipt's claims")]
    Commitment,
    /// The checkpoint does not belong to this log.
    #[error(transparent)]
    Checkpoint(#[from] BadCheckpoint),
    /// The proof does not lead from the entry to the checkpoint.
    #[error("the inclusion proof does not lead from the log entry to the checkpoint")]
    Inclusion,
}

impl Receipt {
    /// Signs claims. Ed25519 is deterministic, so the service can make the same receipt again for
    /// each request for it.
    #[must_use]
    pub fn sign(claims: &Claims, proof: Proof, signer: &Signer) -> Self {
        let protected = canon::encode(&Protected { kid: signer.verifier().key_id() });
        let payload = canon::encode(claims);
        let signature = signer.sign_bytes(&to_be_signed(&protected, &payload)).to_vec();
        Self { protected, payload, signature, proof }
    }

    /// Encodes the receipt as a tagged COSE_Sign1.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canon::encode(self)
    }

    /// Decodes a receipt.
    ///
    /// # Errors
    /// [`NotCanonical`] if the bytes are not canonical, or are too long.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotCanonical> {
        if bytes.len() > RECEIPT_BYTES_MAX {
            return Err(NotCanonical { what: "a receipt" });
        }
        canon::decode(bytes, "a receipt")
    }

    /// Returns the claims after the check of signature, commitment and inclusion. Such a receipt is
    /// genuine, but it may show a breach of a promise: see [`Verified::breaches`].
    ///
    /// ```
    /// use tlog::{note::Verifier, receipt::{Outcome, Receipt}};
    ///
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors");
    /// # let key = std::fs::read_to_string(format!("{folder}/service.pub"))?;
    /// # let hex = std::fs::read_to_string(format!("{folder}/receipt/good-stored.hex"))?;
    /// # let hex: String = hex.split_whitespace().collect();
    /// # let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16);
    /// # let mut bytes = (0..hex.len()).step_by(2).map(byte).collect::<Result<Vec<u8>, _>>()?;
    /// // `key` is the content of the service's `service.pub`, `bytes` are those of the receipt.
    /// let service = Verifier::parse(&key)?;
    /// let verified = Receipt::decode(&bytes)?.verify(&service)?;
    /// assert_eq!(verified.claims.facts.outcome, Outcome::Answered);
    ///
    /// // A receipt of which one byte was changed is refused.
    /// bytes[200] ^= 1;
    /// assert!(!Receipt::decode(&bytes).is_ok_and(|receipt| receipt.verify(&service).is_ok()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BadReceipt`] names the first failed check.
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

/// The content of a valid receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The claims.
    pub claims: Claims,
    /// The log entry that commits to them.
    pub entry: Entry,
    /// The number of the entry in the log.
    pub index: u64,
    /// The checkpoint that it is included in.
    pub checkpoint: Checkpoint,
}

/// Builds the bytes to sign: RFC 9052 §4.4.
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
    /// Verifiable data structure proofs.
    pub(super) const VDP: u16 = 396;
    /// The inclusion proofs among them.
    pub(super) const INCLUSION: i8 = -1;
    /// Our own labels, from the range for private use.
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
        // The value is encoded again and compared, so this code reads only the parts that vary.
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
        // As above: encoding the value again checks labels and lengths.
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

    pub(crate) use super::ran::tests::remote;
    pub(crate) use super::screened::tests::screened;
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
                ran: None,
                content_filter: None,
                adapter: None,
                personal: None,
                customer: None,
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
                no_effect: None,
                attempts: None,
                screened: None,
                objects: None,
                personal: None,
            },
        }
    }

    fn receipt() -> (Receipt, Verifier) {
        receipt_of(&claims())
    }

    pub(crate) fn receipt_of(claims: &Claims) -> (Receipt, Verifier) {
        let signer = Signer::new("log.example", &[1; 32]).unwrap();
        let salt = [9; 16];
        let commitment = commit(&salt, &canon::encode(claims));
        let entry = Entry::new(5, Event::Request { commitment }).encode();
        let before = leaf_hash(b"an entry before");
        let mut frontier = Frontier::default();
        frontier.push(before);
        frontier.push(leaf_hash(&entry));
        let checkpoint =
            Checkpoint { origin: "log.example".into(), size: 2, root: frontier.root() };
        let checkpoint = checkpoint.sign(&signer);
        let proof = Proof { salt, entry, index: 1, size: 2, path: vec![before], checkpoint };
        (Receipt::sign(claims, proof, &signer), signer.verifier())
    }

    #[test]
    fn a_receipt_is_good_as_it_was_made() {
        let (receipt, service) = receipt();
        let read = Receipt::decode(&receipt.encode()).unwrap();
        assert_eq!(read, receipt);
        assert_eq!(read.verify(&service).unwrap().claims, claims());
    }

    /// A receipt without such fields has the same bytes as before the fact was introduced.
    #[test]
    fn fields_without_effect_are_a_fact_of_their_own() {
        let mut claims = claims();
        let before = canon::encode(&claims.facts);
        assert_eq!(before[0], 0xaa, "a map of ten");
        claims.facts.no_effect = Some(vec!["a".into(), "b[0].c".into()]);
        let with = canon::encode(&claims.facts);
        assert_eq!(with[..1], [0xab]);
        assert_eq!(with[1..before.len()], before[1..]);
        assert_eq!(with[before.len()..], *b"\x0a\x82\x61a\x66b[0].c");
        let (receipt, service) = receipt_of(&claims);
        let read = Receipt::decode(&receipt.encode()).unwrap();
        assert_eq!(read.verify(&service).unwrap().claims, claims);
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
