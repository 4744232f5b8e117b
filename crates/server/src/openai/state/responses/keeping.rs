//! Keeping a response once it has ended, and adding it to its conversation.

use std::sync::Arc;

use policy::object::Class;
use store::objects::{Draft, Object};
use wire::responses::{
    Kept,
    item::Item,
    response::{Made, Stage},
};

use super::states;
use crate::{
    authn::Caller,
    call::Call,
    openai::{
        error::ApiError,
        state::{
            conversations::rows,
            objects::{Objects, failed},
        },
    },
    services::Services,
};

/// The parts to keep once a response has ended.
pub(crate) struct Keeping {
    pub(super) services: Arc<Services>,
    pub(super) caller: Caller,
    /// The items of the request.
    pub(super) input: Vec<Item>,
    pub(super) conversation: Option<String>,
    pub(super) place: Place,
}

/// Where a response is kept.
#[expect(clippy::large_enum_variant, reason = "there is one for each response, in a box")]
pub(super) enum Place {
    /// Nowhere: it only belongs to a conversation.
    Nowhere,
    /// In a new object, which its call writes.
    New(Draft),
    /// In the object of a response that is made in the background.
    Background(Object),
}

impl std::fmt::Debug for Keeping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keeping(..)")
    }
}

impl Keeping {
    /// Keeps a response that has ended. One that failed is only kept if it was made in the background:
    /// otherwise no one knows its id.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub(in crate::openai) async fn keep(
        self,
        call: &mut Call,
        made: &Made,
    ) -> Result<(), ApiError> {
        let Self { services, caller, input, conversation, place } = self;
        let objects = Objects::of(&services, &caller);
        let is_answered = matches!(made.stage, Stage::Ended(_));
        if let Some(conversation) = conversation.filter(|_| is_answered) {
            let mut items = input.clone();
            items.extend(made.output.iter().cloned());
            let drafts = rows::append(&objects, call, &conversation, items).await?;
            drafts.into_iter().for_each(|draft| call.writes(draft));
        }
        let head = || Kept::head(made, &input).map_err(|_| ApiError::Internal);
        match place {
            Place::New(mut draft) if is_answered => {
                draft.seal_head(&head()?).map_err(failed(Class::Response))?;
                draft.set(states::ENDED, "");
                call.writes(draft);
            }
            Place::New(_) | Place::Nowhere => {}
            Place::Background(object) => note(&objects, &object, made, &input).await?,
        }
        Ok(())
    }
}

/// Notes the end of a response that was made in the background.
///
/// # Errors
/// If it cannot be changed.
pub(super) async fn note(
    objects: &Objects<'_>,
    object: &Object,
    made: &Made,
    input: &[Item],
) -> Result<(), ApiError> {
    let state = match made.stage {
        Stage::Queued | Stage::InProgress => states::UNFINISHED,
        Stage::Ended(_) => states::ENDED,
        Stage::Failed { .. } => states::FAILED,
        Stage::Cancelled => states::CANCELLED,
    };
    let head = Kept::head(made, input).map_err(|_| ApiError::Internal)?;
    objects.change(object, Some(head), Some(state)).await.map(drop)
}
