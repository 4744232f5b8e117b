//! The embedded engine: llama.cpp, run by a scheduler of our own.
//!
//! Runs inside a worker process. [`load`] does all that needs the file system; [`Loaded::run`] then
//! serves, in a process that has none any more.

mod constrain;
mod embed;
mod ffi;
mod output;
mod prepare;
mod sample;
mod schedule;
mod serve;
mod template;
mod tools;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, mpsc},
};

use policy::task::Task;

use self::{
    ffi::{Context, ContextSpec, Model},
    prepare::Preparer,
    schedule::Settings,
    template::Template,
};
use crate::{
    protocol::ModelFacts,
    request::{CacheScope, Event, Work},
    supervise::WorkerSpec,
};

/// What a worker is told to do.
pub enum Command {
    /// Carry out a request.
    Submit {
        /// The request's id; answers carry it.
        id: u64,
        /// Whose it is.
        scope: CacheScope,
        /// What to do.
        work: Work,
    },
    /// Stop a request: nobody waits for its answer any more.
    Cancel {
        /// The request's id.
        id: u64,
    },
    /// Call this between two steps: whoever waits for it learns that there are steps.
    Ping(Box<dyn FnOnce() + Send>),
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Submit { .. } => "Submit",
            Self::Cancel { .. } => "Cancel",
            Self::Ping(_) => "Ping",
        })
    }
}

/// Where a worker's answers go, those of one step together.
pub type Outbox = Box<dyn Fn(Vec<(u64, Event)>) + Send + Sync>;

/// Ends the process if the thread that holds it panics: half a worker helps nobody, and the
/// gateway starts a whole one.
#[derive(Debug)]
pub(crate) struct WholeProcess;

impl Drop for WholeProcess {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

/// A model that is ready to run.
#[derive(Debug)]
pub struct Loaded {
    facts: ModelFacts,
    task: Task,
    context: Context,
    pieces: Arc<Vec<Vec<u8>>>,
    /// Names of control tokens.
    names: HashMap<u32, Vec<u8>>,
    ends: Vec<bool>,
    preparer: Arc<Preparer>,
    settings: Settings,
}

/// Prompt tokens and generated tokens in one batch, at most.
const BATCH_TOKENS: u32 = 512;
/// Prompt tokens in a batch while others generate: what their streams wait for.
const PROMPT_CHUNK: usize = 128;
/// Texts embedded in one batch, at most.
const EMBED_TEXTS: u32 = 16;

/// Loads a model and sets it up.
///
/// # Errors
/// When the file is not one that llama.cpp can run for this task; says why, and what to do.
pub fn load(
    spec: &WorkerSpec,
    path: &Path,
    progress: &mut dyn FnMut(f32),
) -> Result<Loaded, String> {
    let model = Arc::new(Model::load(path, progress)?);
    let embeddings = spec.task == Task::Embeddings;
    if !embeddings && !model.generates() {
        return Err("it is an encoder, which embeds texts but does not generate any; deploy it for embeddings".into());
    }
    let context = spec.context_tokens.min(model.context_train().max(1));
    let (sequences, batch) = if embeddings {
        (EMBED_TEXTS, context)
    } else {
        (spec.sequences.max(1), BATCH_TOKENS.max(spec.sequences))
    };
    let threads = spec.threads.max(1);
    let set_up = ContextSpec { context, sequences, batch, embeddings, threads };
    let computing = Context::new(Arc::clone(&model), set_up)?;
    // llama.cpp rounds up; what it adds is beyond what the model was trained for.
    let length = computing.sequence_length().min(context);
    let pieces: Vec<Vec<u8>> = (0..model.vocabulary()).map(|token| model.piece(token)).collect();
    let preparer = Preparer::new(Arc::clone(&model), &pieces, length, spec.task)?;
    let facts = facts(&model, length, preparer.template());
    let ends = (0..model.vocabulary()).map(|token| model.ends(token)).collect();
    // A control token that does not end the text has no text of its own either.
    let mut names = HashMap::new();
    let mut pieces = pieces;
    for (token, piece) in (0_u32..).zip(&mut pieces) {
        if model.is_control(token) {
            names.insert(token, std::mem::take(piece));
        }
    }
    let settings = Settings {
        sequences,
        batch: batch as usize,
        prompt_chunk: PROMPT_CHUNK,
        prefix_cache: spec.prefix_cache,
        can_cut: !model.is_recurrent(),
    };
    Ok(Loaded {
        facts,
        task: spec.task,
        context: computing,
        pieces: Arc::new(pieces),
        names,
        ends,
        preparer: Arc::new(preparer),
        settings,
    })
}

impl Loaded {
    /// What is known about the model.
    #[must_use]
    pub fn facts(&self) -> &ModelFacts {
        &self.facts
    }

    /// Carries out what comes in until the sender is gone. To be called once the process is
    /// confined: the threads that compute start with the first batch.
    pub fn run(self, inbox: mpsc::Receiver<Command>, outbox: Outbox) {
        match self.task {
            Task::Chat => serve::run(self, inbox, &Arc::from(outbox)),
            Task::Embeddings => embed::run(self, &inbox, &outbox),
        }
    }
}

/// Reads what is in a GGUF file.
///
/// # Errors
/// When it is not one that llama.cpp can run for chat or embeddings; says why.
pub fn inspect(path: &Path) -> Result<ModelFacts, String> {
    let model = Model::load(path, &mut |_| {})?;
    if model.embedding_length() == 0 || model.vocabulary() == 0 {
        return Err("it holds no text model".into());
    }
    let pieces: Vec<Vec<u8>> = (0..model.vocabulary()).map(|token| model.piece(token)).collect();
    // An encoder's file may hold one, too, but nobody chats with an encoder.
    let template = if model.generates() { Template::of(&model, &pieces)? } else { None };
    Ok(facts(&model, model.context_train(), template.as_ref()))
}

fn facts(model: &Model, context: u32, template: Option<&Template>) -> ModelFacts {
    ModelFacts {
        architecture: model.architecture(),
        name: model.metadata(c"general.name"),
        parameters: model.parameters(),
        context_train: model.context_train(),
        embedding_length: model.embedding_length(),
        vocabulary: model.vocabulary(),
        generates: model.generates(),
        chat_template: model.chat_template().is_some(),
        context,
        template: template.map(Template::notes).unwrap_or_default().to_vec(),
    }
}

#[cfg(test)]
mod tests;
