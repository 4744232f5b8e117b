//! Runs every vector in `vectors/`; the README there describes their format.

use std::{fs, path::Path};

use policy::{
    authz::facts::{ObjectFacts, ResourceFacts},
    id::{KeyId, ObjectId, PersonId, RequestId, ResourceId, TenantId, WorkloadId},
    object::{Class, Owner},
    principal::KeyName,
};
use sha2::{Digest as _, Sha256};

use crate::{
    custody::{self, Request, Response},
    keys::{DIRECTORY, Expected, KeyDirectory, KeyEntry},
    object,
    seal::{self, Label, SealedRecord, SealedSpan},
};

#[test]
fn every_vector_is_judged_as_its_name_says() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let (mut good, mut bad) = (0, 0);
    let kinds = [
        "sealed-record",
        "wrapped-key",
        "object-head",
        "object-body",
        "custodian-request",
        "custodian-response",
    ];
    for kind in kinds {
        for file in fs::read_dir(home.join(kind)).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_stem().unwrap().to_str().unwrap();
            let expected = name.starts_with("good-");
            assert!(expected || name.starts_with("bad-"), "{}", file.display());
            assert_eq!(is_good(kind, &decoded(&file)), expected, "{}", file.display());
            if expected { good += 1 } else { bad += 1 }
        }
    }
    assert!(good >= 10 && bad >= 2 * good, "{good} good and {bad} bad vectors");
}

fn decoded(file: &Path) -> Vec<u8> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let digits: Vec<_> = lines.flat_map(str::chars).filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

fn is_good(kind: &str, bytes: &[u8]) -> bool {
    match kind {
        "sealed-record" => opens(&mut Parts(bytes)),
        "wrapped-key" => unwraps(&mut Parts(bytes)),
        "object-head" => head_opens(&mut Parts(bytes)),
        "object-body" => body_opens(&mut Parts(bytes)),
        "custodian-request" => messages::<Request>(bytes),
        "custodian-response" => messages::<Response>(bytes),
        other => panic!("no such kind of vector: {other}"),
    }
}

/// Reads the fields of a vector, in order.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        self.next(N).try_into().unwrap()
    }

    fn next(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    /// Reads a field with its length in front.
    fn sized(&mut self) -> Vec<u8> {
        let length = u32::from_be_bytes(self.take());
        self.next(usize::try_from(length).unwrap()).to_vec()
    }
}

fn opens(parts: &mut Parts<'_>) -> bool {
    let private = parts.take();
    let key = KeyId::from_random(parts.take());
    let tenant = TenantId::from_random(parts.take());
    let deadline_ms = u64::from_be_bytes(parts.take());
    let request = RequestId::from_random(parts.take());
    let resource = ResourceId::from_random(parts.take());
    let position = u32::from_be_bytes(parts.take());
    let digest: [u8; 32] = parts.take();
    let span = SealedSpan { key, tenant, deadline_ms, bytes: parts.sized() };
    let record = SealedRecord { key, deadline_ms, position, bytes: parts.sized() };
    seal::open(&private, &span, &record, &Label { request, resource })
        .is_ok_and(|content| <[u8; 32]>::from(Sha256::digest(&content)) == digest)
}

/// Reads an object: its key, its facts and its revision.
fn object(parts: &mut Parts<'_>) -> ([u8; 32], ObjectFacts, u64) {
    let key = parts.take();
    let object = ObjectId::from_random(parts.take());
    let [class] = parts.take();
    let class = Class::ALL[usize::from(class)];
    let (tenant, resource) =
        (TenantId::from_random(parts.take()), ResourceId::from_random(parts.take()));
    let ([kind], id) = (parts.take(), parts.take());
    let owner = match kind {
        0 => Owner::Key(KeyName::Key1),
        1 => Owner::Key(KeyName::Key2),
        2 => Owner::Person(PersonId::from_random(id)),
        _ => Owner::Workload(WorkloadId::from_random(id)),
    };
    let [shared] = parts.take();
    let of = ResourceFacts { tenant, resource };
    let facts = ObjectFacts { of, object, class, owner, shared: shared == 1 };
    (key, facts, u64::from_be_bytes(parts.take()))
}

fn head_opens(parts: &mut Parts<'_>) -> bool {
    let (key, facts, revision) = object(parts);
    let (content, sealed) = (parts.sized(), parts.sized());
    object::seal::open_head(&key, &facts, revision, &sealed)
        .is_ok_and(|(head, _)| head.reveal() == content)
}

fn body_opens(parts: &mut Parts<'_>) -> bool {
    let (key, facts, revision) = object(parts);
    let (length, digest): ([u8; 8], [u8; 32]) = (parts.take(), parts.take());
    let (head, file) = (parts.sized(), parts.sized());
    let Ok((_, Some(commitment))) = object::seal::open_head(&key, &facts, revision, &head) else {
        return false;
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(object::body::path(folder.path(), facts.object), file).unwrap();
    let reader = object::body::Reader::open(folder.path(), &key, &facts, commitment);
    let Ok(reader) = reader else { return false };
    let mut body = Vec::new();
    loop {
        let Ok(piece) = reader.read(body.len() as u64) else { return false };
        if piece.reveal().is_empty() {
            break;
        }
        body.extend_from_slice(piece.reveal());
    }
    body.len() as u64 == u64::from_be_bytes(length)
        && <[u8; 32]>::from(Sha256::digest(&body)) == digest
        && tlog::entry::commit(&commitment.salt, &body) == commitment.digest
}

fn unwraps(parts: &mut Parts<'_>) -> bool {
    use std::os::unix::fs::OpenOptionsExt as _;
    let (kek, private): ([u8; 32], [u8; 32]) = (parts.take(), parts.take());
    let name = String::from_utf8(parts.sized()).unwrap();
    let wrapped = parts.sized();
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("keys");
    drop(KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap());
    let write = |path: &Path, bytes: &[u8]| {
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        std::io::Write::write_all(&mut file.unwrap(), bytes).unwrap();
    };
    let Some(entry) = KeyEntry::parse(&name) else { return false };
    write(&home.join("tenants").join(format!("{}.kek", entry.tenant)), &kek);
    write(&home.join("records").join(&name), &wrapped);
    let keys = KeyDirectory::open(&home, Expected::New(DIRECTORY)).unwrap();
    keys.private_key(&entry).is_ok_and(|key| *key == private)
}

/// Returns whether the bytes are one or more complete messages, and nothing else.
fn messages<T: for<'b> minicbor::Decode<'b, ()> + minicbor::Encode<()>>(mut bytes: &[u8]) -> bool {
    let mut count = 0;
    loop {
        match custody::read::<T>(&mut bytes) {
            Ok(Some(_)) => count += 1,
            Ok(None) => return count > 0,
            Err(_) => return false,
        }
    }
}
