//! A job: the head of its object, and the answer that clients get.

use std::collections::BTreeMap;

use policy::content::{Content, ContentBytes, wire as content};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};

use super::{
    Surface,
    event::{Event, Events, Level, Metrics},
    request::Asked,
    statement::{Statement, Used},
};

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its files are checked.
    Validating,
    /// It waits for its turn.
    Queued,
    /// It trains.
    Running,
    /// Its owner stopped it, and can let it go on.
    Paused,
    /// It is done.
    Succeeded,
    /// It failed; its error says why.
    Failed,
    /// Its owner ended it.
    Cancelled,
}

impl Status {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Validating,
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Returns the number in the object's row.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Validating => 0,
            Self::Queued => 1,
            Self::Running => 2,
            Self::Paused => 3,
            Self::Succeeded => 4,
            Self::Failed => 5,
            Self::Cancelled => 6,
        }
    }

    /// Returns the state of a number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.number() == number)
    }

    /// Returns true if the job will not change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Returns the word of a surface.
    #[must_use]
    pub fn name(self, surface: Surface) -> &'static str {
        match (self, surface) {
            (Self::Validating, Surface::V1) => "validating_files",
            (Self::Queued, Surface::V1) => "queued",
            (Self::Validating | Self::Queued, Surface::Classic) => "pending",
            (Self::Running, _) => "running",
            (Self::Paused, _) => "paused",
            (Self::Succeeded, _) => "succeeded",
            (Self::Failed, _) => "failed",
            (Self::Cancelled, _) => "cancelled",
        }
    }
}

/// The reason why a job failed. It holds no content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// The field of the request, if it is one's fault.
    pub param: Option<String>,
}

/// A label that the caller gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The key.
    #[serde(with = "content")]
    pub key: Content,
    /// The value.
    #[serde(with = "content")]
    pub value: Content,
}

/// A job, as its object's sealed head keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Seconds since 1970.
    pub created_at: u64,
    /// The name of the base model.
    pub model: String,
    /// SHA-256 of the base model's file, in hex.
    pub base_sha256: String,
    /// The training file's id.
    pub training_file: String,
    /// The validation file's id.
    pub validation_file: Option<String>,
    /// The hyperparameters as they were asked for.
    pub asked: Asked,
    /// The hyperparameters in use, once the files are checked.
    pub used: Option<Used>,
    /// True if the request named its method.
    pub with_method: bool,
    /// The seed.
    pub seed: u32,
    /// The end of the model's name.
    pub suffix: Option<String>,
    /// The caller's labels.
    pub metadata: Vec<Label>,
    /// The id of the resource, as clients see it: `organization_id`.
    pub organization: String,
    /// The reason of a failure.
    pub error: Option<JobError>,
    /// The time at which the job ended.
    pub finished_at: Option<u64>,
    /// The time at which it will probably end.
    pub estimated_finish: Option<u64>,
    /// The name of the new model.
    pub fine_tuned_model: Option<String>,
    /// The ids of the files of results.
    pub result_files: Vec<String>,
    /// The tokens that the job trained on.
    pub trained_tokens: Option<u64>,
    /// Statement for the customer's own check.
    pub statement: Option<Statement>,
    /// The events.
    pub events: Events,
    /// The numbers of each step, for the file of results.
    pub steps: Vec<Metrics>,
}

/// The most steps whose numbers a job keeps.
pub const STEPS_MAX: usize = 20_000;

impl Job {
    /// Returns the head of the job's object.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which should not happen.
    pub fn head(&self) -> Result<ContentBytes, serde_json::Error> {
        serde_json::to_vec(self).map(ContentBytes::new)
    }

    /// Reads the head of a job's object.
    #[must_use]
    pub fn read(head: &ContentBytes) -> Option<Self> {
        serde_json::from_slice(head.reveal()).ok()
    }

    /// Returns the name of the model that a job makes. `job` is the hex of its id.
    #[must_use]
    pub fn name(&self, job: &str) -> String {
        let Self { model, suffix, .. } = self;
        match suffix {
            Some(suffix) => format!("{model}.ft-{job}-{suffix}"),
            None => format!("{model}.ft-{job}"),
        }
    }

    /// Adds an event.
    pub fn note(&mut self, created_at: u64, level: Level, message: impl Into<String>) {
        self.events.push(Event { created_at, level, message: message.into(), metrics: None });
    }

    /// Adds the numbers of a step. They become an event if `told`.
    pub fn step(&mut self, created_at: u64, metrics: Metrics, of: u32, told: bool) {
        // After a restart, the trainer repeats the steps since its last checkpoint.
        self.steps.retain(|other| other.step < metrics.step);
        if self.steps.len() < STEPS_MAX {
            self.steps.push(metrics);
        }
        if told {
            let message =
                format!("Step {}/{of}: training loss={:.2}", metrics.step, metrics.train_loss);
            let metrics = Some(metrics);
            self.events.push(Event { created_at, level: Level::Info, message, metrics });
        }
    }

    /// Returns the job as it is sent.
    #[must_use]
    pub fn view(&self, id: String, status: Status, surface: Surface) -> View<'_> {
        let hyper = match self.used {
            Some(used) => Shown::of(&Asked {
                n_epochs: Some(used.n_epochs),
                batch_size: Some(used.batch_size),
                learning_rate_multiplier: Some(used.learning_rate_multiplier),
            }),
            None => Shown::of(&self.asked),
        };
        let method = (self.with_method || surface == Surface::V1).then_some(Method {
            kind: "supervised",
            supervised: Supervised { hyperparameters: hyper },
        });
        View {
            object: "fine_tuning.job",
            id,
            created_at: self.created_at,
            error: self.error.as_ref().map_or(Failure::None(Empty {}), Failure::Some),
            fine_tuned_model: self.fine_tuned_model.as_deref(),
            finished_at: self.finished_at,
            hyperparameters: hyper,
            method,
            model: &self.model,
            organization_id: &self.organization,
            result_files: &self.result_files,
            status: status.name(surface),
            trained_tokens: self.trained_tokens,
            training_file: &self.training_file,
            validation_file: self.validation_file.as_deref(),
            seed: self.seed,
            estimated_finish: self.estimated_finish,
            integrations: [],
            user_provided_suffix: self.suffix.as_deref(),
            metadata: Labels(&self.metadata),
            training_statement: self.statement.as_ref(),
        }
    }
}

/// A job as it is sent.
#[derive(Debug, Serialize)]
pub struct View<'a> {
    object: &'static str,
    id: String,
    created_at: u64,
    error: Failure<'a>,
    fine_tuned_model: Option<&'a str>,
    finished_at: Option<u64>,
    hyperparameters: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<Method>,
    model: &'a str,
    organization_id: &'a str,
    result_files: &'a [String],
    status: &'static str,
    trained_tokens: Option<u64>,
    training_file: &'a str,
    validation_file: Option<&'a str>,
    seed: u32,
    estimated_finish: Option<u64>,
    integrations: [(); 0],
    user_provided_suffix: Option<&'a str>,
    metadata: Labels<'a>,
    /// Not OpenAI's: for `bailiwick verify training`.
    training_statement: Option<&'a Statement>,
}

/// `error`: OpenAI sends an object with nulls if there is none.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Failure<'a> {
    Some(&'a JobError),
    None(Empty),
}

#[derive(Debug)]
struct Empty {}

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nothing: BTreeMap<&str, Option<&str>> =
            [("code", None), ("message", None), ("param", None)].into();
        nothing.serialize(serializer)
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Shown {
    n_epochs: OrAuto<u32>,
    batch_size: OrAuto<u32>,
    learning_rate_multiplier: OrAuto<f64>,
}

impl Shown {
    fn of(asked: &Asked) -> Self {
        Self {
            n_epochs: asked.n_epochs.into(),
            batch_size: asked.batch_size.into(),
            learning_rate_multiplier: asked.learning_rate_multiplier.into(),
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
enum OrAuto<T> {
    Number(T),
    Auto(&'static str),
}

impl<T> From<Option<T>> for OrAuto<T> {
    fn from(number: Option<T>) -> Self {
        number.map_or(Self::Auto("auto"), Self::Number)
    }
}

#[derive(Debug, Serialize)]
struct Method {
    #[serde(rename = "type")]
    kind: &'static str,
    supervised: Supervised,
}

#[derive(Debug, Serialize)]
struct Supervised {
    hyperparameters: Shown,
}

/// The caller's labels, which go back to the caller.
#[derive(Debug)]
struct Labels<'a>(&'a [Label]);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for Label { key, value } in self.0 {
            map.serialize_entry(key.reveal(), value.reveal())?;
        }
        map.end()
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    object: &'static str,
    /// The items.
    pub data: Vec<T>,
    /// Whether there are more.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Returns a page.
    #[must_use]
    pub fn new(data: Vec<T>, has_more: bool) -> Self {
        Self { object: "list", data, has_more }
    }
}
