//! Python bindings of the grader: `import retrial_grader`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ::grader::{Explanation, Gold, Grade, Policy, Rules};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

/// A text that was read: a gold answer or a response.
#[pyclass(frozen, module = "retrial_grader", from_py_object)]
#[derive(Clone)]
struct Parsed {
    /// The text as it was given.
    #[pyo3(get)]
    text: String,
    /// The answer that was found in it, or None.
    #[pyo3(get)]
    answer: Option<String>,
    /// The canonical form of the answer: equal answers usually share it.
    #[pyo3(get)]
    canonical: Option<String>,
}

#[pymethods]
impl Parsed {
    /// Whether there is an answer.
    fn __bool__(&self) -> bool {
        self.answer.is_some()
    }

    fn __repr__(&self) -> String {
        match (&self.answer, &self.canonical) {
            (Some(answer), Some(canonical)) => format!("Parsed({answer:?}, canonical {canonical:?})"),
            _ => "Parsed(no answer)".to_owned(),
        }
    }
}

/// The outcome of grading one response.
#[pyclass(frozen, module = "retrial_grader", name = "Grade")]
struct PyGrade {
    /// correct, wrong, no_answer, unparsed or timeout.
    #[pyo3(get)]
    verdict: &'static str,
    /// Why, in a few words.
    #[pyo3(get)]
    reason: &'static str,
    /// The answer that was graded, or None.
    #[pyo3(get)]
    answer: Option<String>,
    /// Its canonical form, or None.
    #[pyo3(get)]
    canonical: Option<String>,
}

#[pymethods]
impl PyGrade {
    /// Whether the verdict is correct.
    #[getter]
    fn correct(&self) -> bool {
        self.verdict == "correct"
    }

    fn __bool__(&self) -> bool {
        self.correct()
    }

    fn __repr__(&self) -> String {
        format!("Grade({}: {}, answer {:?})", self.verdict, self.reason, self.answer)
    }
}

impl From<Grade> for PyGrade {
    fn from(grade: Grade) -> Self {
        let (answer, canonical) = grade.answer.map(|it| (it.text, it.canonical)).unzip();
        Self {
            verdict: grade.verdict.as_str(),
            reason: grade.reason.as_str(),
            answer,
            canonical,
        }
    }
}

/// What a caller may give for a text: the text, or what `parse` made of it.
#[derive(FromPyObject)]
enum Input {
    Text(String),
    Parsed(Parsed),
}

impl Input {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parsed(parsed) => parsed.text,
        }
    }
}

fn rules(extraction: &str, policy: &str) -> PyResult<Rules> {
    let extraction = extraction
        .parse()
        .map_err(|unknown: ::grader::UnknownExtraction| PyValueError::new_err(unknown.to_string()))?;
    let policy = match policy {
        "strict" => Policy::Strict,
        "lenient" => Policy::Lenient,
        other => {
            let text = format!("unknown policy `{other}`; hint: one of strict, lenient");
            return Err(PyValueError::new_err(text));
        }
    };
    Ok(Rules { extraction, policy })
}

fn read_gold(text: &str) -> PyResult<Gold> {
    Gold::parse(text).map_err(|error| {
        PyValueError::new_err(format!("the gold answer {text:?} does not parse: {error}"))
    })
}

/// Reads a gold answer or a response, for `verify`; false if there is no answer in it.
#[pyfunction]
#[pyo3(signature = (text, *, extraction = "auto"))]
fn parse(text: String, extraction: &str) -> PyResult<Parsed> {
    let rules = rules(extraction, "strict")?;
    // Any gold answer will do to find the answer of a response.
    let grade = ::grader::grade(&read_gold("0")?, &text, rules);
    let (answer, canonical) = grade.answer.map(|it| (it.text, it.canonical)).unzip();
    Ok(Parsed { text, answer, canonical })
}

/// Whether a response gives the gold answer.
#[pyfunction]
#[pyo3(signature = (gold, response, *, extraction = "auto", policy = "strict"))]
fn verify(gold: Input, response: Input, extraction: &str, policy: &str) -> PyResult<bool> {
    let rules = rules(extraction, policy)?;
    let gold = read_gold(&gold.into_text())?;
    Ok(::grader::verdict(&gold, &response.into_text(), rules).is_correct())
}

/// Grades a response: the verdict, the reason for it and the answer that was graded.
#[pyfunction]
#[pyo3(signature = (gold, response, *, extraction = "auto", policy = "strict"))]
fn grade(gold: Input, response: Input, extraction: &str, policy: &str) -> PyResult<PyGrade> {
    let rules = rules(extraction, policy)?;
    let gold = read_gold(&gold.into_text())?;
    Ok(::grader::grade(&gold, &response.into_text(), rules).into())
}

/// Grades many responses: a list of verdicts, in order. Other threads of Python run meanwhile.
#[pyfunction]
#[pyo3(signature = (golds, responses, *, extraction = "auto", policy = "strict"))]
fn grade_batch(
    py: Python<'_>,
    golds: Vec<PyBackedStr>,
    responses: Vec<PyBackedStr>,
    extraction: &str,
    policy: &str,
) -> PyResult<Vec<&'static str>> {
    let rules = rules(extraction, policy)?;
    py.detach(|| each(&golds, &responses, rules, |verdict| verdict.as_str()))
}

/// Whether each of many responses gives its gold answer.
#[pyfunction]
#[pyo3(signature = (golds, responses, *, extraction = "auto", policy = "strict"))]
fn verify_batch(
    py: Python<'_>,
    golds: Vec<PyBackedStr>,
    responses: Vec<PyBackedStr>,
    extraction: &str,
    policy: &str,
) -> PyResult<Vec<bool>> {
    let rules = rules(extraction, policy)?;
    py.detach(|| each(&golds, &responses, rules, ::grader::Verdict::is_correct))
}

fn each<T>(
    golds: &[PyBackedStr],
    responses: &[PyBackedStr],
    rules: Rules,
    outcome: impl Fn(::grader::Verdict) -> T,
) -> PyResult<Vec<T>> {
    if golds.len() != responses.len() {
        let counts = format!("{} gold answers and {} responses", golds.len(), responses.len());
        return Err(PyValueError::new_err(counts));
    }
    let mut outcomes = Vec::with_capacity(golds.len());
    // Many responses answer one problem: its gold answer is read once.
    let mut read: HashMap<&str, Gold> = HashMap::new();
    for (text, response) in golds.iter().zip(responses) {
        let text: &str = text;
        let gold = match read.entry(text) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(read_gold(text)?),
        };
        outcomes.push(outcome(::grader::verdict(gold, response, rules)));
    }
    Ok(outcomes)
}

/// How both sides were read and why they are equal or not, for a person.
#[pyfunction]
#[pyo3(signature = (gold, response, *, extraction = "auto", policy = "strict"))]
fn explain(gold: Input, response: Input, extraction: &str, policy: &str) -> PyResult<String> {
    let rules = rules(extraction, policy)?;
    let gold = read_gold(&gold.into_text())?;
    let explanation: Explanation = ::grader::explain(&gold, &response.into_text(), rules);
    Ok(explanation.to_string())
}

/// Why no response can match a gold answer; None if one can.
#[pyfunction]
fn self_check(gold: &str) -> Option<String> {
    ::grader::self_check(gold).err().map(|fault| fault.to_string())
}

/// Decides whether a response answers a mathematical problem correctly.
#[pymodule]
mod retrial_grader {
    #[pymodule_export]
    use super::{
        Parsed, PyGrade, explain, grade, grade_batch, parse, self_check, verify, verify_batch,
    };
}
