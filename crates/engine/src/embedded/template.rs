//! Turns a conversation into text with the model's own chat template.
//!
//! The template is a Jinja program inside the model file, and so foreign code. It runs in the
//! confined worker with a limited number of steps, and can access only its inputs. Loading a model
//! also probes which features of conversations its template supports ([`probe`]). Each conversation
//! is then given to the template in a supported form ([`shape`]).

mod control;
mod dialect;
mod jinja;
mod json;
mod methods;
mod moment;
mod probe;
mod python;
mod shape;

use self::{
    jinja::{Failed, Program, Variables},
    methods::{Ends, strip},
    probe::Habits,
    shape::{Content, Names, Neighbours, Shape, System, Tools},
};
use super::ffi::Model;
use crate::{
    protocol::TemplateNote,
    request::{Message, Refusal, Tool},
};

pub(crate) use self::{
    control::{ControlNames, MARKER},
    moment::Moment,
};

/// A chat template, with its abilities.
#[derive(Debug)]
pub(crate) struct Template {
    program: Program,
    bos: String,
    eos: String,
    control: ControlNames,
    habits: Option<Habits>,
}

impl Template {
    /// Compiles and probes the template of a model file; `None` if the file has none. The error has
    /// the problem and advice.
    pub(crate) fn of(model: &Model, pieces: &[Vec<u8>]) -> Result<Option<Self>, String> {
        let Some(source) = model.chat_template() else { return Ok(None) };
        let name = |token: Option<u32>| {
            token
                .and_then(|token| pieces.get(token as usize))
                .map(|piece| String::from_utf8_lossy(piece).into_owned())
                .unwrap_or_default()
        };
        let control = (0_u32..).zip(pieces).filter(|&(token, _)| model.is_control(token));
        let control = control.filter_map(|(_, piece)| String::from_utf8(piece.clone()).ok());
        let control = ControlNames::new(control);
        Self::new(&source, name(model.bos()), name(model.eos()), control).map(Some)
    }

    fn new(source: &str, bos: String, eos: String, control: ControlNames) -> Result<Self, String> {
        let useless = |reason: String| {
            format!(
                "the model's chat template cannot be used: {reason}; replace it \
                 (`gguf-new-metadata --chat-template-file`), or remove it and use completions"
            )
        };
        let program = Program::compile(source).map_err(useless)?;
        let mut template = Self { program, bos, eos, control, habits: None };
        template.habits = Some(probe::probe(&template).map_err(useless)?);
        Ok(template)
    }

    /// Returns the template's abilities, for people to read.
    pub(crate) fn notes(&self) -> &[TemplateNote] {
        self.habits.as_ref().map_or(&[], |habits| &habits.notes)
    }

    /// Renders a conversation as pieces of text. The name of a control token counts as markup only
    /// within one piece.
    pub(crate) fn render(
        &self,
        messages: &[Message],
        tools: &[Tool],
        now: Moment,
    ) -> Result<Vec<String>, Refusal> {
        let refused = |reason: String| Refusal::BadConversation { reason };
        let Some(Habits { shape, verbatim, .. }) = self.habits.as_ref() else {
            return Err(refused("it was not probed yet".into()));
        };
        let text = self.attempt(*shape, *verbatim, messages, tools, now).or_else(|reason| {
            // If the template refuses this conversation, its plainest form may still work.
            let plain = plainest(*shape);
            self.attempt(plain, *verbatim, messages, tools, now).map_err(|_| refused(reason))
        })?;
        Ok(text.split(MARKER).map(str::to_owned).collect())
    }

    /// Renders a conversation whose last turn is the assistant's, once as the prompt of that turn and
    /// once with the turn itself. The first text is a beginning of the second, if the template shows
    /// earlier turns alike.
    pub(crate) fn render_turn(
        &self,
        messages: &[Message],
        tools: &[Tool],
        now: Moment,
    ) -> Result<[String; 2], Refusal> {
        let refused = |reason: String| Refusal::BadConversation { reason };
        let Some(Habits { shape, verbatim, .. }) = self.habits.as_ref() else {
            return Err(refused("it was not probed yet".into()));
        };
        let Some((_, before)) = messages.split_last() else {
            return Err(refused("it has no turns".into()));
        };
        let both = |shape: Shape| {
            let prompt = self.attempt(shape, *verbatim, before, tools, now)?;
            let whole = self.attempt_as(shape, *verbatim, messages, tools, now, Last::Closed)?;
            Ok([prompt, whole])
        };
        both(*shape).or_else(|reason| both(plainest(*shape)).map_err(|_: String| refused(reason)))
    }

    /// Whether the rendered text already begins with the beginning-of-text token.
    pub(crate) fn begins_text(&self, pieces: &[String]) -> bool {
        !self.bos.is_empty() && pieces.first().is_some_and(|first| first.starts_with(&self.bos))
    }

    /// Renders a conversation in one shape. The error is the template's own, or, if the template
    /// shows texts verbatim, it names the message that is left out.
    fn attempt(
        &self,
        shape: Shape,
        verbatim: bool,
        messages: &[Message],
        tools: &[Tool],
        now: Moment,
    ) -> Result<String, String> {
        self.attempt_as(shape, verbatim, messages, tools, now, Last::Open)
    }

    fn attempt_as(
        &self,
        shape: Shape,
        verbatim: bool,
        messages: &[Message],
        tools: &[Tool],
        now: Moment,
        last: Last,
    ) -> Result<String, String> {
        let shaped = shape.apply(messages, tools, &self.control);
        let mut variables = Variables::default();
        variables.set("messages", shaped.messages.into());
        variables.set("tools", shaped.tools.unwrap_or_default());
        variables.set("documents", serde_json::Value::Null);
        variables.set("add_generation_prompt", (last == Last::Open).into());
        variables.set("bos_token", self.bos.clone().into());
        variables.set("eos_token", self.eos.clone().into());
        let text = self.program.run(variables, now).map_err(|Failed(reason)| words(&reason))?;
        if verbatim && let Some(index) = first_missing(&text, &shaped.must_show) {
            return Err(format!("it leaves out the content of messages[{index}]"));
        }
        Ok(text)
    }

    /// Checks that the text shows each turn completely, including those of the assistant.
    fn complete(&self, shape: Shape, verbatim: bool, turns: &[Message]) -> Result<(), String> {
        let text = self.attempt(shape, false, turns, &[], probe::NOON)?;
        if shape.content != Content::Text && (text.contains("'type'") || text.contains("\"type\""))
        {
            return Err("it writes a list of parts as a list".to_owned());
        }
        for turn in turns {
            let said = shape::text(&turn.content);
            let shows = if verbatim { shows(&text, said) } else { shows_words(&text, said) };
            if !shows {
                let role = turn.role.name();
                return Err(format!("it leaves out the content of a turn with the role `{role}`"));
            }
        }
        Ok(())
    }
}

/// Whether a rendered conversation ends with the beginning of a turn of the assistant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// It does, as a prompt.
    Open,
    /// It ends after its last turn.
    Closed,
}

/// The form that most templates take.
fn plainest(shape: Shape) -> Shape {
    Shape {
        system: if shape.system == System::Never { System::Never } else { System::First },
        neighbours: Neighbours::Joined,
        names: Names::InText,
        tools: Tools::Described,
        ..shape
    }
}

/// Returns the first message that a text does not show. Looks in the order of the messages first.
fn first_missing(text: &str, must_show: &[(usize, String)]) -> Option<usize> {
    let mut rest = text;
    for (index, said) in must_show {
        let said = strip(said, None, Ends::Both);
        match rest.split_once(said) {
            Some((_, after)) => rest = after,
            None if shows(text, said) => {}
            None => return Some(*index),
        }
    }
    None
}

/// Whether a text contains `said`, unchanged or as JSON.
fn shows(text: &str, said: &str) -> bool {
    let said = strip(said, None, Ends::Both);
    text.contains(said) || text.contains(&json::quoted(said))
}

/// Whether a text contains all words of `said`, in their order.
fn shows_words(text: &str, said: &str) -> bool {
    let mut rest = text;
    said.split_whitespace().all(|word| match rest.split_once(word) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// Shortens a template's error, and removes our marker.
fn words(reason: &str) -> String {
    reason.chars().filter(|&letter| letter != MARKER).take(200).collect()
}

#[cfg(test)]
mod tests;
