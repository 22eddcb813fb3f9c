//! A JSON array of objects. The brackets must be right; a faulty object does not affect
//! the others.

use std::fmt;
use std::io::BufRead;

use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::row::{Sink, Stopped, row, said};

pub(super) fn read(stream: impl BufRead, sink: &mut Sink<'_>) -> Stopped {
    let mut ended = false;
    let mut json = serde_json::Deserializer::from_reader(stream);
    let result = json.deserialize_seq(Rows { sink, ended: &mut ended });
    match result {
        Err(_) if ended => Ok(()),
        Err(error) => Err(format!("as a JSON array: {error}")),
        Ok(()) => json.end().map_err(|error| format!("after the JSON array: {}", said(&error))),
    }
}

struct Rows<'a, 'b> {
    sink: &'a mut Sink<'b>,
    /// Whether the sink stopped.
    ended: &'a mut bool,
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(element) = list.next_element::<Box<RawValue>>()? {
            number += 1;
            if (self.sink)(number, row(element.get().as_bytes())).is_break() {
                *self.ended = true;
                return Err(A::Error::custom("enough"));
            }
        }
        Ok(())
    }
}
