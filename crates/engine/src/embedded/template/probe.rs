//! Finds out which features of conversations a template supports. It renders conversations with
//! unusual texts, and looks for these texts in the output. This happens when a model is added and
//! when it is loaded, so that no request has to discover that a template drops a turn.

use super::{
    Template,
    moment::Moment,
    shape::{Content, Names, Neighbours, Shape, System, Tools},
};
use crate::{
    embedded::tools::{CLOSE, OPEN},
    protocol::{TemplateNote, Works},
    request::{Message, Role, Text, Tool, ToolCall},
};

/// The abilities of a template.
#[derive(Debug)]
pub(super) struct Habits {
    /// The form in which it gets conversations.
    pub(super) shape: Shape,
    /// Whether it shows texts unchanged. Then a text that is missing in its output was dropped.
    pub(super) verbatim: bool,
    /// The abilities, for people to read.
    pub(super) notes: Vec<TemplateNote>,
}

/// Probes a template. The error is the reason why it cannot be used for chat.
pub(super) fn probe(template: &Template) -> Result<Habits, String> {
    let (mut shape, verbatim) = content(template)?;
    let mut notes = Notes(Vec::new());
    let as_parts = (shape.content != Content::Text).then_some("as a list of parts");
    notes.add("texts", as_parts.or((!verbatim).then_some("with changes to their white space")));
    shape.system = system(template, shape, &mut notes);
    shape.neighbours = neighbours(template, shape, &mut notes);
    shape.names = names(template, shape, &mut notes);
    shape.tools = tools(template, shape, &mut notes);
    let greeting = [message(Role::Assistant, GREETING), message(Role::User, ANSWER)];
    if let Err(reason) = template.attempt(shape, verbatim, &greeting, &[], NOON) {
        notes.no("conversations that the assistant begins", reason);
    } else {
        notes.add("conversations that the assistant begins", None);
    }
    let question = [message(Role::User, QUESTION)];
    let day = |now| template.attempt(shape, verbatim, &question, &[], now);
    if day(NOON) != day(NEXT_YEAR) {
        notes.add("the date", Some("the day in UTC"));
    }
    Ok(Habits { shape, verbatim, notes: notes.0 })
}

/// Returns the first form of texts in which a short conversation is shown completely, and whether
/// it is shown unchanged.
fn content(template: &Template) -> Result<(Shape, bool), String> {
    let turns = [
        message(Role::User, QUESTION),
        message(Role::Assistant, GREETING),
        message(Role::User, ANSWER),
    ];
    let mut reason = None;
    for verbatim in [true, false] {
        for content in [Content::Text, Content::Parts, Content::PartsOfUsers] {
            let shape = Shape { content, ..PLAINEST };
            match template.complete(shape, verbatim, &turns) {
                Ok(()) => return Ok((shape, verbatim)),
                Err(why) => reason = reason.or(Some(why)),
            }
        }
    }
    Err(reason.unwrap_or_default())
}

fn system(template: &Template, shape: Shape, notes: &mut Notes) -> System {
    let first = [message(Role::System, RULE), message(Role::User, QUESTION)];
    let later = [
        message(Role::System, RULE),
        message(Role::User, QUESTION),
        message(Role::Assistant, GREETING),
        message(Role::System, OTHER_RULE),
        message(Role::User, ANSWER),
    ];
    let takes = |system, turns: &[Message]| {
        template.complete(Shape { system, ..shape }, true, turns).is_ok()
            || template.complete(Shape { system, ..shape }, false, turns).is_ok()
    };
    let folded = "written at the beginning of the next user turn";
    if !takes(System::First, &first) {
        notes.add("system turns", Some(folded));
        return System::Never;
    }
    notes.add("system turns", None);
    let anywhere = takes(System::Anywhere, &later);
    notes.add("system turns later on", (!anywhere).then_some(folded));
    if anywhere { System::Anywhere } else { System::First }
}

fn neighbours(template: &Template, shape: Shape, notes: &mut Notes) -> Neighbours {
    let turns = [
        message(Role::User, QUESTION),
        message(Role::User, ANSWER),
        message(Role::Assistant, GREETING),
        message(Role::Assistant, FAREWELL),
        message(Role::User, OTHER_RULE),
    ];
    let apart = Shape { neighbours: Neighbours::Apart, ..shape };
    let apart = template.complete(apart, false, &turns).is_ok();
    notes.add("two turns of one role in a row", (!apart).then_some("joined into one turn"));
    if apart { Neighbours::Apart } else { Neighbours::Joined }
}

fn names(template: &Template, shape: Shape, notes: &mut Notes) -> Names {
    let shape = Shape { names: Names::Shown, ..shape };
    // Every role, because a template may show the names of users only.
    let mut roles = vec![Role::User, Role::Assistant];
    roles.extend((shape.system == System::Anywhere).then_some(Role::System));
    let shown = roles.into_iter().all(|role| {
        let mut turns = match role {
            Role::System => vec![message(role, RULE), message(Role::User, QUESTION)],
            Role::Assistant => {
                let question = message(Role::User, QUESTION);
                vec![question, message(role, GREETING), message(Role::User, ANSWER)]
            }
            Role::User | Role::Tool => vec![message(role, QUESTION)],
        };
        let named = turns.iter_mut().filter(|turn| turn.role == role).take(1);
        named.for_each(|turn| turn.name = Some(Text::from(NAME.to_owned())));
        let text = template.attempt(shape, false, &turns, &[], NOON);
        text.is_ok_and(|text| text.contains(NAME))
    });
    notes.add("names of speakers", (!shown).then_some("written in front of their texts"));
    if shown { Names::Shown } else { Names::InText }
}

/// Returns the form of tools. A template gets tools directly only if it shows them, their calls and
/// their results, and writes calls in the form that the reader of calls expects. For other
/// templates, they are described as text.
fn tools(template: &Template, shape: Shape, notes: &mut Notes) -> Tools {
    let shown = [false, true].into_iter().find_map(|arguments_as_text| {
        let tools = Tools::Shown { arguments_as_text, ids: true };
        let shape = Shape { tools, ..shape };
        let ids = shows_tools(template, shape)?;
        Some(Tools::Shown { arguments_as_text, ids })
    });
    let described = "described in the system turn; calls and results are written out";
    notes.add("tools, their calls and results", shown.is_none().then_some(described));
    shown.unwrap_or(Tools::Described)
}

/// Returns `None` if a template does not show tools, calls and results; else whether it shows ids.
fn shows_tools(template: &Template, shape: Shape) -> Option<bool> {
    let tools =
        [tool(TOOL, "Mark seventeen: the tide."), tool("bwtool_moon", "Mark eighteen: the moon.")];
    let told = [message(Role::System, RULE), message(Role::User, QUESTION)];
    for turns in [&told[..], told.get(1..)?] {
        let text = template.attempt(shape, true, turns, &tools, NOON).ok()?;
        let shows = [TOOL, PARAMETER, "Mark seventeen: the tide.", "bwtool_moon"];
        shows.iter().all(|&mark| text.contains(mark)).then_some(())?;
    }
    let arguments = format!("{{\"{PARAMETER}\": \"Mark nineteen\"}}");
    let call = |id: &str, name: &str| ToolCall {
        id: Text::from(id.to_owned()),
        name: Text::from(name.to_owned()),
        arguments: Text::from(arguments.clone()),
    };
    let mut calls = message(Role::Assistant, GREETING);
    calls.tool_calls = vec![call(CALL_ID, TOOL), call("bwcall002", "bwtool_moon")];
    let result = |id: &str, text: &str| Message {
        tool_call_id: Some(Text::from(id.to_owned())),
        parts: Vec::new(),
        ..message(Role::Tool, text)
    };
    let turns = [
        message(Role::User, QUESTION),
        calls,
        result(CALL_ID, "Mark twenty: high."),
        result("bwcall002", "{\"mark\": \"Mark twenty-one\"}"),
        message(Role::Assistant, FAREWELL),
        message(Role::User, ANSWER),
    ];
    // Once in the middle of a conversation, and once with the results at its end.
    for turns in [&turns[..], turns.get(..4)?] {
        let text = template.attempt(shape, true, turns, &tools, NOON).ok()?;
        text.contains(GREETING).then_some(())?;
        let (_, from_calls) = text.split_once(GREETING)?;
        let written = |name: &str| {
            from_calls.split(OPEN).skip(1).any(|rest| {
                let call = rest.split(CLOSE).next().unwrap_or_default().trim();
                let call = serde_json::from_str::<serde_json::Value>(call).unwrap_or_default();
                let argument = call.pointer(&format!("/arguments/{PARAMETER}"));
                call.get("name").is_some_and(|called| called == name)
                    && argument.is_some_and(|argument| argument == "Mark nineteen")
            })
        };
        (written(TOOL) && written("bwtool_moon")).then_some(())?;
    }
    let text = template.attempt(shape, true, &turns, &tools, NOON).ok()?;
    // The id must be at the call and at its result, so that the model can match them.
    Some(text.matches(CALL_ID).count() > 1)
}

/// The notes about a template.
struct Notes(Vec<TemplateNote>);

impl Notes {
    /// Adds a feature that is supported, directly or with a workaround.
    fn add(&mut self, what: &str, otherwise: Option<&str>) {
        let works = if otherwise.is_some() { Works::Otherwise } else { Works::AsSent };
        let how = otherwise.unwrap_or_default().to_owned();
        self.0.push(TemplateNote { what: what.to_owned(), works, how });
    }

    fn no(&mut self, what: &str, reason: String) {
        self.0.push(TemplateNote { what: what.to_owned(), works: Works::No, how: reason });
    }
}

fn message(role: Role, text: &str) -> Message {
    let content = Text::from(text.to_owned());
    Message {
        role,
        name: None,
        content,
        tool_calls: Vec::new(),
        tool_call_id: None,
        parts: Vec::new(),
    }
}

fn tool(name: &str, description: &str) -> Tool {
    let parameters = format!(
        "{{\"type\": \"object\", \"properties\": {{\"{PARAMETER}\": {{\"type\": \"string\"}}}}, \
         \"required\": [\"{PARAMETER}\"]}}"
    );
    let description = Some(Text::from(description.to_owned()));
    Tool { name: name.to_owned(), description, parameters: Text::from(parameters), strict: false }
}

/// The shape that needs the fewest features.
const PLAINEST: Shape = Shape {
    content: Content::Text,
    system: System::Never,
    neighbours: Neighbours::Joined,
    names: Names::InText,
    tools: Tools::Described,
};

const QUESTION: &str = "Mark eleven: what  is\n\nthe \"tide\" <now> & {here}?";
const GREETING: &str = "Mark twelve: good day to you.";
const ANSWER: &str = "Mark thirteen: and\ttomorrow at ten?";
const RULE: &str = "Mark fourteen: answer in\none line.";
const OTHER_RULE: &str = "Mark fifteen: answer in two lines.";
const FAREWELL: &str = "Mark sixteen: good night to you.";
const NAME: &str = "bwspeaker";
const TOOL: &str = "bwtool_tide";
const PARAMETER: &str = "bwharbour";
const CALL_ID: &str = "bwcall001";

/// Two moments a year apart, on different days of the week.
pub(super) const NOON: Moment = Moment::from_ms(1_772_625_600_000);
const NEXT_YEAR: Moment = Moment::from_ms(1_804_248_000_000);
