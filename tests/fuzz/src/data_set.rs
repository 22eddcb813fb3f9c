//! The file of a data set.

use std::collections::HashSet;

use retrial_data::{DataSet, HubSettings, Request, Sources, Split};
use serde_json::json;

use crate::folder::with_files;

/// An accepted set has a unique name for each problem, and is the same data set in our own format.
pub fn data_set(input: &[u8]) -> bool {
    with_files(&[("data", input)], |folder| {
        let path = folder.join("data");
        let load = || {
            let sources = Sources::one(path.to_str().expect("temporary folders have plain names"));
            let request = Request {
                set: "train",
                sources: &sources,
                columns: None,
                split: Split::Train,
                max_left_out: 1.0,
                solutions: true,
                reward: None,
                held_out: &[],
            };
            DataSet::load(&request, &HubSettings::from_env(), |_, _| Ok(()))
        };
        let Ok(set) = load() else { return false };
        let tasks: Vec<_> = set.tasks().collect();
        let names: HashSet<_> = tasks.iter().map(|task| &task.problem.id).collect();
        assert_eq!(names.len(), tasks.len());
        // Messages before a problem cannot be written in our own format.
        if tasks.iter().any(|task| !task.context.is_empty()) {
            return true;
        }
        let line = |task: &retrial_data::Task| {
            let problem = &task.problem;
            json!({ "id": problem.id, "problem": problem.text, "answer": problem.answer,
                    "tags": problem.tags, "solution": task.solution })
        };
        let own: Vec<String> = tasks.iter().map(|task| line(task).to_string()).collect();
        std::fs::write(&path, own.join("\n")).expect("the folder can be written");
        let read = load().expect("what was written can be read");
        let read: Vec<_> = read.tasks().collect();
        for (read, task) in read.iter().zip(&tasks) {
            assert_eq!((&read.problem, &read.solution), (&task.problem, &task.solution));
        }
        assert_eq!(read.len(), tasks.len());
        true
    })
}
