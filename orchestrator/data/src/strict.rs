//! The loader that takes a data set whole or not at all: the first bad line is an error with its
//! file and number. It stays until all callers use [`crate::DataSet`].
//!
//! A line, or a row, is `{"problem": "...", "answer": "...", "id": "...", "tags": {...}, "solution":
//! "..."}`; only the first two are needed. Public benchmarks are read with the columns they have
//! ([`Benchmark`]).

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use retrial_domain::{Benchmark, Problem, ProblemId};
use retrial_grader::Gold;
use serde::Deserialize;

use crate::benchmark::Published as _;
use crate::problem::Task;
use crate::rows;

/// Why a data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file cannot be read.
    #[error("cannot read the data set {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// No line has a problem.
    #[error(
        "the data set {path} is empty\n\
         hint: each line is a problem, {{\"problem\": \"...\", \"answer\": \"...\"}}"
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A line cannot be used.
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) id: Option<String>,
    pub(crate) problem: String,
    pub(crate) answer: String,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) solution: Option<String>,
}

/// Reads a data set: our own lines, or those of a benchmark.
///
/// `fits` is asked about each problem and may refuse it (because it is longer than the context).
pub fn load(
    path: &Path,
    benchmark: Option<Benchmark>,
    fits: impl Fn(&Problem) -> Result<(), String>,
) -> Result<Vec<Task>, DatasetError> {
    let mut seen = HashSet::new();
    let mut tasks = Vec::new();
    for (number, line) in rows::read(path)? {
        let task = parse(&line, benchmark, number)
            .and_then(|task| {
                fits(&task.problem)?;
                let id = &task.problem.id;
                if seen.insert(id.clone()) {
                    Ok(task)
                } else {
                    Err(format!("the id `{id}` was used before"))
                }
            })
            .map_err(|problem| DatasetError::Line { path: path.into(), line: number, problem })?;
        tasks.push(task);
    }
    if tasks.is_empty() {
        return Err(DatasetError::Empty { path: path.into() });
    }
    Ok(tasks)
}

fn parse(line: &str, benchmark: Option<Benchmark>, number: usize) -> Result<Task, String> {
    let read = match benchmark {
        None => serde_json::from_str(line),
        Some(benchmark) => benchmark.line(line),
    };
    let line: Line = read.map_err(|error| {
        // serde_json counts lines inside the record, which is always the first.
        error.to_string().replace(" at line 1 column", " at column")
    })?;
    if line.problem.trim().is_empty() {
        return Err("the problem is empty".into());
    }
    let gold = Gold::parse(&line.answer)
        .map_err(|error| format!("the answer `{}` does not parse: {error}", line.answer))?;
    let id = ProblemId(line.id.unwrap_or_else(|| number.to_string()));
    let problem = Problem { id, text: line.problem, answer: line.answer, tags: line.tags };
    Ok(Task { problem, gold, solution: line.solution, context: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Task>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.jsonl");
        std::fs::write(&path, text).unwrap();
        let short = |problem: &Problem| {
            if problem.text.len() < 20 { Ok(()) } else { Err("too long".into()) }
        };
        load(&path, None, short)
            .map_err(|error| error.to_string().replace(&*folder.path().to_string_lossy(), ""))
    }

    #[test]
    fn lines_become_tasks() {
        let tasks = read(
            "{\"problem\":\"1+1?\",\"answer\":\"2\",\"tags\":{\"level\":\"1\"}}\n\n\
             {\"id\":\"b\",\"problem\":\"2+2?\",\"answer\":\"4\"}\n",
        )
        .unwrap();
        assert_eq!(tasks[0].problem.id, ProblemId("1".into()));
        assert_eq!(tasks[0].problem.tags["level"], "1");
        assert_eq!(tasks[1].problem.id, ProblemId("b".into()));
        assert_eq!(tasks[1].gold.text(), "4");
    }

    #[test]
    fn bad_lines_are_named() {
        let good = "{\"id\":\"a\",\"problem\":\"1+1?\",\"answer\":\"2\"}\n";
        let cases = [
            (String::new(), "the data set /data.jsonl is empty"),
            (format!("{good}{good}"), "/data.jsonl:2: the id `a` was used before"),
            (format!("{good}{{"), "/data.jsonl:2: EOF while parsing an object at column 1"),
            ("{\"problem\":\"1+1?\"}".into(), "/data.jsonl:1: missing field `answer` at column 18"),
            (
                "{\"problem\":\"1+1?\",\"answer\":2}".into(),
                "/data.jsonl:1: invalid type: integer `2`, expected a string",
            ),
            (
                "{\"problem\":\"1+1?\",\"anwser\":\"2\"}".into(),
                "/data.jsonl:1: unknown field `anwser`",
            ),
            ("{\"problem\":\" \",\"answer\":\"2\"}".into(), "/data.jsonl:1: the problem is empty"),
            (
                "{\"problem\":\"What is one and one?\",\"answer\":\"2\"}".into(),
                "/data.jsonl:1: too long",
            ),
        ];
        for (text, expected) in cases {
            let error = read(&text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_graded_is_refused() {
        let error = read("{\"problem\":\"1+1?\",\"answer\":\"\"}").unwrap_err();
        assert!(error.starts_with("/data.jsonl:1: the answer `` does not parse"), "{error}");
    }
}
