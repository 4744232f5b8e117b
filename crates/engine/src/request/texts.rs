//! The texts of a request, in the order in which a model reads them.
//!
//! Each type is taken apart completely, so that a new field is not forgotten here.

use policy::texts::{Piece, Texts};

use super::{
    Answer, Constraint, Embed, EmbedInput, Extras, Generate, Judge, Label, Message, Part,
    Piece as Asked, Prompt, Tool, ToolCall, ToolChoice, Work,
};

impl Texts for Work {
    fn texts<'a>(&'a mut self, pieces: &mut Vec<Piece<'a>>) {
        match self {
            Self::Generate(generate) => generate.texts(pieces),
            Self::Embed(Embed { inputs }) => {
                for input in inputs {
                    pieces.push(Piece::Gap);
                    pieces.push(match input {
                        EmbedInput::Text(text) => Piece::Text(&mut text.0),
                        EmbedInput::Tokens(_) => Piece::Opaque("input"),
                    });
                }
            }
            Self::Judge(Judge { pieces: asked, labels: _ }) => {
                for piece in asked {
                    match piece {
                        Asked::Text(text) => pieces.push(Piece::Text(&mut text.0)),
                        Asked::Markup(_) => {}
                    }
                }
            }
            Self::Label(Label { texts }) => {
                for words in texts {
                    pieces.push(Piece::Gap);
                    pieces.extend(words.iter_mut().map(|word| Piece::Text(&mut word.0)));
                }
            }
            Self::Read(_) => pieces.push(Piece::Opaque("prompt")),
        }
    }
}

impl Texts for Generate {
    fn texts<'a>(&'a mut self, pieces: &mut Vec<Piece<'a>>) {
        let Self {
            prompt,
            choices: _,
            tokens_max: _,
            stop,
            sampling: _,
            logprobs: _,
            constraint,
            extras,
        } = self;
        match prompt {
            Prompt::Chat { messages, tools } => {
                tools.iter_mut().for_each(|tool| tool.texts(pieces));
                pieces.push(Piece::Gap);
                messages.iter_mut().for_each(|message| message.texts(pieces));
            }
            Prompt::Text(text) => pieces.push(Piece::Text(&mut text.0)),
            Prompt::Tokens(_) => pieces.push(Piece::Opaque("prompt")),
            Prompt::Middle { prefix, suffix } => {
                pieces.extend([Piece::Text(&mut prefix.0), Piece::Text(&mut suffix.0)]);
            }
        }
        for text in stop {
            pieces.extend([Piece::Gap, Piece::Text(&mut text.0)]);
        }
        pieces.push(Piece::Gap);
        constraint.texts(pieces);
        let Extras { reasoning_effort: _, verbosity: _, prediction, service_tier: _, seeded: _ } =
            extras;
        if let Some(text) = prediction {
            pieces.extend([Piece::Gap, Piece::Text(&mut text.0)]);
        }
    }
}

impl Texts for Message {
    fn texts<'a>(&'a mut self, pieces: &mut Vec<Piece<'a>>) {
        let Self { role: _, name, content, parts, tool_calls, tool_call_id } = self;
        if parts.is_empty() {
            pieces.push(Piece::Text(&mut content.0));
        } else {
            // The text of the parts once more, for engines that read text only.
            pieces.extend([Piece::Gap, Piece::Text(&mut content.0), Piece::Gap]);
            for part in parts {
                pieces.push(match part {
                    Part::Text(text) | Part::Reasoning(text) => Piece::Text(&mut text.0),
                    Part::Image { .. } | Part::Audio { .. } => Piece::Opaque("messages"),
                });
            }
        }
        pieces.extend(name.iter_mut().map(|name| Piece::Word(&mut name.0)));
        for ToolCall { id, name, arguments } in tool_calls {
            pieces.extend([
                Piece::Word(&mut id.0),
                Piece::Word(&mut name.0),
                Piece::Json(&mut arguments.0),
            ]);
        }
        pieces.extend(tool_call_id.iter_mut().map(|id| Piece::Word(&mut id.0)));
    }
}

impl Texts for Tool {
    fn texts<'a>(&'a mut self, pieces: &mut Vec<Piece<'a>>) {
        let Self { name, description, parameters, strict: _ } = self;
        pieces.push(Piece::Name(name));
        pieces.extend(description.iter_mut().map(|text| Piece::Text(&mut text.0)));
        pieces.push(Piece::Json(&mut parameters.0));
    }
}

impl Texts for Constraint {
    fn texts<'a>(&'a mut self, pieces: &mut Vec<Piece<'a>>) {
        match self {
            Self::Free | Self::JsonObject => {}
            Self::JsonSchema { schema, strict: _ } => pieces.push(Piece::Json(&mut schema.0)),
            Self::Tools { choice, parallel: _, answer } => {
                match choice {
                    ToolChoice::Auto | ToolChoice::Required => {}
                    ToolChoice::Named(name) => pieces.push(Piece::Name(name)),
                }
                match answer {
                    Answer::Free | Answer::JsonObject => {}
                    Answer::JsonSchema { schema, strict: _ } => {
                        pieces.push(Piece::Json(&mut schema.0));
                    }
                }
            }
        }
    }
}
