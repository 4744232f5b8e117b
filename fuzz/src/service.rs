//! Properties of everything but requests: the protocols, the log, receipts and tokens.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock},
};

use engine::{
    protocol::{BadFrame, FrameReader, FromWorker, ToWorker, decode, encode},
    request::Event,
};
use policy::{
    id::KeyDirectoryId,
    retention::clock::Reading,
    token::{KeySet, Keys, Lookup, Patience, Presented, Trust},
};
use serde::{Serialize, de::DeserializeOwned};
use store::{custody, keys::Expected};
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::Entry,
    note::{Note, Signer, Verifier},
    receipt::Receipt,
    tile,
    verify::{Files, Question, Replay, audit},
};
use upstream::{
    Failure,
    read::{self, Expect, Form, Stream},
};
use zeroize::Zeroizing;

/// Checks that a decoded message survives encoding and decoding, and that a stream of bytes gives
/// the same messages in any pieces.
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

/// Returns all messages in the pieces, encoded again, and the error that ended the stream.
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

/// Checks both directions of the worker protocol.
pub fn worker_protocol(bytes: &[u8]) {
    message::<ToWorker>(bytes);
    message::<FromWorker>(bytes);
}

/// Checks both directions of the custodian's protocol. For any request, the custodian opens and
/// reseals no record and accepts no checkpoint: no grant and no checkpoint is signed by the log's
/// key, and there is no key that a span could be sealed to.
pub fn custodian_protocol(bytes: &[u8]) {
    canonical::<custody::Response>(bytes);
    for request in canonical::<custody::Request>(bytes) {
        match &request {
            custody::Request::Open { .. }
            | custody::Request::OpenOwn { .. }
            | custody::Request::Reseal { .. }
            // The key does not exist.
            | custody::Request::Destroy { .. }
            | custody::Request::ObjectKey(_)
            // No search is in a log that the key signed.
            | custody::Request::FindSubject { .. }
            // No checkpoint was seen.
            | custody::Request::Pinned
            | custody::Request::Succeed { .. }
            | custody::Request::See(_) => {
                let answer = custodian().lock().expect("no panic").handle(request, READING);
                assert!(matches!(answer, custody::Response::Refused(_)), "{answer:?}");
            }
            // These make keys, list keys, or destroy the keys of the last run.
            custody::Request::PublicKey { .. }
            | custody::Request::Successor(_)
            | custody::Request::DestroyDue
            | custody::Request::Keys
            | custody::Request::Destroyed
            | custody::Request::Damaged
            // The same for keys of objects.
            | custody::Request::NewObjectKeys { .. }
            | custody::Request::DestroyObjectKeys(_)
            | custody::Request::ObjectKeys(_)
            | custody::Request::MoveObjectKey(_)
            | custody::Request::TenantKey(_)
            // The same for keys of the subject index.
            | custody::Request::SubjectKey(_)
            | custody::Request::DestroySubjectKey(_) => {}
        }
    }
}

/// Returns the messages in a stream of bytes, and checks that they encode to the same bytes.
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
        let directory = Expected::New(KeyDirectoryId::from_random([1; 16]));
        let started = custody::Custodian::start((&folder, directory), trust, READING);
        Mutex::new(started.expect("a key directory").0)
    })
}

/// Checks that an entry of the log has only one encoding, and that a replay accepts any bytes.
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

/// Checks that signed notes, checkpoints and verifier keys have only one encoding, and that a note
/// is accepted only if the key signed it.
pub fn signed_note(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(note) = Note::parse(text) {
        assert!(text.starts_with(note.unverified_text()));
        assert!(note.unverified_text().ends_with('\n'));
        // A fuzzer cannot forge Ed25519, so an accepted note is exactly the one signed here.
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

/// Checks that a receipt has only one encoding, and that its verification does not panic.
pub fn receipt(bytes: &[u8]) {
    let Ok(receipt) = Receipt::decode(bytes) else { return };
    assert_eq!(receipt.encode(), bytes, "a second spelling");
    let service = include_str!("../../crates/tlog/vectors/service.pub");
    let service = Verifier::parse(service).expect("the vectors' key");
    if let Ok(verified) = receipt.verify(&service) {
        assert!(verified.index < verified.checkpoint.size);
    }
}

/// Audits a log in which every file has these bytes, except for the checkpoint.
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

/// Checks that the answer of an engine gives the same events in any pieces, in their order, and no
/// more than the request allows.
pub fn engine_answer(bytes: &[u8]) {
    // Neither panics. The error's status comes first.
    drop(read::embeddings(bytes, 2));
    if let Some((status, body)) = bytes.split_first_chunk() {
        drop(read::failure(u16::from_be_bytes(*status), None, body));
    }
    for form in [Form::Chat, Form::Completion] {
        let whole = answer(form, &[bytes]);
        for at in [1, 7, bytes.len() / 2] {
            let (first, rest) = bytes.split_at(at.min(bytes.len()));
            assert!(answer(form, &[first, rest]) == whole, "cut at {at}");
        }
    }
}

/// Returns the events of an answer in these pieces, as their `Debug` shows them, and its failure.
fn answer(form: Form, pieces: &[&[u8]]) -> (Vec<String>, Option<Failure>) {
    let expect = Expect {
        form,
        model: None,
        choices: 2,
        tokens_max: Some(8),
        total_tokens_max: Some(64),
        prompt_tokens: 3,
        logprobs: Some(2),
        tools: true,
        event_bytes_max: 4096,
    };
    let mut stream = Stream::new(expect);
    let pushed = pieces.iter().try_for_each(|piece| stream.push(piece));
    let failure = pushed.and_then(|()| stream.end()).err();
    let (mut events, mut finished, mut bytes) = (Vec::new(), [false; 2], 0);
    while let Some(event) = stream.next_event() {
        let first = events.is_empty();
        assert_eq!(first, matches!(event, Event::Accepted { .. }), "`Accepted` comes first");
        match &event {
            Event::Delta { choice, text, .. }
            | Event::Reasoning { choice, text }
            | Event::ToolArguments { choice, text, .. } => {
                assert!(!finished[*choice as usize], "text after the end");
                bytes += text.0.len();
            }
            Event::ToolStart { choice, .. } => assert!(!finished[*choice as usize]),
            Event::Finished { choice, .. } => {
                assert!(!std::mem::replace(&mut finished[*choice as usize], true), "ended twice");
            }
            Event::Counted {
                prompt_tokens,
                cached_tokens,
                completion_tokens,
                reasoning_tokens,
            } => {
                assert!(cached_tokens <= prompt_tokens && reasoning_tokens <= completion_tokens);
            }
            Event::Done => assert!(failure.is_none() && finished == [true; 2], "all have ended"),
            Event::Accepted { .. } => {}
            Event::Embedding { .. }
            | Event::Judged { .. }
            | Event::Words { .. }
            | Event::Read { .. }
            | Event::Failed(_) => unreachable!("no event of a text"),
        }
        events.push(format!("{event:?}"));
    }
    assert_eq!(stream.is_done(), failure.is_none());
    // Twice and 16 tokens for each of two choices, of 512 bytes each.
    assert!(bytes <= 2 * (8 * 2 + 16) * 512, "more text than allowed");
    (events, failure)
}

/// Checks that only the issuer can make a bearer token.
pub fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(presented) = Presented::parse(text) else { return };
    let keys = issuer();
    // For any key id in the token, verification with the issuer's only key must fail.
    for id in [presented.key_id(), "k"] {
        if let Lookup::Found(key) = keys.lookup(id, 0) {
            let presented = Presented::parse(text).expect("it was parsed before");
            assert!(presented.verify(key, 1_764_000_000).is_err(), "a forged token");
        }
    }
}

/// Checks the limits of a key set from an issuer.
pub fn key_set(bytes: &[u8]) {
    let Ok(set) = KeySet::parse(bytes) else { return };
    let mut keys = issuer();
    keys.fetched(set, 0);
    assert!((1..=KeySet::KEYS_MAX).contains(&keys.len()), "too few, or too many");
}

/// An issuer with one key, whose private key is unknown here.
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

/// A checkpoint of 300 entries, with a root that no entries can have.
fn checkpoint() -> Checkpoint {
    Checkpoint { origin: "log.example/demo".to_owned(), size: 300, root: Digest([7; 32]) }
}
