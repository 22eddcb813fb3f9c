//! Sets of real numbers with a name: ℝ, the positive numbers, all real numbers except some.

use super::pieces::{End, Piece};
use crate::algebra::Poly;
use crate::ast::{Bracket, Expr};

/// The pieces of a set with a name; nothing if this is none.
pub(super) fn named(expr: &Expr) -> Option<Vec<Piece>> {
    match expr {
        Expr::Var(name) => by_sign(name.strip_prefix('ℝ')?),
        Expr::Apply(side, base) if matches!(base.as_slice(), [Expr::Var(name)] if name == "ℝ") => {
            by_sign(side.strip_prefix("side")?)
        }
        Expr::Text(words) => in_words(words),
        _ => None,
    }
}

/// The part of the real numbers that a sign beside their letter picks.
fn by_sign(sign: &str) -> Option<Vec<Piece>> {
    Some(match sign.trim_start_matches('_') {
        "" => vec![Piece::all()],
        "+" | ">0" => vec![above(false)],
        "≥0" | "+0" | "0+" => vec![above(true)],
        "-" | "<0" => vec![below(false)],
        "≤0" => vec![below(true)],
        "*" | "≠0" => vec![below(false), above(false)],
        _ => return None,
    })
}

/// "All real numbers", "positive reals", "the set of all nonnegative real numbers".
fn in_words(words: &str) -> Option<Vec<Piece>> {
    const IDLE: [&str; 7] = ["all", "the", "set", "of", "any", "every", "values"];
    let mut kept: Vec<&str> = words.split([' ', '-']).filter(|word| !IDLE.contains(word)).collect();
    let reals = match kept.last() {
        Some(&("reals" | "real")) => {
            kept.pop();
            true
        }
        Some(&("numbers" | "number")) => {
            kept.pop();
            let real = kept.last() == Some(&"real");
            if real {
                kept.pop();
            }
            // "Numbers" alone may be whole ones.
            real || !kept.is_empty()
        }
        _ => false,
    };
    if !reals {
        return None;
    }
    Some(match kept.as_slice() {
        [] => vec![Piece::all()],
        ["positive"] => vec![above(false)],
        ["negative"] => vec![below(false)],
        ["nonnegative"] | ["non", "negative"] => vec![above(true)],
        ["nonpositive"] | ["non", "positive"] => vec![below(true)],
        ["nonzero"] | ["non", "zero"] => vec![below(false), above(false)],
        _ => return None,
    })
}

fn above(closed: bool) -> Piece {
    Piece { low: End::At(Poly::zero()), low_closed: closed, ..Piece::all() }
}

fn below(closed: bool) -> Piece {
    Piece { high: End::At(Poly::zero()), high_closed: closed, ..Piece::all() }
}

/// The set and the numbers that "except" takes out of it: "all real numbers except 1 and 2".
pub(super) fn with_exceptions(expr: &Expr) -> Option<Expr> {
    let (first, rest) = match expr {
        Expr::Seq(Bracket::None, items, _) => items.split_first()?,
        single => (single, [].as_slice()),
    };
    let (words, number) = match first {
        Expr::Mul(factors) => match factors.as_slice() {
            [Expr::Text(words), number] => (words, number.clone()),
            _ => return None,
        },
        // "except -1" reads as a difference.
        Expr::Add(terms) => match terms.as_slice() {
            [Expr::Text(words), number @ Expr::Neg(_)] => (words, number.clone()),
            _ => return None,
        },
        _ => return None,
    };
    let (set, _) = ["except for", "other than", "except", "excluding", "but", "without"]
        .iter()
        .find_map(|word| Some((words.strip_suffix(word)?.trim_end(), word)))?;
    let set = Expr::Text(set.to_owned());
    named(&set)?;
    let numbers: Vec<Expr> = std::iter::once(number).chain(rest.iter().cloned()).collect();
    let out =
        |expr: &Expr| matches!(expr, Expr::Num(_) | Expr::Neg(_) | Expr::Div(..) | Expr::Pow(..));
    numbers.iter().all(out).then(|| difference(set, numbers))
}

/// `ℝ - {1, 2}`: the minus sign for a difference of sets.
pub(super) fn by_minus(terms: &[Expr]) -> Option<Expr> {
    let [set, Expr::Neg(out)] = terms else { return None };
    match &**out {
        Expr::Seq(Bracket::Curly, items, _) if named(set).is_some() => {
            Some(difference(set.clone(), items.clone()))
        }
        _ => None,
    }
}

fn difference(set: Expr, numbers: Vec<Expr>) -> Expr {
    let out = Expr::Seq(Bracket::Curly, numbers, Bracket::Curly);
    Expr::SetOp('∖', Box::new(set), Box::new(out))
}
