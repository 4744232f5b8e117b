use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    entry::{Entry, Event, commit},
    erasure::{Certificate, Entries, Kept, Proof},
    id::{SubjectRequestId, TenantId},
    note::Signer,
    tree::{Frontier, leaf_hash},
};

use super::*;
use crate::{Folder, report::Verdict};

fn certificate() -> Certificate {
    let line = |place| Line { place, found: 0, erased: 0, kept: None };
    Certificate {
        request: SubjectRequestId::from_random([1; 16]),
        tenant: TenantId::from_random([2; 16]),
        subject: commit(&[3; 16], b"alice"),
        started_ms: 5,
        finished_ms: 9,
        lines: Place::ALL.map(line).to_vec(),
        entries: Entries::runs(&[]),
    }
}

fn signed(certificate: &Certificate) -> (Vec<u8>, Verifier) {
    let signer = Signer::new("log.example", &[1; 32]).unwrap();
    let (request, tenant) = (certificate.request, certificate.tenant);
    let digest: Digest = certificate.digest();
    let event = Event::SubjectErased { request, tenant, certificate: digest };
    let entry = Entry::new(9, event).encode();
    let mut frontier = Frontier::default();
    frontier.push(leaf_hash(&entry));
    let checkpoint = Checkpoint { origin: "log.example".into(), size: 1, root: frontier.root() };
    let checkpoint = checkpoint.sign(&signer);
    let proof = Proof { entry, index: 0, size: 1, path: Vec::new(), checkpoint };
    (Signed::sign(certificate, proof, &signer).encode(), signer.verifier())
}

fn verdict(certificate: &Certificate, subject: Option<(&str, [u8; 16])>) -> Verdict {
    let (bytes, service) = signed(certificate);
    let mut report = Report::default();
    let against: Against<'_, Folder> = Against { subject, log: None };
    check(&mut report, &service, &bytes, &against).unwrap();
    report.verdict()
}

#[test]
fn a_certificate_verifies_offline_for_the_right_name_only() {
    let good = certificate();
    assert_eq!(verdict(&good, None), Verdict::Verified);
    assert_eq!(verdict(&good, Some(("alice", [3; 16]))), Verdict::Verified);
    assert_eq!(verdict(&good, Some(("bob", [3; 16]))), Verdict::Failed);
    assert_eq!(verdict(&good, Some(("alice", [4; 16]))), Verdict::Failed);
}

#[test]
fn a_certificate_that_leaves_something_out_fails() {
    let mut missing = certificate();
    missing.lines.pop();
    assert_eq!(verdict(&missing, None), Verdict::Failed);
    let mut silent = certificate();
    silent.lines[4].found = 1;
    assert_eq!(verdict(&silent, None), Verdict::Failed);
    silent.lines[4].kept = Some(Kept::FileAsked);
    assert_eq!(verdict(&silent, None), Verdict::Verified);
}
