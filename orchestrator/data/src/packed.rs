//! Problems in compact form: their bytes one after another, and eight bytes more for each.

use std::collections::BTreeMap;

use retrial_domain::{Problem, ProblemId};
use retrial_rows::{Message, Role};

/// A problem as stored. Its answer is parsed again when the problem is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) problem: Problem,
    pub(crate) solution: Option<String>,
    pub(crate) context: Vec<Message>,
}

/// Rows in compact form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Packed {
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(crate) fn push(&mut self, row: &Row) {
        self.starts.push(self.bytes.len());
        let Row { problem: Problem { id, text, answer, tags }, solution, context } = row;
        self.text(text);
        self.text(&id.0);
        self.text(answer);
        self.number(usize::from(solution.is_some()));
        if let Some(solution) = solution {
            self.text(solution);
        }
        self.number(tags.len());
        for (name, value) in tags {
            self.text(name);
            self.text(value);
        }
        self.number(context.len());
        for Message { role, content } in context {
            self.number(*role as usize);
            self.text(content);
        }
    }

    pub(crate) fn get(&self, place: usize) -> Row {
        let mut cursor = Cursor(&self.bytes[self.starts[place]..]);
        let text = cursor.text().to_owned();
        let id = ProblemId(cursor.text().to_owned());
        let answer = cursor.text().to_owned();
        let solution = (cursor.number() == 1).then(|| cursor.text().to_owned());
        let tags: BTreeMap<String, String> = (0..cursor.number())
            .map(|_| (cursor.text().to_owned(), cursor.text().to_owned()))
            .collect();
        let context = (0..cursor.number())
            .map(|_| {
                let role = match cursor.number() {
                    0 => Role::System,
                    1 => Role::User,
                    _ => Role::Assistant,
                };
                Message { role, content: cursor.text().to_owned() }
            })
            .collect();
        Row { problem: Problem { id, text, answer, tags }, solution, context }
    }

    /// The text of a problem only.
    pub(crate) fn text_of(&self, place: usize) -> &str {
        Cursor(&self.bytes[self.starts[place]..]).text()
    }

    /// The answer to a problem only.
    pub(crate) fn answer_of(&self, place: usize) -> &str {
        let mut cursor = Cursor(&self.bytes[self.starts[place]..]);
        cursor.text();
        cursor.text();
        cursor.text()
    }

    /// Removes the rows at these indices, which are sorted.
    pub(crate) fn remove(&mut self, places: &[usize]) {
        let mut place = 0;
        self.starts.retain(|_| {
            place += 1;
            places.binary_search(&(place - 1)).is_err()
        });
    }

    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.starts.shrink_to_fit();
    }

    /// A variable-length number: seven bits a byte, all but the last with the highest bit set.
    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn number(&mut self) -> usize {
        let mut number = 0;
        let mut shift = 0;
        loop {
            let byte = self.0[0];
            self.0 = &self.0[1..];
            number |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }

    fn text(&mut self) -> &'a str {
        let length = self.number();
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        std::str::from_utf8(text).expect("what was packed is text")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row() -> impl Strategy<Value = Row> {
        let tags = prop::collection::btree_map(".{0,5}", ".{0,300}", 0..3);
        let role = prop::sample::select(vec![Role::System, Role::User, Role::Assistant]);
        let message = (role, ".{0,9}").prop_map(|(role, content)| Message { role, content });
        let context = prop::collection::vec(message, 0..3);
        let solution = prop::option::of(".{0,9}");
        (".{0,200}", ".{0,9}", ".{0,9}", tags, solution, context).prop_map(
            |(text, id, answer, tags, solution, context)| {
                let problem = Problem { id: ProblemId(id), text, answer, tags };
                Row { problem, solution, context }
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(rows in prop::collection::vec(row(), 1..9)) {
            let mut packed = Packed::default();
            for row in &rows {
                packed.push(row);
            }
            packed.remove(&[0]);
            packed.shrink();
            prop_assert_eq!(packed.len(), rows.len() - 1);
            for (place, row) in rows[1..].iter().enumerate() {
                prop_assert_eq!(&packed.get(place), row);
                prop_assert_eq!(packed.text_of(place), &row.problem.text);
                prop_assert_eq!(packed.answer_of(place), &row.problem.answer);
            }
        }
    }
}
