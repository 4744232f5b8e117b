//! The kinds of personal data, and sets of them.

use std::fmt;

/// A kind of personal data or secret. The order decides between two places of the same length: the
/// first kind wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A key, a password, a token or a private key.
    Secret,
    /// A word or a pattern of the operator.
    Term,
    /// An e-mail address.
    Email,
    /// A URL with a password, or with a token in its query.
    Url,
    /// The number of a payment card.
    Card,
    /// An international bank account number (ISO 13616).
    Iban,
    /// A national identity, tax or social security number, by its checksum.
    NationalId,
    /// The address of a cryptocurrency's wallet.
    Crypto,
    /// An IP address, version 4 or 6.
    Ip,
    /// A hardware address of a network card.
    Mac,
    /// A telephone number.
    Phone,
    /// The name of a person, where the words around it say so.
    Name,
    /// A postal address: a street with a number.
    Address,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: &[Self] = &[
        Self::Secret,
        Self::Term,
        Self::Email,
        Self::Url,
        Self::Card,
        Self::Iban,
        Self::NationalId,
        Self::Crypto,
        Self::Ip,
        Self::Mac,
        Self::Phone,
        Self::Name,
        Self::Address,
    ];

    /// Returns the name in settings, receipts and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Term => "term",
            Self::Email => "email",
            Self::Url => "url",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::NationalId => "national_id",
            Self::Crypto => "crypto",
            Self::Ip => "ip",
            Self::Mac => "mac",
            Self::Phone => "phone",
            Self::Name => "name",
            Self::Address => "address",
        }
    }

    /// Returns the word in a placeholder: upper-case ASCII letters.
    #[must_use]
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Secret => "SECRET",
            Self::Term => "TERM",
            Self::Email => "EMAIL",
            Self::Url => "URL",
            Self::Card => "CARD",
            Self::Iban => "IBAN",
            Self::NationalId => "ID",
            Self::Crypto => "CRYPTO",
            Self::Ip => "IP",
            Self::Mac => "MAC",
            Self::Phone => "PHONE",
            Self::Name => "NAME",
            Self::Address => "ADDRESS",
        }
    }

    /// Returns the kind with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kinds(u16);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);

    /// Every kind.
    #[must_use]
    pub fn all() -> Self {
        Kind::ALL.iter().copied().collect()
    }

    /// Returns true if a kind is in the set.
    #[must_use]
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Returns true if the set has no kind.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the set with one kind more.
    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | kind.bit())
    }

    /// Returns the set without a kind.
    #[must_use]
    pub fn without(self, kind: Kind) -> Self {
        Self(self.0 & !kind.bit())
    }

    /// Returns the kinds of both sets.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the kinds, in order.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }
}

impl Default for Kinds {
    /// Every kind but names and addresses, which have no fixed form.
    fn default() -> Self {
        Self::all().without(Kind::Name).without(Kind::Address)
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
