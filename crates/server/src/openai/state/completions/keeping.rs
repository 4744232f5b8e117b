//! The chat completion that a request with `store` keeps, while it is written.

use engine::request::{Event, FinishReason};
use policy::{
    content::{Content, ContentBytes},
    object::Class,
};
use store::objects::Draft;
use wire::{
    answer::{Collected, Envelope},
    chat::response::ChatCompletion,
    filter::Annotations,
    stored::{Asked, Stored},
    usage::Usage,
};

use crate::{
    authn::Caller,
    body::RequestBody,
    call::Call,
    openai::{
        error::ApiError,
        held::Out,
        state::objects::{New, Objects, failed},
        target::Target,
    },
    services::Services,
};

/// A chat completion that will be kept, until its answer is complete.
#[derive(Debug)]
pub(in crate::openai) struct Keeping {
    draft: Draft,
    body: RequestBody,
    metadata: Vec<(Content, Content)>,
}

impl Keeping {
    /// Begins to keep the target's answer to a request, of which `body` and the labels are given.
    ///
    /// # Errors
    /// Under zero retention, and where the resource keeps no chat completions.
    pub(in crate::openai) async fn begin(
        (services, caller): (&Services, &Caller),
        call: &Call,
        shared: bool,
        target: &Target<'_>,
        (body, metadata): (RequestBody, Vec<(Content, Content)>),
    ) -> Result<Self, ApiError> {
        let objects = Objects::of(services, caller);
        let class = Class::Completion;
        let label = target.deployment.id.to_string();
        let new = New { class, shared, expires_ms: None, parent: None, state: 0, label };
        let draft = objects.begin(call.id, new).await?;
        Ok(Self { draft, body, metadata })
    }

    /// Returns the id of the completion.
    pub(in crate::openai) fn id(&self) -> String {
        Class::Completion.id(self.draft.object().facts.object)
    }

    /// Seals the complete answer. The call writes the object.
    ///
    /// # Errors
    /// If it is too large to be kept.
    pub(in crate::openai) fn complete(self, answer: &[u8]) -> Result<Draft, ApiError> {
        let Self { mut draft, body, metadata } = self;
        let asked = Asked::read(body.reveal())?;
        let head = Stored::head(answer, &asked, &metadata)?;
        draft.seal_head(&head).map_err(failed(Class::Completion))?;
        Ok(draft)
    }
}

/// Collects a stream for the chat completion that it amounts to.
pub(crate) struct Gathering {
    keeping: Keeping,
    collected: Collected,
    /// Tokens that the events count; the call has the sum itself.
    usage: Usage,
    logprobs: bool,
}

impl std::fmt::Debug for Gathering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gathering(..)")
    }
}

impl Gathering {
    /// Begins to collect.
    pub(in crate::openai) fn new(keeping: Keeping, choices: u32, logprobs: bool) -> Self {
        let (collected, usage) = (Collected::new(choices), Usage::default());
        Self { keeping, collected, usage, logprobs }
    }

    /// Takes what goes out. A choice that the content filter ends keeps what went out before.
    pub(in crate::openai) fn take(&mut self, out: &Out) {
        match out {
            Out::Silent(event) | Out::Ahead(event) => self.add(event.clone()),
            // Text that is blocked is not written.
            Out::Passed(_, decision) if decision.is_filtered() => {}
            Out::Passed(events, _) => {
                events.get().iter().cloned().for_each(|event| self.add(event));
            }
            Out::Annotation(..) => {}
            Out::Filtered { choice, tokens, .. } => self.add(Event::Finished {
                choice: *choice,
                reason: FinishReason::ContentFilter,
                completion_tokens: *tokens,
            }),
        }
    }

    fn add(&mut self, event: Event) {
        // Events that are no part of an answer are not sent either.
        let _ = self.collected.add(event, &mut self.usage);
    }

    /// Seals the complete answer. The call writes the object.
    ///
    /// # Errors
    /// If it is too large to be kept.
    pub(in crate::openai) fn complete(
        self,
        envelope: &Envelope,
        usage: Usage,
    ) -> Result<Draft, ApiError> {
        let (annotations, choices) = (Annotations::default(), self.collected.choices());
        let answer = ChatCompletion::new(envelope, choices, self.logprobs, usage, &annotations);
        let answer = serde_json::to_vec(&answer).map_err(|_| ApiError::Internal)?;
        self.keeping.complete(ContentBytes::new(answer).reveal())
    }
}
