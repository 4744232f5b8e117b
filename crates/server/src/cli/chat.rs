//! `bailiwick chat`: a conversation in the terminal, over the same API as every other client.

mod checked;
mod client;
pub(super) mod target;

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    process::ExitCode,
    sync::{
        Arc,
        mpsc::{Receiver, Sender},
    },
};

use parking_lot::Mutex;
use rustyline::{DefaultEditor, error::ReadlineError};

use self::{
    client::{Client, Message, Piece},
    target::Target,
};
use super::{
    args::Chat,
    output::{Failure, note},
};

pub(crate) fn chat(args: Chat) -> Result<ExitCode, Failure> {
    let target = Target::find(&args)?;
    let client = Client::new(target, args.temperature, args.max_tokens, args.ca_file.as_deref())?;
    let mut conversation = Conversation::new(client, args.system);
    if !args.message.is_empty() {
        let question = args.message.join(" ");
        if let Some(key) = &args.verify {
            conversation.messages.push(Message::new("user", question));
            let Conversation { client, messages, .. } = &conversation;
            return checked::ask(client, messages, (key, args.save.as_deref()));
        }
        conversation.turn(question, None)?;
        return Ok(ExitCode::SUCCESS);
    }
    if io::stdin().is_terminal() {
        conversation.interactive()?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in io::stdin().lock().lines() {
        if conversation.line(&line?, None)? == Next::End {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Channel that receives Ctrl-C while an answer arrives.
type Interrupt = Arc<Mutex<Option<Sender<Piece>>>>;

struct Conversation {
    client: Client,
    system: Option<String>,
    messages: Vec<Message>,
    /// Whether the answer goes to a terminal, which obeys control characters.
    terminal: bool,
}

#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

impl Conversation {
    fn new(client: Client, system: Option<String>) -> Self {
        let terminal = io::stdout().is_terminal();
        let mut conversation = Self { client, system, messages: Vec::new(), terminal };
        conversation.reset();
        conversation
    }

    fn reset(&mut self) {
        let system = self.system.iter().map(|text| Message::new("system", text.clone()));
        self.messages = system.collect();
    }

    fn interactive(&mut self) -> Result<(), Failure> {
        let interrupt = Interrupt::default();
        let handler = Arc::clone(&interrupt);
        ctrlc::set_handler(move || {
            let current = handler.lock();
            if let Some(answer) = current.as_ref() {
                let _ = answer.send(Piece::Interrupted);
            }
        })
        .map_err(|error| Failure::new(error.to_string(), "pipe the questions in instead"))?;
        let mut editor = DefaultEditor::new().map_err(terminal_failed)?;
        note(&format!(
            "Talking to {}. /help lists the commands, /quit or Ctrl-D ends it, Ctrl-C stops an \
             answer.",
            self.client.target
        ));
        loop {
            let line = match editor.readline("> ") {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => {
                    note("(Ctrl-D or /quit ends)");
                    continue;
                }
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(terminal_failed(error)),
            };
            // The history stays in memory: questions are not written to a file.
            let _ = editor.add_history_entry(&line);
            match self.line(&line, Some(&interrupt)) {
                Ok(Next::GoOn) => {}
                Ok(Next::End) => return Ok(()),
                // The conversation continues: the next question may succeed.
                Err(failure) => drop(failure.report()),
            }
        }
    }

    fn line(&mut self, line: &str, interrupt: Option<&Interrupt>) -> Result<Next, Failure> {
        match line.trim() {
            "" => {}
            "/quit" | "/exit" => return Ok(Next::End),
            "/reset" => {
                self.reset();
                note("(forgotten)");
            }
            "/help" => note(
                "/reset forgets the conversation\n/quit or Ctrl-D ends it\n/help shows this\nCtrl-C stops \
                 an answer",
            ),
            command if command.starts_with('/') => {
                note(&format!("({command} is not a command; /help lists the commands)"));
            }
            question => self.turn(question.to_owned(), interrupt)?,
        }
        Ok(Next::GoOn)
    }

    /// Asks, prints the answer as it arrives, and remembers both. A failed turn is not remembered.
    fn turn(&mut self, question: String, interrupt: Option<&Interrupt>) -> Result<(), Failure> {
        self.messages.push(Message::new("user", question));
        let (sender, pieces) = std::sync::mpsc::channel();
        if let Some(interrupt) = interrupt {
            *interrupt.lock() = Some(sender.clone());
        }
        self.client.ask(&self.messages, sender);
        let answer = self.print(&pieces);
        if let Some(interrupt) = interrupt {
            *interrupt.lock() = None;
        }
        match answer {
            // Stopped before the first word: the question is forgotten too.
            Ok(answer) if answer.is_empty() => {
                self.messages.pop();
                Ok(())
            }
            Ok(answer) => {
                self.messages.push(Message::new("assistant", answer));
                Ok(())
            }
            Err(failure) => {
                self.messages.pop();
                Err(failure)
            }
        }
    }

    fn print(&self, pieces: &Receiver<Piece>) -> Result<String, Failure> {
        let mut out = io::stdout().lock();
        let mut answer = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    out.write_all(self.printable(&text).as_bytes())?;
                    out.flush()?;
                    answer.push_str(&text);
                }
                Piece::Finished { reason } => {
                    writeln!(out)?;
                    match reason.as_str() {
                        "length" => note("(the limit of tokens was reached)"),
                        "content_filter" => note("(cut off by the content filter)"),
                        _ => {}
                    }
                    return Ok(answer);
                }
                Piece::Interrupted => {
                    writeln!(out)?;
                    note("(stopped)");
                    return Ok(answer);
                }
                Piece::Failed(failure) => {
                    if !answer.is_empty() {
                        writeln!(out)?;
                    }
                    return Err(failure);
                }
            }
        }
        Err(Failure::new("the answer ended early", "ask again"))
    }

    /// Removes control characters, because a model may write terminal commands.
    fn printable(&self, text: &str) -> String {
        let harmless = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
        if self.terminal { text.chars().filter(harmless).collect() } else { text.to_owned() }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` passes it")]
fn terminal_failed(error: ReadlineError) -> Failure {
    Failure::new(format!("the terminal failed: {error}"), "pipe the questions in instead")
}
