//! The filter of mistakes in a query.

use retrial_domain::MistakeKind;
use retrial_store::MistakeFilter;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::error::ApiError;

/// Limit on the latest responses that a text search looks at for a page.
const HITS: u32 = 5_000;

/// Filter of mistakes; missing or empty parameters do not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct MistakeQuery {
    /// This run.
    pub run: String,
    /// The problem with this name.
    pub problem: String,
    /// This wrong answer, however it is written; `(none)` and `(cut off)` are those without.
    pub answer: String,
    /// `wrong`, `unparsed`, `no_answer` or `cut_off`.
    pub kind: String,
    /// With these words, in this order, in a response or in the problem.
    pub contains: String,
    /// Made at least this often.
    pub times: String,
    /// Last made in this step or later.
    pub from: String,
    /// First made in this step or before.
    pub to: String,
    /// `1`: problems that no response has solved.
    pub unsolved: String,
}

impl MistakeQuery {
    /// The filter.
    pub fn filter(&self) -> Result<MistakeFilter, ApiError> {
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let number = |name: &str, value: &str| {
            let wrong = || ApiError::Bad(format!("`{name}` is `{value}`, it must be a number"));
            let number = (!value.is_empty()).then(|| value.parse().map_err(|_| wrong()));
            number.transpose()
        };
        Ok(MistakeFilter {
            run: given(&self.run),
            problem: given(&self.problem),
            answer: given(&self.answer),
            kinds: self.kind()?.into_iter().collect(),
            min_times: number("times", &self.times)?,
            from_step: number("from", &self.from)?,
            to_step: number("to", &self.to)?,
            solved: (self.unsolved == "1").then_some(false),
            contains: given(&self.contains),
            most_hits: Some(HITS),
        })
    }

    fn kind(&self) -> Result<Option<MistakeKind>, ApiError> {
        let kind = MistakeKind::by_word(&self.kind);
        if kind.is_none() && !self.kind.is_empty() {
            let (kind, kinds) = (&self.kind, MistakeKind::ALL.map(MistakeKind::as_str).join(", "));
            return Err(ApiError::Bad(format!("`kind` is `{kind}`, it may be {kinds}")));
        }
        Ok(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused() {
        let filter = MistakeQuery { kind: "correct".into(), ..MistakeQuery::default() };
        let error = filter.filter().err().unwrap();
        assert_eq!(
            error.to_string(),
            "`kind` is `correct`, it may be wrong, unparsed, no_answer, cut_off"
        );
        let filter = MistakeQuery { from: "first".into(), ..MistakeQuery::default() };
        let error = filter.filter().err().unwrap();
        assert_eq!(error.to_string(), "`from` is `first`, it must be a number");
    }
}
