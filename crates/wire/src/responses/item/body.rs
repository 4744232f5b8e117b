//! An item as a stranger sends it: one flat object, so that errors name its fields.

use engine::request::Text;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, schema::Schema},
};

use super::{
    Detail, FunctionCall, FunctionCallOutput, Item, ItemReference, Logprobs, Message, Nothing,
    Output, Part, Phase, Reasoning, Role, Status,
};
use crate::{
    chat::request::EmptyList,
    error::{Code, Invalid},
    fields,
    json::objects_only,
    limits,
    no_effect::CacheMark,
    refused::Refused,
    responses::words::words,
    text_or_list::{self, text_or_list},
};

/// An item of a request. A message may leave out `type`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseInputItem)]
pub struct ItemBody {
    /// The kind of the item.
    #[serde(rename = "type")]
    pub kind: Option<ItemKind>,
    /// The item's id, as this service gave it.
    #[schema(value_type = Option<String>)]
    pub id: Option<Text>,
    /// Whether the item is complete.
    pub status: Option<Status>,
    /// The author of a `message`.
    pub role: Option<Role>,
    /// The text or the parts of a `message`; the parts of a `reasoning`.
    pub content: Option<TextOrParts>,
    /// The part of a `message` in an answer with several. It is kept, and does not change an answer.
    pub phase: Option<Phase>,
    /// The id of a `function_call`, and of the one that a `function_call_output` answers.
    #[schema(value_type = Option<String>)]
    pub call_id: Option<Text>,
    /// The function of a `function_call`.
    #[schema(value_type = Option<String>)]
    pub name: Option<Text>,
    /// The arguments of a `function_call`, as JSON text.
    #[schema(value_type = Option<String>)]
    pub arguments: Option<Text>,
    /// The result of a `function_call_output`.
    pub output: Option<TextOrParts>,
    /// The summaries of a `reasoning`.
    pub summary: Option<Vec<PartBody>>,
    /// The sealed text of a `reasoning`.
    #[schema(value_type = Option<String>)]
    pub encrypted_content: Option<Text>,
}

/// The kinds of items that a request may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case", as = ResponseInputItemType)]
pub enum ItemKind {
    /// A message.
    Message,
    /// A call of a function.
    FunctionCall,
    /// The result of a call.
    FunctionCallOutput,
    /// The model's reasoning.
    Reasoning,
    /// Stands for an item that is kept.
    ItemReference,
}

/// A text, or a list of parts.
#[derive(Debug)]
pub enum TextOrParts {
    /// A text.
    Text(Text),
    /// Parts.
    Parts(Vec<PartBody>),
}

/// One part of an item.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
#[schema(as = ResponseInputContent)]
pub struct PartBody {
    /// The kind of the part.
    #[serde(rename = "type")]
    pub kind: PartKind,
    /// The text of all kinds but `refusal` and `input_image`.
    #[schema(value_type = Option<String>)]
    pub text: Option<Text>,
    /// The text of a `refusal`.
    #[schema(value_type = Option<String>)]
    pub refusal: Option<Text>,
    /// The image of an `input_image`, as a data URL in base64 (RFC 2397): png, jpeg, gif or webp.
    /// Refused if the deployment's model reads no images. Other URLs are refused: this service
    /// fetches none.
    #[schema(value_type = Option<String>)]
    pub image_url: Option<Text>,
    /// The resolution of an `input_image`.
    pub detail: Option<Detail>,
    /// The log probabilities of an `output_text`, as in earlier answers.
    #[schema(value_type = Option<Vec<serde_json::Value>>)]
    pub logprobs: Option<ListText>,
    /// Has no effect. The cache is keyed by tenant.
    pub prompt_cache_breakpoint: Option<CacheMark>,

    /// Answers have an empty list here, and clients send it back; other lists are refused.
    #[serde(default)]
    #[schema(ignore)]
    pub annotations: EmptyList,
}

/// The kinds of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case", as = ResponseInputContentType)]
pub enum PartKind {
    /// Text of a request.
    InputText,
    /// An image.
    InputImage,
    /// Text of the model.
    OutputText,
    /// A refusal of the model.
    Refusal,
    /// Reasoning of the model.
    ReasoningText,
    /// A summary of reasoning.
    SummaryText,
}

objects_only!(
    ItemBody refuses [
        Refused::field("namespace"),
        Refused::field("caller"),
        Refused::switch("async"),
    ],
    PartBody refuses [
        Refused::field("file_id"),
        Refused::field("file_data"),
        Refused::field("file_url"),
        Refused::field("filename"),
    ],
);

/// A JSON array as its original text.
#[derive(Debug, Clone)]
pub struct ListText(pub Text);

impl<'de> Deserialize<'de> for ListText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('[') {
            return Err(de::Error::custom("invalid value, expected an array"));
        }
        Ok(Self(Text::from(raw.get().to_owned())))
    }
}

words!(
    ItemKind,
    "'message', 'function_call', 'function_call_output', 'reasoning' or 'item_reference'",
    [
        "message" => ItemKind::Message,
        "function_call" => ItemKind::FunctionCall,
        "function_call_output" => ItemKind::FunctionCallOutput,
        "reasoning" => ItemKind::Reasoning,
        "item_reference" => ItemKind::ItemReference,
    ],
    refuses [
        "file_search_call",
        "web_search_call",
        "computer_call",
        "computer_call_output",
        "image_generation_call",
        "code_interpreter_call",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "custom_tool_call",
        "custom_tool_call_output",
        "tool_search_call",
        "tool_search_output",
        "compaction",
        "program",
        "program_output",
    ] because "this service runs no built-in tools"
);
words!(
    PartKind,
    "'input_text', 'input_image', 'output_text', 'refusal', 'reasoning_text' or 'summary_text'",
    [
        "input_text" => PartKind::InputText,
        "input_image" => PartKind::InputImage,
        "output_text" => PartKind::OutputText,
        "refusal" => PartKind::Refusal,
        "reasoning_text" => PartKind::ReasoningText,
        "summary_text" => PartKind::SummaryText,
    ],
    refuses ["input_file", "input_audio"] because "only texts and images are supported"
);

impl<'de> Deserialize<'de> for TextOrParts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_list(deserializer, "a string or an array of parts", Self::Text, Self::Parts)
    }
}

impl PartialSchema for TextOrParts {
    fn schema() -> RefOr<Schema> {
        text_or_list::schema::<PartBody>()
    }
}

impl ToSchema for TextOrParts {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((PartBody::name().into_owned(), PartBody::schema()));
        PartBody::schemas(schemas);
    }
}

/// Checks the items of a request. `at` is the name of their list.
///
/// # Errors
/// If one is invalid; the error names the field.
pub fn read(bodies: Vec<ItemBody>, at: &str) -> Result<Vec<Item>, Invalid> {
    let items = bodies.into_iter().enumerate();
    items.map(|(index, body)| body.checked(&format!("{at}[{index}]"))).collect()
}

impl ItemBody {
    /// Checks the fields together. `at` is the place of the item.
    ///
    /// # Errors
    /// If one is missing, or belongs to another kind of item; the error names the field.
    pub fn checked(self, at: &str) -> Result<Item, Invalid> {
        let kind = self.kind.unwrap_or(match (&self.role, &self.id) {
            (None, Some(_)) => ItemKind::ItemReference,
            _ => ItemKind::Message,
        });
        self.only(kind, at)?;
        let missing = |field: &str| Invalid::missing(&format!("{at}.{field}"));
        let Self { id, status, role, content, phase, .. } = self;
        if let Some(id) = &id {
            fields::longest(&format!("{at}.id"), id.0.reveal(), limits::IDENTIFIER_MAX)?;
        }
        Ok(match kind {
            ItemKind::Message => {
                let role = role.ok_or_else(|| missing("role"))?;
                let content = content.ok_or_else(|| missing("content"))?;
                let content = spoken(content, role, &format!("{at}.content"))?;
                Item::Message(Message { id, status, role, content, phase })
            }
            ItemKind::FunctionCall => Item::FunctionCall(FunctionCall {
                id,
                status,
                call_id: self.call_id.ok_or_else(|| missing("call_id"))?,
                name: self.name.ok_or_else(|| missing("name"))?,
                arguments: self.arguments.ok_or_else(|| missing("arguments"))?,
            }),
            ItemKind::FunctionCallOutput => {
                let call_id = self.call_id.ok_or_else(|| missing("call_id"))?;
                let output = match self.output.ok_or_else(|| missing("output"))? {
                    TextOrParts::Text(text) => Output::Text(text),
                    TextOrParts::Parts(parts) => {
                        let at = format!("{at}.output");
                        Output::Parts(parts_of(parts, &[PartKind::InputText], &at)?)
                    }
                };
                Item::FunctionCallOutput(FunctionCallOutput { id, status, call_id, output })
            }
            ItemKind::Reasoning => {
                let summary = self.summary.unwrap_or_default();
                let content = match content {
                    None => None,
                    Some(TextOrParts::Parts(parts)) => {
                        let at = format!("{at}.content");
                        Some(parts_of(parts, &[PartKind::ReasoningText], &at)?)
                    }
                    Some(TextOrParts::Text(_)) => {
                        let param = format!("{at}.content");
                        let message =
                            format!("Invalid type for '{param}': expected an array of parts.");
                        let code = Code::InvalidType;
                        return Err(Invalid { param: Some(param), code, message });
                    }
                };
                Item::Reasoning(Reasoning {
                    id,
                    status,
                    summary: parts_of(summary, &[PartKind::SummaryText], &format!("{at}.summary"))?,
                    content,
                    encrypted_content: self.encrypted_content,
                })
            }
            ItemKind::ItemReference => {
                Item::ItemReference(ItemReference { id: id.ok_or_else(|| missing("id"))? })
            }
        })
    }

    /// Refuses fields of other kinds of items.
    fn only(&self, kind: ItemKind, at: &str) -> Result<(), Invalid> {
        use ItemKind::{FunctionCall, FunctionCallOutput, ItemReference, Message, Reasoning};
        let all: [(&str, bool, &[ItemKind]); 9] = [
            ("status", self.status.is_some() && kind == ItemReference, &[]),
            ("role", self.role.is_some(), &[Message]),
            ("content", self.content.is_some(), &[Message, Reasoning]),
            ("phase", self.phase.is_some(), &[Message]),
            ("call_id", self.call_id.is_some(), &[FunctionCall, FunctionCallOutput]),
            // Newer clients name the function of a result, too. It is not needed.
            ("name", self.name.is_some(), &[FunctionCall, FunctionCallOutput]),
            ("arguments", self.arguments.is_some(), &[FunctionCall]),
            ("output", self.output.is_some(), &[FunctionCallOutput]),
            ("summary", self.summary.is_some() || self.encrypted_content.is_some(), &[Reasoning]),
        ];
        for (field, sent, of) in all {
            if sent && !of.contains(&kind) {
                let param = format!("{at}.{field}");
                let message = format!("Invalid '{param}': items of this type do not have it.");
                return Err(Invalid::value(&param, message));
            }
        }
        Ok(())
    }
}

/// Reads the content of a message.
fn spoken(content: TextOrParts, role: Role, at: &str) -> Result<Vec<Part>, Invalid> {
    let allowed: &[PartKind] = match role {
        Role::System | Role::Developer => &[PartKind::InputText],
        Role::User => &[PartKind::InputText, PartKind::InputImage],
        Role::Assistant => &[PartKind::OutputText, PartKind::Refusal, PartKind::InputText],
    };
    match (content, role) {
        (TextOrParts::Parts(parts), _) => parts_of(parts, allowed, at),
        (TextOrParts::Text(text), Role::Assistant) => Ok(vec![Part::output(text)]),
        (TextOrParts::Text(text), Role::System | Role::Developer | Role::User) => {
            Ok(vec![Part::InputText { text }])
        }
    }
}

fn parts_of(bodies: Vec<PartBody>, of: &[PartKind], at: &str) -> Result<Vec<Part>, Invalid> {
    fields::at_most(at, bodies.len(), limits::PARTS_MAX)?;
    let parts = bodies.into_iter().enumerate();
    parts.map(|(index, body)| body.checked(of, &format!("{at}[{index}]"))).collect()
}

impl PartBody {
    fn checked(self, of: &[PartKind], at: &str) -> Result<Part, Invalid> {
        let kind = self.kind;
        if !of.contains(&kind) {
            let param = format!("{at}.type");
            let message = format!("Invalid '{param}': parts of this type are not allowed here.");
            return Err(Invalid::value(&param, message));
        }
        let image = kind == PartKind::InputImage;
        for (field, sent, own) in [
            ("text", self.text.is_some(), kind != PartKind::Refusal && !image),
            ("refusal", self.refusal.is_some(), kind == PartKind::Refusal),
            ("image_url", self.image_url.is_some(), image),
            ("detail", self.detail.is_some(), image),
            ("logprobs", self.logprobs.is_some(), kind == PartKind::OutputText),
        ] {
            if sent && !own {
                let param = format!("{at}.{field}");
                let message = format!("Invalid '{param}': parts of this type do not have it.");
                return Err(Invalid::value(&param, message));
            }
        }
        let missing = |field: &str| Invalid::missing(&format!("{at}.{field}"));
        let text = || self.text.ok_or_else(|| missing("text"));
        Ok(match kind {
            PartKind::InputText => Part::InputText { text: text()? },
            PartKind::OutputText => Part::OutputText {
                text: text()?,
                annotations: Nothing,
                logprobs: Logprobs(self.logprobs.map(|list| list.0)),
            },
            PartKind::ReasoningText => Part::ReasoningText { text: text()? },
            PartKind::SummaryText => Part::SummaryText { text: text()? },
            PartKind::Refusal => {
                Part::Refusal { refusal: self.refusal.ok_or_else(|| missing("refusal"))? }
            }
            PartKind::InputImage => Part::InputImage {
                image_url: self.image_url.ok_or_else(|| missing("image_url"))?,
                detail: self.detail.unwrap_or_default(),
            },
        })
    }
}

impl Part {
    /// Makes the text of a model.
    pub(crate) fn output(text: Text) -> Self {
        Self::OutputText { text, annotations: Nothing, logprobs: Logprobs::default() }
    }
}
