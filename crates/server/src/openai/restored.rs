//! The events of an answer, with the values of the request in the place of their placeholders.
//!
//! Everything after this step, also the content filter and the store, sees the restored text. A
//! later request is looked into anew, so nothing restored leaves by itself.

use std::collections::{BTreeMap, VecDeque};

use engine::request::{Event, Text};
use policy::personal::{Form, Restorer, Vault};

/// Restores the answer to one prompt.
#[derive(Debug)]
pub(crate) struct Restoring {
    vault: Vault,
    /// The form of the answer's text.
    form: Form,
    texts: BTreeMap<(u32, Lane), Restorer>,
    ready: VecDeque<Event>,
}

/// The texts of one choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Reasoning,
    Text,
    Call(u32),
}

impl Restoring {
    pub(super) fn new(vault: Vault, form: Form) -> Self {
        Self { vault, form, texts: BTreeMap::new(), ready: VecDeque::new() }
    }

    /// Returns the next event that is ready.
    pub(super) fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// Takes an event of the engine.
    pub(super) fn push(&mut self, event: Event) {
        match event {
            Event::Delta { choice, text, logprobs } => {
                self.end(choice, |lane| lane == Lane::Reasoning);
                let text = self.restored((choice, Lane::Text), &text);
                if !text.0.is_empty() || !logprobs.is_empty() {
                    self.ready.push_back(Event::Delta { choice, text, logprobs });
                }
            }
            Event::Reasoning { choice, text } => {
                self.end(choice, |lane| lane == Lane::Text);
                let text = self.restored((choice, Lane::Reasoning), &text);
                if !text.0.is_empty() {
                    self.ready.push_back(Event::Reasoning { choice, text });
                }
            }
            Event::ToolStart { choice, index, name } => {
                self.end(choice, |lane| !matches!(lane, Lane::Call(_)));
                let name = self.vault.name(&name).reveal().to_owned();
                self.ready.push_back(Event::ToolStart { choice, index, name });
            }
            Event::ToolArguments { choice, index, text } => {
                let lane = Lane::Call(index);
                // Calls may come in turns: only the end of the choice ends their arguments.
                self.end(choice, |lane| !matches!(lane, Lane::Call(_)));
                let text = self.restored((choice, lane), &text);
                if !text.0.is_empty() {
                    self.ready.push_back(Event::ToolArguments { choice, index, text });
                }
            }
            Event::Finished { choice, .. } => {
                self.end(choice, |_| true);
                self.ready.push_back(event);
            }
            Event::Done | Event::Failed(_) => {
                let choices: Vec<u32> = self.texts.keys().map(|(choice, _)| *choice).collect();
                choices.into_iter().for_each(|choice| self.end(choice, |_| true));
                self.ready.push_back(event);
            }
            Event::Accepted { .. }
            | Event::Embedding { .. }
            | Event::Judged { .. }
            | Event::Words { .. }
            | Event::Read { .. }
            | Event::Counted { .. } => self.ready.push_back(event),
        }
    }

    fn restored(&mut self, of: (u32, Lane), text: &Text) -> Text {
        let form = match of.1 {
            Lane::Call(_) => Form::Json,
            Lane::Text => self.form,
            Lane::Reasoning => Form::Text,
        };
        let restorer = self.texts.entry(of).or_insert_with(|| self.vault.restorer(form));
        Text(restorer.push(text.0.reveal()))
    }

    /// Ends some of a choice's texts: another one follows them.
    fn end(&mut self, choice: u32, which: impl Fn(Lane) -> bool) {
        let texts = self.texts.iter_mut();
        let own = texts.filter(|((of, lane), _)| *of == choice && which(*lane));
        for ((choice, lane), restorer) in own {
            let (choice, text) = (*choice, Text(restorer.end()));
            if text.0.is_empty() {
                continue;
            }
            self.ready.push_back(match *lane {
                Lane::Reasoning => Event::Reasoning { choice, text },
                Lane::Text => Event::Delta { choice, text, logprobs: Vec::new() },
                Lane::Call(index) => Event::ToolArguments { choice, index, text },
            });
        }
    }
}

#[cfg(test)]
mod tests;
