//! Turns the engine's events into the events of a streamed response.
//!
//! Each event has a name and a number, and a stream has no line `[DONE]`. The writer also collects the
//! response, because its last event repeats all of it.

use bytes::{BufMut as _, BytesMut};
use engine::request::{Event, FinishReason, Text, TokenLogprob};
use serde::Serialize;

use super::{
    item::{FunctionCall, Item, Message, Nothing, Part, Reasoning, Role, Status},
    response::{End, FilterOut, Made, Response, Stage, call_id, item_id, tokens},
};
use crate::{
    filter::{Checked, Filtered, Offsets},
    model_text::ModelText,
    usage::Usage,
};

/// Turns the engine's events into the events of a streamed response.
#[derive(Debug)]
pub struct ResponseWriter {
    made: Made,
    /// The number of the next event.
    number: u64,
    /// The items that more events can add to.
    open: Vec<Open>,
    /// The place of the next item.
    next: u32,
    end: End,
    completion: Option<Checked>,
    offsets: Option<Offsets>,
}

/// An item that is being written.
struct Open {
    place: u32,
    id: String,
    kind: Kind,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({})", self.id)
    }
}

enum Kind {
    Message { text: String, logprobs: Vec<TokenLogprob> },
    Reasoning { text: String },
    Call { index: u32, call_id: String, name: String, arguments: String },
}

/// The fields of all events; each event has some of them.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    sequence_number: u64,
    #[serde(flatten)]
    rest: Rest<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Rest<'a> {
    Response {
        response: Response<'a>,
    },
    Item {
        output_index: u32,
        item: &'a Item,
    },
    Part {
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        part: &'a Part,
    },
    Delta {
        item_id: &'a str,
        output_index: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        content_index: Option<u32>,
        delta: ModelText<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<super::item::Logprobs>,
    },
    Text {
        item_id: &'a str,
        output_index: u32,
        content_index: u32,
        text: ModelText<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<super::item::Logprobs>,
    },
    Arguments {
        item_id: &'a str,
        output_index: u32,
        name: &'a str,
        arguments: ModelText<'a>,
    },
    Error {
        code: &'a str,
        message: &'a str,
        param: Option<&'a str>,
    },
}

impl ResponseWriter {
    /// Begins the stream of a response.
    #[must_use]
    pub fn new(made: Made) -> Self {
        Self {
            made,
            number: 0,
            open: Vec::new(),
            next: 0,
            end: End::Complete,
            completion: None,
            offsets: None,
        }
    }

    /// Goes on with a stream that has this number of events.
    #[must_use]
    pub fn numbered(made: Made, number: u64) -> Self {
        Self { number, ..Self::new(made) }
    }

    /// Returns the response as it is so far.
    #[must_use]
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// Notes the filter's annotations of the prompts: the last event has them.
    pub(crate) fn prompt_results(&mut self, prompts: &[Checked]) {
        self.made.prompts(prompts);
    }

    /// Writes the first event of a response that waits for its turn.
    pub fn queued(&mut self, out: &mut BytesMut) {
        self.made.stage = Stage::Queued;
        self.status("response.created", out);
        self.status("response.queued", out);
        self.made.stage = Stage::InProgress;
    }

    pub(crate) fn event(
        &mut self,
        event: &Event,
        checked: Option<&Checked>,
        usage: &mut Usage,
        out: &mut BytesMut,
    ) {
        if let Some(checked) = checked.filter(|checked| !checked.is_empty()) {
            self.found(checked);
        }
        match event {
            Event::Accepted { prompt_tokens, cached_tokens } => {
                usage.prompt(*prompt_tokens, *cached_tokens);
                if self.number == 0 {
                    self.status("response.created", out);
                }
                self.status("response.in_progress", out);
            }
            Event::Reasoning { text, .. } => self.reasoning(text.0.reveal(), out),
            Event::Delta { text, logprobs, .. } => self.text(text.0.reveal(), logprobs, out),
            Event::ToolStart { index, name, .. } => self.call(*index, name, out),
            Event::ToolArguments { index, text, .. } => {
                self.arguments(*index, text.0.reveal(), out);
            }
            Event::Finished { reason, completion_tokens, .. } => {
                usage.completion(*completion_tokens);
                self.end = End::of(Some(*reason));
                // Clients expect a message in an answer that says nothing.
                if self.next == 0 && *reason != FinishReason::ContentFilter {
                    self.text("", &[], out);
                }
                self.close_all(self.end == End::Complete, out);
            }
            Event::Counted {
                prompt_tokens,
                cached_tokens,
                completion_tokens,
                reasoning_tokens,
            } => {
                usage.prompt(*prompt_tokens, *cached_tokens);
                usage.completion(*completion_tokens);
                usage.reasoning(*reasoning_tokens);
            }
            Event::Embedding { .. }
            | Event::Judged { .. }
            | Event::Words { .. }
            | Event::Read { .. }
            | Event::Done
            | Event::Failed(_) => {}
        }
    }

    /// Notes annotations of text that went out before it was checked.
    pub(crate) fn annotate(&mut self, checked: &Checked, offsets: Offsets) {
        self.found(checked);
        let own = self.offsets.get_or_insert(offsets);
        own.start_offset = own.start_offset.min(offsets.start_offset);
        own.end_offset = own.end_offset.max(offsets.end_offset);
        own.check_offset = own.check_offset.max(offsets.check_offset);
    }

    /// Ends what the filter blocked.
    pub(crate) fn filtered(&mut self, end: Filtered<'_>, usage: &mut Usage, out: &mut BytesMut) {
        usage.completion(end.completion_tokens);
        self.found(end.checked);
        if let Some(offsets) = end.offsets {
            self.offsets = Some(offsets);
        }
        self.end = End::Filtered;
        self.close_all(false, out);
    }

    /// Completes the response, before its last event is written.
    pub fn finish(&mut self, usage: &Usage, now_s: u64) {
        if let Some(checked) = self.completion.take() {
            let offsets = self.offsets;
            let filter = FilterOut::new("completion", checked);
            self.made.filters.push(FilterOut { content_filter_offsets: offsets, ..filter });
        }
        self.made.stage = Stage::Ended(self.end);
        self.made.usage = Some(*usage);
        self.made.completed_at = Some(now_s);
    }

    /// Writes the last event of a response.
    pub(crate) fn close(&mut self, usage: &Usage, now_s: u64, out: &mut BytesMut) {
        if !matches!(self.made.stage, Stage::Ended(_)) {
            self.finish(usage, now_s);
        }
        let kind = match self.end {
            End::Complete => "response.completed",
            End::Length | End::Filtered => "response.incomplete",
        };
        self.status(kind, out);
    }

    /// Writes an error and the last event of a response that failed.
    pub fn fail(&mut self, code: &str, message: &str, param: Option<&str>, out: &mut BytesMut) {
        self.line("error", Rest::Error { code, message, param }, out);
        self.close_all(false, out);
        self.made.stage = Stage::Failed { code: code.to_owned(), message: message.to_owned() };
        self.status("response.failed", out);
    }

    fn found(&mut self, checked: &Checked) {
        match &mut self.completion {
            Some(own) => own.join(checked),
            None => self.completion = Some(checked.clone()),
        }
    }

    fn text(&mut self, text: &str, logprobs: &[TokenLogprob], out: &mut BytesMut) {
        let is_open = matches!(self.open.last(), Some(Open { kind: Kind::Message { .. }, .. }));
        if !is_open {
            self.close_all(true, out);
            self.begin("msg_", Kind::Message { text: String::new(), logprobs: Vec::new() }, out);
        }
        let Some(Open { place, id, kind: Kind::Message { text: all, logprobs: seen } }) =
            self.open.last_mut()
        else {
            return;
        };
        all.push_str(text);
        seen.extend(logprobs.iter().cloned());
        let rest = Rest::Delta {
            item_id: id,
            output_index: *place,
            content_index: Some(0),
            delta: text.into(),
            logprobs: Some(tokens(logprobs)),
        };
        if !text.is_empty() || !logprobs.is_empty() {
            write(&mut self.number, "response.output_text.delta", rest, out);
        }
    }

    fn reasoning(&mut self, text: &str, out: &mut BytesMut) {
        let is_open = matches!(self.open.last(), Some(Open { kind: Kind::Reasoning { .. }, .. }));
        if !is_open {
            self.close_all(true, out);
            self.begin("rs_", Kind::Reasoning { text: String::new() }, out);
        }
        let Some(Open { place, id, kind: Kind::Reasoning { text: all } }) = self.open.last_mut()
        else {
            return;
        };
        all.push_str(text);
        let rest = Rest::Delta {
            item_id: id,
            output_index: *place,
            content_index: Some(0),
            delta: text.into(),
            logprobs: None,
        };
        write(&mut self.number, "response.reasoning_text.delta", rest, out);
    }

    fn call(&mut self, index: u32, name: &str, out: &mut BytesMut) {
        // A call whose arguments are not complete stays open: an engine may send several at once.
        let open = std::mem::take(&mut self.open);
        let (complete, others): (Vec<_>, Vec<_>) = open.into_iter().partition(Open::is_complete);
        for item in complete {
            self.close_item(item, true, out);
        }
        self.open = others;
        let call_id = call_id(&self.made.head.id, self.next);
        let (name, arguments) = (name.to_owned(), String::new());
        self.begin("fc_", Kind::Call { index, call_id, name, arguments }, out);
    }

    fn arguments(&mut self, call: u32, text: &str, out: &mut BytesMut) {
        let of = |open: &&mut Open| matches!(open.kind, Kind::Call { index, .. } if index == call);
        let Some(Open { place, id, kind: Kind::Call { arguments, .. } }) =
            self.open.iter_mut().find(of)
        else {
            return;
        };
        arguments.push_str(text);
        let rest = Rest::Delta {
            item_id: id,
            output_index: *place,
            content_index: None,
            delta: text.into(),
            logprobs: None,
        };
        write(&mut self.number, "response.function_call_arguments.delta", rest, out);
    }

    fn begin(&mut self, prefix: &str, kind: Kind, out: &mut BytesMut) {
        let place = self.next;
        self.next += 1;
        let open = Open { place, id: item_id(prefix, &self.made.head.id, place), kind };
        let item = open.item(Status::InProgress, false);
        self.line(
            "response.output_item.added",
            Rest::Item { output_index: place, item: &item },
            out,
        );
        let part = match open.kind {
            Kind::Message { .. } => Some(Part::output(Text::from(String::new()))),
            Kind::Reasoning { .. } => Some(Part::ReasoningText { text: Text::from(String::new()) }),
            Kind::Call { .. } => None,
        };
        if let Some(part) = &part {
            let rest =
                Rest::Part { item_id: &open.id, output_index: place, content_index: 0, part };
            write(&mut self.number, "response.content_part.added", rest, out);
        }
        self.open.push(open);
    }

    fn close_all(&mut self, is_complete: bool, out: &mut BytesMut) {
        let open = std::mem::take(&mut self.open);
        let last = open.len().saturating_sub(1);
        for (index, item) in open.into_iter().enumerate() {
            self.close_item(item, is_complete || index < last, out);
        }
    }

    fn close_item(&mut self, open: Open, is_complete: bool, out: &mut BytesMut) {
        let status = if is_complete { Status::Completed } else { Status::Incomplete };
        let item = open.item(status, true);
        let (item_id, output_index) = (open.id.as_str(), open.place);
        let done =
            |text, logprobs| Rest::Text { item_id, output_index, content_index: 0, text, logprobs };
        match &open.kind {
            Kind::Message { text, logprobs } => {
                let rest = done(text.as_str().into(), Some(tokens(logprobs)));
                self.line("response.output_text.done", rest, out);
            }
            Kind::Reasoning { text } => {
                self.line("response.reasoning_text.done", done(text.as_str().into(), None), out);
            }
            Kind::Call { name, arguments, .. } => {
                let arguments = arguments.as_str().into();
                let rest = Rest::Arguments { item_id, output_index, name, arguments };
                self.line("response.function_call_arguments.done", rest, out);
            }
        }
        let parts = match &item {
            Item::Message(message) => message.content.as_slice(),
            Item::Reasoning(reasoning) => reasoning.content.as_deref().unwrap_or_default(),
            _ => &[],
        };
        if let [part] = parts {
            let rest = Rest::Part { item_id, output_index, content_index: 0, part };
            self.line("response.content_part.done", rest, out);
        }
        self.line("response.output_item.done", Rest::Item { output_index, item: &item }, out);
        let place = self.made.output.iter().take_while(|one| is_before(one, &item)).count();
        self.made.output.insert(place, item);
    }

    fn status(&mut self, kind: &str, out: &mut BytesMut) {
        let rest = Rest::Response { response: self.made.response() };
        write(&mut self.number, kind, rest, out);
    }

    fn line(&mut self, kind: &str, rest: Rest<'_>, out: &mut BytesMut) {
        write(&mut self.number, kind, rest, out);
    }
}

/// Ids end with the place of their item.
fn is_before(one: &Item, other: &Item) -> bool {
    let place =
        |item: &Item| item.id().and_then(|id| id.split_once('_')).map(|(_, id)| id.to_owned());
    place(one) < place(other)
}

impl Open {
    fn is_complete(&self) -> bool {
        match &self.kind {
            Kind::Message { .. } | Kind::Reasoning { .. } => true,
            Kind::Call { arguments, .. } => {
                serde_json::from_str::<serde::de::IgnoredAny>(arguments).is_ok()
            }
        }
    }

    /// Returns the item; with its content if it is done.
    fn item(&self, status: Status, is_done: bool) -> Item {
        let (id, status) = (Some(Text::from(self.id.clone())), Some(status));
        match &self.kind {
            Kind::Message { text, logprobs } => Item::Message(Message {
                id,
                status,
                role: Role::Assistant,
                content: Vec::from_iter(is_done.then(|| Part::OutputText {
                    text: Text::from(text.clone()),
                    annotations: Nothing,
                    logprobs: tokens(logprobs),
                })),
                phase: None,
            }),
            Kind::Reasoning { text } => {
                let text = || Part::ReasoningText { text: Text::from(text.clone()) };
                Item::Reasoning(Reasoning {
                    id,
                    status,
                    summary: Vec::new(),
                    content: Some(Vec::from_iter(is_done.then(text))),
                    encrypted_content: None,
                })
            }
            Kind::Call { call_id, name, arguments, .. } => Item::FunctionCall(FunctionCall {
                id,
                status,
                call_id: Text::from(call_id.clone()),
                name: Text::from(name.clone()),
                arguments: Text::from(arguments.clone()),
            }),
        }
    }
}

/// Writes one event and counts it.
fn write(number: &mut u64, kind: &str, rest: Rest<'_>, out: &mut BytesMut) {
    out.put_slice(b"event: ");
    out.put_slice(kind.as_bytes());
    out.put_slice(b"\n");
    crate::answer::data(out, &Line { kind, sequence_number: *number, rest });
    *number += 1;
}

#[cfg(test)]
mod tests;
