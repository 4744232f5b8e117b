//! The controls to which promises contribute, as data: one file for each framework.
//!
//! Titles and sentences are our own words, not those of the standards. Add a control only if a promise
//! really contributes to it.

mod ai_act;
mod fedramp;
mod gdpr;
mod iso;
mod nist;
mod pci;
mod soc2;

use pages::trust::{Promise, Voucher};

/// A framework whose controls are mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    /// NIST SP 800-53, revision 5.
    Nist80053,
    /// ISO/IEC 27001:2022, annex A.
    Iso27001,
    /// SOC 2: Trust Services Criteria of 2017 with the points of focus of 2022.
    Soc2,
    /// PCI DSS 4.0.1.
    PciDss,
    /// Regulation (EU) 2016/679.
    Gdpr,
    /// Regulation (EU) 2024/1689.
    AiAct,
    /// FedRAMP 20x: Key Security Indicators of the Consolidated Rules for 2026.
    FedRamp20x,
}

impl Framework {
    /// All frameworks, in the order of the map.
    pub const ALL: [Self; 7] = [
        Self::Nist80053,
        Self::Iso27001,
        Self::Soc2,
        Self::PciDss,
        Self::Gdpr,
        Self::AiAct,
        Self::FedRamp20x,
    ];

    /// Returns its id for programs, such as `iso_27001`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Nist80053 => "nist_800_53",
            Self::Iso27001 => "iso_27001",
            Self::Soc2 => "soc_2",
            Self::PciDss => "pci_dss",
            Self::Gdpr => "gdpr",
            Self::AiAct => "eu_ai_act",
            Self::FedRamp20x => "fedramp_20x",
        }
    }

    /// Returns its name with its version.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nist80053 => "NIST SP 800-53, revision 5",
            Self::Iso27001 => "ISO/IEC 27001:2022, annex A",
            Self::Soc2 => "SOC 2: Trust Services Criteria 2017, points of focus 2022",
            Self::PciDss => "PCI DSS 4.0.1",
            Self::Gdpr => "GDPR: Regulation (EU) 2016/679",
            Self::AiAct => "EU AI Act: Regulation (EU) 2024/1689",
            Self::FedRamp20x => "FedRAMP 20x: Key Security Indicators, rules of 2026",
        }
    }

    /// Returns its controls to which promises contribute, in the framework's order.
    #[must_use]
    pub fn controls(self) -> &'static [Control] {
        match self {
            Self::Nist80053 => nist::CONTROLS,
            Self::Iso27001 => iso::CONTROLS,
            Self::Soc2 => soc2::CONTROLS,
            Self::PciDss => pci::CONTROLS,
            Self::Gdpr => gdpr::CONTROLS,
            Self::AiAct => ai_act::CONTROLS,
            Self::FedRamp20x => fedramp::CONTROLS,
        }
    }
}

/// One line of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// The control's id in its framework, such as `AC-6(9)`.
    pub id: &'static str,
    /// A short title, in our words.
    pub title: &'static str,
    /// The promises that contribute.
    pub promises: &'static [Promise],
    /// The party that vouches for the contribution. [`Voucher::Proved`] is about the entries of the log;
    /// the acts that an entry states, such as the destruction of a key, are the operator's word.
    pub vouched_by: Voucher,
    /// The contribution in one or two sentences.
    pub contributes: &'static str,
    /// The part that remains with the operator or the customer.
    pub remains: &'static str,
}

/// Makes the constant `CONTROLS` of rows: id, title, promises, voucher, contribution, the rest.
macro_rules! controls {
    ($($id:literal $title:literal [$($promise:ident),+] $voucher:ident
        $contributes:literal
        $remains:literal)*) => {
        pub(super) const CONTROLS: &[crate::control::Control] = &[$(crate::control::Control {
            id: $id,
            title: $title,
            promises: &[$(pages::trust::Promise::$promise),+],
            vouched_by: pages::trust::Voucher::$voucher,
            contributes: $contributes,
            remains: $remains,
        }),*];
    };
}
use controls;
