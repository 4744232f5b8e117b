//! `[operator]` and `[[customers]]`: the service's operator and its customers. Reports name them:
//! the record of processing must (GDPR, Art. 30). Nothing else reads these settings.

use serde::{Deserialize, Serialize};

/// The operator of the service: the processor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OperatorConfig {
    /// Name of the company or person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Postal address, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// E-mail address or telephone number for questions about data protection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Name and e-mail address of the data protection officer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_protection_officer: Option<String>,
}

/// A customer: the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerConfig {
    /// Name of its tenant.
    pub tenant: String,
    /// Name of the company or person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Postal address, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// E-mail address or telephone number for questions about data protection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Name and e-mail address of the data protection officer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_protection_officer: Option<String>,
}

/// The name and the contacts of one side, as far as they are configured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Party<'a> {
    pub name: Option<&'a str>,
    pub address: Option<&'a str>,
    pub contact: Option<&'a str>,
    pub data_protection_officer: Option<&'a str>,
}

impl OperatorConfig {
    /// Returns the operator's name and contacts.
    pub(crate) fn party(&self) -> Party<'_> {
        Party {
            name: self.name.as_deref(),
            address: self.address.as_deref(),
            contact: self.contact.as_deref(),
            data_protection_officer: self.data_protection_officer.as_deref(),
        }
    }
}

impl CustomerConfig {
    /// Returns the customer's name and contacts.
    pub(crate) fn party(&self) -> Party<'_> {
        Party {
            name: self.name.as_deref(),
            address: self.address.as_deref(),
            contact: self.contact.as_deref(),
            data_protection_officer: self.data_protection_officer.as_deref(),
        }
    }
}
