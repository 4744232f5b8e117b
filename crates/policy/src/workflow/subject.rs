//! Acts of a customer's data protection officer on everything that is kept of one data subject:
//! search, export, erase, restrict. Each is made from its permit, and names its log entries.
//!
//! The log contains only a salted commitment to the data subject's name. The salt is not stored: with
//! it, names could be tried against the log.

use tlog::{
    canon::Digest,
    entry::{self, SubjectStep, commit},
};

use super::owner::{DeleteOwn, Owner};
use crate::{
    authz::facts::ResourceFacts,
    content::Content,
    id::{RequestId, SubjectRequestId, TenantId},
    permit::{EraseSubject, ExportSubject, FindSubject, Permit, RestrictSubject},
};

/// The maximum length of a data subject's name, in bytes.
pub const NAME_BYTES_MAX: usize = 2048;

/// A data subject, by the name that the customer gave: `safety_identifier`, `user`, or a header.
/// Without white space around it, as requests are compared with it.
#[derive(Debug, Clone)]
pub struct Subject(Content);

/// The reason why a text does not name a data subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSubject {
    /// The text is empty.
    #[error("the name of the data subject is empty")]
    Empty,
    /// The text is too long.
    #[error("the name of the data subject has more than {NAME_BYTES_MAX} bytes")]
    TooLong,
}

impl Subject {
    /// Names a data subject.
    ///
    /// # Errors
    /// [`BadSubject::Empty`] if the text has only white space. [`BadSubject::TooLong`] if it has more
    /// than [`NAME_BYTES_MAX`] bytes.
    pub fn new(name: &Content) -> Result<Self, BadSubject> {
        let text = name.reveal().trim();
        match text.len() {
            0 => Err(BadSubject::Empty),
            bytes if bytes > NAME_BYTES_MAX => Err(BadSubject::TooLong),
            _ => Ok(Self(Content::new(text.to_owned()))),
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &Content {
        &self.0
    }

    /// Returns the commitment to the name under a random salt.
    #[must_use]
    pub fn commitment(&self, salt: &[u8; 16]) -> Digest {
        commit(salt, self.0.reveal().as_bytes())
    }
}

/// One act with one data subject, by one person, for one request.
struct Act {
    tenant: TenantId,
    request: SubjectRequestId,
    subject: Subject,
    salt: [u8; 16],
    by: Owner,
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the salt: with it, names can be tried against the log.
        write!(f, "Act({} of {})", self.request, self.tenant)
    }
}

impl Act {
    fn event(&self, step: SubjectStep) -> entry::Event {
        entry::Event::SubjectRequest {
            request: self.request,
            tenant: self.tenant,
            step,
            by: self.by.commitment(),
            details: self.subject.commitment(&self.salt),
            due_ms: None,
        }
    }
}

macro_rules! act {
    ($(#[$doc:meta])* $name:ident, $action:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "the permit is already spent"]
        pub struct $name(Act);

        impl $name {
            /// Spends the permit. The salt is random.
            pub fn new(
                permit: Permit<$action>,
                (request, by): (SubjectRequestId, Owner),
                subject: Subject,
                salt: [u8; 16],
            ) -> Self {
                Self(Act { tenant: permit.spend().tenant, request, subject, salt, by })
            }

            /// Returns the tenant.
            #[must_use]
            pub fn tenant(&self) -> TenantId {
                self.0.tenant
            }

            /// Returns the request that the act answers.
            #[must_use]
            pub fn request(&self) -> SubjectRequestId {
                self.0.request
            }

            /// Returns the data subject.
            #[must_use]
            pub fn subject(&self) -> &Subject {
                &self.0.subject
            }

            /// Returns the salt of the commitment to the data subject.
            #[must_use]
            pub fn salt(&self) -> &[u8; 16] {
                &self.0.salt
            }

            /// Returns the acting person.
            #[must_use]
            pub fn by(&self) -> &Owner {
                &self.0.by
            }
        }
    };
}

act!(
    /// Permission to search for a data subject now.
    ///
    /// Only a permit for a search makes one:
    ///
    /// ```compile_fail,E0423
    /// let forged = policy::workflow::subject::Find(());
    /// ```
    Find, FindSubject
);
act!(
    /// Permission to export the data that is kept of a data subject now.
    ///
    /// A permit to search does not allow the export:
    ///
    /// ```compile_fail,E0308
    /// use policy::{
    ///     id::SubjectRequestId,
    ///     permit::{FindSubject, Permit},
    ///     workflow::{owner::Owner, subject::{Export, Subject}},
    /// };
    /// fn other(permit: Permit<FindSubject>, of: (SubjectRequestId, Owner), subject: Subject) {
    ///     let _ = Export::new(permit, of, subject, [0; 16]);
    /// }
    /// ```
    Export, ExportSubject
);
act!(
    /// Permission to erase the data that is kept of a data subject now.
    Erase, EraseSubject
);
act!(
    /// Permission to switch whether anything is kept of a data subject from now on.
    Restrict, RestrictSubject
);

impl Find {
    /// Returns the log entry.
    #[must_use]
    pub fn log(&self) -> entry::Event {
        self.0.event(SubjectStep::Searched)
    }
}

impl Export {
    /// Returns the log entries: the search, and the export.
    #[must_use]
    pub fn log(&self) -> [entry::Event; 2] {
        [SubjectStep::Searched, SubjectStep::Exported].map(|step| self.0.event(step))
    }
}

impl Erase {
    /// Returns the log entries: the search, and the erasure.
    #[must_use]
    pub fn log(&self) -> [entry::Event; 2] {
        [SubjectStep::Searched, SubjectStep::Erasing].map(|step| self.0.event(step))
    }

    /// Returns the erasure without the data subject's name: the form that is stored until it is
    /// done.
    #[must_use]
    pub fn begun(&self) -> Erasing {
        let Act { tenant, request, by, .. } = &self.0;
        Erasing { tenant: *tenant, request: *request, by: by.clone() }
    }
}

impl Restrict {
    /// Returns the log entry: nothing is kept from now on, or that ends.
    #[must_use]
    pub fn log(&self, restricted: bool) -> entry::Event {
        entry::Event::SubjectRestricted {
            request: self.0.request,
            tenant: self.0.tenant,
            subject: self.0.subject.commitment(&self.0.salt),
            restricted,
            by: self.0.by.commitment(),
        }
    }
}

/// An erasure that has begun: a fact, which a restart goes on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasing {
    /// The tenant.
    pub tenant: TenantId,
    /// The request of the data subject.
    pub request: SubjectRequestId,
    /// The person that began it.
    pub by: Owner,
}

impl Erasing {
    /// Returns the deletion of one record of the tenant; `None` for another tenant's.
    #[must_use]
    pub fn delete(&self, of: ResourceFacts, request: RequestId) -> Option<DeleteOwn> {
        (of.tenant == self.tenant).then(|| DeleteOwn::of_subject(of, request, self.by.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_compared_without_white_space_around_it() {
        let named = |text: &str| Subject::new(&Content::new(text.to_owned()));
        let text = |text: &str| named(text).unwrap().name().reveal().to_owned();
        assert_eq!(text(" alice\n"), "alice");
        assert_eq!(named(" \t").err(), Some(BadSubject::Empty));
        assert_eq!(named(&"a".repeat(2049)).err(), Some(BadSubject::TooLong));
        assert!(!format!("{:?}", named("alice")).contains("alice"));
    }
}
