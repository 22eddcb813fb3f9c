//! Words beside a number that qualify it: "not 42", "7 remainder 1", "about 42".

use super::text::{hedges, is_idle, spelled_number};
use super::units::unit;
use crate::ast::{Expr, Num};

/// Whether words around a number say more than what it counts: "not 42", "42 is wrong".
pub(super) fn says_more(expr: &Expr) -> bool {
    let Expr::Mul(factors) = expr else { return false };
    factors.iter().enumerate().any(|(at, factor)| match factor {
        Expr::Text(words) if at == 0 => {
            let unit = unit(factor);
            // "The area is 12" names what 12 is.
            let names = is_idle(words)
                || words.ends_with(" is")
                || words.ends_with(" equals")
                || matches!(words.as_str(), "exactly" | "only" | "just");
            hedges(words) || !names && unit.is_label() && unit.is_plain()
        }
        Expr::Text(words) => {
            let next = factors.get(at + 1).is_some_and(is_amount);
            // "7 remainder 1" is no product of 7 and 1, and 8 is not nine.
            hedges(words)
                || next && unit(factor).is_label() && unit(factor).is_plain()
                || spelled_number(words).is_some_and(|spelled| factors[0] != spelled)
        }
        _ => false,
    })
}

fn is_amount(expr: &Expr) -> bool {
    match expr {
        Expr::Num(_) | Expr::Const(_) => true,
        Expr::Neg(inner) => is_amount(inner),
        Expr::Div(a, b) | Expr::Pow(a, b) => is_amount(a) && is_amount(b),
        _ => false,
    }
}

/// An answer without the words that call it rounded, where the gold answer is a decimal.
pub(super) fn without_about(gold: &Expr, answer: &Expr) -> Option<Expr> {
    let rounded = match gold {
        Expr::Num(Num { decimal, .. }) => decimal.is_some(),
        Expr::Mul(factors) => {
            matches!(factors.first(), Some(Expr::Num(Num { decimal: Some(_), .. })))
        }
        _ => false,
    };
    let Expr::Mul(factors) = answer else { return None };
    let [Expr::Text(words), rest @ ..] = factors.as_slice() else { return None };
    let about = matches!(words.as_str(), "about" | "approximately" | "roughly" | "around");
    match rest {
        _ if !rounded || !about => None,
        [only] => Some(only.clone()),
        rest => Some(Expr::Mul(rest.to_vec())),
    }
}
