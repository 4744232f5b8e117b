//! The end of a batch: its output and error files.

use std::collections::{HashMap, HashSet};

use policy::{
    content::{Content, ContentBytes},
    object::Class,
    workflow::subject::Subject,
};
use store::{
    objects::Draft,
    subjects::{About, Lines},
};
use tlog::hex;
use tokio::task::spawn_blocking;
use wire::{
    batches::{self, Counts, Endpoint, Head, Status, Unanswered},
    files::FileHead,
};

use super::{
    drive::{Drive, Next},
    input::Input,
};
use crate::{
    clock, named,
    openai::{
        error::ApiError,
        state::objects::{New, Objects, failed},
    },
};

/// One of the two files, while it is written.
struct File {
    draft: Draft,
    empty: bool,
    /// The data subjects of its lines.
    people: Lines,
    /// The number of its lines.
    lines: u32,
}

impl Drive {
    /// Writes the files, and ends the batch. A restart in between goes on where the last step ended.
    pub(super) async fn finish(&mut self) -> Result<Next, ApiError> {
        let mut head = self.head().await?;
        let cancelling = Status::of(self.batch.state) == Some(Status::Cancelling);
        head.cancelled |= cancelling;
        let counts = self.counts().await?;
        if !self.are_written(&head).await? {
            let now = if cancelling { Status::Cancelling } else { Status::Finalizing };
            let (output, error) = self.write(&head, &counts).await?;
            head.named = true;
            head.output = output.as_ref().map(id);
            head.error = error.as_ref().map(id);
            // First their ids, then the files: so a restart knows whether they are written.
            self.change(head, now).await?;
            let drafts: Vec<Draft> = output.into_iter().chain(error).collect();
            let objects = self.gateway.services.ledger.objects();
            let committed = spawn_blocking(move || objects.commit(drafts)).await;
            committed.map_err(|_| ApiError::Internal)?.map_err(failed(Class::File))?;
            return Ok(Next::Step);
        }
        let ran = counts.completed.saturating_add(counts.failed);
        head.counts = Some(counts);
        let status = match (head.cancelled, head.errors.is_empty(), ran < head.lines) {
            (true, ..) => Status::Cancelled,
            (false, false, _) => Status::Failed,
            (false, true, true) if head.expired => Status::Expired,
            (false, true, _) => Status::Completed,
        };
        self.change(head, status).await?;
        tracing::info!(
            batch = %self.batch.facts.object,
            completed = counts.completed,
            failed = counts.failed,
            ?status,
            "batch ended"
        );
        Ok(Next::Nothing)
    }

    /// Whether the files that the head names are committed. A file that was deleted at once counts, too:
    /// it is not written again.
    async fn are_written(&self, head: &Head) -> Result<bool, ApiError> {
        let named: Vec<&String> = head.output.iter().chain(&head.error).collect();
        if !head.named || named.is_empty() {
            return Ok(head.named);
        }
        let caller = self.caller().await?;
        let objects = Objects::of(&self.gateway.services, &caller);
        for id in named {
            match objects.find(Class::File, id).await {
                Ok(_) => return Ok(true),
                Err(ApiError::ObjectNotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Returns the lines that have run.
    async fn counts(&self) -> Result<Counts, ApiError> {
        let caller = self.caller().await?;
        Objects::of(&self.gateway.services, &caller).counts(&self.batch).await
    }

    /// Writes both files. One without lines is left out.
    async fn write(
        &self,
        head: &Head,
        counts: &Counts,
    ) -> Result<(Option<Draft>, Option<Draft>), ApiError> {
        let people = self.people(head).await;
        let mut output = self.file(head, "output").await?;
        let mut error = self.file(head, "error").await?;
        let mut done = HashSet::new();
        let mut after = None;
        loop {
            let caller = self.caller().await?;
            let objects = Objects::of(&self.gateway.services, &caller);
            let lines = objects.lines(&self.batch, after, LINES_AT_ONCE).await?;
            let Some(last) = lines.last() else { break };
            after = Some(last.line);
            let (mut good, mut bad) = (Vec::new(), Vec::new());
            for line in lines {
                done.insert(line.line);
                let (file, lines) =
                    if line.failed { (&mut error, &mut bad) } else { (&mut output, &mut good) };
                lines.push(line.content);
                file.name(people.get(&line.line));
            }
            output = append(output, good).await?;
            error = append(error, bad).await?;
        }
        let ran = counts.completed.saturating_add(counts.failed);
        if ran < head.lines
            && let Some(endpoint) = head.endpoint()
        {
            error = self.not_run(head, endpoint, &done, error).await?;
        }
        let used = |file: File| (!file.empty).then(|| file.about());
        Ok((used(output), used(error)))
    }

    /// Adds the lines that have not run to the error file, as far as the input can still be read.
    async fn not_run(
        &self,
        head: &Head,
        endpoint: Endpoint,
        done: &HashSet<u32>,
        mut error: File,
    ) -> Result<File, ApiError> {
        let why = if head.cancelled { Unanswered::CANCELLED } else { Unanswered::EXPIRED };
        let mut input = Input::new(head.input.clone(), self.line_bytes_max());
        let mut lines = Vec::new();
        while let Ok(Some(line)) = input.next(&self.gateway, &self.batch).await {
            if done.contains(&line.number) {
                continue;
            }
            if let Ok(parsed) = batches::Line::parse(line.bytes.reveal(), endpoint) {
                let random: [u8; 16] = crate::ids::random();
                let id = format!("batch_req_{}", hex::encode(&random));
                lines.push(batches::unanswered((&id, parsed.custom_id.0.reveal()), why));
                error.name(Some(&named::subjects_of(line.bytes.reveal())));
            }
            if lines.len() >= LINES_AT_ONCE {
                error = append(error, std::mem::take(&mut lines)).await?;
            }
        }
        append(error, lines).await
    }

    /// Begins one of the files.
    async fn file(&self, head: &Head, what: &str) -> Result<File, ApiError> {
        let caller = self.caller().await?;
        let now_ms = clock::now_ms();
        let new = New {
            class: Class::File,
            shared: self.batch.facts.shared,
            expires_ms: head.output_ms.map(|after| now_ms.saturating_add(after)),
            parent: None,
            state: 0,
            label: "batch_output".to_owned(),
        };
        let objects = Objects::of(&self.gateway.services, &caller);
        let mut draft = objects.begin(self.batch.request, new).await?;
        let id = Class::Batch.id(self.batch.facts.object);
        let name = Content::new(format!("{id}_{what}.jsonl"));
        let head = FileHead { filename: name }.to_bytes();
        draft.seal_head(&head).map_err(failed(Class::File))?;
        Ok(File { draft, empty: true, people: Lines::default(), lines: 0 })
    }

    /// Returns the data subjects that the lines of the input name, as far as it can still be read.
    async fn people(&self, head: &Head) -> HashMap<u32, Vec<Subject>> {
        let mut input = Input::new(head.input.clone(), self.line_bytes_max());
        let mut people = HashMap::new();
        while let Ok(Some(line)) = input.next(&self.gateway, &self.batch).await {
            let found = named::subjects_of(line.bytes.reveal());
            if !found.is_empty() {
                people.insert(line.number, found);
            }
        }
        people
    }
}

impl File {
    /// Notes the data subjects of the next line.
    fn name(&mut self, people: Option<&Vec<Subject>>) {
        self.lines = self.lines.saturating_add(1);
        for person in people.into_iter().flatten() {
            // Its input had no more data subjects than a file may have.
            let _ = self.people.add(person.clone(), self.lines);
        }
    }

    /// Returns the draft, with its data subjects.
    fn about(mut self) -> Draft {
        if !self.people.is_empty() {
            self.draft.set_about(About::Lines(self.people));
        }
        self.draft
    }
}

/// Appends lines to a file, on a thread that may block.
async fn append(mut file: File, lines: Vec<ContentBytes>) -> Result<File, ApiError> {
    if lines.is_empty() {
        return Ok(file);
    }
    file.empty = false;
    let appended = spawn_blocking(move || {
        for line in &lines {
            file.draft.append(line.reveal())?;
        }
        Ok(file)
    });
    appended.await.map_err(|_| ApiError::Internal)?.map_err(failed(Class::File))
}

fn id(draft: &Draft) -> String {
    Class::File.id(draft.object().facts.object)
}

/// Lines in memory at once.
const LINES_AT_ONCE: usize = 64;
