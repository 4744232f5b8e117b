//! The names of the kinds of entries, for counts in a bundle.

use crate::entry::Event;

/// Returns the name of an entry's kind: that of the event, in small letters.
#[must_use]
pub fn kind(event: &Event) -> &'static str {
    match event {
        Event::Started { .. } => "started",
        Event::Request { .. } => "request",
        Event::KeyCreated { .. } => "key_created",
        Event::KeyDestroyed { .. } => "key_destroyed",
        Event::Changed { .. } => "changed",
        Event::ContentLogging { .. } => "content_logging",
        Event::Approved { .. } => "approved",
        Event::Looked { .. } => "looked",
        Event::Repaired { .. } => "repaired",
        Event::Flagged { .. } => "flagged",
        Event::LookRequested { .. } => "look_requested",
        Event::Consented { .. } => "consented",
        Event::Refused { .. } => "refused",
        Event::FlagDecided { .. } => "flag_decided",
        Event::Penalised { .. } => "penalised",
        Event::ExemptionApplied { .. } => "exemption_applied",
        Event::ExemptionDecided { .. } => "exemption_decided",
        Event::ExemptionEnded { .. } => "exemption_ended",
        Event::WorkstationEnrolled { .. } => "workstation_enrolled",
        Event::WorkstationRevoked { .. } => "workstation_revoked",
        Event::Proved { .. } => "proved",
        Event::OwnerRead { .. } => "owner_read",
        Event::OwnerDeleted { .. } => "owner_deleted",
        Event::KeyLost { .. } => "key_lost",
        Event::Succeeded { .. } => "succeeded",
        Event::ProcessorAllowed { .. } => "processor_allowed",
        Event::ObjectDestroyed { .. } => "object_destroyed",
        Event::KeyWithheld { .. } => "key_withheld",
        Event::TrainingStarted { .. } => "training_started",
        Event::Trained { .. } => "trained",
        Event::PersonalData { .. } => "personal_data",
        Event::SubjectErased { .. } => "subject_erased",
        Event::SubjectRestricted { .. } => "subject_restricted",
        Event::SubjectRequest { .. } => "subject_request",
        Event::RootMade { .. } => "root_made",
        Event::RootReplaced { .. } => "root_replaced",
        Event::RootRecovery { .. } => "root_recovery",
        Event::RootRecoveryStopped { .. } => "root_recovery_stopped",
        Event::PersonKeyEnrolled { .. } => "person_key_enrolled",
        Event::PersonKeyRevoked { .. } => "person_key_revoked",
        Event::Promised { .. } => "promised",
    }
}
