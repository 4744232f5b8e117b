//! Treatment of personal data that was found.

use std::fmt;

/// Treatment of personal data. The order is the order of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Nothing is looked for.
    Off,
    /// A finding is counted, and goes on.
    Report,
    /// A placeholder goes on in place of a finding.
    Pseudonymise,
    /// A request with personal data is refused.
    Block,
}

impl Mode {
    /// Every mode, from the weakest to the strictest.
    pub const ALL: &[Self] = &[Self::Off, Self::Report, Self::Pseudonymise, Self::Block];

    /// Returns the name in settings and receipts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Pseudonymise => "pseudonymise",
            Self::Block => "block",
        }
    }

    /// Returns the mode with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.name() == name)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
