//! How a conversation is given to a template: as it is where the template can show it, and otherwise
//! in other turns that say the same.
//!
//! Each work-around is one that other products use, too: a system turn becomes the beginning of the
//! next user turn, neighbours of one role become one turn, tools are described in words.

use serde_json::{Map, Value as Json, json};

use super::control::ControlNames;
use crate::{
    embedded::tools::{CLOSE, OPEN},
    request::{Message, Role, Text, Tool},
};

/// How a conversation is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) content: Content,
    pub(super) system: System,
    pub(super) neighbours: Neighbours,
    pub(super) names: Names,
    pub(super) tools: Tools,
}

/// What stands in a turn's `content`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A text.
    Text,
    /// A list of one part, which is a text.
    Parts,
    /// A list in user turns, and texts elsewhere.
    PartsOfUsers,
}

/// Which turns are of the role `system`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// Those that the caller sent.
    Anywhere,
    /// The first; what comes later begins the next user turn.
    First,
    /// None: each begins the next user turn.
    Never,
}

/// Turns of one role that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Neighbours {
    /// Stay apart.
    Apart,
    /// Become one turn.
    Joined,
}

/// Where a speaker's name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// In the turn's `name`.
    Shown,
    /// In front of the text.
    InText,
}

/// Where tools, their calls and their results stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tools {
    /// In the variables that Hugging Face has for them.
    Shown {
        /// Whether a call's arguments are a text of JSON, not an object.
        arguments_as_text: bool,
        /// Whether the template shows which call a result belongs to.
        ids: bool,
    },
    /// In words: tools in a system turn, calls and results in the turns of assistant and user.
    Described,
}

/// A conversation for a template, and what of it the text must show.
#[derive(Debug)]
pub(super) struct Shaped {
    /// The turns.
    pub(super) messages: Vec<Json>,
    /// The tools, where the template shows them.
    pub(super) tools: Option<Json>,
    /// What callers wrote that must not get lost, with the number of its message.
    pub(super) must_show: Vec<(usize, String)>,
}

/// A turn on its way to a template.
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
    /// Shapes a conversation. Names of control tokens in it are guarded.
    pub(super) fn apply(
        self,
        messages: &[Message],
        tools: &[Tool],
        control: &ControlNames,
    ) -> Shaped {
        let mut must_show = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            // An assistant's turn may lose its reasoning: templates are meant to drop it.
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

    /// For templates that show tools: turns as they are.
    fn shown(
        self,
        messages: &[Message],
        arguments_as_text: bool,
        ids: bool,
        control: &ControlNames,
    ) -> Vec<Turn> {
        let ordered = if ids { messages.iter().collect() } else { in_order_of_calls(messages) };
        let turn = |message: &&Message| {
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
            if let Some(id) = &message.tool_call_id {
                turn.fields.insert("tool_call_id".into(), control.guard(text(id)).into());
                if let Some(name) = name_of_call(messages, text(id)) {
                    turn.fields.entry("name").or_insert(control.guard(name).into());
                }
            }
            turn
        };
        ordered.iter().map(turn).collect()
    }

    /// For templates that do not: tools are described in the system turn, calls and results are
    /// written out in the turns of assistant and user.
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
        while let Some(message) = ordered.next() {
            if message.role == Role::Tool {
                // Results of one turn's calls stand together: many templates want user and
                // assistant to take turns.
                let mut results = response(message);
                while let Some(next) = ordered.next_if(|next| next.role == Role::Tool) {
                    results.push('\n');
                    results.push_str(&response(next));
                }
                turns.push(Turn::plain(Role::User, control.guard(&results)));
                continue;
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

    /// What a message says, and who says it.
    fn say(self, message: &Message, control: &ControlNames) -> Turn {
        let mut turn = Turn::plain(message.role, control.guard(text(&message.content)));
        if let Some(name) = &message.name {
            let name = control.guard(text(name));
            if self.names == Names::Shown || message.role == Role::Tool {
                turn.fields.insert("name".into(), name.into());
            } else {
                turn.text = format!("{name}: {}", turn.text);
            }
        }
        turn
    }

    /// Writes system turns that the template does not take into the next user turn.
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
                    // Several at the start are one, where the first is taken.
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

/// Makes neighbours of one role one turn. Calls and their results stay apart.
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

/// Results in the order of their calls, for templates that do not show whose they are.
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

fn name_of_call<'a>(messages: &'a [Message], id: &str) -> Option<&'a str> {
    let mut calls = messages.iter().flat_map(|message| &message.tool_calls);
    calls.find(|call| text(&call.id) == id).map(|call| text(&call.name))
}

pub(super) fn text(text: &Text) -> &str {
    text.0.reveal()
}

fn response(message: &Message) -> String {
    format!("<tool_response>\n{}\n</tool_response>", text(&message.content))
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

/// The words with which Hermes models were told of their tools; other models understand them too.
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
