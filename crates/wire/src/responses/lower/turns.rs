//! Items as the messages of a chat. Errors about a message name the item that it came from.

use std::collections::{BTreeSet, HashSet};

use engine::request::Text;
use policy::capability::Capability;

use super::{Choice, Format, ResponseRequest};
use crate::{
    chat::{
        ChatRequest, lower as chat,
        request::{
            CalledFunction, ChatBody, ContentBody, EmptyList, FunctionBody, ImageBody, ImageDetail,
            JsonSchemaBody, MessageBody, NamedFunction, NamedTool, PartBody, PartKind,
            ResponseFormat, ResponseFormatKind, RoleBody, ToolBody, ToolCallBody, ToolChoiceBody,
            ToolKind,
        },
    },
    error::Invalid,
    fields::ObjectText,
    limits::RequestLimits,
    no_effect::{At, Named, NoEffectFields},
    responses::{
        item::{Detail, Item, Message, Output, Part, Role},
        request::{AllowedMode, FormatKind},
    },
};

/// A request for a response as a chat request, with the way back to its items.
#[derive(Debug)]
pub struct Lowered {
    /// The chat request.
    pub chat: ChatRequest,
    places: Vec<Place>,
}

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Instructions,
    /// An item of an earlier response, or of the conversation.
    Earlier,
    Input(usize),
}

impl ResponseRequest {
    /// Turns the request into a chat request. `earlier` has the items before its own; the oldest
    /// `left_out` of all items are left out. `entropy` becomes the seed.
    ///
    /// # Errors
    /// If a field or an item is invalid; the error names it and never repeats its value.
    pub fn lower(
        &self,
        earlier: &[Item],
        left_out: usize,
        limits: &RequestLimits,
        entropy: u64,
    ) -> Result<Lowered, Invalid> {
        let mut turns = Turns::default();
        if let Some(text) = &self.instructions {
            let content = ContentBody::Text(text.clone());
            turns.push(
                MessageBody { content: Some(content), ..said(RoleBody::System) },
                Place::Instructions,
            );
        }
        let earlier = earlier.iter().map(|item| (item, Place::Earlier));
        let own = self.input.iter().enumerate();
        let own = own.map(|(index, item)| (item, Place::Input(index)));
        let mut calls = HashSet::new();
        for (item, place) in earlier.chain(own).skip(left_out) {
            match item {
                Item::FunctionCall(call) => {
                    calls.insert(call.call_id.0.reveal());
                }
                // Its call was left out.
                Item::FunctionCallOutput(output)
                    if left_out > 0 && !calls.contains(output.call_id.0.reveal()) =>
                {
                    continue;
                }
                _ => {}
            }
            turns.add(item, place)?;
        }
        turns.flush();
        let Turns { messages, places, .. } = turns;
        if messages.is_empty() {
            return Err(Invalid::missing("input"));
        }
        let placed = |wrong| placed(wrong, &places);
        let mut chat = chat::lower(self.body(messages), limits, entropy).map_err(placed)?;
        chat.tokens_max_param = "max_output_tokens";
        let mut no_effect = std::mem::take(&mut chat.no_effect).renamed(|at, name| match at {
            At::Body => Some((at, renamed(name))),
            At::Message(index) => match places.get(index) {
                Some(Place::Input(item)) => Some((At::Item(*item), "content")),
                _ => None,
            },
            _ => None,
        });
        no_effect.note(At::Body, &self.no_effect);
        no_effect.note(At::Body, &[("include", self.encrypted_reasoning)]);
        chat.no_effect = no_effect;
        Ok(Lowered { chat, places })
    }

    fn body(&self, messages: Vec<MessageBody>) -> ChatBody {
        let tools: Vec<_> = self.tools.iter().filter(|tool| tool.allowed).collect();
        let tools = tools.into_iter().map(|tool| ToolBody {
            kind: ToolKind::Function,
            function: FunctionBody {
                name: tool.name.clone(),
                description: tool.description.clone(),
                parameters: tool.parameters.clone().map(ObjectText),
                strict: tool.strict,
                cache_control: None,
            },
            cache_control: None,
            copilot_cache_control: None,
        });
        let tools: Vec<_> = tools.collect();
        let tool_choice = match &self.choice {
            Choice::None => ToolChoiceBody::None,
            Choice::Auto | Choice::Allowed(AllowedMode::Auto, _) => ToolChoiceBody::Auto,
            Choice::Required | Choice::Allowed(AllowedMode::Required, _) => {
                ToolChoiceBody::Required
            }
            Choice::Named(name) => ToolChoiceBody::Named(NamedTool {
                kind: ToolKind::Function,
                function: NamedFunction { name: name.clone() },
            }),
        };
        ChatBody {
            messages,
            max_completion_tokens: self.tokens_max.map(i64::from),
            temperature: self.temperature,
            top_p: self.top_p,
            logprobs: self.top_logprobs.map(|_| true),
            top_logprobs: self.top_logprobs.map(i64::from),
            response_format: self.format.as_ref().map(response_format),
            tools: (!tools.is_empty()).then_some(tools),
            tool_choice: Some(tool_choice),
            parallel_tool_calls: self.parallel,
            user: self.user.clone(),
            metadata: self.metadata.clone(),
            safety_identifier: self.safety_identifier.clone(),
            service_tier: self.tier,
            reasoning_effort: self.effort,
            verbosity: self.verbosity,
            ..ChatBody::default()
        }
    }
}

fn response_format(format: &Format) -> ResponseFormat {
    let kind = match format.kind {
        FormatKind::Text => ResponseFormatKind::Text,
        FormatKind::JsonObject => ResponseFormatKind::JsonObject,
        FormatKind::JsonSchema => ResponseFormatKind::JsonSchema,
    };
    let json_schema = match (&format.name, &format.schema) {
        (Some(name), Some(schema)) => Some(JsonSchemaBody {
            name: name.clone(),
            description: format.description.clone(),
            schema: ObjectText(schema.clone()),
            strict: format.strict,
        }),
        _ => None,
    };
    ResponseFormat { kind, json_schema }
}

impl Lowered {
    /// Fits the request to an engine; see [`ChatRequest::fit`].
    ///
    /// # Errors
    /// As there.
    pub fn fit(
        &mut self,
        capabilities: &BTreeSet<Capability>,
        setting: NoEffectFields,
    ) -> Result<Named, Invalid> {
        self.chat.fit(capabilities, setting).map_err(|wrong| placed(wrong, &self.places))
    }
}

/// The messages so far.
#[derive(Default)]
struct Turns {
    messages: Vec<MessageBody>,
    places: Vec<Place>,
    /// The assistant's turn that more items can join: text, reasoning and calls are one message.
    open: Option<(MessageBody, Place)>,
}

impl Turns {
    fn push(&mut self, message: MessageBody, place: Place) {
        self.messages.push(message);
        self.places.push(place);
    }

    fn flush(&mut self) {
        if let Some((mut message, place)) = self.open.take() {
            // Reasoning alone is no turn.
            if message.content.is_none() && message.tool_calls.is_none() {
                message.content = Some(ContentBody::Text(Text::from(String::new())));
            }
            self.push(message, place);
        }
    }

    fn assistant(&mut self, place: Place) -> &mut MessageBody {
        &mut self.open.get_or_insert_with(|| (said(RoleBody::Assistant), place)).0
    }

    fn add(&mut self, item: &Item, place: Place) -> Result<(), Invalid> {
        match item {
            Item::Message(message) if message.role == Role::Assistant => {
                let open = self.open.as_ref();
                if open.is_some_and(|(open, _)| open.content.is_some()) {
                    self.flush();
                }
                self.assistant(place).content = Some(content(&message.content));
            }
            Item::Message(message) => {
                self.flush();
                self.push(spoken(message), place);
            }
            Item::FunctionCall(call) => {
                let call = ToolCallBody {
                    id: call.call_id.clone(),
                    kind: ToolKind::Function,
                    function: CalledFunction {
                        name: call.name.clone(),
                        arguments: call.arguments.clone(),
                    },
                    index: None,
                    cache_control: None,
                };
                self.assistant(place).tool_calls.get_or_insert_default().push(call);
            }
            Item::FunctionCallOutput(output) => {
                self.flush();
                let content = match &output.output {
                    Output::Text(text) => ContentBody::Text(text.clone()),
                    Output::Parts(parts) => content(parts),
                };
                let message = MessageBody {
                    content: Some(content),
                    tool_call_id: Some(output.call_id.clone()),
                    ..said(RoleBody::Tool)
                };
                self.push(message, place);
            }
            Item::Reasoning(reasoning) => {
                let texts: Vec<&str> =
                    reasoning.content.iter().flatten().filter_map(text).collect();
                if texts.is_empty() && reasoning.encrypted_content.is_some() {
                    return Err(encrypted(place));
                }
                let open = self.open.as_ref();
                if open.is_some_and(|(open, _)| open.content.is_some()) {
                    self.flush();
                }
                if !texts.is_empty() {
                    let text = Text::from(texts.join("\n"));
                    self.assistant(place).reasoning_content = Some(text);
                }
            }
            Item::ItemReference(_) => return Err(unresolved(place)),
        }
        Ok(())
    }
}

/// Only another service can open it.
fn encrypted(place: Place) -> Invalid {
    let param = format!("{}.encrypted_content", place.path());
    let message = format!(
        "Unsupported parameter: '{param}': this service encrypts no reasoning, and cannot open that \
         of another one. Leave out the item, or send the reasoning in 'content'."
    );
    Invalid::unsupported(&param, message)
}

fn unresolved(place: Place) -> Invalid {
    let param = format!("{}.id", place.path());
    let message = format!(
        "Invalid '{param}': no item with this id belongs to 'previous_response_id' or \
         'conversation'. Send the item itself."
    );
    Invalid::value(&param, message)
}

fn spoken(message: &Message) -> MessageBody {
    let role = match message.role {
        Role::System => RoleBody::System,
        Role::Developer => RoleBody::Developer,
        Role::User => RoleBody::User,
        Role::Assistant => RoleBody::Assistant,
    };
    MessageBody { content: Some(content(&message.content)), ..said(role) }
}

fn said(role: RoleBody) -> MessageBody {
    MessageBody {
        role,
        content: None,
        name: None,
        tool_calls: None,
        tool_call_id: None,
        refusal: None,
        reasoning_content: None,
        cache_control: None,
        copilot_cache_control: None,
        annotations: EmptyList,
    }
}

fn content(parts: &[Part]) -> ContentBody {
    if let [Part::InputText { text } | Part::OutputText { text, .. }] = parts {
        return ContentBody::Text(text.clone());
    }
    ContentBody::Parts(parts.iter().map(part).collect())
}

fn part(part: &Part) -> PartBody {
    let body = |kind| PartBody {
        kind,
        text: None,
        refusal: None,
        image_url: None,
        input_audio: None,
        cache_control: None,
        copilot_cache_control: None,
        prompt_cache_breakpoint: None,
    };
    match part {
        Part::InputText { text }
        | Part::OutputText { text, .. }
        | Part::ReasoningText { text }
        | Part::SummaryText { text } => {
            PartBody { text: Some(text.clone()), ..body(PartKind::Text) }
        }
        Part::Refusal { refusal } => {
            PartBody { refusal: Some(refusal.clone()), ..body(PartKind::Refusal) }
        }
        Part::InputImage { image_url, detail } => {
            let detail = Some(match detail {
                Detail::Auto => ImageDetail::Auto,
                Detail::Low => ImageDetail::Low,
                Detail::High => ImageDetail::High,
            });
            let image = ImageBody { url: image_url.clone(), detail };
            PartBody { image_url: Some(image), ..body(PartKind::ImageUrl) }
        }
    }
}

fn text(part: &Part) -> Option<&str> {
    match part {
        Part::InputText { text }
        | Part::OutputText { text, .. }
        | Part::ReasoningText { text }
        | Part::SummaryText { text }
        | Part::Refusal { refusal: text } => Some(text.0.reveal()),
        Part::InputImage { .. } => None,
    }
}

impl Place {
    fn path(self) -> String {
        match self {
            Self::Instructions => "instructions".to_owned(),
            Self::Earlier => "input".to_owned(),
            Self::Input(index) => format!("input[{index}]"),
        }
    }
}

/// Names the item instead of the message.
fn placed(wrong: Invalid, places: &[Place]) -> Invalid {
    let Some(param) = wrong.param.clone() else { return wrong };
    let message = param.strip_prefix("messages[").and_then(|rest| rest.split_once(']'));
    let (new, text) = match message {
        None => (body_field(&param), None),
        Some((index, rest)) => {
            let place = index.parse::<usize>().ok().and_then(|index| places.get(index));
            let place = place.copied().unwrap_or(Place::Earlier);
            match rest {
                ".tool_calls" => ("input".to_owned(), Some(NO_OUTPUT)),
                ".tool_call_id" => (format!("{}.call_id", place.path()), Some(NO_CALL)),
                _ if rest.starts_with(".tool_calls") => ("input".to_owned(), None),
                _ if matches!(place, Place::Input(_)) => {
                    let rest = rest.replace(".image_url.url", ".image_url");
                    (format!("{}{rest}", place.path()), None)
                }
                _ => (place.path(), None),
            }
        }
    };
    let message = text.map_or_else(
        || wrong.message.replace(&param, &new).replace("'image_url'", "'input_image'"),
        str::to_owned,
    );
    Invalid { param: Some(new), message, ..wrong }
}

const NO_OUTPUT: &str = "No tool output found for a function call: 'input' must have a \
    'function_call_output' with the 'call_id' of each 'function_call', right after them.";
const NO_CALL: &str = "No tool call found for this function call output: it must follow the \
    'function_call' with its 'call_id', and each call has one output.";

/// Returns the field of a response's request that became a field of the chat request.
#[must_use]
pub fn body_field(param: &str) -> String {
    if let Some(rest) = param.strip_prefix("tools[") {
        return format!("tools[{}", rest.replace("].function.", "]."));
    }
    match param {
        "messages" => "input",
        "logprobs" => "include",
        "max_completion_tokens" | "max_tokens" => "max_output_tokens",
        "reasoning_effort" => "reasoning.effort",
        "response_format" => "text.format",
        "response_format.json_schema" => "text.format.schema",
        "response_format.json_schema.name" => "text.format.name",
        "tool_choice.function.name" => "tool_choice.name",
        "verbosity" => "text.verbosity",
        other => other,
    }
    .to_owned()
}

fn renamed(name: &'static str) -> &'static str {
    match name {
        "reasoning_effort" => "reasoning.effort",
        "verbosity" => "text.verbosity",
        other => other,
    }
}
