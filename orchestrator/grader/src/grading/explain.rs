//! How a grade came about, for a person: how both sides were read and why they are equal or not.

use std::borrow::Cow;
use std::fmt;

use super::{answered, grade, read};
use crate::ast::{Bracket, Expr};
use crate::compare::canonical;
use crate::extract::{Found, extract};
use crate::stop::Budget;
use crate::verdict::Grade;
use crate::{Extraction, Gold, Policy, Rules};

/// How a grade came about; its text is for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// How the gold answer was read.
    pub gold: Reading,
    /// Where the answer was found in the response.
    pub place: &'static str,
    /// How the answer was read, if there is one.
    pub answer: Option<Reading>,
    /// The grade.
    pub grade: Grade,
    /// The policy that it was given by.
    pub policy: Policy,
}

/// How a text was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The text.
    pub text: String,
    /// What kind of answer it is.
    pub kind: &'static str,
    /// Its canonical form, if it has one.
    pub canonical: Option<String>,
}

impl Reading {
    fn of(text: &str) -> Self {
        match read(text) {
            Ok(expr) => {
                let canonical = canonical(&expr, &Budget::new(Policy::Strict)).ok();
                Self { text: text.to_owned(), kind: kind(&expr), canonical }
            }
            Err(_) => Self {
                text: text.to_owned(),
                kind: "a text that is no expression",
                canonical: None,
            },
        }
    }
}

/// Grades a response and says how.
///
/// ```
/// use retrial_grader::{Extraction, Gold, explain};
///
/// let gold = Gold::parse(r"\frac{1}{2}")?;
/// let explanation = explain(&gold, r"It is \boxed{50\%}.", Extraction::Boxed).to_string();
/// assert_eq!(explanation, r"gold     \frac{1}{2}
///          a quotient; canonical form 1/2
/// answer   50\%  (from the last box)
///          a percentage; canonical form 1/2
/// verdict  correct: same canonical form (strict policy)");
/// # Ok::<(), retrial_grader::GoldError>(())
/// ```
pub fn explain(gold: &Gold, response: &str, rules: impl Into<Rules>) -> Explanation {
    let rules = rules.into();
    let grade = grade(gold, response, rules);
    let place = match extract(response, rules.extraction) {
        Ok(Found::Boxes(boxes)) if boxes.len() > 1 => "from boxes side by side",
        Ok(Found::Boxes(_)) => "from the last box",
        Ok(Found::Marked(_)) if rules.extraction == Extraction::Hashes => "after the last ####",
        Ok(Found::Marked(_)) => "from the last <answer>",
        Ok(Found::Candidates(_)) => "from the text: there is no box",
        Err(_) if grade.answer.is_some() => "from the text: a letter of a choice",
        Err(_) => "nowhere",
    };
    let answer = grade.answer.as_ref().map(|answer| Reading::of(&answer.text));
    Explanation { gold: Reading::of(gold.answer()), place, answer, grade, policy: rules.policy }
}

/// Grades a bare answer and says how.
pub fn explain_answer(gold: &Gold, answer: &str, policy: Policy) -> Explanation {
    let grade = answered(gold, Cow::Borrowed(answer), policy).grade();
    let reading = grade.answer.as_ref().map(|answer| Reading::of(&answer.text));
    let place = "as it was written";
    Explanation { gold: Reading::of(gold.answer()), place, answer: reading, grade, policy }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = |f: &mut fmt::Formatter<'_>, reading: &Reading| {
            write!(f, "         {}", reading.kind)?;
            match &reading.canonical {
                Some(form) => writeln!(f, "; canonical form {form}"),
                None => writeln!(f),
            }
        };
        writeln!(f, "gold     {}", self.gold.text)?;
        form(f, &self.gold)?;
        match &self.answer {
            Some(answer) => {
                writeln!(f, "answer   {}  ({})", answer.text, self.place)?;
                form(f, answer)?;
            }
            None => writeln!(f, "answer   none")?,
        }
        let policy = match self.policy {
            Policy::Strict => "strict",
            Policy::Lenient => "lenient",
        };
        write!(f, "verdict  {}: {} ({policy} policy)", self.grade.verdict, self.grade.reason)
    }
}

/// What an expression is, in a few words.
fn kind(expr: &Expr) -> &'static str {
    match expr {
        Expr::Num(num) if num.decimal.is_some() => "a decimal",
        Expr::Num(_) => "a number",
        Expr::Const(_) => "a constant",
        Expr::Var(_) => "a letter",
        Expr::Add(_) => "a sum",
        Expr::Mul(factors) if factors.iter().any(|part| matches!(part, Expr::Text(_))) => {
            "a value with a unit or words"
        }
        Expr::Mul(_) => "a product",
        Expr::Neg(inner) => kind(inner),
        Expr::Div(..) => "a quotient",
        Expr::Pow(..) => "a power or root",
        Expr::PlusMinus(_) => "two values with both signs",
        Expr::Call(..) | Expr::Apply(..) => "a function of something",
        Expr::Undone(..) => "a sum, integral or limit that is not worked out",
        Expr::Percent(_) => "a percentage",
        Expr::Degree(_) => "an angle in degrees",
        Expr::Text(_) => "words",
        Expr::Seq(Bracket::None, ..) => "a list in any order",
        Expr::Seq(Bracket::Curly, ..) => "a set",
        Expr::Seq(..) => "a tuple or an interval",
        Expr::Relation(_, ops) if ops.iter().all(|op| *op == '=') => "an equation",
        Expr::Relation(..) => "a relation",
        Expr::SetOp(..) => "sets or conditions joined",
        Expr::Matrix(_) => "a matrix or column",
        Expr::Ratio(_) => "a ratio",
        Expr::Clock(..) => "a time of day, or a ratio",
        Expr::Case(..) => "a value under a condition",
        Expr::Residue(..) => "a class of residues",
        Expr::Based(..) => "a number in a base",
        Expr::Builder(..) => "the elements with a property",
    }
}
