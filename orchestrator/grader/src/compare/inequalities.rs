//! The solutions of one inequality in one name: linear, quadratic, of an absolute value.

use dashu_base::Signed;
use dashu_ratio::RBig;

use super::pieces::{End, Piece, intersection, joined, point};
use crate::algebra::{Poly, Reading, canon};
use crate::ast::{Constant, Expr};
use crate::stop::{Budget, Stop};

/// The solutions of one inequality; nothing if it is of another kind.
pub(super) fn half_line(
    left: &Expr,
    op: char,
    right: &Expr,
    budget: &Budget,
) -> Result<Option<Vec<Piece>>, Stop> {
    let read = |expr: &Expr| match canon(expr, Reading::LITERAL, budget) {
        Ok(poly) => Ok(Some(poly)),
        Err(Stop::Syntax) => Ok(None),
        Err(stop) => Err(stop),
    };
    // f(x) > 3 says something about a name, too.
    let infinite = |expr: &Expr| match expr {
        Expr::Neg(inner) => **inner == Expr::Const(Constant::Infinity),
        other => *other == Expr::Const(Constant::Infinity),
    };
    if infinite(left) || infinite(right) {
        return Ok(Some(vec![Piece::all()]));
    }
    match (left, right) {
        (Expr::Call("abs", inner), bound) if inner.len() == 1 => {
            return absolute(&inner[0], op, bound, budget);
        }
        (bound, Expr::Call("abs", inner)) if inner.len() == 1 => {
            return absolute(&inner[0], turned(op), bound, budget);
        }
        _ => {}
    }
    let (Some(a), Some(b)) = (read(left)?, read(right)?) else { return Ok(None) };
    let difference = a.sub(&b, budget)?;
    let variables = difference.variables();
    let [name] = variables.as_slice() else { return Ok(None) };
    let Some((slope, rest)) = difference.linear(name) else {
        return quadratic(&difference, name, op, budget);
    };
    if rest.has_names() {
        return Ok(None);
    }
    let negative = slope < RBig::ZERO;
    let inverse = Poly::constant(slope).recip(budget)?;
    let root = End::At(rest.neg().mul(&inverse, budget)?);
    let op = if negative { turned(op) } else { op };
    let below = |closed| Piece { high: root.clone(), high_closed: closed, ..Piece::all() };
    let above = |closed| Piece { low: root.clone(), low_closed: closed, ..Piece::all() };
    Ok(match op {
        '<' => Some(vec![below(false)]),
        '≤' => Some(vec![below(true)]),
        '>' => Some(vec![above(false)]),
        '≥' => Some(vec![above(true)]),
        '≠' => Some(vec![below(false), above(false)]),
        '=' => Some(vec![point(root)]),
        _ => None,
    })
}

/// The sign of a relation whose sides change places.
fn turned(op: char) -> char {
    match op {
        '<' => '>',
        '>' => '<',
        '≤' => '≥',
        '≥' => '≤',
        same => same,
    }
}

/// `|x - 3| < 2` and the like: between the bounds, or outside them.
fn absolute(
    inner: &Expr,
    op: char,
    bound: &Expr,
    budget: &Budget,
) -> Result<Option<Vec<Piece>>, Stop> {
    if bound.any(&|part| matches!(part, Expr::Var(_) | Expr::Call("abs", _))) {
        return Ok(None);
    }
    let below = Expr::Neg(Box::new(bound.clone()));
    let high = half_line(inner, op, bound, budget)?;
    let low = half_line(inner, turned(op), &below, budget)?;
    let (Some(high), Some(low)) = (high, low) else { return Ok(None) };
    match op {
        '<' | '≤' | '≠' => intersection(&high, &low, budget),
        '>' | '≥' | '=' => joined(high.into_iter().chain(low).collect(), budget),
        _ => Ok(None),
    }
}

/// The solutions of a quadratic inequality with rational coefficients.
fn quadratic(
    difference: &Poly,
    name: &str,
    op: char,
    budget: &Budget,
) -> Result<Option<Vec<Piece>>, Stop> {
    let Some([c, b, a]) = difference.quadratic(name) else { return Ok(None) };
    let op = if a.is_negative() { turned(op) } else { op };
    let discriminant = &b * &b - RBig::from(4) * &a * &c;
    let inside = matches!(op, '<' | '≤');
    if discriminant < RBig::ZERO {
        return Ok(match op {
            '<' | '≤' | '=' => Some(Vec::new()),
            '>' | '≥' | '≠' => Some(vec![Piece::all()]),
            _ => None,
        });
    }
    let half = Poly::constant(RBig::from_parts(1.into(), 2_u8.into()));
    let root = Poly::constant(discriminant).pow(&half, budget)?;
    let over = RBig::ONE / (RBig::from(2) * &a);
    let middle = Poly::constant(-b * &over);
    let distance = root.scale(&if over.is_negative() { -over } else { over });
    let low = End::At(middle.clone().sub(&distance, budget)?);
    let high = End::At(middle.add(&distance, budget)?);
    let closed = matches!(op, '≤' | '≥');
    let left = Piece { high: low.clone(), high_closed: closed, ..Piece::all() };
    let right = Piece { low: high.clone(), low_closed: closed, ..Piece::all() };
    match op {
        _ if inside => {
            joined(vec![Piece { low, low_closed: closed, high, high_closed: closed }], budget)
        }
        '>' | '≥' => joined(vec![left, right], budget),
        '=' => joined(vec![point(low), point(high)], budget),
        _ => Ok(None),
    }
}
