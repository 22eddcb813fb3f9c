//! Loading a set: every row is read once, and either used or left out and counted.

use std::collections::{HashMap, HashSet};
use std::ops::{ControlFlow, Range};

use retrial_domain::{Columns, Problem, ProblemId, RewardConfig, Scheme, Source, Sources};
use retrial_grader::{Gold, equivalent};
use retrial_rows::{DataFile, HubSettings, Message, Row, Split, locate, read, shortened};

use crate::error::DataError;
use crate::fingerprint::{Change, Fingerprint, content_id};
use crate::layout::{Mapping, may_be_used};
use crate::normal::{hash, normal};
use crate::packed::{self, Packed};
use crate::problem::Task;
use crate::report::{Example, FileReport, Reason, Report};
use crate::row::{Candidate, Refusal, RightAnswer, candidate, tags};

/// Rows of a file with unknown columns, after which the rest of the file is skipped.
const PATIENCE: u64 = 100;

/// What to load, and how.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The set's name: `train`, or that of a held-out set.
    pub set: &'a str,
    /// Its sources.
    pub sources: &'a Sources,
    /// Which column is what, for sources that do not say it themselves.
    pub columns: Option<&'a Columns>,
    /// The split to use if a source has several.
    pub split: Split,
    /// The largest share of faulty rows.
    pub max_left_out: f64,
    /// Whether to keep solutions: they need more memory than the problems.
    pub solutions: bool,
    /// The verifiers of responses: they decide which right answers must be readable. Without any, the
    /// grader of mathematics reads all.
    pub reward: Option<&'a RewardConfig>,
    /// Sets whose problems are excluded.
    pub held_out: &'a [&'a DataSet],
}

/// Problems, in compact form.
#[derive(Clone, Debug)]
pub struct DataSet {
    rows: Packed,
    parts: Vec<Part>,
    report: Report,
}

/// The problems of one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The source.
    pub source: String,
    /// Its weight.
    pub weight: f64,
    /// The range of its problems in the set.
    pub places: Range<usize>,
}

impl DataSet {
    /// Loads a set. `fits` is called with each problem and the messages before it, and returns an error
    /// if it is too long. Blocks while files are read and downloaded.
    pub fn load(
        request: &Request<'_>,
        hub: &HubSettings,
        fits: impl FnMut(&Problem, &[Message]) -> Result<(), String>,
    ) -> Result<Self, DataError> {
        let mut loader = Loader::new(request, fits);
        let mut ends = Vec::new();
        for source in &request.sources.0 {
            for file in locate(&source.source, request.split, hub)? {
                loader.file(&file, source)?;
            }
            ends.push(loader.rows.len());
        }
        let set = loader.finish(&request.sources.0, &ends);
        let report = || Box::new(set.report.clone());
        if set.is_empty() {
            return Err(DataError::Empty { report: report() });
        }
        if set.report.share_of_faults() > request.max_left_out {
            return Err(DataError::TooMuch { report: report(), limit: request.max_left_out });
        }
        Ok(set)
    }

    /// Problems.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A problem by its index.
    pub fn task(&self, place: usize) -> Task {
        let packed::Row { problem, solution, context } = self.rows.get(place);
        Task { problem, solution, context }
    }

    /// All problems in order.
    pub fn tasks(&self) -> impl Iterator<Item = Task> + '_ {
        (0..self.len()).map(|place| self.task(place))
    }

    /// The problems of each source.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The report of the rows.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The fingerprint of the content, to notice later that it has changed. Reads all problems.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.rows)
    }

    /// How the set differs from a fingerprint; none if it does not.
    pub fn change_since(&self, then: &Fingerprint) -> Option<Change> {
        then.change(&self.rows)
    }
}

struct Loader<'a, F> {
    request: &'a Request<'a>,
    fits: F,
    rows: Packed,
    report: Report,
    /// The origin of each used row.
    origins: Vec<(u32, u32)>,
    /// The first row of each normal form.
    seen: HashMap<u64, u32>,
    ids: HashSet<u64>,
    held_out: HashMap<u64, u16>,
    /// Rows that contradict a later one.
    contradicted: Vec<usize>,
    normal: String,
    other: String,
}

impl<'a, F: FnMut(&Problem, &[Message]) -> Result<(), String>> Loader<'a, F> {
    fn new(request: &'a Request<'a>, fits: F) -> Self {
        let mut held_out = HashMap::new();
        let mut normal_form = String::new();
        for (number, set) in (0..).zip(request.held_out) {
            for place in 0..set.len() {
                normal(set.rows.text_of(place), &mut normal_form);
                held_out.entry(hash(&normal_form)).or_insert(number);
            }
        }
        Self {
            request,
            fits,
            rows: Packed::default(),
            report: Report::new(request.set),
            origins: Vec::new(),
            seen: HashMap::new(),
            ids: HashSet::new(),
            held_out,
            contradicted: Vec::new(),
            normal: normal_form,
            other: String::new(),
        }
    }

    fn file(&mut self, file: &DataFile, source: &Source) -> Result<(), DataError> {
        let columns = source.columns.as_ref().or(self.request.columns);
        let mut mapping: Option<Mapping> = None;
        let mut unknown: Option<(String, Row)> = None;
        let mut strangers = 0;
        let number = self.report.files.len();
        let name = file.shown.clone();
        self.report.files.push(FileReport { file: name, layout: String::new(), rows: 0 });
        let used = |column: &str| may_be_used(column, columns);
        read(file, &used, &mut |line, row| {
            self.report.rows += 1;
            self.report.files[number].rows += 1;
            let row = match row {
                Ok(row) => row,
                Err(problem) => {
                    self.leave_out(number, line, (Reason::Unreadable, problem));
                    return ControlFlow::Continue(());
                }
            };
            if mapping.is_none() {
                match Mapping::of(&row, columns) {
                    Ok(known) => mapping = Some(known),
                    Err(problem) => {
                        self.leave_out(number, line, (Reason::NoProblem, problem.clone()));
                        unknown.get_or_insert((problem, row));
                        strangers += 1;
                        return if strangers < PATIENCE {
                            ControlFlow::Continue(())
                        } else {
                            ControlFlow::Break(())
                        };
                    }
                }
            }
            if let Some(mapping) = &mapping
                && let Err(refusal) = self.row(&row, mapping, number, line)
            {
                self.leave_out(number, line, refusal);
            }
            ControlFlow::Continue(())
        })?;
        match (mapping, unknown) {
            (None, Some((problem, row))) => {
                let columns = row.columns();
                Err(DataError::Columns { file: file.shown.clone(), problem, columns })
            }
            (mapping, _) => {
                let layout = mapping.map(|mapping| mapping.layout.to_string());
                self.report.files[number].layout =
                    layout.unwrap_or_else(|| "no row can be read".into());
                Ok(())
            }
        }
    }

    /// Uses a row, or returns the reason why not.
    fn row(&mut self, row: &Row, mapping: &Mapping, file: usize, line: u64) -> Result<(), Refusal> {
        let tags = tags(row, mapping);
        let gold = match self.request.reward.map(|reward| reward.scheme(&tags)).transpose() {
            Ok(scheme) if scheme.is_none_or(Scheme::is_math) => RightAnswer::Mathematics,
            Ok(_) => RightAnswer::Anything,
            Err(problem) => return Err((Reason::NotVerifiable, problem)),
        };
        let Candidate { id, text, answer, solution, context } =
            candidate(row, mapping, gold, self.request.solutions)?;
        normal(&text, &mut self.normal);
        let key = hash(&self.normal);
        if let Some(&first) = self.seen.get(&key) {
            self.compare(first as usize, &answer)?;
        }
        if let Some(&set) = self.held_out.get(&key) {
            let set = &self.request.held_out[usize::from(set)].report.set;
            return Err((Reason::HeldOut, format!("the held-out set `{set}` has it too")));
        }
        // Most answers are numbers, which need no parser.
        if gold == RightAnswer::Mathematics && !is_number(&answer) {
            Gold::parse(&answer).map_err(|error| {
                (Reason::AnswerUnreadable, format!("`{}`: {error}", shortened(&answer)))
            })?;
        }
        let id = self.id(id, &text, &answer);
        let problem = Problem { id, text, answer, tags };
        (self.fits)(&problem, &context).map_err(|problem| (Reason::TooLong, problem))?;
        if problem.text.contains("<|") && problem.text.contains("|>") {
            self.report.with_special_tokens += 1;
        }
        self.ids.insert(hash(&problem.id.0));
        self.seen.entry(key).or_insert(self.rows.len() as u32);
        self.rows.push(&packed::Row { problem, solution, context });
        self.origins.push((file as u32, line.min(u32::MAX.into()) as u32));
        Ok(())
    }

    /// Rejects a problem that occurred before; nothing if only the hashes are equal.
    fn compare(&mut self, first: usize, answer: &str) -> Result<(), Refusal> {
        normal(self.rows.text_of(first), &mut self.other);
        if self.other != self.normal {
            return Ok(());
        }
        let (file, line) = self.origins[first];
        let place = if file as usize + 1 == self.report.files.len() {
            format!("line {line}")
        } else {
            format!("{}:{line}", self.report.files[file as usize].file)
        };
        let before = self.rows.answer_of(first);
        let known = self.contradicted.binary_search(&first);
        if known.is_err() && (before == answer || equivalent(before, answer)) {
            return Err((Reason::Duplicate, format!("the same problem is in {place}")));
        }
        let (this, that) = (shortened(answer), shortened(before));
        if let Err(at) = known {
            let problem = format!("the answer is `{that}` here and `{this}` later");
            self.contradicted.insert(at, first);
            self.leave_out(file as usize, line.into(), (Reason::Conflict, problem));
        }
        let problem = if this == that {
            format!("{place} has the same problem, and another row another answer")
        } else {
            format!("the answer is `{this}`; {place} has the same problem with `{that}`")
        };
        Err((Reason::Conflict, problem))
    }

    /// The row's name, if no other row has it, else one derived from its content.
    fn id(&self, named: Option<String>, text: &str, answer: &str) -> ProblemId {
        let named = named.filter(|id| !self.ids.contains(&hash(id)));
        ProblemId(named.unwrap_or_else(|| content_id(text, answer)))
    }

    fn leave_out(&mut self, file: usize, line: u64, (reason, problem): Refusal) {
        let name = self.report.files[file].file.clone();
        self.report.leave_out(reason, || Example::new(&name, line, &problem));
    }

    fn finish(mut self, sources: &[Source], ends: &[usize]) -> DataSet {
        self.rows.remove(&self.contradicted);
        self.rows.shrink();
        self.report.used = self.rows.len() as u64;
        let mut from = 0;
        let parts = sources.iter().zip(ends).map(|(source, &end)| {
            let to = end - self.contradicted.partition_point(|&place| place < end);
            let places = from..to;
            from = to;
            Part { source: source.source.clone(), weight: source.weight, places }
        });
        let parts = parts.collect();
        DataSet { rows: self.rows, parts, report: self.report }
    }
}

/// Whether a text is a short number: digits, with at most a sign and a point.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 20 && are_digits(whole) && are_digits(part)
}
