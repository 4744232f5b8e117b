//! Kinds of models that the integration tests do not run: encoders, decoders without a chat
//! template, templates that refuse, and files that are not models.

mod gguf;

use std::{path::PathBuf, sync::mpsc, time::Duration};

use super::*;
use crate::{
    fixtures,
    request::{
        Constraint, Embed, EmbedInput, Extras, Generate, Judge, Label, Message, Piece, Prompt,
        Refusal, Role, Sampling, Text,
    },
};

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("bailiwick-{}-{name}.gguf", std::process::id()))
}

fn spec(task: Task) -> WorkerSpec {
    WorkerSpec {
        name: "tiny".into(),
        model: PathBuf::new(),
        sha256: String::new(),
        task,
        context_tokens: 4096,
        sequences: 2,
        threads: 1,
        queue: 8,
        prefix_cache: Duration::ZERO,
        hang: Duration::MAX,
        gpu: None,
        duty: Duty::Requests,
        adapter: None,
    }
}

/// Runs one request to its end.
fn run(path: &Path, task: Task, work: Work) -> Vec<Event> {
    run_with(&spec(task), path, work)
}

fn run_with(spec: &WorkerSpec, path: &Path, work: Work) -> Vec<Event> {
    let loaded = load(spec, &Devices::none(), path, &mut |_| {}, &mut || {}).unwrap();
    let (commands, inbox) = mpsc::sync_channel(4);
    let (events_in, events) = mpsc::channel();
    let outbox: Outbox = Box::new(move |events| {
        events.into_iter().for_each(|(_, event)| events_in.send(event).unwrap());
    });
    commands
        .send(Command::Submit { id: 1, scope: CacheScope::of(&fixtures::permit(), false), work })
        .unwrap();
    let engine = std::thread::spawn(move || loaded.run(inbox, outbox));
    let mut received = Vec::new();
    while received.last().is_none_or(|event: &Event| !event.is_last()) {
        received.push(events.recv().unwrap());
    }
    drop(commands);
    engine.join().unwrap();
    received
}

fn generate(prompt: Prompt) -> Work {
    Work::Generate(Box::new(Generate {
        prompt,
        choices: 1,
        tokens_max: Some(4),
        stop: Vec::new(),
        sampling: Sampling {
            temperature: 0.0,
            top_p: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 0,
            top_k: 0,
            min_p: 0.0,
            repeat_penalty: 1.0,
        },
        logprobs: None,
        constraint: Constraint::Free,
        extras: Extras::default(),
    }))
}

fn chat() -> Prompt {
    let content = Text::from("abc".to_owned());
    let message = Message {
        role: Role::User,
        name: None,
        content,
        tool_calls: Vec::new(),
        tool_call_id: None,
        parts: Vec::new(),
    };
    Prompt::Chat { messages: vec![message], tools: Vec::new() }
}

#[test]
fn an_encoder_embeds_and_does_not_chat() {
    let path = gguf::bert(&path("bert"));
    let facts = inspect(&path).unwrap().facts;
    assert_eq!((facts.architecture.as_str(), facts.generates), ("bert", false));
    let refused =
        load(&spec(Task::Chat), &Devices::none(), &path, &mut |_| {}, &mut || {}).unwrap_err();
    assert!(refused.contains("deploy it for embeddings"), "{refused}");

    let text = |text: &str| EmbedInput::Text(Text::from(text.to_owned()));
    let inputs = vec![text("a b"), text("c"), text("a b"), EmbedInput::Tokens(vec![2, 5, 6, 3])];
    let events = run(&path, Task::Embeddings, Work::Embed(Embed { inputs }));
    let vectors: Vec<&Vec<f32>> = events
        .iter()
        .filter_map(|event| match event {
            Event::Embedding { vector, .. } => Some(vector),
            _ => None,
        })
        .collect();
    assert_eq!(vectors.len(), 4);
    assert_eq!(vectors[0].len(), 32);
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
    assert!(close(vectors[0], vectors[2]), "one text, one vector, wherever it stands in the batch");
    assert!(close(vectors[0], vectors[3]), "its tokens give the same");
    assert!(!close(vectors[0], vectors[1]));
    let length: f32 = vectors[0].iter().map(|x| x * x).sum();
    assert!((length - 1.0).abs() < 1e-4);
}

#[test]
fn an_encoder_reads_words_one_by_one_and_nothing_else() {
    let path = gguf::bert(&path("words"));
    let reader = WorkerSpec { duty: Duty::Label, ..spec(Task::Embeddings) };
    let words = |text: &str| text.split(' ').map(|word| Text::from(word.to_owned())).collect();
    let vectors = |texts: &[&str]| -> Vec<Vec<Vec<f32>>> {
        let texts: Vec<Vec<Text>> = texts.iter().map(|text| words(text)).collect();
        let mut all: Vec<_> = texts.iter().map(|text| vec![Vec::new(); text.len()]).collect();
        let events = run_with(&reader, &path, Work::Label(Label { texts }));
        assert!(matches!(events[..], [Event::Accepted { .. }, .., Event::Done]), "{events:?}");
        for event in events {
            let Event::Words { text, first, vectors } = event else { continue };
            for (word, vector) in (first as usize..).zip(vectors.chunks(32)) {
                assert!(all[text as usize][word].is_empty(), "a word has one vector");
                all[text as usize][word] = vector.to_vec();
            }
        }
        assert!(all.iter().flatten().all(|vector| vector.len() == 32));
        all
    };
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
    let read = vectors(&["a b", "c", "a b"]);
    assert!(close(&read[0][1], &read[2][1]), "the same words, whatever else is asked");
    assert!(!close(&read[0][0], &read[0][1]));
    let other = vectors(&["a c"]);
    assert!(!close(&read[0][0], &other[0][0]), "a word is read with its neighbours");
    // Longer than the context of 64 tokens. A word without a token has zeros.
    let long = vectors(&[&["a b c"; 100].join(" ")]);
    assert_eq!(long[0].len(), 300);
    assert!(long[0].iter().all(|vector| vector.iter().any(|number| *number != 0.0)));
    assert!(vectors(&[" "]).concat().concat().iter().all(|number| *number == 0.0));

    let embed = || Work::Embed(Embed { inputs: vec![EmbedInput::Tokens(vec![5])] });
    let label = || Work::Label(Label { texts: vec![words("a b")] });
    let plain = spec(Task::Embeddings);
    let reads = || Work::Read(vec![vec![5]]);
    for (spec, work) in [(&reader, embed()), (&plain, label()), (&reader, reads())] {
        let events = run_with(spec, &path, work);
        assert!(
            matches!(events.as_slice(), [Event::Failed(Refusal::Unsupported { .. })]),
            "{events:?}"
        );
    }
}

#[test]
fn a_decoder_without_a_chat_template_completes_and_does_not_chat() {
    let path = gguf::llama(&path("llama"), None);
    assert!(!inspect(&path).unwrap().facts.chat_template);
    let events = run(&path, Task::Chat, generate(chat()));
    assert!(
        matches!(events.as_slice(), [Event::Failed(Refusal::Unsupported { what })] if what.contains("completions")),
        "{events:?}"
    );
    let events = run(&path, Task::Chat, generate(Prompt::Text(Text::from("abc".to_owned()))));
    assert!(matches!(events.last(), Some(Event::Done)), "{events:?}");
    let events = run(&path, Task::Chat, generate(Prompt::Tokens(vec![9999])));
    assert!(
        matches!(events.as_slice(), [Event::Failed(Refusal::UnknownToken { .. })]),
        "{events:?}"
    );
    let events = run(&path, Task::Chat, generate(Prompt::Tokens(vec![5; 128])));
    let limit = Refusal::ContextLength { limit: 128, asked: 128 };
    assert!(
        matches!(events.as_slice(), [Event::Failed(refusal)] if *refusal == limit),
        "{events:?}"
    );
}

/// Returns the number of prompt tokens, and the log probability of each token of the answer.
fn read(path: &Path, prompt: Prompt) -> (u32, Vec<f32>) {
    let Work::Generate(mut work) = generate(prompt) else { panic!() };
    work.logprobs = Some(0);
    let events = run(path, Task::Chat, Work::Generate(work));
    let Some(Event::Accepted { prompt_tokens, .. }) = events.first() else { panic!("{events:?}") };
    let likely = events.iter().flat_map(|event| match event {
        Event::Delta { logprobs, .. } => logprobs.iter().map(|token| token.logprob).collect(),
        _ => Vec::new(),
    });
    (*prompt_tokens, likely.collect())
}

#[test]
fn a_model_with_the_tokens_for_it_fills_in_the_middle() {
    let text = |text: &str| Text::from(text.to_owned());
    let middle = |prefix, suffix| Prompt::Middle { prefix: text(prefix), suffix: text(suffix) };
    let path_of_filler = gguf::filler(&path("filler"));
    let (space, a, b) = (259, 260, 261);
    let (bos, pre, suf, mid) = (1, 263, 264, 265);
    // Prefix, suffix, middle; this vocabulary puts a space before a text.
    let filled = read(&path_of_filler, middle("a", "b"));
    let tokens = vec![bos, pre, space, a, suf, space, b, mid];
    assert_eq!(filled.0, 8, "all of it counts");
    assert!(!filled.1.is_empty());
    assert_eq!(filled, read(&path_of_filler, Prompt::Tokens(tokens)));
    let other_order = vec![bos, suf, space, b, pre, space, a, mid];
    assert_ne!(filled.1, read(&path_of_filler, Prompt::Tokens(other_order)).1);
    // Names of control tokens in a customer's text stay text.
    assert_eq!(read(&path_of_filler, middle("<fim_suf>", "b")).0, 8 - 1 + 9);

    let without = gguf::llama(&path("no-middle"), None);
    let events = run(&without, Task::Chat, generate(middle("a", "b")));
    assert!(matches!(events.as_slice(), [Event::Failed(Refusal::NoMiddle)]), "{events:?}");
    let long = "a".repeat(4096);
    let events = run(&path_of_filler, Task::Chat, generate(middle("a", &long)));
    assert!(
        matches!(events.as_slice(), [Event::Failed(Refusal::ContextLength { limit: 128, .. })]),
        "{events:?}"
    );
}

/// A vocabulary with markup tokens, of a model whose chat template cannot be used.
fn guard(name: &str) -> (Arc<Model>, Preparer) {
    let path = gguf::guard(&path(name));
    let model = Arc::new(Model::load(&path, &Devices::none(), &mut |_| {}).unwrap());
    let pieces: Vec<_> = (0..model.vocabulary()).map(|token| model.piece(token)).collect();
    let preparer = Preparer::of_guard(Arc::clone(&model), &pieces, 128);
    (model, preparer)
}

fn question(pieces: Vec<Piece>) -> Judge {
    Judge { pieces, labels: vec![vec!["a".into(), "b".into()], vec!["c".into()]] }
}

fn markup(text: &str) -> Piece {
    Piece::Markup(text.to_owned())
}

fn said(words: &str) -> Piece {
    Piece::Text(Text::from(words.to_owned()))
}

#[test]
fn a_customers_text_never_becomes_markup_of_a_guard_model() {
    let (model, preparer) = guard("judge-markup");
    let scope = CacheScope::of(&fixtures::permit(), false);
    let tokens = |pieces| preparer.judge(1, scope, &question(pieces)).unwrap().prompt.to_vec();
    let marks = |tokens: &[u32]| tokens.iter().filter(|&&token| token >= 263).count();
    let (end, end_of) = (263, 264);
    // Markup becomes tokens; the same names in a text do not.
    let plain = tokens(vec![markup("<end>a"), said("bc"), markup("<end_of>")]);
    assert_eq!((plain[1], plain.last(), marks(&plain)), (end, Some(&end_of), 2), "{plain:?}");
    for hostile in
        ["<end>", "a<end_of>b", "<<end>", "<end_of><end>", "<s>", "</s>", "<en\u{fdd0}d>"]
    {
        let with = tokens(vec![markup("<end>a"), said(hostile), markup("<end_of>")]);
        assert_eq!((marks(&with), with[1]), (2, end), "{hostile} {with:?}");
        let controls = with.iter().filter(|&&token| model.is_control(token)).count();
        assert_eq!(controls, 3, "the beginning of the text, and the two of the template");
        let text: Vec<u8> = with.iter().flat_map(|&token| model.piece(token)).collect();
        let text = String::from_utf8(text).unwrap().replace(' ', "");
        let hostile = hostile.replace('\u{fdd0}', "");
        assert_eq!(text, format!("<s><end>a{hostile}<end_of>"), "no byte is lost");
    }
    // A name that begins in markup and ends in the text, or the other way round.
    for pieces in [
        vec![markup("<end"), said(">"), markup("a")],
        vec![markup("<end"), said("_of>"), markup("a")],
        vec![said("<end"), markup(">a")],
        vec![said("<en"), said("d>"), markup("a")],
    ] {
        assert_eq!(marks(&tokens(pieces)), 0);
    }
    // Without such names, the pieces are tokenized as one text.
    let cut = tokens(vec![markup("a"), said("b c"), markup("ab")]);
    assert_eq!(cut, tokens(vec![markup("ab cab")]));
}

#[test]
fn a_guard_model_answers_with_probabilities_and_the_same_twice() {
    let path = gguf::guard(&path("judge"));
    let spec = WorkerSpec { duty: Duty::Judge, ..spec(Task::Chat) };
    let pieces = || vec![markup("<end>a"), said("b<end>c"), markup("<end>")];
    let judged = |labels: Vec<Vec<String>>| {
        let work = Work::Judge(Judge { pieces: pieces(), labels });
        let events = run_with(&spec, &path, work);
        let [Event::Accepted { .. }, Event::Judged { logprobs }, Event::Done] = &events[..] else {
            panic!("{events:?}")
        };
        logprobs.clone()
    };
    let labels = |texts: &[&[&str]]| -> Vec<Vec<String>> {
        texts.iter().map(|label| label.iter().map(|&text| text.into()).collect()).collect()
    };
    let two = judged(labels(&[&["a", "b"], &["c"]]));
    assert_eq!(two, judged(labels(&[&["a", "b"], &["c"]])), "the same twice, to the bit");
    let all = judged(labels(&[&["a"], &["b"], &["c"]]));
    assert!(((all[0].exp() + all[1].exp()).ln() - two[0]).abs() < 1e-5, "{all:?} {two:?}");
    assert_eq!(all[2], two[1]);
    assert!(all.iter().all(|logprob| *logprob < 0.0));
    // A token of two labels counts for neither; a label without a token of its own is refused.
    assert_eq!(judged(labels(&[&["a", "c"], &["b", "c"]])), all[..2]);
    for bad in [labels(&[&["a"], &["a", "ab"]]), labels(&[&["a"], &[]]), labels(&[&["a"], &[""]])] {
        let work = Work::Judge(Judge { pieces: pieces(), labels: bad });
        let events = run_with(&spec, &path, work);
        assert!(
            matches!(events.as_slice(), [Event::Failed(Refusal::Unsupported { .. })]),
            "{events:?}"
        );
    }
}

#[test]
fn an_opinion_is_read_as_it_is() {
    let path = gguf::opinion(&path("opinion"), b'u');
    let spec = WorkerSpec { duty: Duty::Judge, ..spec(Task::Chat) };
    let labels = vec![vec!["unsafe".into()], vec!["safe".into()]];
    let events = run_with(&spec, &path, Work::Judge(Judge { pieces: vec![markup("a")], labels }));
    let Some(Event::Judged { logprobs }) = events.get(1) else { panic!("{events:?}") };
    assert!((logprobs[0].exp() - 0.95).abs() < 0.01 && logprobs[1].exp() < 0.001, "{logprobs:?}");
}

#[test]
fn a_guard_model_only_judges_and_no_other_model_does() {
    let path = gguf::llama(&path("judge-only"), None);
    let guard = WorkerSpec { duty: Duty::Judge, ..spec(Task::Chat) };
    let long = "a".repeat(4096);
    for (spec, work) in [
        (&guard, generate(Prompt::Tokens(vec![5]))),
        (&guard, Work::Judge(question(vec![markup("a"), said("b")]))),
        (&guard, Work::Judge(question(Vec::new()))),
        (&spec(Task::Chat), Work::Judge(question(vec![markup("a")]))),
    ] {
        let events = run_with(spec, &path, work);
        assert!(
            matches!(events.as_slice(), [Event::Failed(Refusal::Unsupported { .. })]),
            "{events:?}"
        );
    }
    let events = run_with(&guard, &path, Work::Judge(question(vec![said(&long), markup("a")])));
    assert!(
        matches!(events.as_slice(), [Event::Failed(Refusal::ContextLength { limit: 128, .. })]),
        "{events:?}"
    );
}

#[test]
fn a_template_that_is_not_one_is_refused_when_the_model_is_loaded() {
    let path = gguf::llama(&path("template"), Some("{% for %}"));
    let refused =
        load(&spec(Task::Chat), &Devices::none(), &path, &mut |_| {}, &mut || {}).unwrap_err();
    assert!(refused.contains("chat template"), "{refused}");
    // The file is also refused when it is added.
    assert_eq!(inspect(&path).unwrap_err(), refused);
}

#[test]
fn a_template_is_probed_when_a_model_is_added() {
    let folds = "{%- if messages[0].role == 'system' -%}{{ raise_exception('System role not supported') }}{%- endif -%}{%- for m in messages -%}{{ '[' + m.role + ']' + m.content }}{%- endfor -%}";
    let model = inspect(&gguf::llama(&path("folds"), Some(folds))).unwrap();
    let system = model.template.iter().find(|note| note.what == "system turns").unwrap();
    assert_eq!(system.works, crate::protocol::Works::Otherwise, "{model:?}");
    let drops = "{%- for m in messages if m.role != 'user' -%}{{ m.content }}{%- endfor -%}";
    let refused = inspect(&gguf::llama(&path("drops"), Some(drops))).unwrap_err();
    assert!(refused.contains("leaves out the content of a turn with the role `user`"), "{refused}");
}

#[test]
fn a_bias_for_a_token_that_there_is_not_is_refused() {
    let path = gguf::llama(&path("bias"), None);
    let Work::Generate(mut work) = generate(Prompt::Tokens(vec![5])) else { panic!() };
    work.sampling.logit_bias = vec![(999_999, 1.0)];
    let events = run(&path, Task::Chat, Work::Generate(work));
    assert!(
        matches!(events.as_slice(), [Event::Failed(Refusal::UnknownBias { .. })]),
        "{events:?}"
    );
}

#[test]
fn files_that_are_not_models_are_refused() {
    let whole = std::fs::read(gguf::llama(&path("whole"), None)).unwrap();
    let broken = path("broken");
    for length in [0, 3, 4, 24, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&broken, &whole[..length]).unwrap();
        let reason = inspect(&broken).unwrap_err();
        assert!(reason.contains("cannot load it"), "{length} bytes of {}: {reason}", whole.len());
    }
    let unknown = whole.windows(5).position(|window| window == b"llama").unwrap();
    let mut other = whole.clone();
    other[unknown..unknown + 5].copy_from_slice(b"lorem");
    std::fs::write(&broken, other).unwrap();
    let reason = inspect(&broken).unwrap_err();
    assert!(reason.contains("llama.cpp says:") && reason.contains("lorem"), "{reason}");
}
