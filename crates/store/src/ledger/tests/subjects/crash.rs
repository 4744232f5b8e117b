//! A service that is killed after any step of an erasure goes on with it at its next start.

use super::*;
use crate::ledger::subjects::erase::Step;

#[test]
fn an_erasure_goes_on_after_a_stop_at_any_step() {
    for stop_at in [Step::Records, Step::Gone, Step::Removed] {
        clock!(clock);
        let home = tempfile::tempdir().unwrap();
        let (officer, user) = (Officer::new(TENANT), User::new(7));
        {
            let (ledger, _) = open(home.path(), clock).unwrap();
            for n in 0..4 {
                record(&ledger, n, "alice");
            }
            let response = user.keep(&ledger.objects(), Class::Response, 10);
            let about = About::Subject(subject("alice"));
            ledger.subjects().index(&response.facts, &about).unwrap();
            // What `erase` does, up to a step.
            let erase = officer.erasing(1, "alice");
            ledger.subjects().begin_for_tests(&erase, Files::Keep, &mut |step| step != stop_at);
        }
        settle(home.path());
        let (ledger, _) = open(home.path(), clock).unwrap();
        let certified = within_a_minute(|| {
            let progress = ledger.subjects().erasure(officer.may::<FindSubject>(), asked(1));
            match progress.unwrap().unwrap() {
                Erasure::Done(certified) => Some(certified),
                Erasure::Pending(_) => None,
            }
        });
        let line = |place| certified.certificate.lines.iter().find(|l| l.place == place).unwrap();
        assert_eq!((line(Place::Records).found, line(Place::Records).erased), (4, 4));
        assert_eq!(line(Place::Responses).erased, 1);
        assert!(officer.find(&ledger, "alice").unwrap().is_empty(), "{stop_at:?}");
        let database = Database::open(&home.path().join("data")).unwrap();
        assert_eq!(database.count("erasure_hash"), 0, "no hash of the name is left");
        assert_eq!(audit(&ledger).findings, vec![]);
    }
}
