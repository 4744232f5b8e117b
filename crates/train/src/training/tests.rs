use super::*;
use crate::{
    kernel::Plain,
    model::tests::sequence,
    testing::{Small, plain},
};

fn plan() -> Plan {
    Plan { epochs: 3, batch: 2, rate: 1e-2, rank: 2, alpha: 4.0, seed: 5, keep: usize::MAX }
}

fn examples(first: u64, count: u64) -> Vec<Example> {
    (first..first + count).map(|seed| vec![sequence(6 + (seed % 4) as usize, seed)]).collect()
}

fn run(training: &mut Training<'_>, until: u32) -> Vec<Report> {
    let mut reports = Vec::new();
    while training.done() < until {
        reports.push(training.step().unwrap());
    }
    reports
}

#[test]
fn the_loss_falls_and_the_epochs_end() {
    let (base, team) = (Small::new(1), plain());
    let plan = Plan { epochs: 30, ..plan() };
    let mut training = Training::new(&base, &team, plan, examples(0, 5), examples(0, 3));
    assert_eq!(training.steps(), 90);
    let before = training.validation().unwrap().means().0;
    let reports = run(&mut training, 90);
    let after = training.validation().unwrap().means().0;
    assert!(after < before / 3.0, "{before} {after}");
    let epochs: Vec<_> = reports.iter().filter_map(|report| report.epoch).collect();
    assert!(epochs.into_iter().eq(1..=30));
    assert_eq!(reports.iter().filter(|report| report.valid.is_some()).count(), 18);
    let each: u64 = examples(0, 5).iter().flatten().map(|one| one.tokens.len() as u64).sum();
    assert_eq!(training.tokens(), 30 * each);
}

#[test]
fn a_training_that_goes_on_ends_like_one_without_a_break() {
    let base = Small::new(1);
    let (one, two) = (Team::new(&Plain, 1), Team::new(&Plain, 2));
    let start = |team| Training::new(&base, team, plan(), examples(0, 5), Vec::new());
    let mut whole = start(&one);
    run(&mut whole, 9);
    for stop in [1, 3, 8] {
        let mut first = start(&two);
        run(&mut first, stop);
        let saved = first.save(&[1; 32]);
        let mut second = start(&one);
        second.resume(&saved, &[1; 32]).unwrap();
        run(&mut second, 9);
        assert_eq!(second.adapter().to_gguf(), whole.adapter().to_gguf());
        assert_eq!(second.tokens(), whole.tokens());
    }
}

#[test]
fn the_seed_and_each_setting_change_the_adapter() {
    let (base, team) = (Small::new(1), plain());
    let result = |plan: Plan| {
        let mut training = Training::new(&base, &team, plan, examples(0, 5), Vec::new());
        let steps = training.steps();
        run(&mut training, steps);
        training.adapter().to_gguf()
    };
    let first = result(plan());
    assert_eq!(first, result(plan()));
    for other in [
        Plan { seed: 6, ..plan() },
        Plan { epochs: 2, ..plan() },
        Plan { batch: 3, ..plan() },
        Plan { rate: 2e-2, ..plan() },
        Plan { rank: 3, ..plan() },
        Plan { alpha: 5.0, ..plan() },
    ] {
        assert_ne!(first, result(other), "{other:?}");
    }
    assert_eq!(first, result(Plan { keep: 0, ..plan() }));
}

#[test]
fn numbers_out_of_range_stop_the_training() {
    let (base, team) = (Small::new(1), plain());
    let plan = Plan { rate: 1e30, ..plan() };
    let mut training = Training::new(&base, &team, plan, examples(0, 5), Vec::new());
    let stopped = std::iter::from_fn(|| Some(training.step())).take(9).find_map(Result::err);
    assert!(stopped.is_some());
}

#[test]
fn parts_hold_whole_sequences_up_to_a_number_of_tokens() {
    let all: Vec<Sequence> = [600, 400, 100, 2000, 1, 1].map(|length| sequence(length, 1)).into();
    let all: Vec<&Sequence> = all.iter().collect();
    let lengths = |parts: Vec<&[&Sequence]>| -> Vec<Vec<usize>> {
        parts.iter().map(|part| part.iter().map(|one| one.tokens.len()).collect()).collect()
    };
    assert_eq!(lengths(parts(&all)), [vec![600, 400], vec![100], vec![2000], vec![1, 1]]);
    assert!(parts(&[]).is_empty());
}
