//! The texts of a request that detectors look at, each with its place.

use engine::request::{
    Answer, Constraint, EmbedInput, Generate, Message, Part, Prompt, Role, Text, Tool, Work,
};
use policy::{
    content::Content,
    guard::{documents, heads::Place},
};
use serde_json::Value;

/// The texts of a request.
pub(super) struct Read {
    /// The texts. What is split over several turns is in it as a whole, too.
    pub(super) texts: Vec<(Place, Content)>,
    /// False if the request has parts that no detector reads: images, sound, tokens.
    pub(super) whole: bool,
    documents: bool,
}

/// Returns the tokens in a request, which a worker turns into text.
pub(crate) fn tokens(work: &Work) -> Vec<Vec<u32>> {
    let inputs = match work {
        Work::Generate(generate) => match &generate.prompt {
            Prompt::Tokens(tokens) => return vec![tokens.clone()],
            Prompt::Chat { .. } | Prompt::Text(_) | Prompt::Middle { .. } => return Vec::new(),
        },
        Work::Embed(embed) => &embed.inputs,
        Work::Judge(_) | Work::Label(_) | Work::Read(_) => return Vec::new(),
    };
    let tokens = |input: &EmbedInput| match input {
        EmbedInput::Tokens(tokens) => Some(tokens.clone()),
        EmbedInput::Text(_) => None,
    };
    inputs.iter().filter_map(tokens).collect()
}

/// Returns the texts of a request. `read` has the text of its [`tokens`], if a worker could turn them
/// into text. With `documents`, documents that a turn embeds are texts of their own, in which indirect
/// attacks are looked for. Otherwise they stay a part of the turn: nothing in them goes unseen.
pub(super) fn of(work: &Work, read: Option<&[Text]>, documents: bool) -> Read {
    let mut texts = Read { texts: Vec::new(), whole: true, documents };
    let place = match work {
        Work::Generate(generate) => {
            texts.generate(generate);
            Place::User
        }
        // Texts to embed are data, not instructions: no jailbreak is looked for.
        Work::Embed(embed) => {
            for input in &embed.inputs {
                if let EmbedInput::Text(text) = input {
                    texts.add(Place::Other, text);
                }
            }
            Place::Other
        }
        Work::Judge(_) | Work::Label(_) | Work::Read(_) => {
            texts.whole = false;
            return texts;
        }
    };
    match read {
        Some(read) => read.iter().for_each(|text| texts.add(place, text)),
        None => texts.whole &= tokens(work).is_empty(),
    }
    texts
}

impl Read {
    fn generate(&mut self, Generate { prompt, constraint, extras, .. }: &Generate) {
        match prompt {
            Prompt::Chat { messages, tools } => {
                messages.iter().for_each(|message| self.message(message));
                tools.iter().for_each(|tool| self.tool(tool));
                self.joined(messages);
            }
            Prompt::Text(text) => self.add(Place::User, text),
            Prompt::Tokens(_) => {}
            Prompt::Middle { prefix, suffix } => {
                self.add(Place::User, prefix);
                self.add(Place::User, suffix);
            }
        }
        match constraint {
            Constraint::JsonSchema { schema, .. }
            | Constraint::Tools { answer: Answer::JsonSchema { schema, .. }, .. } => {
                self.add(Place::Other, schema);
            }
            Constraint::Free | Constraint::JsonObject | Constraint::Tools { .. } => {}
        }
        if let Some(prediction) = &extras.prediction {
            self.add(Place::Other, prediction);
        }
    }

    fn message(&mut self, message: &Message) {
        let place = place(message.role);
        if let Some(name) = &message.name {
            self.add(place, name);
        }
        if self.documents {
            let parted = documents::part(message.content.0.reveal());
            for document in &parted.documents {
                self.push(Place::Document, document.reveal());
            }
            self.push(place, parted.instruction.reveal());
        } else {
            self.add(place, &message.content);
        }
        for part in &message.parts {
            match part {
                // The turn's text has it already.
                Part::Text(_) => {}
                Part::Reasoning(text) => self.add(Place::Other, text),
                Part::Image { .. } | Part::Audio { .. } => self.whole = false,
            }
        }
        for call in &message.tool_calls {
            self.add(Place::Other, &call.name);
            self.add(Place::Other, &call.arguments);
        }
    }

    fn tool(&mut self, tool: &Tool) {
        self.push(Place::Other, &tool.name);
        if let Some(description) = &tool.description {
            self.add(Place::Other, description);
        }
        self.add(Place::Other, &tool.parameters);
    }

    /// Adds the end of the conversation as one text, and that of the user's turns: harm that is split
    /// over turns.
    fn joined(&mut self, messages: &[Message]) {
        let users: Vec<_> = messages.iter().filter(|one| one.role == Role::User).collect();
        let all: Vec<_> = messages.iter().filter(|one| one.role != Role::System).collect();
        for (place, turns) in [(Place::User, &users), (Place::Other, &all)] {
            if turns.len() > 1 {
                let end = end_of(turns);
                self.texts.push((place, end));
            }
        }
    }

    fn add(&mut self, place: Place, text: &Text) {
        self.push(place, text.0.reveal());
    }

    fn push(&mut self, place: Place, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(words) = words(text) {
            self.texts.push((place, words));
        }
        self.texts.push((place, Content::new(text.to_owned())));
    }
}

/// Returns the place of a turn's text.
fn place(role: Role) -> Place {
    match role {
        Role::User => Place::User,
        Role::Tool => Place::Document,
        Role::System | Role::Assistant => Place::Other,
    }
}

/// Returns the last [`JOINED_BYTES`] of some turns, joined.
fn end_of(turns: &[&Message]) -> Content {
    let mut texts = Vec::new();
    let mut bytes = 0;
    for turn in turns.iter().rev() {
        let text = turn.content.0.reveal();
        bytes += text.len() + 1;
        texts.push(text);
        if bytes > JOINED_BYTES {
            break;
        }
    }
    texts.reverse();
    let joined = Content::new(texts.join(" "));
    let from = joined.len().saturating_sub(JOINED_BYTES);
    let from = joined.reveal().ceil_char_boundary(from);
    Content::new(joined.reveal().get(from..).unwrap_or_default().to_owned())
}

/// Returns the keys and strings of a JSON text as plain text, if escapes hide some of them.
pub(crate) fn words(text: &str) -> Option<Content> {
    let text = text.trim();
    if !text.starts_with(['{', '[', '"']) || !text.contains('\\') {
        return None;
    }
    let mut words = String::new();
    collect(&serde_json::from_str(text).ok()?, &mut words);
    Some(Content::new(words))
}

fn collect(value: &Value, words: &mut String) {
    let mut add = |text: &str| {
        words.push_str(text);
        words.push(' ');
    };
    match value {
        Value::String(text) => add(text),
        Value::Array(values) => values.iter().for_each(|value| collect(value, words)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            words.push_str(key);
            words.push(' ');
            collect(value, words);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// How much of a conversation is looked at as one text. Its earlier turns were looked at with the
/// requests that sent them first, and each turn is a text of its own.
const JOINED_BYTES: usize = 2000;

#[cfg(test)]
mod tests;
