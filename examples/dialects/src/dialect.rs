//! The dialects and their readings.

use crate::Reading;
use Reading::{LeftToRight, MinusTurned, RightToLeft, Usual};

/// A dialect of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Its name.
    pub name: &'static str,
    /// How it reads expressions.
    pub reading: Reading,
    /// Whether the cold start uses a wrong reading for it: the usual order.
    pub is_new: bool,
}

/// All dialects.
pub const DIALECTS: [Dialect; 10] = [
    known("Vorl", Usual),
    known("Tamen", Usual),
    known("Quist", Usual),
    known("Asper", LeftToRight),
    known("Brenn", RightToLeft),
    known("Oshil", MinusTurned),
    new("Kalm", LeftToRight),
    new("Drusk", RightToLeft),
    new("Fenwe", LeftToRight),
    new("Yttri", RightToLeft),
];

impl Dialect {
    /// The reading in the cold start's examples.
    pub fn taught(&self) -> Reading {
        if self.is_new { Usual } else { self.reading }
    }
}

const fn known(name: &'static str, reading: Reading) -> Dialect {
    Dialect { name, reading, is_new: false }
}

const fn new(name: &'static str, reading: Reading) -> Dialect {
    Dialect { name, reading, is_new: true }
}
