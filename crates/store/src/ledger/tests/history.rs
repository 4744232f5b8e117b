//! The log is read in order, wherever its entries are.

use super::*;

#[test]
fn every_entry_is_read_once_from_full_bundles_and_from_the_database() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let (ledger, _) = open(home.path(), clock).unwrap();
    let mut last = 0;
    for _ in 0..300 {
        last = commit(&ledger, ended(1, false, START_MS)).unwrap();
    }
    // From here on the first 256 entries are in a bundle alone.
    ledger.publish(last).unwrap();
    let newest = commit(&ledger, ended(2, false, START_MS)).unwrap();
    let store = Store::look(&home.path().join("data"), clock).unwrap().unwrap();
    let mut indices = Vec::new();
    let mut requests = 0;
    store
        .each_entry(|index, entry| {
            indices.push(index);
            requests += u64::from(matches!(entry.event, Event::Request { .. }));
        })
        .unwrap();
    assert_eq!(indices, (0..=newest).collect::<Vec<_>>());
    assert_eq!(requests, 301);
    let checkpoint = store.checkpoint().unwrap().unwrap();
    let checkpoint = Checkpoint::verify(&checkpoint, &signer().verifier()).unwrap();
    assert!(checkpoint.size > last && checkpoint.size <= newest + 1, "{checkpoint:?}");

    // A bundle that is gone is no shorter log.
    let bundle = home.path().join("data/log/tile/entries/000");
    std::fs::remove_file(&bundle).unwrap();
    assert!(store.each_entry(|_, _| ()).is_err());
}
