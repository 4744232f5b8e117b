use engine::request::Role;

use super::{
    Surface,
    event::{EVENTS_MAX, Level, Metrics},
    examples::{BadLine, Example, LINE_BYTES_MAX, Lines},
    job::{Job, Status},
    request::{self, Asked, NewJob},
    results,
};

fn parsed(text: &str) -> Result<NewJob, crate::error::Invalid> {
    request::parse(text.as_bytes(), Surface::V1)
}

fn lines(pieces: &[&[u8]]) -> Vec<Result<Example, BadLine>> {
    let (mut lines, mut found) = (Lines::default(), Vec::new());
    for piece in pieces {
        lines.push(piece, &mut |line| found.push(line));
    }
    lines.finish(&mut |line| found.push(line));
    found
}

fn job() -> Job {
    Job {
        created_at: 1,
        model: "small".to_owned(),
        base_sha256: "00".repeat(32),
        training_file: "file-1".to_owned(),
        validation_file: None,
        asked: Asked::default(),
        used: None,
        with_method: false,
        seed: 7,
        suffix: None,
        metadata: Vec::new(),
        organization: "res".to_owned(),
        error: None,
        finished_at: None,
        estimated_finish: None,
        fine_tuned_model: None,
        result_files: Vec::new(),
        trained_tokens: None,
        statement: None,
        events: super::event::Events::default(),
        steps: Vec::new(),
    }
}

#[test]
fn hyperparameters_come_from_either_place() {
    let plain = parsed(
        r#"{"model":"m","training_file":"file-1",
            "hyperparameters":{"n_epochs":3,"batch_size":"auto","learning_rate_multiplier":0.5}}"#,
    )
    .unwrap();
    let asked = Asked { n_epochs: Some(3), batch_size: None, learning_rate_multiplier: Some(0.5) };
    assert_eq!((plain.asked, plain.with_method), (asked, false));
    let method = parsed(
        r#"{"model":"m","training_file":"file-1","seed":5,"suffix":"a-B_1","integrations":null,
            "method":{"type":"supervised","supervised":{"hyperparameters":{"n_epochs":3,
            "learning_rate_multiplier":0.5}}}}"#,
    )
    .unwrap();
    assert_eq!((method.asked, method.with_method), (asked, true));
    assert_eq!((method.seed, method.suffix.as_deref()), (Some(5), Some("a-B_1")));
}

#[test]
fn what_is_not_supported_is_named() {
    for (more, param) in [
        (r#""integrations":[{"type":"wandb"}]"#, "integrations"),
        (r#""method":{"type":"dpo"}"#, "method.type"),
        (r#""method":{"type":"reinforcement"}"#, "method.type"),
        (r#""method":{"type":"supervised","dpo":{"canary":1}}"#, "method.dpo"),
        (r#""hyperparameters":{"n_epochs":0}"#, "hyperparameters.n_epochs"),
        (r#""hyperparameters":{"n_epochs":51}"#, "hyperparameters.n_epochs"),
        (r#""hyperparameters":{"n_epochs":1.5}"#, "hyperparameters.n_epochs"),
        (r#""hyperparameters":{"n_epochs":"canary"}"#, "hyperparameters.n_epochs"),
        (r#""hyperparameters":{"batch_size":65}"#, "hyperparameters.batch_size"),
        (
            r#""hyperparameters":{"learning_rate_multiplier":0}"#,
            "hyperparameters.learning_rate_multiplier",
        ),
        (r#""suffix":"canary x""#, "suffix"),
        (r#""suffix":"""#, "suffix"),
        (r#""seed":-1"#, "seed"),
        (
            r#""hyperparameters":{},"method":{"type":"supervised","supervised":{"hyperparameters":{}}}"#,
            "hyperparameters",
        ),
    ] {
        let text = format!(r#"{{"model":"m","training_file":"f",{more}}}"#);
        let wrong = parsed(&text).unwrap_err();
        assert_eq!(wrong.param.as_deref(), Some(param), "{text}: {wrong:?}");
        assert!(!wrong.message.contains("canary"), "{wrong:?}");
    }
    let long = format!(r#"{{"model":"m","training_file":"f","suffix":"{}"}}"#, "a".repeat(41));
    assert!(request::parse(long.as_bytes(), Surface::V1).is_ok());
    assert!(request::parse(long.as_bytes(), Surface::Classic).is_err());
}

#[test]
fn a_file_is_read_in_pieces_of_any_length() {
    let text = "\u{feff}{\"messages\":[{\"role\":\"user\",\"content\":\"a\u{e4}\"},\
        {\"role\":\"assistant\",\"content\":\"b\"}]}\r\n\n\
        {\"messages\":[{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"s\"}]},\
        {\"role\":\"assistant\",\"content\":\"c\",\"weight\":0},\
        {\"role\":\"assistant\",\"content\":\"d\",\"weight\":1}]}";
    for size in 1..text.len() {
        let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
        let found = lines(&pieces);
        let [Ok(first), Ok(second)] = found.as_slice() else { panic!("{size}: {found:?}") };
        assert_eq!((first.line, second.line), (1, 3));
        assert_eq!(first.messages[0].content.0.reveal(), "a\u{e4}");
        assert_eq!(first.learnt, [false, true]);
        assert_eq!(second.messages[0].role, Role::System);
        assert_eq!(second.learnt, [false, false, true]);
    }
}

#[test]
fn a_bad_line_is_named_and_not_repeated() {
    let turn = r#"{"role":"user","content":"canary"}"#;
    for line in [
        "canary".to_owned(),
        "[]".to_owned(),
        r#"{"prompt":"canary","completion":"canary"}"#.to_owned(),
        format!(r#"{{"messages":[{turn}]}}"#),
        format!(r#"{{"messages":[{turn},{{"role":"assistant","content":"canary","weight":2}}]}}"#),
        format!(r#"{{"messages":[{turn},{{"role":"assistant","content":""}}]}}"#),
        format!(r#"{{"messages":[{turn},{{"role":"assistant","content":null}}]}}"#),
        format!(r#"{{"messages":[{turn},{{"role":"tool","content":"canary"}}]}}"#),
        format!(r#"{{"messages":[{turn},{{"role":"canary","content":"canary"}}]}}"#),
        format!(r#"{{"messages":[{turn}],"tools":[{{"canary":1}}]}}"#),
        r#"{"messages":[{"role":"user","content":"canary","weight":1}]}"#.to_owned(),
    ] {
        let text = format!("\n{line}\n");
        let found = lines(&[text.as_bytes()]);
        let [Err(bad)] = found.as_slice() else { panic!("{line}: {found:?}") };
        assert_eq!(bad.line, 2, "{line}");
        assert!(!bad.message.contains("canary"), "{bad:?}");
    }
    let found = lines(&[b"\xff\n"]);
    assert!(matches!(found.as_slice(), [Err(_)]), "{found:?}");
}

#[test]
fn a_long_line_costs_no_memory() {
    let piece = vec![b'a'; 1024 * 1024];
    let (mut lines, mut found) = (Lines::default(), Vec::new());
    for _ in 0..(LINE_BYTES_MAX / piece.len() + 3) {
        lines.push(&piece, &mut |line| found.push(line));
    }
    lines.push(b"\n{}", &mut |line| found.push(line));
    lines.finish(&mut |line| found.push(line));
    let numbers: Vec<_> = found.iter().map(|line| line.as_ref().unwrap_err().line).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_job_has_all_keys_of_the_specification() {
    let job = job();
    let view = serde_json::to_value(job.view("ftjob-1".to_owned(), Status::Queued, Surface::V1));
    let view = view.unwrap();
    for key in [
        "id",
        "created_at",
        "error",
        "fine_tuned_model",
        "finished_at",
        "hyperparameters",
        "model",
        "object",
        "organization_id",
        "result_files",
        "status",
        "trained_tokens",
        "training_file",
        "validation_file",
        "seed",
        "metadata",
    ] {
        assert!(view.get(key).is_some(), "{key}");
    }
    assert_eq!(view["status"], "queued");
    assert_eq!(view["hyperparameters"]["n_epochs"], "auto");
    let classic = job.view("ftjob-1".to_owned(), Status::Queued, Surface::Classic);
    assert_eq!(serde_json::to_value(classic).unwrap()["status"], "pending");
    assert_eq!(Job::read(&job.head().unwrap()), Some(job));
}

#[test]
fn events_are_bounded_and_repeated_steps_replace_each_other() {
    let mut job = job();
    let metrics = |step| Metrics {
        step,
        train_loss: 0.5,
        train_accuracy: 0.25,
        valid_loss: None,
        valid_accuracy: None,
        full_valid_loss: Some(1.5),
        full_valid_accuracy: Some(0.125),
    };
    for step in [1, 2, 3, 2, 3] {
        job.step(1, metrics(step), 3, true);
    }
    let text = results::csv(&job.steps);
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            "step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy,\
             full_valid_loss,full_valid_mean_token_accuracy",
            "1,0.5,0.25,,,1.5,0.125",
            "2,0.5,0.25,,,1.5,0.125",
            "3,0.5,0.25,,,1.5,0.125",
        ]
    );
    for _ in 0..EVENTS_MAX {
        job.note(2, Level::Warn, "slow");
    }
    let views = job.events.views("aa", Surface::Classic);
    assert_eq!(views.len(), EVENTS_MAX);
    assert_eq!(views[0].id, "ftevent-aa-1004");
    assert_eq!(serde_json::to_value(&views[0]).unwrap()["level"], "warning");
}
