//! What must hold for any bytes at all; the fuzz targets are one call each.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock},
};

use engine::{
    protocol::{BadFrame, FrameReader, FromWorker, ToWorker, decode, encode},
    request::{CacheScope, Embed, Generate, Work},
};
use policy::{
    authz::{Authority, DeploymentFacts, authorize, context::Moment},
    id::{DeploymentId, ResourceId, TenantId},
    permit::{Complete, Permit},
    principal::{Key, ResourceKeys, authenticate},
    retention::clock::Reading,
    token::{KeySet, Keys, Lookup, Patience, Presented, Trust},
};
use serde::{Serialize, de::DeserializeOwned};
use server::openai::error::Invalid;
use store::custody;
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::Entry,
    note::{Note, Signer, Verifier},
    receipt::Receipt,
    tile,
    verify::{Files, Question, Replay, audit},
};
use zeroize::Zeroizing;

/// A message that decodes encodes to bytes that decode to the same, and a stream of bytes means
/// the same in whatever pieces it arrives.
pub fn message<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(message) = decode::<T>(bytes) {
        let first = encoded(&message);
        let again: T = decode(&first[4..]).expect("what was encoded decodes");
        assert_eq!(encoded(&again), first, "encoding is stable");
    }
    let whole = messages::<T>(&[bytes]);
    for at in [1, 4, 5, bytes.len() / 2] {
        let (first, rest) = bytes.split_at(at.min(bytes.len()));
        assert!(messages::<T>(&[first, rest]) == whole, "cut at {at}");
    }
}

/// All messages in the pieces, encoded again, and how the stream ended.
fn messages<T: Serialize + DeserializeOwned>(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<BadFrame>) {
    let mut reader = FrameReader::default();
    let mut taken = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.take::<T>() {
                Ok(Some((message, _))) => taken.push(encoded(&message)),
                Ok(None) => break,
                Err(error) => return (taken, Some(error)),
            }
        }
    }
    (taken, None)
}

fn encoded<T: Serialize>(message: &T) -> Vec<u8> {
    let mut out = Zeroizing::new(Vec::new());
    encode(message, &mut out).expect("what was decoded can be encoded");
    out.to_vec()
}

/// A refusal names a field at most: it is short, whatever the body was.
pub fn refusal(invalid: &Invalid) {
    assert!(invalid.message.len() < 2048, "{} bytes of message", invalid.message.len());
    assert!(invalid.param.as_ref().is_none_or(|param| param.len() < 1024), "a long param");
    assert!(!invalid.message.is_empty());
}

/// What the engine is asked is within OpenAI's ranges, and crosses to the worker.
pub fn generate(generate: Generate) {
    assert!(generate.choices >= 1);
    let sampling = &generate.sampling;
    assert!((0.0..=2.0).contains(&sampling.temperature));
    assert!((0.0..=1.0).contains(&sampling.top_p));
    assert!((-2.0..=2.0).contains(&sampling.frequency_penalty));
    assert!((-2.0..=2.0).contains(&sampling.presence_penalty));
    assert!(sampling.logit_bias.iter().all(|(_, bias)| (-100.0..=100.0).contains(bias)));
    crosses(Work::Generate(Box::new(generate)));
}

/// What the engine is asked to embed crosses to the worker.
pub fn embed(embed: Embed) {
    assert!(!embed.inputs.is_empty());
    crosses(Work::Embed(embed));
}

fn crosses(work: Work) {
    let submit = ToWorker::Submit { id: 1, scope: CacheScope::of(&permit(), true), work };
    message::<ToWorker>(&encoded(&submit)[4..]);
}

/// Both directions of the worker protocol.
pub fn worker_protocol(bytes: &[u8]) {
    message::<ToWorker>(bytes);
    message::<FromWorker>(bytes);
}

/// Both directions of the custodian's protocol. Whatever is asked, nothing is opened or sealed again
/// and nothing is taken for the log: its key signed neither a grant nor a checkpoint, and there is no
/// key that a span could be sealed to.
pub fn custodian_protocol(bytes: &[u8]) {
    canonical::<custody::Response>(bytes);
    for request in canonical::<custody::Request>(bytes) {
        match &request {
            custody::Request::Open { .. }
            | custody::Request::OpenOwn { .. }
            | custody::Request::Reseal { .. }
            | custody::Request::See(_) => {
                let answer = custodian().lock().expect("no panic").handle(request, READING);
                assert!(matches!(answer, custody::Response::Refused(_)), "{answer:?}");
            }
            // There is no such key.
            custody::Request::Destroy { .. } => {
                let answer = custodian().lock().expect("no panic").handle(request, READING);
                assert_eq!(answer, custody::Response::Keys(Vec::new()));
            }
            // These make keys, or destroy those of the last run.
            custody::Request::PublicKey { .. }
            | custody::Request::Successor(_)
            | custody::Request::DestroyDue
            | custody::Request::Keys => {}
        }
    }
}

/// The messages in a stream of bytes; written again, they are the bytes that were read.
fn canonical<T>(bytes: &[u8]) -> Vec<T>
where
    T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    let (mut rest, mut messages, mut written) = (bytes, Vec::new(), Vec::new());
    while let Ok(Some(message)) = custody::read::<T>(&mut rest) {
        custody::write(&mut written, &message).expect("what was read can be written");
        messages.push(message);
    }
    assert!(bytes.starts_with(&written), "each message has one encoding");
    messages
}

const READING: Reading = Reading { wall_ms: 1_764_000_000_000, boot: [1; 16], boottime_ms: 5 };

fn custodian() -> &'static Mutex<custody::Custodian> {
    static CUSTODIAN: OnceLock<Mutex<custody::Custodian>> = OnceLock::new();
    CUSTODIAN.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("bailiwick-fuzz-{}", std::process::id()));
        let log = Signer::new("log.example", &[1; 32]).expect("a name").verifier();
        let trust = custody::Trust { log, witnesses: Vec::new() };
        let started = custody::Custodian::start(&folder, trust, READING);
        Mutex::new(started.expect("a key directory").0)
    })
}

fn permit() -> Permit<Complete> {
    let (tenant, resource) = (TenantId::from_random([1; 16]), ResourceId::from_random([2; 16]));
    let key = Key::from_random(&[3; 32]);
    let keys =
        ResourceKeys { tenant, resource, key1: key.digest(), key2: key.digest(), disabled: false };
    let deployment = DeploymentId::from_random([4; 16]);
    let facts = DeploymentFacts { tenant, resource, deployment };
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    let authority = AUTHORITY.get_or_init(|| Authority::built_in().expect("its policies"));
    let principal = authenticate(&key, &keys).expect("its key").into();
    authorize(authority, &principal, &facts, &Moment { now_ms: 0 }).expect("its resource")
}

/// An entry of the log: one value has one spelling, and a replay takes any bytes.
pub fn log_entry(bytes: &[u8]) {
    if let Ok(entry) = Entry::decode(bytes) {
        assert_eq!(entry.encode(), bytes, "a second spelling");
    }
    let mut replay = Replay::default();
    replay.push(bytes);
    replay.push(bytes);
    let report = replay.finish(&checkpoint(), Some(u64::MAX));
    assert_eq!(report.entries, 2);
    assert!(!report.findings.is_empty(), "no two entries have that root");
}

/// Signed notes, checkpoints and verifier keys: what is accepted has one spelling, and nothing that
/// the key did not sign is accepted.
pub fn signed_note(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(note) = Note::parse(text) {
        assert!(text.starts_with(note.unverified_text()));
        assert!(note.unverified_text().ends_with('\n'));
        // A fuzzer does not forge Ed25519: what is accepted was signed here, to the byte.
        if let Ok(signed) = note.verify(&signer().verifier()) {
            assert_eq!(signed.text, checkpoint().text());
        }
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), text, "a second spelling");
    }
    if let Ok(verifier) = Verifier::parse(text) {
        assert_eq!(verifier.to_string(), text.trim(), "a second spelling");
    }
}

/// A receipt: one value has one spelling; and what it leads to is taken apart without a panic.
pub fn receipt(bytes: &[u8]) {
    let Ok(receipt) = Receipt::decode(bytes) else { return };
    assert_eq!(receipt.encode(), bytes, "a second spelling");
    let service = include_str!("../../crates/tlog/vectors/service.pub");
    let service = Verifier::parse(service).expect("the vectors' key");
    if let Ok(verified) = receipt.verify(&service) {
        assert!(verified.index < verified.checkpoint.size);
    }
}

/// The files of a log: every file is these bytes, but for the checkpoint.
pub fn log_files(bytes: &[u8]) {
    if let Some(entries) = tile::entries(bytes) {
        let mut again = Vec::new();
        entries.iter().for_each(|entry| tile::push_entry(&mut again, entry));
        assert_eq!(again, bytes, "a second spelling");
    }
    if let Some(hashes) = tile::hashes(bytes) {
        assert_eq!(hashes.len() * 32, bytes.len());
    }
    let files = AllTheSame { checkpoint: checkpoint().sign(&signer()), other: bytes };
    let audit = audit(&files, &signer().verifier(), &Question::default());
    let audit = audit.expect("the checkpoint is good");
    let verified = audit.report.findings.is_empty() && audit.missing.is_empty();
    assert!(!verified, "a forged log");
}

/// A bearer token: nobody but the issuer makes one.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(presented) = Presented::parse(text) else { return };
    let keys = issuer();
    // Whatever name it gives its key, the issuer's only key is not it or did not sign it.
    for id in [presented.key_id(), "k"] {
        if let Lookup::Found(key) = keys.lookup(id, 0) {
            let presented = Presented::parse(text).expect("it was parsed before");
            assert!(presented.verify(key, 1_764_000_000).is_err(), "a forged token");
        }
    }
}

/// The keys that an issuer serves.
pub fn key_set(bytes: &[u8]) {
    let Ok(set) = KeySet::parse(bytes) else { return };
    let mut keys = issuer();
    keys.fetched(set, 0);
    assert!((1..=KeySet::KEYS_MAX).contains(&keys.len()), "too few, or too many");
}

/// An issuer with one key, which nobody here can sign with.
fn issuer() -> Keys {
    let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47".parse().expect("a GUID");
    let tenants = BTreeMap::from([(tenant, "contoso".to_owned())]);
    let audiences = vec!["api://bailiwick".to_owned()];
    let trust = Trust::new("https://login.example.com".to_owned(), audiences, tenants, 300);
    let mut keys = Keys::new(trust.expect("it trusts somebody"), Patience::default());
    let jwks = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    keys.fetching(0);
    keys.fetched(KeySet::parse(jwks).expect("a key"), 0);
    keys
}

struct AllTheSame<'a> {
    checkpoint: String,
    other: &'a [u8],
}

impl Files for AllTheSame<'_> {
    type Error = std::convert::Infallible;

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(Some(match path {
            "checkpoint" => self.checkpoint.clone().into_bytes(),
            _ => self.other.to_vec(),
        }))
    }
}

fn signer() -> Signer {
    Signer::new("log.example/demo", &[7; 32]).expect("a name")
}

/// A checkpoint of 300 entries with a root that no entries have.
fn checkpoint() -> Checkpoint {
    Checkpoint { origin: "log.example/demo".to_owned(), size: 300, root: Digest([7; 32]) }
}
