//! Functions of canonical sums: exact values where they are rational, products and sums where
//! they can be taken apart, atoms otherwise.

use dashu_base::{Abs, Signed};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::divisors::{gcd, lcm};
use super::poly::{Atom, Poly};
use super::power::factor;
use crate::stop::{Budget, Stop};

/// The largest number whose factorial is written down.
const MAX_FACTORIAL: u32 = 1_500;

/// The canonical sum of a function of canonical sums.
pub(super) fn call(
    name: &'static str,
    arguments: Vec<Poly>,
    budget: &Budget,
) -> Result<Poly, Stop> {
    match (name, arguments.as_slice()) {
        ("ln" | "log", [x]) => logarithm(x, budget),
        ("factorial", [x]) => factorial(x, 1, budget),
        ("double factorial", [x]) => factorial(x, 2, budget),
        ("binom", [n, k]) => binomial(n, k, budget),
        ("perm", [n, k]) => binomial(n, k, budget)?.mul(&factorial(k, 1, budget)?, budget),
        ("cis", [x]) => {
            let angle = x.mul(&Poly::atom(Atom::I), budget)?;
            Poly::atom(Atom::E).pow(&angle, budget)
        }
        ("sin" | "cos" | "tan", [x]) if turns(x).is_some() => circular(name, x, budget),
        ("floor" | "ceil" | "abs", [x]) => Ok(match x.as_constant() {
            Some(value) => Poly::constant(match name {
                "floor" => value.floor().into(),
                "ceil" => value.ceil().into(),
                _ => value.abs(),
            }),
            None => Poly::atom(Atom::Fn(name, vec![x.clone()])),
        }),
        ("mod", [a, b]) => match (a.as_constant(), b.as_constant()) {
            (Some(a), Some(b)) if !b.is_zero() => {
                let times = RBig::from((&a / &b).floor());
                Ok(Poly::constant(a - b * times))
            }
            _ => Ok(Poly::atom(Atom::Fn("mod", arguments))),
        },
        ("Re" | "Im", [x]) => match complex(x) {
            Some((real, imaginary)) => {
                Ok(Poly::constant(if name == "Re" { real } else { imaginary }))
            }
            None => Ok(Poly::atom(Atom::Named(name.to_owned(), arguments))),
        },
        ("gcd", _) => gcd(&arguments, budget),
        ("lcm", _) => lcm(&arguments, budget),
        ("min" | "max", _) => extremum(name, arguments),
        ("sin" | "tan" | "arcsin" | "arctan" | "sinh" | "tanh", [x]) if x.is_zero() => {
            Ok(Poly::zero())
        }
        ("cos" | "sec" | "cosh", [x]) if x.is_zero() => Ok(Poly::int(1)),
        ("sec" | "csc" | "cot" | "sech" | "csch" | "coth", [_]) => {
            reciprocal(name, arguments, budget)
        }
        (
            "sin" | "cos" | "tan" | "arcsin" | "arccos" | "arctan" | "arccot" | "sinh" | "cosh"
            | "tanh" | "arsinh" | "arcosh" | "artanh",
            [_],
        ) => Ok(Poly::atom(Atom::Fn(name, arguments))),
        _ => Ok(Poly::atom(Atom::Named(name.to_owned(), arguments))),
    }
}

/// The rational parts of a complex number.
fn complex(x: &Poly) -> Option<(RBig, RBig)> {
    let (mut real, mut imaginary) = (RBig::ZERO, RBig::ZERO);
    for (mono, coefficient) in &x.terms {
        match mono.as_slice() {
            [] => real.clone_from(coefficient),
            [(Atom::I, power)] if *power == Poly::int(1) => imaginary.clone_from(coefficient),
            _ => return None,
        }
    }
    Some((real, imaginary))
}

/// The multiple of pi that is a term of an angle.
fn turns(x: &Poly) -> Option<&RBig> {
    x.terms.iter().find_map(|(mono, coefficient)| match mono.as_slice() {
        [(Atom::Pi, power)] if *power == Poly::int(1) => Some(coefficient),
        _ => None,
    })
}

/// Sine, cosine and tangent of an angle with whole turns taken off; exact at quarter turns.
fn circular(name: &'static str, x: &Poly, budget: &Budget) -> Result<Poly, Stop> {
    let Some(half_turns) = turns(x).cloned() else { return Err(Stop::Syntax) };
    let two = RBig::from(2);
    let whole = RBig::from((&half_turns / &two).floor()) * &two;
    let rest = half_turns - &whole;
    let angle = x.clone().sub(&Poly::atom(Atom::Pi).scale(&whole), budget)?;
    let quarter = rest.clone() * &two;
    let lone = x.terms.len() == 1;
    if lone && quarter.is_int() {
        let quarter: i64 = quarter.numerator().try_into().map_err(|_| Stop::TooCostly)?;
        let sine = [0, 1, 0, -1][quarter.rem_euclid(4) as usize];
        let cosine = [1, 0, -1, 0][quarter.rem_euclid(4) as usize];
        return match name {
            "sin" => Ok(Poly::int(sine)),
            "cos" => Ok(Poly::int(cosine)),
            _ if cosine == 0 => Err(Stop::Undefined),
            _ => Ok(Poly::zero()),
        };
    }
    Ok(Poly::atom(Atom::Fn(name, vec![angle])))
}

fn reciprocal(name: &str, arguments: Vec<Poly>, budget: &Budget) -> Result<Poly, Stop> {
    let (top, bottom) = match name {
        "sec" => (None, "cos"),
        "csc" => (None, "sin"),
        "cot" => (Some("cos"), "sin"),
        "sech" => (None, "cosh"),
        "csch" => (None, "sinh"),
        _ => (Some("cosh"), "sinh"),
    };
    let below = Poly::atom(Atom::Fn(bottom, arguments.clone())).recip(budget)?;
    match top {
        Some(top) => Poly::atom(Atom::Fn(top, arguments)).mul(&below, budget),
        None => Ok(below),
    }
}

/// The natural logarithm, of positive products factor by factor.
fn logarithm(x: &Poly, budget: &Budget) -> Result<Poly, Stop> {
    if x.is_zero() {
        return Err(Stop::Syntax);
    }
    let splits = |(atom, exponent): &(Atom, Poly)| match atom {
        Atom::Int(_) | Atom::Pi | Atom::E => exponent.as_constant().is_some(),
        _ => false,
    };
    let Some((mono, coefficient)) = x.single() else {
        return Ok(Poly::atom(Atom::Fn("ln", vec![x.clone()])));
    };
    if !coefficient.is_positive() || !mono.iter().all(splits) {
        return Ok(Poly::atom(Atom::Fn("ln", vec![x.clone()])));
    }
    let one =
        |value: &UBig| Poly::atom(Atom::Fn("ln", vec![Poly::constant(RBig::from(value.clone()))]));
    let mut sum = Poly::zero();
    for (prime, times) in factor(coefficient, budget)? {
        sum = sum.add(&one(&prime).scale(&RBig::from(times)), budget)?;
    }
    for (atom, exponent) in mono {
        let part = match atom {
            Atom::E => exponent.clone(),
            Atom::Int(base) => one(base).mul(exponent, budget)?,
            _ => {
                Poly::atom(Atom::Fn("ln", vec![Poly::atom(atom.clone())])).mul(exponent, budget)?
            }
        };
        sum = sum.add(&part, budget)?;
    }
    Ok(sum)
}

/// The product of a number and those before it, each less by `step`.
fn factorial(x: &Poly, step: u32, budget: &Budget) -> Result<Poly, Stop> {
    match x.as_constant() {
        Some(value) if value.is_int() && !value.is_negative() => {
            let n: u32 = value.numerator().try_into().map_err(|_| Stop::TooCostly)?;
            if n > MAX_FACTORIAL {
                return Err(Stop::TooCostly);
            }
            budget.spend(u64::from(n) * 4)?;
            let product = (1..=n)
                .filter(|i| (n - i).is_multiple_of(step))
                .fold(UBig::ONE, |product, i| product * UBig::from(i));
            Ok(Poly::constant(RBig::from(product)))
        }
        Some(_) => Err(Stop::Syntax),
        None if step == 1 => Ok(Poly::atom(Atom::Fn("factorial", vec![x.clone()]))),
        None => Ok(Poly::atom(Atom::Named("double factorial".to_owned(), vec![x.clone()]))),
    }
}

fn binomial(n: &Poly, k: &Poly, budget: &Budget) -> Result<Poly, Stop> {
    if let Some(count) = k.as_integer() {
        if count.is_negative() && !count.is_zero() {
            return Ok(Poly::zero());
        }
        let symmetric = n.as_integer().map(|n| n - &count).filter(|other| !other.is_negative());
        let count = match symmetric {
            Some(other) if other < count => other,
            _ => count,
        };
        let count: u32 = count.try_into().map_err(|_| Stop::TooCostly)?;
        if count > MAX_FACTORIAL || (n.as_constant().is_none() && count > 30) {
            return Err(Stop::TooCostly);
        }
        let mut product = Poly::int(1);
        for i in 0..count {
            budget.spend(20)?;
            let top = n.clone().add(&Poly::int(-i64::from(i)), budget)?;
            let part = RBig::from_parts(IBig::ONE, UBig::from(i + 1));
            product = product.mul(&top, budget)?.scale(&part);
        }
        return Ok(product);
    }
    let rest = factorial(&n.clone().sub(k, budget)?, 1, budget)?;
    let below = factorial(k, 1, budget)?.mul(&rest, budget)?.recip(budget)?;
    factorial(n, 1, budget)?.mul(&below, budget)
}

/// The least or greatest of several: rational ones are compared, the rest keeps its name.
fn extremum(name: &'static str, arguments: Vec<Poly>) -> Result<Poly, Stop> {
    let (known, mut rest): (Vec<Poly>, Vec<Poly>) =
        arguments.into_iter().partition(|argument| argument.as_constant().is_some());
    let values = known.iter().filter_map(Poly::as_constant);
    let best = if name == "min" { values.min() } else { values.max() };
    if let Some(best) = best {
        rest.push(Poly::constant(best));
    }
    rest.sort();
    rest.dedup();
    match rest.len() {
        0 => Err(Stop::Syntax),
        1 => Ok(rest.swap_remove(0)),
        _ => Ok(Poly::atom(Atom::Fn(name, rest))),
    }
}

/// The determinant of a small square matrix, along its first row.
pub(super) fn determinant(cells: &[Vec<Poly>], budget: &Budget) -> Result<Poly, Stop> {
    if cells.is_empty() || cells.len() > 5 || cells.iter().any(|row| row.len() != cells.len()) {
        return Err(Stop::Syntax);
    }
    minor(cells, &(0..cells.len()).collect::<Vec<_>>(), budget)
}

fn minor(cells: &[Vec<Poly>], columns: &[usize], budget: &Budget) -> Result<Poly, Stop> {
    let Some((first, rest)) = cells.split_first() else { return Ok(Poly::int(1)) };
    let mut sum = Poly::zero();
    for (position, column) in columns.iter().enumerate() {
        let others: Vec<usize> = columns.iter().copied().filter(|other| other != column).collect();
        let term = first[*column].mul(&minor(rest, &others, budget)?, budget)?;
        sum = sum.add(&if position % 2 == 0 { term } else { term.neg() }, budget)?;
    }
    Ok(sum)
}
