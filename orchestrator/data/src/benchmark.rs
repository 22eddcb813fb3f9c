//! The benchmarks of the paper as they are published: which column of a line is what.
//!
//! The files are the JSON Lines of the data sets on the Hugging Face hub that are named below, or
//! what `datasets` writes by `to_json`.

use std::collections::BTreeMap;

use retrial_domain::Benchmark;
use serde_json::{Map, Value};

use crate::strict::Line;

/// The columns of a data set.
pub struct Columns {
    problem: &'static str,
    answer: &'static str,
    id: Option<&'static str>,
    tags: &'static [&'static str],
}

/// How a benchmark's file is read.
pub trait Published {
    /// The columns of its file.
    fn columns(self) -> Columns;

    /// Reads a line. Columns that mean nothing here are passed over.
    fn line(self, text: &str) -> Result<Line, serde_json::Error>;
}

impl Published for Benchmark {
    fn columns(self) -> Columns {
        let columns = |problem, answer, id, tags| Columns { problem, answer, id, tags };
        match self {
            Self::Math500 => columns("problem", "answer", Some("unique_id"), &["subject", "level"]),
            Self::Minerva => columns("question", "answer", None, &[]),
            Self::Olympiad => columns("question", "final_answer", Some("id"), &["subfield"]),
            Self::Amc23 => columns("question", "answer", Some("id"), &[]),
            Self::Aime24 | Self::Aime25 => columns("problem", "answer", Some("id"), &[]),
        }
    }

    fn line(self, text: &str) -> Result<Line, serde_json::Error> {
        use serde::de::Error as _;
        let row: Map<String, Value> = serde_json::from_str(text)?;
        let columns = self.columns();
        let cell = |name: &str| row.get(name).and_then(plain);
        let needed = |name: &'static str| {
            let known = || row.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            cell(name).ok_or_else(|| {
                let benchmark = self.name();
                serde_json::Error::custom(format!(
                    "`{benchmark}` has its text in the column `{name}`, this line has {}",
                    known()
                ))
            })
        };
        let tags: BTreeMap<String, String> =
            columns.tags.iter().filter_map(|&name| Some((name.to_owned(), cell(name)?))).collect();
        Ok(Line {
            solution: None,
            id: columns.id.and_then(cell),
            problem: needed(columns.problem)?,
            answer: needed(columns.answer)?,
            tags,
        })
    }
}

/// A cell as text. Lists of answers are written as one answer of several parts, dollars left out.
fn plain(cell: &Value) -> Option<String> {
    match cell {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => match number.as_f64() {
            // What a table of floats makes of 27.
            Some(value) if number.is_f64() && value.fract() == 0.0 => Some(format!("{value:.0}")),
            _ => Some(number.to_string()),
        },
        Value::Array(parts) => {
            let parts: Option<Vec<String>> = parts.iter().map(plain).collect();
            let parts = parts?.iter().map(|part| part.replace('$', "")).collect::<Vec<_>>();
            if parts.is_empty() { None } else { Some(parts.join(", ")) }
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use retrial_grader::{Extraction, Gold, Verdict, grade};

    use super::*;

    /// Lines of the same shape as the published ones, written by us, with a right response.
    const LINES: [(Benchmark, &str, &str, &str); 7] = [
        (
            Benchmark::Math500,
            r#"{"problem":"What is $\\frac{1}{2}+\\frac{1}{4}$?","solution":"It is $\\boxed{\\frac{3}{4}}$.","answer":"\\frac{3}{4}","subject":"Prealgebra","level":1,"unique_id":"test/prealgebra/1.json"}"#,
            "test/prealgebra/1.json",
            "0.75",
        ),
        (
            Benchmark::Minerva,
            r#"{"question":"A cube has a side of 2 m. What is its volume in cubic metres?","answer":"8"}"#,
            "1",
            "8.0",
        ),
        (
            Benchmark::Olympiad,
            r#"{"id":1606,"question":"Find $x$ with $x^2=4$ and $x>0$.","solution":["$x=2$"],"final_answer":["$2$"],"context":null,"is_multiple_answer":false,"unit":null,"answer_type":"Numerical","subfield":"Algebra"}"#,
            "1606",
            "2",
        ),
        (
            Benchmark::Olympiad,
            r#"{"id":1607,"question":"Find all $x$ with $x^2=4$.","solution":["..."],"final_answer":["$2$","$-2$"],"is_multiple_answer":true,"subfield":"Algebra"}"#,
            "1607",
            "2, -2",
        ),
        (
            Benchmark::Amc23,
            r#"{"id":0,"question":"What is $5\\cdot 5+2$?","answer":"27.0","url":"https://example.org"}"#,
            "0",
            "27",
        ),
        (
            Benchmark::Aime24,
            r#"{"id":60,"problem":"Find the remainder of $1204$ modulo $1000$.","solution":"...","answer":"204","url":"https://example.org","year":"2024"}"#,
            "60",
            "204",
        ),
        (
            Benchmark::Aime25,
            r#"{"problem":"What is $7\\cdot 10$?","answer":70.0,"id":"0"}"#,
            "0",
            "70",
        ),
    ];

    #[test]
    fn published_columns_become_problems() {
        for (benchmark, text, id, right) in LINES {
            let line = benchmark.line(text).unwrap();
            let name = benchmark.name();
            assert_eq!(line.id.as_deref().unwrap_or("1"), id, "{name}");
            assert!(!line.problem.is_empty());
            let gold = Gold::parse(&line.answer).unwrap_or_else(|error| panic!("{name}: {error}"));
            for (response, verdict) in [(right, Verdict::Correct), ("77", Verdict::Wrong)] {
                let response = format!("It is \\boxed{{{response}}}.");
                let found = grade(&gold, &response, Extraction::Auto).verdict;
                assert_eq!(found, verdict, "{name}: {response} against {}", line.answer);
            }
        }
        let tags = LINES[0].0.line(LINES[0].1).unwrap().tags;
        let expected = [("level", "1"), ("subject", "Prealgebra")];
        assert_eq!(tags, expected.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = Benchmark::Minerva.line(r#"{"problem":"1+1?","answer":"2"}"#).err().unwrap();
        let error = error.to_string();
        assert!(error.contains("`minerva`") && error.contains("`question`"), "{error}");
        assert!(error.contains("answer, problem"), "{error}");
        assert!(Benchmark::Aime24.line(r#"{"problem":"1+1?","answer":null}"#).is_err());
    }

    #[test]
    fn names_are_those_of_configurations() {
        for (benchmark, ..) in LINES {
            let name = serde_json::to_value(benchmark).unwrap();
            assert_eq!(name, benchmark.name());
        }
    }
}
