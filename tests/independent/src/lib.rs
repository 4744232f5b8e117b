//! Independent implementations read the output of `tlog`, and `tlog` reads theirs: Cloudflare's
//! `tlog_tiles` and `signed_note` (ports of Go's), Google's `coset`.
#![cfg(test)]
#![allow(unreachable_pub, dead_code, reason = "`common` serves the tests of `tlog`, too")]

#[path = "../../../crates/tlog/tests/common/mod.rs"]
mod common;

use std::convert::Infallible;

use common::{Numbers, Published, publish, root, signer};
use coset::{CoseSign1, TaggedCborSerializable as _};
use signed_note::{StandardVerifier, VerifierList};
use tlog::{
    canon::{self, Digest},
    checkpoint::Checkpoint,
    entry::{Entry, Event, commit},
    id::{KeyId, RequestId, ResourceId, TenantId},
    note::{Note, Verifier},
    receipt::{Claims, Customer, Facts, Filter, Outcome, PolicySet, Proof, Receipt, Stored, Terms},
    tile,
    tree::{self, Nodes, consistency_proof, continues, includes, inclusion_proof, leaf_hash},
};
use tlog_tiles::{Hash, HashReader, Tile, TileHashReader, TileReader};

fn theirs(hash: &Digest) -> Hash {
    Hash(hash.0)
}

fn ours(hash: &Hash) -> Digest {
    Digest(hash.0)
}

/// The hashes of all complete subtrees, lowest level first.
struct Leaves(Vec<Vec<Digest>>);

impl Leaves {
    fn of(entries: &[Vec<u8>]) -> Self {
        let mut levels = vec![entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>()];
        while let Some(row) = levels.last().filter(|row| row.len() > 1) {
            levels.push(row.chunks_exact(2).map(root).collect());
        }
        Self(levels)
    }

    fn leaf(&self, n: u64) -> Digest {
        self.node(0, n).unwrap()
    }

    fn root(&self, size: u64) -> Digest {
        tree::frontier(self, size).unwrap().root()
    }
}

impl Nodes for Leaves {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Digest, Infallible> {
        Ok(self.0[usize::from(level)][usize::try_from(index).unwrap()])
    }
}

impl HashReader for Leaves {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let hash = |index: &u64| {
            let (level, n) = tlog_tiles::split_stored_hash_index(*index);
            theirs(&self.node(level, n).unwrap())
        };
        Ok(indexes.iter().map(hash).collect())
    }
}

/// Their client reads our files. Their paths contain the tile's height, C2SP's do not.
impl TileReader for Published {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            let path = format!("tile/{}", tile.path().strip_prefix("tile/8/").unwrap());
            self.0.get(&path).cloned().ok_or(tlog_tiles::Error::InvalidTile)
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn entries(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_be_bytes().to_vec()).collect()
}

#[test]
fn roots_and_proofs_are_the_same() {
    let all = Leaves::of(&entries(130));
    for size in 1..=130_u64 {
        let ours_root = all.root(size);
        let their_root = tlog_tiles::tree_hash(size, &all).unwrap();
        assert_eq!(ours_root, ours(&their_root));
        for n in 0..size {
            let proof = inclusion_proof(&all, n, size).unwrap();
            let their_proof = tlog_tiles::prove_record(size, n, &all).unwrap();
            assert_eq!(proof, their_proof.iter().map(ours).collect::<Vec<_>>());
            let leaf = all.leaf(n);
            let checked =
                tlog_tiles::check_record(&their_proof, size, their_root, n, theirs(&leaf));
            assert!(checked.is_ok() && includes(leaf, n, size, &proof, &ours_root));

            let old = n + 1;
            let proof = consistency_proof(&all, old, size).unwrap();
            let their_proof = tlog_tiles::prove_tree(size, old, &all).unwrap();
            assert_eq!(proof, their_proof.iter().map(ours).collect::<Vec<_>>());
            let old_root = theirs(&all.root(old));
            let checked = tlog_tiles::check_tree(&their_proof, size, their_root, old, old_root);
            assert!(checked.is_ok());
            assert!(continues((old, &all.root(old)), (size, &ours_root), &proof));
        }
    }
}

/// Damaged proofs: both implementations refuse the same ones.
#[test]
fn damaged_proofs_are_judged_the_same() {
    let all = Leaves::of(&entries(70));
    let mut numbers = Numbers(20_261_125);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..4000 {
        let size = 1 + numbers.below(70);
        let n = numbers.below(size);
        let tree_root = all.root(size);
        let old_root = all.root(n + 1);
        let mut record = inclusion_proof(&all, n, size).unwrap();
        let mut prefix = consistency_proof(&all, n + 1, size).unwrap();
        let (mut told_n, mut told_size) = (n, size);
        for proof in [&mut record, &mut prefix] {
            match numbers.below(6) {
                0 => drop(proof.pop()),
                1 => proof.push(tree_root),
                2 if !proof.is_empty() => {
                    let at = usize::try_from(numbers.below(proof.len() as u64)).unwrap();
                    proof[at].0[0] ^= 1;
                }
                3 => proof.reverse(),
                _ => {}
            }
        }
        match numbers.below(4) {
            0 => told_n = numbers.below(size),
            1 => told_size = n + 1 + numbers.below(70),
            _ => {}
        }
        if told_n >= told_size {
            continue;
        }
        let leaf = all.leaf(n);
        let judged = includes(leaf, told_n, told_size, &record, &tree_root);
        let record = record.iter().map(theirs).collect();
        let root = theirs(&tree_root);
        let their = tlog_tiles::check_record(&record, told_size, root, told_n, theirs(&leaf));
        assert_eq!(judged, their.is_ok(), "leaf {told_n} of {told_size}");
        if judged {
            good += 1
        } else {
            bad += 1
        }

        let judged = continues((told_n + 1, &old_root), (told_size, &tree_root), &prefix);
        let prefix = prefix.iter().map(theirs).collect();
        let their = tlog_tiles::check_tree(&prefix, told_size, root, told_n + 1, theirs(&old_root));
        assert_eq!(judged, their.is_ok(), "{} to {told_size}", told_n + 1);
        if judged { good += 1 } else { bad += 1 }
    }
    assert!(good > 500 && bad > 500, "{good} good, {bad} bad");
}

#[test]
fn their_client_reads_and_authenticates_our_tiles() {
    for size in [1_u64, 255, 256, 257, 70_000] {
        let entries = entries(size);
        let files = publish(&entries);
        let note = String::from_utf8(files.0["checkpoint"].clone()).unwrap();
        let text = Note::parse(&note).unwrap().unverified_text().to_owned();
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).unwrap();
        assert_eq!(checkpoint.size(), size);
        // It refuses tiles that do not lead to the root in the checkpoint.
        let client = TileHashReader::new(size, *checkpoint.hash(), &files);
        for n in [0, size / 2, size - 1] {
            let proof = tlog_tiles::prove_record(size, n, &client).unwrap();
            let entry = &entries[usize::try_from(n).unwrap()];
            let leaf = leaf_hash(entry);
            assert_eq!(theirs(&leaf), tlog_tiles::record_hash(entry));
            let path: Vec<Digest> = proof.iter().map(ours).collect();
            assert!(includes(leaf, n, size, &path, &ours(checkpoint.hash())), "{n} of {size}");
        }
    }
}

#[test]
fn paths_are_the_same() {
    let mut numbers = Numbers(3);
    for _ in 0..2000 {
        let (level, bits) = (numbers.below(8), numbers.below(57));
        let (index, width) = (numbers.next() >> (63 - bits), 1 + numbers.below(256));
        let level = u8::try_from(level).unwrap();
        let tile = Tile::new(8, level, index, u32::try_from(width).unwrap(), false);
        let path = format!("tile/{}", tile.path().strip_prefix("tile/8/").unwrap());
        assert_eq!(tile::path(level, index, width), path);
    }
}

#[test]
fn signed_notes_and_checkpoints_are_the_same() {
    let verifier = signer().verifier();
    let theirs = StandardVerifier::new(&verifier.to_string()).unwrap();
    let known = VerifierList::new(vec![Box::new(theirs)]);
    let checkpoint =
        Checkpoint { origin: "log.example/demo".into(), size: 3, root: Digest([5; 32]) };
    let note = checkpoint.sign(&signer());
    let read = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    let (verified, unverified) = read.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let their_checkpoint = tlog_tiles::Checkpoint::from_bytes(read.text()).unwrap();
    assert_eq!(their_checkpoint.to_bytes(), checkpoint.text().as_bytes());

    // Without the witness's key, a witness's line is a signature by an unknown key.
    let cosigned = note.clone() + &signer().cosign(&checkpoint.text(), 1_764_000_000);
    let read = signed_note::Note::from_bytes(cosigned.as_bytes()).unwrap();
    let (verified, unverified) = read.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 1));

    // A bad signature that names a known key invalidates the note. In their implementation this
    // holds only if it comes first: they drop a key's second signature unread, and we do not.
    let other = Checkpoint { size: 4, ..checkpoint }.sign(&signer());
    let bad = other.rsplit("\n\n").next().unwrap();
    let before = note.replace("\n\n", &format!("\n\n{bad}"));
    let read = signed_note::Note::from_bytes(before.as_bytes()).unwrap();
    assert!(read.verify(&known).is_err());
    assert!(Checkpoint::verify(&note, &verifier).is_ok());
    for spoiled in [before, note + bad] {
        assert!(Checkpoint::verify(&spoiled, &verifier).is_err());
    }
}

/// Damaged notes. Our implementation may refuse more (all control characters, for example), but
/// accepts no note that theirs refuses.
#[test]
fn no_damaged_note_is_accepted_that_theirs_refuses() {
    let verifier = signer().verifier();
    let known =
        || VerifierList::new(vec![Box::new(StandardVerifier::new(&verifier.to_string()).unwrap())]);
    let checkpoint =
        Checkpoint { origin: "log.example/demo".into(), size: 3, root: Digest([5; 32]) };
    let note = checkpoint.sign(&signer()).into_bytes();
    let mut numbers = Numbers(9);
    let is_good_to_them = |bytes: &[u8]| {
        signed_note::Note::from_bytes(bytes).is_ok_and(|note| note.verify(&known()).is_ok())
    };
    for _ in 0..20_000 {
        let mut damaged = note.clone();
        for _ in 0..=numbers.below(2) {
            let at = usize::try_from(numbers.below(damaged.len() as u64)).unwrap();
            match numbers.below(4) {
                0 => drop(damaged.remove(at)),
                1 => damaged
                    .insert(at, b"\n\t +=A\xe2\xe2"[usize::try_from(numbers.below(8)).unwrap()]),
                2 => damaged[at] = u8::try_from(numbers.below(256)).unwrap(),
                _ => damaged.truncate(at.max(1)),
            }
        }
        let good = std::str::from_utf8(&damaged)
            .is_ok_and(|note| Checkpoint::verify(note, &verifier).is_ok());
        assert!(!good || is_good_to_them(&damaged), "{}", String::from_utf8_lossy(&damaged));
        assert!(!good || damaged == note, "a second spelling of the same checkpoint");
    }
}

/// Keys that signed_note accepts, and keys that it refuses.
#[test]
fn verifier_keys_are_judged_the_same() {
    let key = signer().verifier().to_string();
    assert!(StandardVerifier::new(&key).is_ok());
    for at in 0..key.len() {
        let mut damaged = key.clone().into_bytes();
        damaged[at] ^= 1;
        let Ok(damaged) = String::from_utf8(damaged) else { continue };
        let judged = Verifier::parse(&damaged).is_ok();
        assert!(!judged || StandardVerifier::new(&damaged).is_ok(), "{damaged}");
        assert!(!judged, "{damaged}");
    }
}

fn receipt() -> Receipt {
    let claims = Claims {
        terms: Terms {
            tenant: TenantId::from_random([1; 16]),
            resource: ResourceId::from_random([2; 16]),
            deployment: None,
            region_processed: "local".into(),
            region_stored: "local".into(),
            engine: "embedded".into(),
            model: Some(Digest([4; 32])),
            binary: Digest([5; 32]),
            configuration: Digest([6; 32]),
            filter: Filter::None,
            retention_days: 30,
            policies: Some(PolicySet { digest: Digest([10; 32]), proved: false }),
            ran: None,
            content_filter: None,
            adapter: None,
            personal: None,
            customer: Some(Customer { root: Digest([11; 32]), lockbox: true }),
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
            no_effect: Some(vec!["reasoning_effort".into(), "messages[2].cache_control".into()]),
            attempts: None,
            screened: None,
            objects: None,
            personal: None,
        },
    };
    let salt = [9; 16];
    let commitment = commit(&salt, &canon::encode(&claims));
    let entry = Entry::new(1_764_000_000_250, Event::Request { commitment }).encode();
    let mut all = entries(9);
    all.push(entry.clone());
    let leaves = Leaves::of(&all);
    let note = String::from_utf8(publish(&all).0["checkpoint"].clone()).unwrap();
    let path = inclusion_proof(&leaves, 9, 10).unwrap();
    let proof = Proof { salt, entry, index: 9, size: 10, path, checkpoint: note };
    Receipt::sign(&claims, proof, &signer())
}

/// A COSE library parses a receipt, finds the headers in the places that COSE defines, and verifies
/// it.
#[test]
fn a_receipt_is_cose() {
    let bytes = receipt().encode();
    let cose = CoseSign1::from_tagged_slice(&bytes).unwrap();
    assert_eq!(cose.clone().to_tagged_vec().unwrap(), bytes, "nothing was lost or respelled");
    let header = &cose.protected.header;
    let eddsa = coset::Algorithm::Assigned(coset::iana::Algorithm::EdDSA);
    assert_eq!(header.alg, Some(eddsa));
    assert_eq!(header.key_id, signer().verifier().key_id());
    let labels: Vec<_> = cose.unprotected.rest.iter().map(|(label, _)| label.clone()).collect();
    let expected = [396, -70_001, -70_002, -70_003].map(coset::Label::Int);
    assert_eq!(labels, expected);

    // Only the key's text comes from our code; coset builds the bytes for the signature check.
    let key = signer().verifier().to_string();
    let key = key.rsplit('+').next().unwrap();
    use base64::Engine as _;
    let key = base64::engine::general_purpose::STANDARD.decode(key).unwrap();
    let key = ed25519_dalek::VerifyingKey::from_bytes(key[1..].try_into().unwrap()).unwrap();
    let verified = cose.verify_signature(&[], |signature, signed| {
        key.verify_strict(signed, &ed25519_dalek::Signature::from_slice(signature).unwrap())
    });
    assert!(verified.is_ok());
}
