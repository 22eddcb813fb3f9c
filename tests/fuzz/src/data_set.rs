//! The file of a data set: the first line names a benchmark or nothing, the rest is the file.

use std::collections::HashSet;

use retrial_data::{Benchmark, load};
use serde_json::json;

use crate::first_line;
use crate::folder::with_files;

/// What is taken has a name of its own for each problem, and is the same data set in our own format.
pub fn data_set(input: &[u8]) -> bool {
    let (name, file) = first_line(input);
    let benchmark = Benchmark::by_name(&String::from_utf8_lossy(name));
    with_files(&[("data", file)], |folder| {
        let path = folder.join("data");
        let Ok(tasks) = load(&path, benchmark, |_| Ok(())) else { return false };
        let names: HashSet<_> = tasks.iter().map(|task| &task.problem.id).collect();
        assert_eq!(names.len(), tasks.len());
        let line = |task: &retrial_data::Task| {
            let problem = &task.problem;
            json!({ "id": problem.id, "problem": problem.text, "answer": problem.answer,
                    "tags": problem.tags, "solution": task.solution })
        };
        let own: Vec<String> = tasks.iter().map(|task| line(task).to_string()).collect();
        with_files(&[("data", own.join("\n").as_bytes())], |_| {
            let read = load(&path, None, |_| Ok(())).expect("what was written can be read");
            for (read, task) in read.iter().zip(&tasks) {
                assert_eq!((&read.problem, &read.solution), (&task.problem, &task.solution));
            }
            assert_eq!(read.len(), tasks.len());
        });
        true
    })
}
