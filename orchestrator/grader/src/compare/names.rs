//! Names and the values that relations give them.

use super::judge::same_scalar;
use super::substitute::letters;
use crate::ast::Expr;
use crate::stop::{Budget, Stop};

/// Whether an expression only names something: `x`, `f(x)`, `AB`, `(x, y)`, `|AB|`, `A:B`.
pub(super) fn is_name(expr: &Expr) -> bool {
    match expr {
        Expr::Var(_) | Expr::Text(_) | Expr::Apply(..) => true,
        Expr::Mul(items) | Expr::Ratio(items) => {
            items.iter().all(is_part_of_name)
                || matches!(items.as_slice(), [Expr::Var(_), Expr::Num(_)])
                || matches!(items.as_slice(), [inverse, Expr::Var(_)] if is_inverse(inverse))
        }
        Expr::Seq(_, items, _) => !items.is_empty() && items.iter().all(is_name),
        Expr::Call("abs", arguments) => arguments.iter().all(is_name),
        Expr::Pow(base, exponent) => {
            matches!(**base, Expr::Var(_)) && matches!(**exponent, Expr::Neg(_))
        }
        _ => false,
    }
}

/// The inverse of a function, before its argument: `f^{-1}(x)`.
fn is_inverse(expr: &Expr) -> bool {
    match expr {
        Expr::Pow(base, exponent) => {
            matches!(&**base, Expr::Var(name) if matches!(name.as_str(), "f" | "g" | "h"))
                && **exponent == Expr::Neg(Box::new(Expr::int(1)))
        }
        _ => false,
    }
}

fn is_part_of_name(expr: &Expr) -> bool {
    match expr {
        // "Let x = 7" supposes and does not answer.
        Expr::Text(words) => !words.split(' ').any(|word| {
            matches!(word, "let" | "if" | "suppose" | "assume" | "given" | "when" | "unless")
        }),
        Expr::Var(_) => true,
        Expr::Mul(items) => items.iter().all(|item| matches!(item, Expr::Var(_))),
        _ => false,
    }
}

/// An equation without the words that say for which letter it holds: "f(x) = x for all x".
pub(super) fn without_domain(expr: &Expr) -> Option<Expr> {
    let Expr::Relation(members, ops) = expr else { return None };
    let (Expr::Mul(factors), before) = members.split_last()? else { return None };
    let [rest @ .., Expr::Text(words), Expr::Var(name)] = factors.as_slice() else { return None };
    let all = ["for all", "for every", "for any", "for each", "for all real"];
    // The letter must be one that the equation speaks of.
    if rest.is_empty() || !all.contains(&words.as_str()) || !letters(&before[0]).contains(name) {
        return None;
    }
    let value = if let [one] = rest { one.clone() } else { Expr::Mul(rest.to_vec()) };
    let members = before.iter().cloned().chain([value]).collect();
    Some(Expr::Relation(members, ops.clone()))
}

/// What a chain of equations names, if it gives a value to a name.
pub(super) fn label(expr: &Expr) -> Option<&Expr> {
    let Expr::Relation(members, ops) = expr else { return None };
    if !ops.iter().all(|op| matches!(op, '=' | '≡')) {
        return None;
    }
    let (first, last) = (members.first()?, members.last()?);
    if is_name(first) {
        Some(first)
    } else if is_name(last) && members.len() == 2 {
        Some(last)
    } else {
        None
    }
}

/// The value that a chain of equations ends in: of a name, or of a computation that is right.
pub(super) fn value_of(expr: &Expr, budget: &Budget) -> Result<Option<Expr>, Stop> {
    let Expr::Relation(members, ops) = expr else { return Ok(None) };
    if !ops.iter().all(|op| matches!(op, '=' | '≡')) {
        return Ok(None);
    }
    let (Some(first), Some(last)) = (members.first(), members.last()) else { return Ok(None) };
    if is_name(first) {
        return Ok(Some(last.clone()));
    }
    if is_name(last) && members.len() == 2 {
        return Ok(Some(first.clone()));
    }
    let plain = |member: &Expr| {
        !member.any(&|e| {
            matches!(e, Expr::Var(_) | Expr::Apply(..) | Expr::Seq(..) | Expr::Relation(..))
        })
    };
    if !members.iter().all(plain) {
        return Ok(None);
    }
    for pair in members.windows(2) {
        if !same_scalar(&pair[0], &pair[1], budget)? {
            return Ok(None);
        }
    }
    Ok(Some(last.clone()))
}

/// The value that a relation gives to a quantity: a determinant, a ratio of segments, a sine.
///
/// `sums` says whether a sum of names is a quantity, too. It is in an answer: "x + y = 7" says 7.
/// In a gold answer it is the equation of a line.
pub(super) fn measured(expr: &Expr, sums: bool) -> Option<Expr> {
    let Expr::Relation(members, ops) = expr else { return None };
    match (members.as_slice(), ops.as_slice()) {
        ([quantity, value], ['=']) if is_quantity(quantity, sums) => Some(value.clone()),
        _ => None,
    }
}

fn is_power_of_name(expr: &Expr) -> bool {
    match expr {
        Expr::Pow(base, exponent) => is_name(base) && matches!(**exponent, Expr::Num(_)),
        other => is_name(other),
    }
}

fn is_quantity(expr: &Expr, sums: bool) -> bool {
    match expr {
        Expr::Div(top, bottom) => is_name(top) && is_name(bottom),
        Expr::Call(name, arguments) => {
            matches!(
                *name,
                "det"
                    | "sin"
                    | "cos"
                    | "tan"
                    | "cot"
                    | "abs"
                    | "arg"
                    | "ln"
                    | "log"
                    | "gcd"
                    | "lcm"
            ) && arguments.iter().all(is_name)
        }
        // x + y, a^2 + b^2: of several letters, or an equation would be left to solve.
        Expr::Add(terms) if sums => {
            terms.iter().all(is_name)
                || terms.iter().all(is_power_of_name) && letters(expr).len() == terms.len()
        }
        _ => false,
    }
}
