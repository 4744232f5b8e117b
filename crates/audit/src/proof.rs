//! Checks single proofs: a checkpoint, the inclusion of an entry, and the consistency of two
//! checkpoints. The hashes of the tree follow RFC 9162.

use tlog::{
    canon::Digest,
    checkpoint::{BadCheckpoint, Checkpoint},
    note::{BadNote, Verifier},
    tree::{continues, includes, leaf_hash},
    verify::plural,
};

use crate::{
    Failure,
    keys::{cosigned, wrong_key},
    report::Report,
};

/// Checks the signatures of the service and of witnesses on a checkpoint. Returns the checkpoint if
/// the service's signature is good.
///
/// # Errors
/// If the note is not a checkpoint, or is from another service.
pub fn checkpoint(
    report: &mut Report,
    service: &Verifier,
    note: &str,
    witnesses: &[String],
) -> Result<Option<Checkpoint>, Failure> {
    let found = signed(report, service, note, "checkpoint")?;
    if found.is_some() {
        cosigned(report, note, witnesses)?;
    }
    Ok(found)
}

/// Checks that an entry is in the log, at this index. `proof` holds the hashes from the leaf to the
/// root, 32 bytes each.
///
/// # Errors
/// If the note or the proof cannot be read, or the note is from another service.
pub fn inclusion(
    report: &mut Report,
    service: &Verifier,
    note: &str,
    (index, entry): (u64, &[u8]),
    proof: &[u8],
) -> Result<(), Failure> {
    let path = hashes(proof)?;
    let Some(Checkpoint { size, root, .. }) = signed(report, service, note, "checkpoint")? else {
        return Ok(());
    };
    let entries = plural(size, "entry", "entries");
    report.check(
        includes(leaf_hash(entry), index, size, &path, &root),
        &format!("entry {index} is in the tree of {entries} that the checkpoint signs"),
        &format!(
            "the proof does not show that entry {index} is in the tree of {entries} that the \
             checkpoint signs: the entry, its number or the proof is wrong"
        ),
    );
    Ok(())
}

/// Checks that a newer checkpoint continues an older one. `proof` holds the hashes of the
/// consistency proof, 32 bytes each.
///
/// # Errors
/// If a note or the proof cannot be read, or a note is from another service.
pub fn consistency(
    report: &mut Report,
    service: &Verifier,
    (older, newer): (&str, &str),
    proof: &[u8],
) -> Result<(), Failure> {
    let path = hashes(proof)?;
    let old = signed(report, service, older, "older checkpoint")?;
    let new = signed(report, service, newer, "checkpoint")?;
    let (Some(old), Some(new)) = (old, new) else { return Ok(()) };
    if old.origin != new.origin {
        return Err(Failure::unreadable(
            format!("the checkpoints are of two logs, `{}` and `{}`", old.origin, new.origin),
            "a restored service continues its log under a new name: verify the whole log instead",
        ));
    }
    let entries = plural(old.size, "entry", "entries");
    if old.size == new.size && old.root != new.root {
        report.failed(format!(
            "HISTORY WAS REWRITTEN: the service signed two logs of {entries}. Both checkpoints together \
             prove it"
        ));
        return Ok(());
    }
    report.check(
        continues((old.size, &old.root), (new.size, &new.root), &path),
        &format!("it continues the older checkpoint of {entries}"),
        &format!(
            "the proof does not show that it continues the older checkpoint of {entries}: ask for the \
             proof again, or verify the whole log, which finds out whether history was rewritten"
        ),
    );
    Ok(())
}

/// Checks the service's signature on a checkpoint, and reports the result. `None` if it is bad.
fn signed(
    report: &mut Report,
    service: &Verifier,
    note: &str,
    what: &str,
) -> Result<Option<Checkpoint>, Failure> {
    let error = match Checkpoint::verify_renamed(note, service) {
        Ok(found) => {
            let entries = plural(found.size, "entry", "entries");
            report.good(format!("the {what} of {entries} is signed"));
            return Ok(Some(found));
        }
        Err(error) => error,
    };
    if let Some(failure) = wrong_key(note, service, what) {
        return Err(failure);
    }
    match error {
        BadCheckpoint::Note(BadNote::BadSignature { name }) => report
            .failed(format!("the {what} was changed after {name} signed it, or its signature was")),
        BadCheckpoint::Note(BadNote::Unsigned { .. }) | BadCheckpoint::OtherLog { .. } => {
            report.failed(format!("the {what} is not signed: {error}"));
        }
        error => {
            return Err(Failure::unreadable(
                format!("the {what} cannot be read: {error}"),
                "it is damaged, or is not a checkpoint: fetch it again",
            ));
        }
    }
    Ok(None)
}

/// Splits a proof into its hashes.
fn hashes(proof: &[u8]) -> Result<Vec<Digest>, Failure> {
    let (hashes, rest) = proof.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() > HASHES_MAX {
        return Err(Failure::unreadable(
            format!("the proof has {} bytes, and a proof is hashes of 32 bytes", proof.len()),
            format!("give the hashes one after the other, {HASHES_MAX} at most"),
        ));
    }
    Ok(hashes.iter().map(|hash| Digest(*hash)).collect())
}

/// Maximum number of hashes in a proof: one for each level of the largest tree.
const HASHES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use tlog::{
        note::Signer,
        tree::{Frontier, node_hash},
    };

    use super::*;

    fn signer() -> Signer {
        Signer::new("log.example", &[1; 32]).unwrap()
    }

    /// Returns a checkpoint of a log in which each entry is its own index.
    fn note(size: u8) -> String {
        let mut tree = Frontier::default();
        (0..size).for_each(|n| tree.push(leaf_hash(&[n])));
        let (size, root) = (tree.size(), tree.root());
        Checkpoint { origin: "log.example".into(), size, root }.sign(&signer())
    }

    fn text(check: impl FnOnce(&mut Report, &Verifier) -> Result<(), Failure>) -> String {
        let mut report = Report::default();
        match check(&mut report, &signer().verifier()) {
            Ok(()) => report.json(),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn an_entry_is_shown_to_be_at_its_place_and_at_no_other() {
        let leaf = |n| leaf_hash(&[n]);
        let proof = [leaf(0).0, leaf(2).0].concat();
        let checked = |index, entry: &[u8], proof: &[u8]| {
            text(|report, service| inclusion(report, service, &note(3), (index, entry), proof))
        };
        let good = checked(1, &[1], &proof);
        assert!(good.contains("entry 1 is in the tree of 3 entries"), "{good}");
        for bad in [checked(0, &[1], &proof), checked(1, &[2], &proof), checked(1, &[1], &[])] {
            assert!(bad.contains("the proof does not show that entry"), "{bad}");
        }
        assert!(checked(1, &[1], &[0; 31]).contains("hashes of 32 bytes"));
    }

    #[test]
    fn a_checkpoint_continues_its_predecessor_and_no_other() {
        let leaf = |n| leaf_hash(&[n]);
        // From two entries to three: the third leaf.
        let checked = |older: &str, proof: &[u8]| {
            text(|report, service| consistency(report, service, (older, &note(3)), proof))
        };
        let good = checked(&note(2), &leaf(2).0);
        assert!(good.contains("it continues the older checkpoint of 2 entries"), "{good}");
        assert!(checked(&note(2), &leaf(1).0).contains("the proof does not show"));
        let root = node_hash(&leaf(7), &leaf(8));
        let fork = |size| Checkpoint { origin: "log.example".into(), size, root };
        let forked = checked(&fork(3).sign(&signer()), &[]);
        assert!(forked.contains("HISTORY WAS REWRITTEN"), "{forked}");
        assert!(checked(&fork(2).sign(&signer()), &leaf(2).0).contains("does not show"));
    }

    #[test]
    fn a_changed_checkpoint_and_a_foreign_one_are_told_apart() {
        let checked =
            |note: &str| text(|report, service| checkpoint(report, service, note, &[]).map(drop));
        assert!(checked(&note(3)).contains("the checkpoint of 3 entries is signed"));
        let changed = checked(&note(3).replace("\n3\n", "\n4\n"));
        assert!(changed.contains("was changed after log.example signed it"), "{changed}");
        let other = Signer::new("other.example", &[2; 32]).unwrap();
        let root = leaf_hash(&[0]);
        let foreign = Checkpoint { origin: "other.example".into(), size: 1, root }.sign(&other);
        assert!(checked(&foreign).contains("is from the service `other.example`"));
        assert!(checked("hello").contains("fetch it again"));
    }
}
