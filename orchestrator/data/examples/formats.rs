//! What the loader says about each file of a folder, as the table of docs/data.md:
//! `cargo run -p retrial-data --example formats -- FOLDER`.

use std::path::Path;

use retrial_data::{DataError, DataSet, HubSettings, MAX_LEFT_OUT, Request, Sources, Split};

fn main() {
    let folder = std::env::args().nth(1).expect("the folder of the files");
    let entries = std::fs::read_dir(&folder).expect("the folder can be read");
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    println!("| file | problems of rows | what is said |\n|---|---|---|");
    for name in names {
        let (used, said) = row(&Path::new(&folder).join(&name));
        let said = said.replace(&format!("{folder}/"), "").replace(&folder, "");
        println!("| `{name}` | {used} | {} |", said.replace('|', "\\|"));
    }
}

fn row(path: &Path) -> (String, String) {
    let sources = Sources::one(path.to_string_lossy());
    let request = Request {
        set: "train",
        sources: &sources,
        columns: None,
        split: Split::Train,
        max_left_out: MAX_LEFT_OUT,
        solutions: false,
        reward: None,
        held_out: &[],
    };
    // The model's tokenizer measures tokens; this example limits characters instead.
    let fits =
        |problem: &retrial_data::Problem, _: &[retrial_data::Message]| match problem.text.len() {
            0..=20_000 => Ok(()),
            long => Err(format!("the prompt has {long} characters, there is room for 20000")),
        };
    let (refused, report) = match DataSet::load(&request, &HubSettings::from_env(), fits) {
        Ok(set) => ("", set.report().clone()),
        Err(DataError::Empty { report }) => ("no problem can be used; ", *report),
        Err(DataError::TooMuch { report, .. }) => ("more than max_left_out; ", *report),
        Err(other) => return ("refused".into(), other.to_string().replace('\n', "<br>")),
    };
    let mut said = vec![report.files[0].layout.clone()];
    for out in &report.left_out {
        let example = &out.examples[0];
        let problem = &example.problem;
        said.push(format!(
            "{} {} (line {}: {problem})",
            out.count,
            out.reason.text(out.count),
            example.line
        ));
    }
    if report.with_special_tokens > 0 {
        said.push("note: text that looks like the tokens of a chat template".into());
    }
    (format!("{} of {}", report.used, report.rows), format!("{refused}{}", said.join("; ")))
}
