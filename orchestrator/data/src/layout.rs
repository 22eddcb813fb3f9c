//! The layouts of public data sets: which column is what, and how a layout is recognised.

use std::fmt;

use retrial_domain::Columns;
use retrial_rows::Row;

/// A known layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Retrial's own: `problem`, `answer`, `id`, `tags`, `solution`.
    Retrial,
    /// `question`, and a worked `answer` that ends in `#### ANSWER`.
    Gsm8k,
    /// `problem`, and a worked `solution` with the answer in a box.
    Math,
    /// `OpenR1-Math-220k`.
    OpenR1Math,
    /// `NuminaMath-1.5`.
    NuminaMath,
    /// `DeepScaleR-Preview`.
    DeepScaleR,
    /// `DAPO-Math-17k`: verl's columns, with instructions around each problem.
    Dapo,
    /// verl: `prompt` messages, `reward_model.ground_truth`.
    Verl,
    /// TRL: `prompt` with `solution`, `answer` or `ground_truth`.
    Trl,
    /// `OpenRLHF`: `input` or `prompt`, `label`.
    OpenRlhf,
    /// MAWPS: `input`, `target`.
    Mawps,
    /// SVAMP: `Body`, `Question`, `Answer`.
    Svamp,
    /// `question` with `answer` or `final_answer`.
    Question,
    /// `Problem`, `Answer`.
    Capitals,
    /// The columns are named in the configuration.
    Configured,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// As it is; the answer is extracted from a worked one.
    Plain,
    /// Worked: an answer without `####` and without a box is missing.
    Worked,
}

/// Which columns are what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) layout: Layout,
    /// The parts of the problem.
    pub(crate) problem: Vec<String>,
    pub(crate) answer: String,
    pub(crate) written: Written,
    pub(crate) solution: Option<String>,
    /// The first column that exists.
    pub(crate) id: Vec<String>,
    pub(crate) tags: Vec<String>,
}

/// Columns that identify a row.
const IDS: [&str; 7] = ["id", "unique_id", "uuid", "ID", "extra_info.index", "idx", "index"];
/// Columns that are kept as tags.
const TAGS: [&str; 13] = [
    "level",
    "type",
    "Type",
    "subject",
    "subfield",
    "source",
    "data_source",
    "ability",
    "domain",
    "topic",
    "difficulty",
    "problem_type",
    "question_type",
];
/// Further columns by which a layout is recognised, or that it needs.
const FURTHER: [&str; 21] = [
    "problem",
    "answer",
    "solution",
    "tags",
    "question",
    "final_answer",
    "prompt",
    "reward_model",
    "extra_info",
    "ground_truth",
    "input",
    "label",
    "target",
    "Body",
    "Question",
    "Answer",
    "Problem",
    "Solution",
    "source_prompt",
    "problem_is_valid",
    "solution_is_valid",
];

impl Layout {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Retrial => "problem, answer",
            Self::Gsm8k => "GSM8K (question, worked answer with ####)",
            Self::Math => "MATH (problem, worked solution with a box)",
            Self::OpenR1Math => "OpenR1-Math (problem, answer, solution)",
            Self::NuminaMath => "NuminaMath (problem, answer, solution)",
            Self::DeepScaleR => "DeepScaleR (problem, answer, solution)",
            Self::Dapo => "DAPO (prompt, reward_model.ground_truth)",
            Self::Verl => "verl (prompt, reward_model.ground_truth)",
            Self::Trl => "TRL (prompt, answer)",
            Self::OpenRlhf => "OpenRLHF (input, label)",
            Self::Mawps => "MAWPS (input, target)",
            Self::Svamp => "SVAMP (Body, Question, Answer)",
            Self::Question => "question, answer",
            Self::Capitals => "Problem, Answer",
            Self::Configured => "columns of the configuration",
        }
    }

    /// The layout of a row, if it is a known one.
    pub(crate) fn of(row: &Row) -> Option<Self> {
        let has = |names: &[&str]| names.iter().all(|name| row.has(name));
        let any = |names: &[&str]| names.iter().any(|name| row.has(name));
        let text = |name: &str| row.cells.get(name).and_then(|cell| cell.as_str()).unwrap_or("");
        let layout = if has(&["Body", "Question", "Answer"]) {
            Self::Svamp
        } else if has(&["prompt", "reward_model"]) {
            if text("data_source").starts_with("math_dapo") { Self::Dapo } else { Self::Verl }
        } else if has(&["label"]) && any(&["input", "prompt"]) {
            Self::OpenRlhf
        } else if has(&["prompt"]) && any(&["solution", "answer", "ground_truth"]) {
            Self::Trl
        } else if has(&["input", "target"]) {
            Self::Mawps
        } else if has(&["problem", "answer"]) {
            if any(&["correctness_math_verify", "is_reasoning_complete"]) {
                Self::OpenR1Math
            } else if has(&["problem_is_valid"]) {
                Self::NuminaMath
            } else if has(&["solution"]) && row.columns().len() == 3 {
                Self::DeepScaleR
            } else {
                Self::Retrial
            }
        } else if has(&["problem", "solution"]) {
            Self::Math
        } else if has(&["question", "answer"]) {
            if text("answer").contains("####") { Self::Gsm8k } else { Self::Question }
        } else if has(&["question", "final_answer"]) {
            Self::Question
        } else if has(&["Problem", "Answer"]) {
            Self::Capitals
        } else {
            return None;
        };
        Some(layout)
    }
}

/// Columns with the problem in any layout.
const ASKING: [&str; 5] = ["problem", "question", "Problem", "prompt", "input"];

impl Mapping {
    /// The columns of rows like this one: the configured ones first, then those of the layout. The error
    /// says what is missing.
    pub(crate) fn of(row: &Row, named: Option<&Columns>) -> Result<Self, String> {
        let layout = Layout::of(row);
        let none = Columns::default();
        let named = named.unwrap_or(&none);
        let known = layout.map(|layout| Self::known(layout, row));
        let missing = |what: &str| format!("no column is known to be the {what}");
        let problem = match (&named.problem, &known) {
            (Some(path), _) => vec![path.clone()],
            (None, Some(known)) => known.problem.clone(),
            // The row has a problem but no answer.
            (None, None) if ASKING.iter().any(|name| row.has(name)) => {
                return Err(missing("answer"));
            }
            (None, None) => return Err(missing("problem")),
        };
        let (answer, written) = match (&named.answer, &named.solution, &known) {
            (Some(path), ..) => (path.clone(), Written::Plain),
            (None, _, Some(known)) => (known.answer.clone(), known.written),
            (None, Some(path), None) => (path.clone(), Written::Worked),
            (None, None, None) => return Err(missing("answer")),
        };
        for path in problem.iter().chain([&answer]) {
            let column = path.split('.').next().unwrap_or_default();
            if !row.has(column) && !row.has(path) {
                return Err(format!("there is no column `{column}`"));
            }
        }
        let (solution, id, tags) = match known {
            Some(known) => (known.solution, known.id, known.tags),
            None => (None, owned(&IDS), owned(&TAGS)),
        };
        Ok(Self {
            layout: match layout {
                Some(layout) if named.problem.is_none() && named.answer.is_none() => layout,
                _ => Layout::Configured,
            },
            problem,
            answer,
            written,
            solution: named.solution.clone().or(solution),
            id: named.id.clone().map_or(id, |id| vec![id]),
            tags: named.tags.clone().unwrap_or(tags),
        })
    }

    fn known(layout: Layout, row: &Row) -> Self {
        let first = |names: &[&'static str]| -> &'static str {
            let found = names.iter().find(|&&name| row.has(name));
            found.or(names.last()).copied().unwrap_or_default()
        };
        let plain = Written::Plain;
        let (problem, answer, written, solution): (&[&str], _, _, _) = match layout {
            Layout::Gsm8k => (&["question"], "answer", Written::Worked, Some("answer")),
            Layout::Math => (&["problem"], "solution", Written::Worked, Some("solution")),
            Layout::Verl | Layout::Dapo => (&["prompt"], "reward_model.ground_truth", plain, None),
            Layout::Trl => {
                (&["prompt"], first(&["answer", "ground_truth", "solution"]), plain, None)
            }
            Layout::OpenRlhf if row.has("input") => (&["input"], "label", plain, None),
            Layout::OpenRlhf => (&["prompt"], "label", plain, None),
            Layout::Mawps => (&["input"], "target", plain, None),
            Layout::Svamp => (&["Body", "Question"], "Answer", plain, None),
            Layout::Question => {
                (&["question"], first(&["final_answer", "answer"]), plain, Some("solution"))
            }
            Layout::Capitals => (&["Problem"], "Answer", plain, Some("Solution")),
            Layout::Retrial
            | Layout::OpenR1Math
            | Layout::NuminaMath
            | Layout::DeepScaleR
            | Layout::Configured => (&["problem"], "answer", plain, Some("solution")),
        };
        Self {
            layout,
            problem: owned(problem),
            answer: answer.to_owned(),
            written,
            solution: solution.map(str::to_owned),
            id: owned(&IDS),
            tags: owned(&TAGS),
        }
    }
}

/// Whether a column may be used: by a known layout, or because it is configured.
pub(crate) fn may_be_used(column: &str, named: Option<&Columns>) -> bool {
    let top = |path: &str| path == column || path.split('.').next() == Some(column);
    let Columns { problem, answer, solution, id, tags } = &named.cloned().unwrap_or_default();
    let named = [problem, answer, solution, id].into_iter().flatten();
    IDS.iter().chain(&TAGS).chain(&FURTHER).any(|path| top(path))
        || named.chain(tags.iter().flatten()).any(|path| top(path))
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
