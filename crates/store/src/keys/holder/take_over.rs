//! A customer takes over the key-encryption key of a tenant that already has keys.

use std::path::Path;

use policy::id::TenantId;

use crate::keys::{KeyDirectory, KeyError, read_if_there, replace};

impl KeyDirectory {
    /// Wraps the keys of tenants whose customers hold the key-encryption key again, under the
    /// customer's key, and then destroys the file with the tenant's old one. A crash in between is
    /// repaired at the next start. A tenant whose holder cannot be reached is left as it is: nothing
    /// of it opens until the holder answers, and the next start goes on.
    ///
    /// # Errors
    /// When a file cannot be read or written, or a key is damaged.
    pub(crate) fn hand_over(&mut self) -> Result<(), KeyError> {
        for tenant in self.vault.to_hand_over() {
            match self.hand_over_tenant(tenant) {
                Ok(()) | Err(KeyError::Withheld { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn hand_over_tenant(&self, tenant: TenantId) -> Result<(), KeyError> {
        for entry in self.entries()?.into_iter().filter(|entry| entry.tenant == tenant) {
            self.wrap_again(tenant, &entry.purpose(), &self.records.join(entry.file_name()))?;
        }
        for (purpose, path) in [self.objects_of(tenant), self.subjects_of(tenant)].concat() {
            self.wrap_again(tenant, &purpose, &path)?;
        }
        self.vault.handed_over(tenant)
    }

    fn wrap_again(&self, tenant: TenantId, purpose: &[u8], path: &Path) -> Result<(), KeyError> {
        let Some(wrapped) = read_if_there(path)? else { return Ok(()) };
        match self.vault.hand_over(tenant, purpose, &wrapped)? {
            Some(again) => Ok(replace(path, &again)?),
            None => Ok(()),
        }
    }
}
