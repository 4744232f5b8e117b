//! The events of a job: messages without content, and numbers.

use serde::{Deserialize, Serialize};

use super::Surface;

/// The level of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// Progress.
    Info,
    /// Something that may surprise.
    Warn,
    /// The reason why the job failed.
    Error,
}

/// One event. Its message is ours: it holds no content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since 1970.
    pub created_at: u64,
    /// The level.
    pub level: Level,
    /// The message.
    pub message: String,
    /// The numbers of a step.
    pub metrics: Option<Metrics>,
}

/// The numbers of one step. Losses are natural logarithms per token, accuracies are fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The step, from 1.
    pub step: u32,
    /// The loss on the step's examples.
    pub train_loss: f32,
    /// The part of the tokens that the model got right.
    #[serde(rename = "train_mean_token_accuracy")]
    pub train_accuracy: f32,
    /// The loss on some examples of the validation file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub valid_loss: Option<f32>,
    /// The accuracy on them.
    #[serde(
        rename = "valid_mean_token_accuracy",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub valid_accuracy: Option<f32>,
    /// The loss on the whole validation file, at the end of an epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub full_valid_loss: Option<f32>,
    /// The accuracy on it.
    #[serde(
        rename = "full_valid_mean_token_accuracy",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub full_valid_accuracy: Option<f32>,
}

/// The events of a job in order: the oldest ones are left out if there are more than
/// [`EVENTS_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// How many older ones were left out.
    pub dropped: u64,
    /// The events, oldest first.
    pub list: Vec<Event>,
}

/// The most events that a job keeps.
pub const EVENTS_MAX: usize = 1000;

impl Events {
    /// Adds an event.
    pub fn push(&mut self, event: Event) {
        if self.list.len() >= EVENTS_MAX {
            self.list.remove(0);
            self.dropped = self.dropped.saturating_add(1);
        }
        self.list.push(event);
    }

    /// Returns the events, newest first, each with its id in the API. `job` is the hex of the job's id.
    #[must_use]
    pub fn views<'a>(&'a self, job: &str, surface: Surface) -> Vec<View<'a>> {
        let numbered = self.list.iter().zip(self.dropped..);
        let mut views: Vec<_> = numbered
            .map(|(event, number)| View {
                object: "fine_tuning.job.event",
                id: format!("ftevent-{job}-{number}"),
                created_at: event.created_at,
                level: match (event.level, surface) {
                    (Level::Info, _) => "info",
                    (Level::Warn, Surface::V1) => "warn",
                    (Level::Warn, Surface::Classic) => "warning",
                    (Level::Error, _) => "error",
                },
                message: &event.message,
                kind: if event.metrics.is_some() { "metrics" } else { "message" },
                data: event.metrics.as_ref(),
            })
            .collect();
        views.reverse();
        views
    }
}

/// An event as it is sent.
#[derive(Debug, Serialize)]
pub struct View<'a> {
    object: &'static str,
    /// The event's id.
    pub id: String,
    created_at: u64,
    level: &'static str,
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    data: Option<&'a Metrics>,
}
