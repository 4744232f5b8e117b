use alloc::{string::ToString as _, vec};

use super::*;
use crate::tree::{Frontier, leaf_hash};

fn certificate() -> Certificate {
    Certificate {
        request: SubjectRequestId::from_random([1; 16]),
        tenant: TenantId::from_random([2; 16]),
        subject: commit(&[3; 16], b"alice"),
        started_ms: 5,
        finished_ms: 9,
        lines: vec![
            Line { place: Place::Records, found: 3, erased: 3, kept: None },
            Line { place: Place::Adapters, found: 1, erased: 0, kept: Some(Kept::CannotUnlearn) },
        ],
        entries: Entries::runs(&[4, 5, 6, 9]),
    }
}

fn signed(certificate: &Certificate) -> (Signed, Verifier) {
    let signer = Signer::new("log.example", &[1; 32]).unwrap();
    let event = Event::SubjectErased {
        request: certificate.request,
        tenant: certificate.tenant,
        certificate: certificate.digest(),
    };
    let entry = Entry::new(9, event).encode();
    let before = leaf_hash(b"an entry before");
    let mut frontier = Frontier::default();
    frontier.push(before);
    frontier.push(leaf_hash(&entry));
    let checkpoint = Checkpoint { origin: "log.example".into(), size: 2, root: frontier.root() };
    let checkpoint = checkpoint.sign(&signer);
    let proof = Proof { entry, index: 1, size: 2, path: vec![before], checkpoint };
    (Signed::sign(certificate, proof, &signer), signer.verifier())
}

#[test]
fn a_certificate_is_good_as_it_was_made() {
    let (signed, service) = signed(&certificate());
    let read = Signed::decode(&signed.encode()).unwrap();
    let verified = read.verify(&service).unwrap();
    assert_eq!(verified.certificate, certificate());
    assert!(verified.certificate.is_about("alice", &[3; 16]));
    assert!(!verified.certificate.is_about("bob", &[3; 16]));
    assert!(!verified.certificate.is_about("alice", &[4; 16]));
}

#[test]
fn every_changed_byte_of_a_certificate_is_found() {
    let (signed, service) = signed(&certificate());
    let bytes = signed.encode();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let good = Signed::decode(&changed).is_ok_and(|read| read.verify(&service).is_ok());
        assert!(!good, "byte {at}");
    }
}

#[test]
fn a_certificate_of_another_service_or_another_entry_is_refused() {
    let (mut signed, service) = signed(&certificate());
    let other = Signer::new("log.example", &[2; 32]).unwrap().verifier();
    let name = "log.example".to_string();
    assert_eq!(signed.verify(&other), Err(BadCertificate::Signature { name }));
    let event = Event::SubjectErased {
        request: SubjectRequestId::from_random([9; 16]),
        tenant: TenantId::from_random([2; 16]),
        certificate: certificate().digest(),
    };
    signed.proof.entry = Entry::new(9, event).encode();
    assert_eq!(signed.verify(&service), Err(BadCertificate::Entry));
}

#[test]
fn numbers_that_follow_each_other_are_one_run() {
    let runs = Entries::runs(&[1, 2, 3, 7, 9, 10]);
    assert_eq!(runs.len(), 3);
    let numbers: Vec<u64> = runs.iter().flat_map(Entries::numbers).collect();
    assert_eq!(numbers, [1, 2, 3, 7, 9, 10]);
    assert_eq!(Entries::runs(&[]), vec![]);
}
