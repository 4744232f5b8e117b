//! Whole numbers within bounds.

/// Defines a number of one byte, and the error for a number out of its bounds.
macro_rules! bounded {
    (
        $(#[$meta:meta])*
        $name:ident($given:ty): $bounds:pat,
        $(#[$bad_meta:meta])*
        $bad:ident
    ) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        $(#[$meta])*
        pub struct $name(u8);

        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        $(#[$bad_meta])*
        pub struct $bad {
            given: $given,
        }

        impl $name {
            /// Checks a number.
            ///
            /// # Errors
            /// If it is out of bounds.
            pub fn new(given: $given) -> Result<Self, $bad> {
                match u8::try_from(given) {
                    Ok(number @ $bounds) => Ok(Self(number)),
                    _ => Err($bad { given }),
                }
            }

            /// Returns the number.
            #[must_use]
            pub fn get(self) -> u8 {
                self.0
            }
        }

        impl TryFrom<$given> for $name {
            type Error = $bad;

            fn try_from(given: $given) -> Result<Self, $bad> {
                Self::new(given)
            }
        }

        impl From<$name> for u8 {
            fn from(number: $name) -> Self {
                number.0
            }
        }
    };
}

pub(crate) use bounded;
