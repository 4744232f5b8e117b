//! Words of OpenAI's API of which this service supports some, and refuses some by name.

/// Implements `Deserialize` for such words: all others are unknown.
macro_rules! words {
    ($name:ident, $expected:literal, [$($word:literal => $value:expr),+ $(,)?]
        $(, refuses [$($refused:literal),+ $(,)?] because $advice:literal)?) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word;
                impl serde::de::Visitor<'_> for Word {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        match text {
                            $($word => Ok($value),)+
                            $($($refused => Err(E::custom(format_args!(
                                concat!("{}may not be '", $refused, "' here: ", $advice),
                                $crate::error::UNSUPPORTED
                            ))),)+)?
                            _ => Err(E::custom(concat!("invalid value, expected ", $expected))),
                        }
                    }
                }
                deserializer.deserialize_str(Word)
            }
        }
    };
}

pub(super) use words;
