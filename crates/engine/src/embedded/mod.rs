//! The embedded engine: llama.cpp, driven by our own scheduler, inside a worker process.
//!
//! [`load`] does all work that needs the file system. [`Loaded::run`] then serves requests; by that
//! time the process can no longer open files.

mod cells;
mod constrain;
mod embed;
pub(crate) mod ffi;
mod item;
mod judge;
mod keys;
mod label;
pub(crate) mod learn;
mod output;
mod prepare;
mod promise;
pub mod rehearse;
mod sample;
mod schedule;
mod serve;
mod template;
mod tools;
pub(crate) mod weights;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, mpsc},
};

use policy::{content::ContentBytes, model::ModelFacts, task::Task};

pub use self::ffi::Devices;
use self::{
    ffi::{Context, ContextSpec, Model},
    label::Frame,
    prepare::Preparer,
    schedule::Settings,
    template::Template,
};
use crate::{
    protocol::{Duty, LoadedModel, WorkerSpec},
    request::{CacheScope, Event, Work},
};

/// A command to the engine.
pub enum Command {
    /// Starts a request.
    Submit {
        /// Id of the request; its events carry it.
        id: u64,
        /// Tenant of the request, and whether its prefix may be reused.
        scope: CacheScope,
        /// The request.
        work: Work,
    },
    /// Cancels a request.
    Cancel {
        /// Id of the request.
        id: u64,
    },
    /// Calls this function between two steps, as proof that the scheduler makes steps.
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

/// Receives the events of the engine, those of one step together.
pub type Outbox = Box<dyn Fn(Vec<(u64, Event)>) + Send + Sync>;

/// Aborts the process if the thread that holds it panics. A worker with a missing thread is of no
/// use, and the gateway starts a new one.
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
    model: LoadedModel,
    task: Task,
    context: Context,
    pieces: Arc<Vec<Vec<u8>>>,
    /// Names of control tokens.
    names: HashMap<u32, Vec<u8>>,
    ends: Vec<bool>,
    preparer: Arc<Preparer>,
    /// The tokens around each text of a reader of words, and `None` in other workers.
    frame: Option<Frame>,
    settings: Settings,
}

/// Maximum number of tokens in one batch, prompt tokens and generated ones together.
const BATCH_TOKENS: u32 = 512;
/// Maximum number of prompt tokens in a batch while choices generate. It limits the delay of their
/// streams.
const PROMPT_CHUNK: usize = 128;
/// Maximum number of texts embedded in one batch.
const EMBED_TEXTS: u32 = 16;

/// Loads a model and sets it up. Calls `mapped` once the file is mapped, before the KV cache gets its
/// memory.
///
/// # Errors
/// If llama.cpp cannot run the file for this task on these devices. The text has the reason and
/// advice.
pub fn load(
    spec: &WorkerSpec,
    devices: &Devices,
    path: &Path,
    progress: &mut dyn FnMut(f32),
    mapped: &mut dyn FnMut(),
) -> Result<Loaded, String> {
    let model = Arc::new(Model::load(path, devices, progress)?);
    mapped();
    let embeddings = spec.task == Task::Embeddings;
    if !embeddings && !model.generates() {
        return Err("it is an encoder, which embeds texts but cannot generate text; deploy it for embeddings".into());
    }
    let context = spec.context_tokens.min(model.context_train().max(1));
    let (sequences, batch) = if embeddings {
        (EMBED_TEXTS, context)
    } else {
        (spec.sequences.max(1), BATCH_TOKENS.max(spec.sequences))
    };
    let threads = spec.threads.max(1);
    let words = spec.duty == Duty::Label;
    let set_up = ContextSpec { context, sequences, batch, embeddings, words, threads };
    let computing = Context::new(Arc::clone(&model), set_up)?;
    // llama.cpp rounds the length up, beyond the one that the model was trained for.
    let length = computing.sequence_length().min(context);
    let pieces: Vec<Vec<u8>> = (0..model.vocabulary()).map(|token| model.piece(token)).collect();
    let preparer = if spec.duty == Duty::Judge {
        Preparer::of_guard(Arc::clone(&model), &pieces, length)
    } else {
        Preparer::new(Arc::clone(&model), &pieces, length, spec.task)?
    };
    let frame = if words { Some(preparer.frame()?) } else { None };
    let mut loaded = loaded(&model, length, preparer.template());
    loaded.devices = devices.names().to_vec();
    let ends = (0..model.vocabulary()).map(|token| model.ends(token)).collect();
    // Control tokens have a name, but no text of their own.
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
        model: loaded,
        task: spec.task,
        context: computing,
        pieces: Arc::new(pieces),
        names,
        ends,
        preparer: Arc::new(preparer),
        frame,
        settings,
    })
}

impl Loaded {
    /// Returns the facts about the model.
    #[must_use]
    pub fn model(&self) -> &LoadedModel {
        &self.model
    }

    /// Adds an adapter, a GGUF file, to all that this model computes from now on.
    ///
    /// # Errors
    /// If it is none, or one for another model.
    pub fn adapt(&mut self, adapter: &ContentBytes) -> Result<(), String> {
        self.context.adapt(adapter)
    }

    /// Executes commands until all senders of `inbox` are dropped. Must be called after the process
    /// is confined, because the computing threads start with the first batch.
    pub fn run(self, inbox: mpsc::Receiver<Command>, outbox: Outbox) {
        match self.task {
            Task::Chat => serve::run(self, inbox, &Arc::from(outbox)),
            Task::Embeddings => embed::run(self, &inbox, &outbox),
        }
    }
}

/// Reads the facts of a GGUF file.
///
/// # Errors
/// If llama.cpp cannot run it for chat or embeddings. The text has the reason.
pub fn inspect(path: &Path) -> Result<LoadedModel, String> {
    let model = Model::load(path, &Devices::none(), &mut |_| {})?;
    if model.embedding_length() == 0 || model.vocabulary() == 0 {
        return Err("the file holds no text model".into());
    }
    let pieces: Vec<Vec<u8>> = (0..model.vocabulary()).map(|token| model.piece(token)).collect();
    // An encoder's file may have a chat template too, but an encoder cannot chat.
    let template = if model.generates() { Template::of(&model, &pieces)? } else { None };
    Ok(loaded(&model, model.context_train(), template.as_ref()))
}

fn loaded(model: &Model, context: u32, template: Option<&Template>) -> LoadedModel {
    let facts = ModelFacts {
        architecture: model.architecture(),
        name: model.metadata(c"general.name"),
        license: model.metadata(c"general.license"),
        parameters: model.parameters(),
        context_train: model.context_train(),
        embedding_length: model.embedding_length(),
        vocabulary: model.vocabulary(),
        generates: model.generates(),
        chat_template: model.chat_template().is_some(),
    };
    let template = template.map(Template::notes).unwrap_or_default().to_vec();
    LoadedModel { facts, context, template, devices: Vec::new() }
}

#[cfg(test)]
mod tests;
