use policy::{
    authz::{
        policies::{File, Policies},
        proof::{BUILT_IN, InForce, NotProved, Report, Unproved},
    },
    retention::clock::Reading,
};
use tlog::note::Signer;

use super::*;
use crate::{sqlite::Database, tiles::unwitnessed};

const MINE: File<'static> = File {
    name: "site.cedar",
    text: "@id(\"site\")\nforbid (principal, action == Action::\"embed\", resource);",
};

fn clock() -> Reading {
    Reading { wall_ms: 1_764_000_000_000, boot: [1; 16], boottime_ms: 5 }
}

fn mine() -> Policies {
    Policies::with(&[MINE]).unwrap()
}

/// A report on the policies above, derived from the built-in report.
fn proof(change: fn(&mut Report)) -> Proof {
    let mut report: Report = serde_json::from_str(BUILT_IN).unwrap();
    report.digest = mine().digest();
    change(&mut report);
    Proof::read(&serde_json::to_string(&report).unwrap(), &mine()).unwrap()
}

fn refuted(report: &mut Report) {
    report.outcome = ProofOutcome::Refuted;
    report.promises[0].proved = false;
}

fn undecided(report: &mut Report) {
    report.outcome = ProofOutcome::Undecided;
    report.undecided = Some("cvc5 gave up".to_owned());
}

fn in_force(store: &Store) -> Result<InForce, NotProved> {
    let logged = store.proof_entry(mine().digest()).unwrap();
    InForce::check(mine(), logged.as_ref(), Unproved::Refuse)
}

#[test]
fn what_was_decided_last_counts() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), clock).unwrap();
    let digest = mine().digest();
    let log = |change| store.log_proof(&proof(change)).unwrap();
    assert_eq!(in_force(&store).unwrap_err(), NotProved::Unasked { digest });
    assert_eq!(log(undecided), 0);
    assert_eq!(in_force(&store).unwrap_err(), NotProved::Undecided { digest });
    assert_eq!(log(|_| ()), 1);
    assert!(in_force(&store).unwrap().policy_set().proved);
    log(undecided);
    assert!(in_force(&store).unwrap().policy_set().proved);
    log(refuted);
    assert_eq!(in_force(&store).unwrap_err(), NotProved::Broken { digest });
    log(undecided);
    assert_eq!(in_force(&store).unwrap_err(), NotProved::Broken { digest });
    log(|_| ());
    assert!(in_force(&store).unwrap().policy_set().proved);
    let entry = store.proof_entry(digest).unwrap().unwrap();
    assert_eq!(entry, proof(|_| ()).event());
    assert_eq!(store.proof_entry(Digest([0; 32])).unwrap(), None);
}

/// The entry is read from the database, and later from a full bundle.
#[test]
fn a_proof_is_read_from_the_log_itself() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), clock).unwrap();
    store.log_proof(&proof(|_| ())).unwrap();
    let filler = |store: &Store| {
        let repair = tlog::entry::Repair::Tiles;
        let push = |count| {
            store.change(|_, log| log.push(Event::Repaired { repair, count }).map(drop)).unwrap();
        };
        (0..WIDTH).for_each(push);
    };
    filler(&store);
    let tiles = Tiles::open(&home.path().join("log")).unwrap();
    let signer = Signer::new("log.example", &[1; 32]).unwrap();
    let mut database = Database::open(home.path()).unwrap();
    tiles.publish(&mut database, (&signer, &unwitnessed()), 0).unwrap();
    assert_eq!(
        database.first_entry().unwrap(),
        Some(WIDTH),
        "the database has let go of the proof's entry"
    );
    assert!(in_force(&store).unwrap().policy_set().proved);
    // The table has only the entry's index: another entry at that index proves nothing.
    database.tamper("UPDATE proof SET idx = 1", []);
    assert_eq!(in_force(&store).unwrap_err(), NotProved::Unasked { digest: mine().digest() });
}
