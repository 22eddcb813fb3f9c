//! Words and signs that say which letter of an answer is any integer: "for every integer k".

use crate::ast::{Bracket, Expr};

/// An answer without the words that say which of its letters is any integer, and those letters.
pub(super) fn declared(expr: &Expr) -> (Expr, Vec<String>) {
    match expr {
        Expr::Seq(Bracket::None, items, _) => {
            let mut names = Vec::new();
            let mut kept = Vec::new();
            for item in items {
                if let Some(name) = any_integer(item) {
                    names.push(name);
                } else {
                    let (item, mut found) = declared(item);
                    names.append(&mut found);
                    kept.push(item);
                }
            }
            let expr = match kept.len() {
                1 => kept.swap_remove(0),
                _ => Expr::Seq(Bracket::None, kept, Bracket::None),
            };
            (expr, names)
        }
        Expr::Mul(factors) => match split(factors) {
            Some((rest, name)) => (rest, vec![name]),
            None => (expr.clone(), Vec::new()),
        },
        Expr::Add(terms) => match terms.split_last() {
            Some((last, rest)) => {
                let (last, names) = declared(last);
                let mut terms = rest.to_vec();
                terms.push(last);
                (Expr::Add(terms), names)
            }
            None => (expr.clone(), Vec::new()),
        },
        // 2 pi k for k in Z: the membership takes the whole text before it.
        Expr::Relation(members, ops) => {
            let (Some((last, before)), Some((op, earlier))) =
                (members.split_last(), ops.split_last())
            else {
                return (expr.clone(), Vec::new());
            };
            if *op == '∈'
                && is_integers(last)
                && let Some((value, start)) = before.split_last()
                && let Some((value, name)) = before_membership(value)
            {
                let mut members = start.to_vec();
                members.push(value);
                let expr = match members.len() {
                    1 => members.swap_remove(0),
                    _ => Expr::Relation(members, earlier.to_vec()),
                };
                return (expr, vec![name]);
            }
            let (last, names) = declared(last);
            let mut members = before.to_vec();
            members.push(last);
            (Expr::Relation(members, ops.clone()), names)
        }
        Expr::Builder(element, condition) => match any_integer(condition) {
            Some(name) => ((**element).clone(), vec![name]),
            None => (expr.clone(), Vec::new()),
        },
        other => (other.clone(), Vec::new()),
    }
}

/// The name in "k is an integer" and in its signs.
pub(super) fn any_integer(item: &Expr) -> Option<String> {
    match item {
        Expr::Relation(members, ops) => match (members.as_slice(), ops.as_slice()) {
            ([name, set], ['∈']) if is_integers(set) => match name {
                Expr::Var(name) => Some(name.clone()),
                Expr::Mul(factors) => match factors.as_slice() {
                    [Expr::Text(words), Expr::Var(name)] if introduces(words) => Some(name.clone()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        },
        Expr::Mul(factors) => match factors.as_slice() {
            [Expr::Var(name), Expr::Text(words)] if says_integer(words) => Some(name.clone()),
            [Expr::Text(words), Expr::Var(name)] if says_integer(words) => Some(name.clone()),
            [Expr::Text(first), Expr::Var(name), Expr::Text(words)]
                if introduces(first) && says_integer(words) =>
            {
                Some(name.clone())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Factors before words about one of them, and the name that the words are about.
fn split(factors: &[Expr]) -> Option<(Expr, String)> {
    for at in 1..factors.len() {
        let tail = match &factors[at..] {
            [only] => only.clone(),
            several => Expr::Mul(several.to_vec()),
        };
        if let Some(name) = any_integer(&tail) {
            let rest = match &factors[..at] {
                [only] => only.clone(),
                several => Expr::Mul(several.to_vec()),
            };
            return Some((rest, name));
        }
    }
    None
}

/// What stands before "for k" at the end of a product.
fn before_membership(value: &Expr) -> Option<(Expr, String)> {
    let (head, factors) = match value {
        Expr::Mul(factors) => (None, factors),
        Expr::Add(terms) => match terms.last() {
            Some(Expr::Mul(factors)) => (Some(&terms[..terms.len() - 1]), factors),
            _ => return None,
        },
        _ => return None,
    };
    let [rest @ .., Expr::Text(words), Expr::Var(name)] = factors.as_slice() else { return None };
    if !introduces(words) || rest.is_empty() {
        return None;
    }
    let rest = if rest.len() == 1 { rest[0].clone() } else { Expr::Mul(rest.to_vec()) };
    let whole = match head {
        None => rest,
        Some(terms) => Expr::Add(terms.iter().cloned().chain([rest]).collect()),
    };
    Some((whole, name.clone()))
}

fn is_integers(set: &Expr) -> bool {
    match set {
        Expr::Var(name) => {
            matches!(name.as_str(), "ℤ" | "ℕ" | "Z" | "N" | "ℕ_0" | "ℤ_+")
        }
        Expr::Text(words) => matches!(words.as_str(), "integers" | "the integers"),
        Expr::Apply(_, inner) => inner.iter().all(is_integers),
        Expr::Pow(base, _) => is_integers(base),
        _ => false,
    }
}

fn introduces(words: &str) -> bool {
    words.split(' ').all(|word| {
        matches!(
            word,
            "where"
                | "for"
                | "with"
                | "and"
                | "any"
                | "all"
                | "every"
                | "integer"
                | "some"
                | "integers"
        )
    })
}

fn says_integer(words: &str) -> bool {
    words.contains("integer")
        && words.split(' ').all(|word| {
            matches!(
                word,
                "is" | "an"
                    | "any"
                    | "integer"
                    | "are"
                    | "integers"
                    | "some"
                    | "for"
                    | "all"
                    | "every"
                    | "where"
                    | "arbitrary"
                    | "with"
            )
        })
}
