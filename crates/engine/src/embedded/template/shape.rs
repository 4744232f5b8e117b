//! Converts a conversation to a form that the template supports: unchanged if possible, otherwise
//! with other turns that have the same meaning.
//!
//! The workarounds are those of other products: a system turn becomes the beginning of the next
//! user turn, neighbours of one role become one turn, tools are described in text.

use serde_json::{Map, Value as Json, json};

use super::control::ControlNames;
use crate::{
    embedded::tools::{CLOSE, OPEN},
    request::{Message, Role, Text, Tool, ToolCall},
};

/// The form in which a template gets conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) content: Content,
    pub(super) system: System,
    pub(super) neighbours: Neighbours,
    pub(super) names: Names,
    pub(super) tools: Tools,
}

/// The form of a turn's `content`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A text.
    Text,
    /// A list with one text part.
    Parts,
    /// A list with one text part in user turns, a text elsewhere.
    PartsOfUsers,
}

/// The turns that get the role `system`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// All system turns of the caller.
    Anywhere,
    /// The first turn only; later system turns become the beginning of the next user turn.
    First,
    /// No turn: each system turn becomes the beginning of the next user turn.
    Never,
}

/// The treatment of consecutive turns of one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Neighbours {
    /// They stay separate.
    Apart,
    /// They become one turn.
    Joined,
}

/// The place of a speaker's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// In the turn's `name`.
    Shown,
    /// Before the text.
    InText,
}

/// The form of tools, their calls and their results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tools {
    /// In the variables that Hugging Face defines for them.
    Shown {
        /// Whether a call's arguments are JSON text instead of an object.
        arguments_as_text: bool,
        /// Whether the template shows the ids of calls and results.
        ids: bool,
    },
    /// As text: tools in a system turn, calls and results in the turns of assistant and user.
    Described,
}

/// A conversation in the form for a template, and the texts that the output must show.
#[derive(Debug)]
pub(super) struct Shaped {
    /// The turns.
    pub(super) messages: Vec<Json>,
    /// The tools, if the template shows them.
    pub(super) tools: Option<Json>,
    /// Texts of the caller that must not get lost, each with the index of its message.
    pub(super) must_show: Vec<(usize, String)>,
}

/// A turn in the form for a template.
struct Turn {
    role: Role,
    text: String,
    fields: Map<String, Json>,
}

impl Turn {
    fn plain(role: Role, text: String) -> Self {
        Self { role, text, fields: Map::new() }
    }
}

impl Shape {
    /// Converts a conversation. Names of control tokens in it are split ([`ControlNames::guard`]).
    pub(super) fn apply(
        self,
        messages: &[Message],
        tools: &[Tool],
        control: &ControlNames,
    ) -> Shaped {
        let mut must_show = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            // Templates are expected to drop the reasoning of earlier assistant turns.
            if message.role != Role::Assistant {
                must_show.push((index, control.guard(text(&message.content))));
            }
        }
        let turns = match self.tools {
            Tools::Shown { arguments_as_text, ids } => {
                self.shown(messages, arguments_as_text, ids, control)
            }
            Tools::Described => self.described(messages, tools, control),
        };
        let turns = self.without_system(turns);
        let turns = if self.neighbours == Neighbours::Joined { joined(turns) } else { turns };
        let messages = turns.into_iter().map(|turn| self.finish(turn)).collect();
        let shown = matches!(self.tools, Tools::Shown { .. }) && !tools.is_empty();
        let tools = shown.then(|| tools.iter().map(|tool| control.guard_json(function(tool))));
        Shaped { messages, tools: tools.map(Iterator::collect), must_show }
    }

    /// Converts turns for templates that show tools: unchanged.
    fn shown(
        self,
        messages: &[Message],
        arguments_as_text: bool,
        ids: bool,
        control: &ControlNames,
    ) -> Vec<Turn> {
        let ordered = if ids { messages.iter().collect() } else { in_order_of_calls(messages) };
        // An id is unique only within its turn: the next turn may use it for another call.
        let mut last_calls: &[ToolCall] = &[];
        let turn = |message: &Message| {
            let mut turn = self.say(message, control);
            if !message.tool_calls.is_empty() {
                let calls = message.tool_calls.iter().map(|call| {
                    let arguments = text(&call.arguments);
                    let object = serde_json::from_str::<Json>(arguments).ok();
                    let arguments = match object {
                        Some(object) if !arguments_as_text => object,
                        _ => json!(arguments),
                    };
                    let function = json!({"name": text(&call.name), "arguments": arguments});
                    json!({"type": "function", "id": text(&call.id), "function": function})
                });
                turn.fields.insert("tool_calls".into(), control.guard_json(calls.collect()));
            }
            turn
        };
        let mut turns = Vec::with_capacity(ordered.len());
        for message in ordered {
            let mut turn = turn(message);
            if !message.tool_calls.is_empty() {
                last_calls = &message.tool_calls;
            }
            if let Some(id) = &message.tool_call_id {
                turn.text = control.guard(&result(message, last_calls));
                turn.fields.insert("tool_call_id".into(), control.guard(text(id)).into());
                if let Some(name) = name_of_call(message, last_calls) {
                    turn.fields.insert("name".into(), control.guard(name).into());
                }
            }
            turns.push(turn);
        }
        turns
    }

    /// Converts turns for templates that do not show tools: tools are described in the system turn,
    /// and calls and results become text in the turns of assistant and user.
    fn described(self, messages: &[Message], tools: &[Tool], control: &ControlNames) -> Vec<Turn> {
        let mut turns = Vec::with_capacity(messages.len());
        let ordered = in_order_of_calls(messages);
        let mut ordered = ordered.into_iter().peekable();
        if !tools.is_empty() {
            let own = ordered.next_if(|message| message.role == Role::System);
            let own = own.map(|message| format!("{}\n\n", self.say(message, control).text));
            let told = own.unwrap_or_default() + &control.guard(&describe(tools));
            turns.push(Turn::plain(Role::System, told));
        }
        let mut last_calls: &[ToolCall] = &[];
        while let Some(message) = ordered.next() {
            if message.role == Role::Tool {
                // The results of one turn's calls become one user turn, because many templates
                // require that user and assistant alternate.
                let mut results = response(message, last_calls);
                while let Some(next) = ordered.next_if(|next| next.role == Role::Tool) {
                    results.push('\n');
                    results.push_str(&response(next, last_calls));
                }
                turns.push(Turn::plain(Role::User, control.guard(&results)));
                continue;
            }
            if !message.tool_calls.is_empty() {
                last_calls = &message.tool_calls;
            }
            let mut turn = self.say(message, control);
            for call in &message.tool_calls {
                if !turn.text.is_empty() {
                    turn.text.push('\n');
                }
                let (name, arguments) = (json!(text(&call.name)), text(&call.arguments));
                let call = format!("{{\"name\": {name}, \"arguments\": {arguments}}}");
                turn.text.push_str(&format!("{OPEN}\n{}\n{CLOSE}", control.guard(&call)));
            }
            turns.push(turn);
        }
        turns
    }

    /// Converts the text and the speaker of a message.
    fn say(self, message: &Message, control: &ControlNames) -> Turn {
        let mut turn = Turn::plain(message.role, control.guard(text(&message.content)));
        // The name of a result is that of its call.
        let name = message.name.as_ref().filter(|_| message.role != Role::Tool);
        if let Some(name) = name {
            let name = control.guard(text(name));
            // A turn that becomes a part of another cannot have its own name.
            let own_turn = self.neighbours == Neighbours::Apart
                && (message.role != Role::System || self.system == System::Anywhere);
            if self.names == Names::Shown && own_turn {
                turn.fields.insert("name".into(), name.into());
            } else {
                turn.text = format!("{name}: {}", turn.text);
            }
        }
        turn
    }

    /// Moves system turns that the template does not support into the next user turn.
    fn without_system(self, turns: Vec<Turn>) -> Vec<Turn> {
        let mut kept: Vec<Turn> = Vec::with_capacity(turns.len());
        let mut waiting: Option<String> = None;
        for mut turn in turns {
            let first = kept.is_empty() && waiting.is_none();
            let taken = match self.system {
                System::Anywhere => true,
                System::First => first,
                System::Never => false,
            };
            if turn.role == Role::System && !taken {
                match (&mut waiting, kept.last_mut()) {
                    // System turns that directly follow the first one are joined with it.
                    (None, Some(last)) if last.role == Role::System => {
                        append(&mut last.text, &turn.text)
                    }
                    (Some(text), _) => append(text, &turn.text),
                    (None, _) => waiting = Some(turn.text),
                }
                continue;
            }
            if let Some(text) = waiting.take() {
                if turn.role == Role::User {
                    turn.text = format!("{text}\n\n{}", turn.text);
                } else {
                    kept.push(Turn::plain(Role::User, text));
                }
            }
            kept.push(turn);
        }
        kept.extend(waiting.map(|text| Turn::plain(Role::User, text)));
        kept
    }

    fn finish(self, turn: Turn) -> Json {
        let as_parts = match self.content {
            Content::Text => false,
            Content::Parts => true,
            Content::PartsOfUsers => turn.role == Role::User,
        };
        let text = Json::from(turn.text);
        let content = if as_parts { json!([{"type": "text", "text": text}]) } else { text };
        let mut fields = Map::new();
        fields.insert("role".into(), turn.role.name().into());
        fields.insert("content".into(), content);
        fields.extend(turn.fields);
        Json::Object(fields)
    }
}

/// Joins consecutive turns of one role. Turns with calls or results stay separate.
fn joined(turns: Vec<Turn>) -> Vec<Turn> {
    let mut kept: Vec<Turn> = Vec::with_capacity(turns.len());
    for turn in turns {
        match kept.last_mut() {
            Some(last)
                if last.role == turn.role
                    && turn.role != Role::Tool
                    && !last.fields.contains_key("tool_calls")
                    && !turn.fields.contains_key("tool_calls") =>
            {
                append(&mut last.text, &turn.text);
            }
            _ => kept.push(turn),
        }
    }
    kept
}

fn append(text: &mut String, more: &str) {
    text.push_str("\n\n");
    text.push_str(more);
}

/// Sorts results in the order of their calls, for templates that do not show ids.
fn in_order_of_calls(messages: &[Message]) -> Vec<&Message> {
    let mut ordered: Vec<&Message> = Vec::with_capacity(messages.len());
    let mut messages = messages.iter().peekable();
    while let Some(message) = messages.next() {
        ordered.push(message);
        let start = ordered.len();
        while let Some(result) = messages.next_if(|next| next.role == Role::Tool) {
            ordered.push(result);
        }
        let place = |result: &&Message| {
            let id = result.tool_call_id.as_ref().map(text);
            message.tool_calls.iter().position(|call| Some(text(&call.id)) == id)
        };
        if let Some(results) = ordered.get_mut(start..) {
            results.sort_by_key(|result| place(result).unwrap_or(usize::MAX));
        }
    }
    ordered
}

/// Returns the name of the function whose result a message is.
fn name_of_call<'a>(message: &Message, calls: &'a [ToolCall]) -> Option<&'a str> {
    let id = text(message.tool_call_id.as_ref()?);
    calls.iter().find(|call| text(&call.id) == id).map(|call| text(&call.name))
}

/// Returns the text of a tool's result, with the message's name in front unless it is the name of
/// the function.
fn result(message: &Message, calls: &[ToolCall]) -> String {
    let said = text(&message.content);
    match message.name.as_ref().map(text) {
        Some(name) if name_of_call(message, calls) != Some(name) => format!("{name}: {said}"),
        _ => said.to_owned(),
    }
}

pub(super) fn text(text: &Text) -> &str {
    text.0.reveal()
}

fn response(message: &Message, calls: &[ToolCall]) -> String {
    format!("<tool_response>\n{}\n</tool_response>", result(message, calls))
}

fn function(tool: &Tool) -> Json {
    let parameters: Json = serde_json::from_str(text(&tool.parameters)).unwrap_or_default();
    let mut function = Map::new();
    function.insert("name".into(), tool.name.clone().into());
    if let Some(description) = &tool.description {
        function.insert("description".into(), text(description).into());
    }
    function.insert("parameters".into(), parameters);
    json!({"type": "function", "function": function})
}

/// Describes tools in the words of the Hermes models' training, which other models understand too.
fn describe(tools: &[Tool]) -> String {
    let functions: Vec<String> = tools.iter().map(|tool| function(tool).to_string()).collect();
    format!(
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n\
         You are provided with function signatures within <tools></tools> XML tags:\n\
         <tools>\n{}\n</tools>\n\n\
         For each function call, return a json object with function name and arguments within \
         <tool_call></tool_call> XML tags:\n\
         <tool_call>\n{{\"name\": <function-name>, \"arguments\": <args-json-object>}}\n</tool_call>",
        functions.join("\n")
    )
}
