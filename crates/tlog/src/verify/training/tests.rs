use alloc::{string::ToString as _, vec::Vec};

use super::*;

const JOB: [u8; 16] = [7; 16];

fn settings() -> Settings {
    Settings { epochs: 3, batch_size: 4, learning_rate: 1, rank: 8, alpha: 2, seed: 5 }
}

fn started(training: u8, trainer: u8) -> Event {
    Event::TrainingStarted {
        job: ObjectId::from_random(JOB),
        tenant: TenantId::from_random([1; 16]),
        base: Digest([2; 32]),
        training: Digest([training; 32]),
        validation: None,
        settings: settings(),
        trainer: Digest([trainer; 32]),
    }
}

fn trained(adapter: u8, epochs: u32) -> Event {
    let (job, adapter) = (ObjectId::from_random(JOB), Digest([adapter; 32]));
    Event::Trained { job, adapter, epochs, kernel: Some("fma".to_string()) }
}

fn found(events: &[Event]) -> (usize, usize) {
    let (mut trainings, mut found) = (Trainings::default(), Found::default());
    events.iter().for_each(|event| trainings.entry(event, &mut found));
    (found.wrong.len(), found.notices.len())
}

#[test]
fn an_adapter_comes_out_of_a_job_that_started() {
    let good: Vec<_> =
        [started(3, 4), trained(5, 1), started(3, 4), trained(5, 1), trained(6, 2), trained(7, 3)]
            .into();
    assert_eq!(found(&good), (0, 0));
    assert_eq!(found(&[trained(5, 1)]), (1, 0), "never started");
    assert_eq!(found(&[started(3, 4), trained(5, 4)]), (1, 0), "too many epochs");
    assert_eq!(found(&[started(3, 4), trained(5, 0)]), (1, 0), "no epoch");
    assert_eq!(found(&[started(3, 4), trained(5, 1), trained(6, 1)]), (1, 0), "two adapters");
}

#[test]
fn a_job_reads_the_same_files_from_its_start_to_its_end() {
    assert_eq!(found(&[started(3, 4), started(9, 4)]), (1, 0), "another file");
    assert_eq!(found(&[started(3, 4), started(3, 9)]), (0, 1), "another program");
}
