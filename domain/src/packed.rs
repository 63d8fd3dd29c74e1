//! What the packed forms of a checkpoint share: pieces of bytes, and lists of what many values name.
//!
//! What a year adds to a checkpoint is many values of few kinds: bytes are read faster than fields, and an id that is named once is
//! checked and kept once. *Invariant:* bytes that are not what they should be, and a place
//! that no list has, are refused; nothing is guessed.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many bytes a time takes.
pub(crate) const TIME_BYTES: usize = 12;

/// Writes a time: seconds since 1970 (8 bytes) and nanoseconds (4), little-endian.
pub(crate) fn put_time(bytes: &mut Vec<u8>, at: Timestamp) {
    bytes.extend(at.as_second().to_le_bytes());
    bytes.extend(at.subsec_nanosecond().to_le_bytes());
}

/// Reads a time, and goes past it; `None` if these bytes are none.
pub(crate) fn take_time(bytes: &mut &[u8]) -> Option<Timestamp> {
    Timestamp::new(i64::from_le_bytes(take(bytes)?), i32::from_le_bytes(take(bytes)?)).ok()
}

/// Takes so many bytes, and goes past them; `None` if there are fewer.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

/// Something that stands in one piece of bytes, value after value.
pub(crate) trait Piece: Sized {
    /// What it is, for who reads why it was refused.
    const WHAT: &'static str;

    /// Writes all of it.
    fn put(&self, bytes: &mut Vec<u8>);

    /// Reads all of it; `None` if these bytes are something else.
    fn take(bytes: &[u8]) -> Option<Self>;
}

/// A [`Piece`] among packed values: written from a reference, read as a value.
pub(crate) struct Bytes<T>(pub(crate) T);

impl<T: Piece> Serialize for Bytes<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        self.0.put(&mut bytes);
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de, T: Piece> Deserialize<'de> for Bytes<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Reader(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Piece> Visitor<'de> for Reader<T> {
    type Value = Bytes<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as bytes", T::WHAT)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes<T>, E> {
        T::take(bytes).map(Bytes).ok_or_else(|| E::custom(format_args!("these bytes are no {}", T::WHAT)))
    }

    /// JSON has no bytes; there they are a list of numbers.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bytes<T>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}

/// What many packed values name, each written once; the values hold its place.
#[derive(Debug)]
pub(crate) struct Named<'a, T> {
    places: BTreeMap<&'a T, u32>,
    list: Vec<&'a T>,
}

impl<'a, T: Ord> Named<'a, T> {
    pub(crate) fn new() -> Self {
        Self { places: BTreeMap::new(), list: Vec::new() }
    }

    /// The place of one; it gets the next if it has none yet.
    pub(crate) fn place(&mut self, one: &'a T) -> u32 {
        let Self { places, list } = self;
        *places.entry(one).or_insert_with(|| {
            list.push(one);
            // A board with 2^32 ids of one kind has long run out of memory.
            (list.len() - 1) as u32
        })
    }

    /// All of them, by their places.
    pub(crate) fn list(self) -> Vec<&'a T> {
        self.list
    }
}

/// The one at a place of a list that was read.
pub(crate) fn named<T: Clone, E: Error>(list: &[T], place: u32) -> Result<T, E> {
    list.get(place as usize)
        .cloned()
        .ok_or_else(|| E::custom(format_args!("nothing is named at place {place} of {}", list.len())))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn each_is_named_once_and_found_by_its_place() {
        let words = ["b", "a", "b", "c", "a"].map(str::to_owned);
        let mut named_words = Named::new();
        let places: Vec<u32> = words.iter().map(|word| named_words.place(word)).collect();
        let list: Vec<String> = named_words.list().into_iter().cloned().collect();
        assert_eq!((places.as_slice(), list.len()), ([0, 1, 0, 2, 1].as_slice(), 3));
        let read: Vec<String> = places.iter().map(|place| named::<_, serde_json::Error>(&list, *place).unwrap()).collect();
        assert_eq!(read, words);
        assert!(named::<_, serde_json::Error>(&list, 3).is_err());
    }

    #[test]
    fn a_time_comes_back_to_the_nanosecond_and_half_a_time_is_none() {
        for at in [Timestamp::MIN, Timestamp::MAX, "1969-12-31T23:59:59.9Z".parse().unwrap()] {
            let mut bytes = Vec::new();
            put_time(&mut bytes, at);
            assert_eq!(bytes.len(), TIME_BYTES);
            assert_eq!(take_time(&mut bytes.as_slice()), Some(at));
            assert_eq!(take_time(&mut &bytes[1..]), None);
        }
        assert_eq!(take_time(&mut [0x7f; TIME_BYTES].as_slice()), None);
    }
}
