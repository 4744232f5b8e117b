//! The commitments of an entry whose texts the database has.

use tlog::{
    canon::Digest,
    entry::{End, Event},
};

/// Returns the commitments of an event whose texts the database has, in the order of their places.
/// Receipts open the commitment of a request.
pub(crate) fn commitments(event: &Event) -> Vec<Digest> {
    match event {
        Event::Changed { commitment: one, .. }
        | Event::PersonalData { setting: one, .. }
        | Event::ContentLogging { reason: one, .. }
        | Event::Flagged { category: one, .. }
        | Event::LookRequested { reason: one, .. }
        | Event::Refused { reason: one, .. }
        | Event::FlagDecided { reason: one, .. }
        | Event::Penalised { details: one, .. }
        | Event::ExemptionDecided { reason: one, .. }
        | Event::WorkstationEnrolled { details: one, .. }
        | Event::WorkstationRevoked { reason: one, .. }
        | Event::OwnerRead { owner: one, .. }
        | Event::OwnerDeleted { owner: one, .. }
        | Event::ExemptionEnded {
            end:
                End::WithdrawnByCustomer { reason: one, .. }
                | End::WithdrawnByOperator { reason: one, .. },
            ..
        } => vec![*one],
        Event::ExemptionApplied { use_case, measures, .. } => vec![*use_case, *measures],
        // The data subject's name is in no text.
        Event::SubjectRestricted { by, .. } => vec![*by],
        Event::SubjectRequest { by, details, .. } => vec![*by, *details],
        Event::Succeeded { succession, .. } => vec![succession.reason],
        Event::Started { .. }
        | Event::Request { .. }
        | Event::KeyCreated { .. }
        | Event::KeyDestroyed { .. }
        | Event::Approved { .. }
        | Event::Looked { .. }
        | Event::Repaired { .. }
        | Event::Consented { .. }
        | Event::ExemptionEnded { end: End::Expired | End::Renewed { .. }, .. }
        | Event::Proved { .. }
        | Event::KeyLost { .. }
        | Event::ProcessorAllowed { .. }
        | Event::ObjectDestroyed { .. }
        | Event::KeyWithheld { .. }
        | Event::TrainingStarted { .. }
        | Event::Trained { .. }
        | Event::SubjectErased { .. }
        | Event::RootMade { .. }
        | Event::RootReplaced { .. }
        | Event::RootRecovery { .. }
        | Event::RootRecoveryStopped { .. }
        | Event::PersonKeyEnrolled { .. }
        | Event::PersonKeyRevoked { .. }
        | Event::Promised { .. } => Vec::new(),
    }
}
