//! The shape in which answers are compared: no approximations, both signs written out, matrices
//! multiplied, membership dropped.

use super::declared::any_integer;
use super::names::is_name;
use super::text::is_idle;
use super::{matrix, number_sets, quantities, residues, sets, vectors};
use crate::ast::{Bracket, Expr};
use crate::stop::{Budget, Stop};

/// Signs that may stand twice in an answer that is written out.
const MAX_SIGNS: usize = 4;

/// Brings an answer to its shape.
pub(super) fn shaped(expr: &Expr, budget: &Budget) -> Result<Expr, Stop> {
    budget.spend(20)?;
    let below = |items: &[Expr]| {
        items.iter().map(|item| shaped(item, budget)).collect::<Result<Vec<_>, _>>()
    };
    if let Some(set) = number_sets::with_exceptions(expr) {
        return Ok(set);
    }
    let whole = match expr {
        Expr::Add(terms) => number_sets::by_minus(terms),
        Expr::Seq(Bracket::None, items, _) => match quantities::listed(items) {
            None => sets::restricted_integers(items, budget)?,
            sum => sum,
        },
        Expr::Mul(factors) => quantities::compound(factors),
        _ => None,
    };
    if let Some(whole) = whole {
        return Ok(whole);
    }
    Ok(match expr {
        Expr::Relation(members, ops) => relation(members, ops, budget)?,
        Expr::Seq(open, items, close) => {
            let items = &residues::spread(items);
            // "Therefore, 15" is no list.
            let said = |item: &Expr| matches!(item, Expr::Text(words) if is_idle(words));
            let items: &Vec<Expr> = &items
                .iter()
                .filter(|item| *open != Bracket::None || !said(item))
                .cloned()
                .collect();
            let mut flat = Vec::new();
            for item in below(items)? {
                match item {
                    // Both signs inside a list are two of its elements.
                    Expr::Seq(Bracket::None, inner, _)
                        if matches!(open, Bracket::None | Bracket::Curly)
                            && items.iter().any(has_signs) =>
                    {
                        flat.extend(inner);
                    }
                    other => flat.push(other),
                }
            }
            if flat.len() == 1 && *open == Bracket::None {
                flat.swap_remove(0)
            } else {
                Expr::Seq(*open, flat, *close)
            }
        }
        // Conditions on several names are a list of them.
        Expr::SetOp('∩', ..) if !sets::in_one_name(expr) => {
            let mut items = Vec::new();
            sets::conditions(expr, &mut items);
            Expr::Seq(Bracket::None, below(&items)?, Bracket::None)
        }
        Expr::SetOp(op, a, b) => match (op, shaped(a, budget)?, shaped(b, budget)?) {
            ('∪', Expr::Seq(Bracket::Curly, mut items, _), Expr::Seq(Bracket::Curly, more, _)) => {
                items.extend(more);
                Expr::Seq(Bracket::Curly, items, Bracket::Curly)
            }
            (op, a, b) => Expr::SetOp(*op, Box::new(a), Box::new(b)),
        },
        Expr::Matrix(rows) if rows.len() == 1 && rows[0].len() == 1 => shaped(&rows[0][0], budget)?,
        Expr::Matrix(rows) => {
            Expr::Matrix(rows.iter().map(|row| below(row)).collect::<Result<_, _>>()?)
        }
        Expr::Builder(a, b) => match sets::integers(a, b, budget)? {
            Some(integers) => integers,
            // {2k + 1 : k in Z} is 2k + 1.
            None if !is_name(a) && any_integer(b).is_some() => shaped(a, budget)?,
            None => Expr::Builder(a.clone(), Box::new(shaped(b, budget)?)),
        },
        Expr::Case(value, condition) => {
            Expr::Case(Box::new(shaped(value, budget)?), Box::new(shaped(condition, budget)?))
        }
        Expr::Pow(base, exponent) if vectors::is_transpose(base, exponent) => {
            vectors::transposed(&shaped(base, budget)?)
        }
        scalar if has_signs(scalar) => both_signs(scalar)?,
        scalar => matrix::evaluated(scalar, budget)?.unwrap_or_else(|| scalar.clone()),
    })
}

fn has_signs(expr: &Expr) -> bool {
    expr.any(&|e| matches!(e, Expr::PlusMinus(_)))
}

/// The list of values for the upper and the lower signs.
fn both_signs(expr: &Expr) -> Result<Expr, Stop> {
    let count = std::cell::Cell::new(0);
    expr.any(&|e| {
        if matches!(e, Expr::PlusMinus(_)) {
            count.set(count.get() + 1);
        }
        false
    });
    if count.get() > MAX_SIGNS {
        return Err(Stop::TooCostly);
    }
    let values = vec![signed(expr, true), signed(expr, false)];
    Ok(Expr::Seq(Bracket::None, values, Bracket::None))
}

/// An expression with all its double signs read one way.
fn signed(expr: &Expr, upper: bool) -> Expr {
    let one = |inner: &Expr| Box::new(signed(inner, upper));
    let all = |items: &[Expr]| items.iter().map(|item| signed(item, upper)).collect::<Vec<_>>();
    match expr {
        Expr::PlusMinus(inner) if upper => signed(inner, upper),
        Expr::Add(terms) => Expr::Add(all(terms)),
        Expr::Mul(factors) => Expr::Mul(all(factors)),
        Expr::PlusMinus(inner) | Expr::Neg(inner) => Expr::Neg(one(inner)),
        Expr::Div(a, b) => Expr::Div(one(a), one(b)),
        Expr::Pow(a, b) => Expr::Pow(one(a), one(b)),
        Expr::Call(name, arguments) => Expr::Call(name, all(arguments)),
        Expr::Apply(name, arguments) => Expr::Apply(name.clone(), all(arguments)),
        Expr::Percent(inner) => Expr::Percent(one(inner)),
        Expr::Degree(inner) => Expr::Degree(one(inner)),
        Expr::Seq(open, items, close) => Expr::Seq(*open, all(items), *close),
        Expr::Relation(members, ops) => Expr::Relation(all(members), ops.clone()),
        Expr::Residue(value, modulus) => Expr::Residue(one(value), modulus.clone()),
        other => other.clone(),
    }
}

/// A chain of relations without what follows "about", and without the element of a membership.
fn relation(members: &[Expr], ops: &[char], budget: &Budget) -> Result<Expr, Stop> {
    let mut members = members;
    let mut ops = ops;
    // "It follows that": the last statement counts.
    if let Some(at) = ops.iter().rposition(|op| matches!(op, '⇒')) {
        members = &members[at + 1..];
        ops = &ops[at + 1..];
    }
    if let Some(at) = ops.iter().position(|op| matches!(op, '≈'))
        && (at > 0 || !is_name(&members[0]))
    {
        members = &members[..=at];
        ops = &ops[..at];
    }
    match (members, ops) {
        ([only], []) => shaped(only, budget),
        ([name, value], ['≈']) if is_name(name) => shaped(value, budget),
        ([name, set], ['∈']) if is_name(name) => shaped(set, budget),
        ([first, rest @ ..], ops) => {
            // x = ±2 is two solutions.
            if has_signs(first) || !rest.iter().any(has_signs) {
                let mut shaped_members = vec![shaped(first, budget)?];
                for member in rest {
                    shaped_members.push(shaped(member, budget)?);
                }
                return Ok(Expr::Relation(shaped_members, ops.to_vec()));
            }
            let whole = Expr::Relation(members.to_vec(), ops.to_vec());
            both_signs(&whole)
        }
        _ => Err(Stop::Syntax),
    }
}
