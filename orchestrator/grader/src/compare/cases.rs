//! Functions given case by case: each value under its own condition.

use super::judge::Judge;
use crate::ast::Expr;
use crate::stop::Stop;
use crate::verdict::Reason;

/// Compares two lists of cases; nothing if one side has other elements.
pub(super) fn compare(
    gold: &[Expr],
    answer: &[Expr],
    judge: &Judge<'_>,
) -> Result<Option<Reason>, Stop> {
    let (Some(gold), Some(answer)) = (rows(gold), rows(answer)) else { return Ok(None) };
    if gold.len() != answer.len() {
        return Ok(Some(Reason::DifferentCount));
    }
    let mut free: Vec<(&Expr, &Expr)> = answer;
    let mut left = Vec::new();
    for (value, condition) in gold {
        let mut found = None;
        for (at, (_, other)) in free.iter().enumerate() {
            if judge.agree(condition, other)? {
                found = Some(at);
                break;
            }
        }
        match found {
            None => left.push((value, condition)),
            Some(at) => {
                let (other, _) = free.remove(at);
                if !judge.agree(value, other)? {
                    return Ok(Some(Reason::DifferentValue));
                }
            }
        }
    }
    // "Otherwise" is what the other conditions leave.
    let same = match (left.as_slice(), free.as_slice()) {
        ([], []) => true,
        ([(value, condition)], [(other, theirs)]) => {
            (is_rest(condition) || is_rest(theirs)) && judge.agree(value, other)?
        }
        _ => false,
    };
    Ok(Some(if same { Reason::SameValue } else { Reason::DifferentValue }))
}

fn rows(items: &[Expr]) -> Option<Vec<(&Expr, &Expr)>> {
    fn row(item: &Expr) -> Option<(&Expr, &Expr)> {
        match item {
            Expr::Case(value, condition) => Some((value, condition)),
            _ => None,
        }
    }
    items.iter().map(row).collect()
}

fn is_rest(condition: &Expr) -> bool {
    matches!(condition, Expr::Text(words) if matches!(words.as_str(), "otherwise" | "else"))
}
