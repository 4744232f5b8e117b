//! The content filter's part of a request: prompts are judged before an engine gets them.

use engine::request::{Event, Text, Work};
use policy::{
    guard::guarded::Guarded,
    permit::{Inference, Permit},
};

use super::{error::ApiError, target::Target};
use crate::{
    call::Call,
    clock,
    guard::{self, Screen},
    services::Services,
};

impl Target<'_> {
    /// Begins the content filter's checks of a permitted request.
    pub(super) fn screen<A: Inference>(
        &self,
        services: &Services,
        call: &mut Call,
        permit: &Permit<A>,
    ) -> Screen {
        let floor = services.live.current().config.guard.floor.filter();
        let directory = &self.caller.directory;
        let filter = directory.content_filter(self.deployment, clock::now_ms(), &floor);
        let screen = services.guard.screen(permit, &filter).behind(call.behind);
        call.screening.filter = Some(filter);
        screen
    }

    /// Lets the content filter judge a prompt. Only the result can go on to an engine.
    ///
    /// # Errors
    /// If the filter blocks the prompt, or lets nothing through while a detector is down.
    pub(super) async fn judge(
        &self,
        services: &Services,
        call: &mut Call,
        screen: &Screen,
        work: Work,
    ) -> Result<Guarded<Work>, ApiError> {
        let tokens = guard::tokens(&work);
        // Another engine's tokens mean nothing here: they stay unreadable.
        let read = match tokens.is_empty() || self.model.file.is_none() {
            true => None,
            false => Some(self.read(services, screen, tokens).await?),
        };
        Ok(screen.prompt(work, read.as_deref(), &mut call.screening).await?)
    }

    /// Lets the model's worker turn tokens into text.
    ///
    /// # Errors
    /// If the worker refuses, for example a token that its vocabulary lacks.
    async fn read(
        &self,
        services: &Services,
        screen: &Screen,
        tokens: Vec<Vec<u32>>,
    ) -> Result<Vec<Text>, ApiError> {
        let inputs = tokens.len();
        let worker = self.worker(services).await?;
        let events = worker.read(screen.scope(), tokens);
        let mut events = events.map_err(|refusal| self.refused(refusal))?;
        let mut texts = Vec::with_capacity(inputs);
        while let Some(event) = events.next().await {
            match event {
                Event::Read { text, .. } => texts.push(text),
                Event::Done if texts.len() == inputs => return Ok(texts),
                Event::Failed(refusal) => return Err(self.refused(refusal)),
                _ => break,
            }
        }
        Err(ApiError::Internal)
    }
}
