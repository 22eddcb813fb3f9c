//! Brings a scalar expression to its canonical sum.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::arithmetic::{MAX_BITS, check};
use super::functions::{call, determinant};
use super::infinity;
use super::poly::{Atom, Poly};
use crate::ast::{Bracket, Constant, Expr};
use crate::stop::{Budget, Stop};

/// How signs that have two readings are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// 25 % is 0.25, not 25.
    pub(crate) percent_as_fraction: bool,
    /// 180 degrees are pi, not 180.
    pub(crate) degrees_as_radians: bool,
    /// A logarithm without a base is to base ten, not natural.
    pub(crate) logs_to_ten: bool,
}

impl Reading {
    /// What the signs mean.
    pub(crate) const LITERAL: Self =
        Self { percent_as_fraction: true, degrees_as_radians: true, logs_to_ten: false };
}

/// The canonical sum of a scalar.
pub(crate) fn canon(expr: &Expr, reading: Reading, budget: &Budget) -> Result<Poly, Stop> {
    budget.spend(10)?;
    let below = |expr: &Expr| canon(expr, reading, budget);
    match expr {
        Expr::Num(num) => {
            check(&num.value, budget)?;
            Ok(Poly::constant(num.value.clone()))
        }
        Expr::Const(constant) => Ok(Poly::atom(match constant {
            Constant::Pi => Atom::Pi,
            Constant::E => Atom::E,
            Constant::I => Atom::I,
            Constant::Infinity => return Ok(infinity::positive()),
        })),
        Expr::Var(name) => Ok(Poly::atom(Atom::Var(name.clone()))),
        Expr::Text(words) => Ok(Poly::atom(Atom::Named(words.clone(), Vec::new()))),
        Expr::Add(terms) => {
            let mut sum = Poly::zero();
            for term in terms {
                sum = infinity::sum(sum, &below(term)?, budget)?;
            }
            Ok(sum)
        }
        Expr::Mul(factors) => {
            let mut product = Poly::int(1);
            for factor in factors {
                product = infinity::product(&product, &below(factor)?, budget)?;
            }
            Ok(product)
        }
        Expr::Neg(inner) => Ok(below(inner)?.neg()),
        Expr::Div(top, bottom) => {
            let inverse = infinity::finite(below(bottom)?)?.recip(budget)?;
            infinity::product(&below(top)?, &inverse, budget)
        }
        Expr::Pow(base, exponent) => {
            let exponent = infinity::finite(below(exponent)?)?;
            infinity::finite(below(base)?)?.pow(&exponent, budget)
        }
        Expr::Percent(inner) => {
            let value = below(inner)?;
            let hundredth = RBig::from_parts(IBig::ONE, UBig::from(100_u8));
            Ok(if reading.percent_as_fraction { value.scale(&hundredth) } else { value })
        }
        Expr::Degree(inner) => {
            let value = below(inner)?;
            if !reading.degrees_as_radians {
                return Ok(value);
            }
            let part = Poly::constant(RBig::from_parts(IBig::ONE, UBig::from(180_u8)));
            value.mul(&part.mul(&Poly::atom(Atom::Pi), budget)?, budget)
        }
        Expr::Call("det", arguments) => match arguments.as_slice() {
            [Expr::Matrix(rows)] => {
                let cells = rows
                    .iter()
                    .map(|row| row.iter().map(below).collect())
                    .collect::<Result<Vec<Vec<Poly>>, Stop>>()?;
                determinant(&cells, budget)
            }
            _ => opaque("det", arguments, reading, budget),
        },
        Expr::Call(name, arguments) => {
            // The argument of a function is an angle in radians whatever the answer's own unit is.
            let inner = Reading { degrees_as_radians: true, ..reading };
            let arguments = arguments
                .iter()
                .map(|argument| infinity::finite(canon(argument, inner, budget)?))
                .collect::<Result<Vec<_>, _>>()?;
            if *name == "log" && reading.logs_to_ten {
                let ten = call("ln", vec![Poly::int(10)], budget)?.recip(budget)?;
                return call("ln", arguments, budget)?.mul(&ten, budget);
            }
            call(name, arguments, budget)
        }
        Expr::Apply(name, arguments) => opaque(name, arguments, reading, budget),
        Expr::Undone(name, arguments) => opaque(name, arguments, reading, budget),
        Expr::Based(digits, base) => based(digits, *base).map(Poly::constant),
        // Braces and brackets around a single factor only group it.
        Expr::Seq(Bracket::Curly, items, _) if items.len() == 1 => below(&items[0]),
        Expr::Ratio(terms) | Expr::Clock(_, terms) if terms.len() == 2 => {
            let inverse = below(&terms[1])?.recip(budget)?;
            below(&terms[0])?.mul(&inverse, budget)
        }
        Expr::Seq(..)
        | Expr::PlusMinus(_)
        | Expr::Relation(..)
        | Expr::SetOp(..)
        | Expr::Matrix(_)
        | Expr::Ratio(_)
        | Expr::Clock(..)
        | Expr::Case(..)
        | Expr::Residue(..)
        | Expr::Builder(..) => Err(Stop::Syntax),
    }
}

/// A function that is only compared by name and arguments.
fn opaque(name: &str, arguments: &[Expr], reading: Reading, budget: &Budget) -> Result<Poly, Stop> {
    let arguments = arguments
        .iter()
        .map(|argument| match canon(argument, reading, budget) {
            // Conditions and tuples are compared as they are written.
            Err(Stop::Syntax) => {
                Ok(Poly::atom(Atom::Named(written(argument, reading, budget)?, Vec::new())))
            }
            other => other,
        })
        .collect::<Result<_, _>>()?;
    Ok(Poly::atom(Atom::Named(name.to_owned(), arguments)))
}

/// A condition or a tuple as text, its parts in canonical form.
fn written(expr: &Expr, reading: Reading, budget: &Budget) -> Result<String, Stop> {
    let parts = |items: &[Expr]| {
        items.iter().map(|item| written(item, reading, budget)).collect::<Result<Vec<_>, _>>()
    };
    match canon(expr, reading, budget) {
        Ok(poly) => Ok(poly.to_string()),
        Err(Stop::Syntax) => Ok(match expr {
            Expr::Relation(members, ops) => {
                let members = parts(members)?;
                let mut text = members.first().cloned().unwrap_or_default();
                for (op, member) in ops.iter().zip(members.iter().skip(1)) {
                    text = format!("{text} {op} {member}");
                }
                text
            }
            Expr::Seq(_, items, _) => format!("({})", parts(items)?.join(", ")),
            other => format!("{other:?}"),
        }),
        Err(stop) => Err(stop),
    }
}

/// The value of digits in a base.
pub(crate) fn based(digits: &str, base: u32) -> Result<RBig, Stop> {
    if digits.len() * 6 > MAX_BITS {
        return Err(Stop::TooCostly);
    }
    let mut value = UBig::ZERO;
    for c in digits.chars() {
        let digit = c.to_digit(base).ok_or(Stop::Syntax)?;
        value = value * UBig::from(base) + UBig::from(digit);
    }
    Ok(RBig::from(value))
}
