//! A stub worker: speaks the worker protocol, accepts any file as a small chat model, and answers
//! every request with the same text as soon as it has read it. It is only pinned to one core,
//! without any confinement, and reports that.

use std::{
    io::{self, Read as _, Write as _},
    os::{fd::AsFd as _, unix::net::UnixStream},
    process::ExitCode,
};

use engine::{
    protocol::{
        CHUNK_BYTES, Confinement, FrameReader, FromWorker, LoadedModel, ModelFacts, STDERR_MARK,
        StartSpec, ToWorker, encode,
    },
    request::{Event, FinishReason, Refusal, Text, Work},
};
use rustix::thread::{CpuSet, sched_setaffinity};
use zeroize::Zeroizing;

use crate::fixed::{COMPLETION_TOKENS, PROMPT_TOKENS, STUB_CORE, TEXT};

/// Runs the worker until the gateway closes the socket.
pub(crate) fn main() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{STDERR_MARK}{error}");
            ExitCode::FAILURE
        }
    }
}

fn work() -> io::Result<()> {
    // The gateway is pinned to its own core, and a worker inherits that.
    let mut core = CpuSet::new();
    core.set(STUB_CORE);
    sched_setaffinity(None, &core)?;

    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut reader = FrameReader::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut answers = Zeroizing::new(Vec::new());
    loop {
        while let Some((message, _)) = reader.take().map_err(io::Error::other)? {
            for answer in answer(message) {
                encode(&answer, &mut answers).map_err(io::Error::other)?;
            }
        }
        // Requests that arrived together are answered together, as an engine answers after each
        // step.
        socket.write_all(&answers)?;
        answers.clear();
        let count = socket.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        reader.push(chunk.get(..count).unwrap_or_default());
    }
}

fn answer(message: ToWorker) -> Vec<FromWorker> {
    match message {
        ToWorker::Start(StartSpec::Serve(spec)) => vec![ready(spec.context_tokens)],
        ToWorker::Start(StartSpec::Inspect(_)) => vec![ready(CONTEXT)],
        ToWorker::Cancel { .. } | ToWorker::Adapter { .. } => Vec::new(),
        ToWorker::Ping { number } => vec![FromWorker::Pong { number }],
        ToWorker::Submit { id, work, .. } => {
            events(&work).into_iter().map(|event| FromWorker::Event { id, event }).collect()
        }
    }
}

fn events(work: &Work) -> Vec<Event> {
    let Work::Generate(asked) = work else {
        return vec![Event::Failed(Refusal::Unsupported { what: "embed: it is a stub".into() })];
    };
    let mut events = vec![Event::Accepted { prompt_tokens: PROMPT_TOKENS, cached_tokens: 0 }];
    for choice in 0..asked.choices {
        let text = Text::from(TEXT.to_owned());
        events.push(Event::Delta { choice, text, logprobs: Vec::new() });
        let reason = FinishReason::Stop;
        events.push(Event::Finished { choice, reason, completion_tokens: COMPLETION_TOKENS });
    }
    events.push(Event::Done);
    events
}

fn ready(context: u32) -> FromWorker {
    let facts = ModelFacts {
        architecture: "llama".into(),
        name: Some("stub".into()),
        license: None,
        parameters: 134_515_008,
        context_train: CONTEXT,
        embedding_length: 576,
        vocabulary: 49_152,
        generates: true,
        chat_template: true,
    };
    let model = LoadedModel {
        facts,
        context: context.min(CONTEXT),
        template: Vec::new(),
        devices: Vec::new(),
    };
    let confinement =
        Confinement { landlock_abi: 0, seccomp: false, memory_locked: false, attempts: Vec::new() };
    FromWorker::Ready { model, confinement }
}

/// Context length of the simulated model.
const CONTEXT: u32 = 8192;
