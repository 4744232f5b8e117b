use policy::{
    authz::{
        policies::{File, Policies},
        proof::{BUILT_IN, InForce, NotProved, Report, Unproved},
    },
    retention::clock::Reading,
};
use tlog::note::Signer;

use super::*;
use crate::{store::connect, tiles::unwitnessed};

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

/// A report on the policies above, made by hand from the one that is built in.
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
    assert!(in_force(&store).unwrap().told().proved);
    log(undecided);
    assert!(in_force(&store).unwrap().told().proved);
    log(refuted);
    assert_eq!(in_force(&store).unwrap_err(), NotProved::Broken { digest });
    log(undecided);
    assert_eq!(in_force(&store).unwrap_err(), NotProved::Broken { digest });
    log(|_| ());
    assert!(in_force(&store).unwrap().told().proved);
    let entry = store.proof_entry(digest).unwrap().unwrap();
    assert_eq!(entry, proof(|_| ()).event());
    assert_eq!(store.proof_entry(Digest([0; 32])).unwrap(), None);
}

/// An entry is found where it is: in the database, and later in a bundle that is full.
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
    let mut database = connect(home.path()).unwrap();
    tiles.publish(&mut database, (&signer, &unwitnessed()), 0).unwrap();
    let kept: u64 =
        database.query_row("SELECT min(idx) FROM log_entry", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, WIDTH, "the database has let go of the proof's entry");
    assert!(in_force(&store).unwrap().told().proved);
    // The table only says where to look: pointed at another entry, nothing is proved.
    database.execute("UPDATE proof SET idx = 1", []).unwrap();
    assert_eq!(in_force(&store).unwrap_err(), NotProved::Unasked { digest: mine().digest() });
}
