//! Congruences: what leaves a remainder.

use super::judge::Judge;
use crate::algebra::{Poly, Reading, canon};
use crate::ast::Expr;
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;

/// Compares two sides of which one is a class of residues; nothing if neither is.
pub(super) fn compare(
    gold: &Expr,
    answer: &Expr,
    judge: &Judge<'_>,
) -> Result<Option<Reason>, Stop> {
    let same = match (gold, answer) {
        (Expr::Residue(..), Expr::Relation(..) | Expr::Seq(..))
        | (Expr::Relation(..) | Expr::Seq(..), Expr::Residue(..)) => return Ok(None),
        (Expr::Residue(a, m), other) => match class(other, judge)? {
            Some((b, n)) => same_class((a, m), (&b, &n), judge)?,
            None => false,
        },
        (Expr::Num(_) | Expr::Neg(_), Expr::Residue(b, _)) => judge.agree(gold, b)?,
        (other, Expr::Residue(b, n)) => match class(other, judge)? {
            Some((a, m)) => same_class((&a, &m), (b, n), judge)?,
            None => false,
        },
        _ => return Ok(None),
    };
    Ok(Some(if same { Reason::SameValue } else { Reason::DifferentValue }))
}

/// Whether moduli agree and residues differ by a multiple of them.
fn same_class(
    (a, m): (&Expr, &Expr),
    (b, n): (&Expr, &Expr),
    budget: &Budget,
) -> Result<bool, Stop> {
    let read = |expr: &Expr| canon(expr, Reading::LITERAL, budget);
    let (a, m, b, n) = (read(a)?, read(m)?, read(b)?, read(n)?);
    if m != n && m != n.clone().neg() {
        return Ok(false);
    }
    let difference = a.sub(&b, budget)?;
    if difference.is_zero() {
        return Ok(true);
    }
    let (Some(difference), Some(modulus)) = (difference.as_constant(), m.as_constant()) else {
        return Ok(false);
    };
    Ok(!modulus.is_zero() && (difference / modulus).is_int())
}

/// The residue and the modulus of `3 (mod 7)`, `3 mod 7`, `7k + 3`.
fn class(expr: &Expr, budget: &Budget) -> Result<Option<(Expr, Expr)>, Stop> {
    match expr {
        Expr::Residue(value, modulus) => Ok(Some(((**value).clone(), (**modulus).clone()))),
        Expr::Call("mod", arguments) => match arguments.as_slice() {
            [value, modulus] => Ok(Some((value.clone(), modulus.clone()))),
            _ => Ok(None),
        },
        Expr::Add(_) | Expr::Mul(_) => {
            let sum: Poly = match canon(expr, Reading::LITERAL, budget) {
                Err(Stop::Syntax) => return Ok(None),
                sum => sum?,
            };
            let variables = sum.variables();
            let [name] = variables.as_slice() else { return Ok(None) };
            let Some((slope, rest)) = sum.linear(name) else { return Ok(None) };
            let Some(rest) = rest.as_constant() else { return Ok(None) };
            if !slope.is_int() || !rest.is_int() {
                return Ok(None);
            }
            let number = |value| Expr::Num(crate::ast::Num { value, decimal: None });
            Ok(Some((number(rest), number(slope))))
        }
        _ => Ok(None),
    }
}

/// Gives the modulus after the last of several residues to all of them: `x ≡ 1, 3 (mod 8)`.
pub(super) fn spread(items: &[Expr]) -> Vec<Expr> {
    let modulus = match items.last() {
        Some(Expr::Residue(_, modulus)) => modulus,
        Some(Expr::Relation(members, ops)) if *ops == ['≡'] => match members.last() {
            Some(Expr::Residue(_, modulus)) => modulus,
            _ => return items.to_vec(),
        },
        _ => return items.to_vec(),
    };
    let with = |value: &Expr| Expr::Residue(Box::new(value.clone()), modulus.clone());
    items
        .iter()
        .map(|item| match item {
            Expr::Relation(members, ops) if *ops == ['≡'] => match members.as_slice() {
                [_, Expr::Residue(..)] => item.clone(),
                [name, value] => Expr::Relation(vec![name.clone(), with(value)], ops.clone()),
                _ => item.clone(),
            },
            Expr::Num(_) | Expr::Neg(_) | Expr::PlusMinus(_) => with(item),
            other => other.clone(),
        })
        .collect()
}
