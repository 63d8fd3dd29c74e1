//! The one macro that turns a closed list of states into an enum with stable words.
//!
//! The words travel in the log, in forms and in APIs, so they are written once, beside the variant.
//! Invariant: a word, once released, is never changed; a new meaning gets a new word.

/// Declares an enum whose variants each have one stable lowercase word.
///
/// Gives `ALL`, `word()`, `find()`, `FromStr` (fails with [`crate::UnknownWord`]), `Display` and serde as that word.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every variant, in the order a person reads them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable word of this variant in the log, in forms and in APIs.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The variant with this word, if there is one.
            #[must_use]
            pub fn find(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::find(word).ok_or_else(|| $crate::UnknownWord { what: stringify!($name), word: word.to_owned() })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                $crate::parsed::deserialize(d)
            }
        }
    };
}
pub(crate) use words;

/// A word that no variant of the expected list has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}: {word:?}")]
pub struct UnknownWord {
    /// The list that was expected, by its type name.
    pub what: &'static str,
    /// What was given instead.
    pub word: String,
}
