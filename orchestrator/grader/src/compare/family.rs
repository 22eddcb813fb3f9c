//! Answers that hold for any number: `+ C`, "for every integer k".
//!
//! The letter for such a number may be any, and so may the number it starts from.

use std::collections::BTreeSet;

use super::declared::declared;
use super::judge::Judge;
use super::names::{label, value_of};
use super::shape::shaped;
use super::substitute::{letters, renamed, substitute};
use crate::algebra::{Poly, Reading, canon};
use crate::ast::{Bracket, Constant, Expr};
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;

/// Letters that usually stand for a whole number.
const WHOLE: [&str; 6] = ["k", "n", "m", "l", "j", "t"];

/// Compares two answers that may hold for any number; nothing if they differ or are none.
pub(super) fn compare(
    gold: &Expr,
    answer: &Expr,
    judge: &Judge<'_>,
) -> Result<Option<Reason>, Stop> {
    let may_be = |expr: &Expr| expr.any(&|part| matches!(part, Expr::Var(_)));
    if !may_be(gold) || !may_be(answer) && !has_constant(answer) {
        return Ok(None);
    }
    let (gold, mine) = declared(gold);
    let (answer, theirs) = declared(answer);
    let any = !mine.is_empty() || !theirs.is_empty();
    if any && agree(&gold, &answer, judge)? {
        return Ok(Some(Reason::SameValue));
    }
    if let Some(same) = constants(&gold, &answer, judge)? {
        return Ok(same.then_some(Reason::SameValue));
    }
    let free = |expr: &Expr, declared: &[String]| match declared {
        [one] => Some(one.clone()),
        [] => whole_letter(expr, judge).ok().flatten(),
        _ => None,
    };
    let (Some(mine), Some(theirs)) = (free(&gold, &mine), free(&answer, &theirs)) else {
        return parameter(&gold, &answer, judge);
    };
    // A letter of the answer that the gold answer uses for something else.
    if mine != theirs && letters(&gold).contains(&theirs) {
        return Ok(None);
    }
    let answer = renamed(&answer, &[(theirs, mine.clone())]);
    let same = agree(&gold, &answer, judge)? || shifted(&gold, &answer, &mine, judge)?;
    Ok(same.then_some(Reason::SameValue))
}

/// Compares points and values of one parameter, which may have any letter: (2 + 3t, 1 - t).
fn parameter(gold: &Expr, answer: &Expr, judge: &Judge<'_>) -> Result<Option<Reason>, Stop> {
    let (Some(mine), Some(theirs)) = (parameter_of(gold), parameter_of(answer)) else {
        return Ok(None);
    };
    if mine == theirs {
        return Ok(None);
    }
    let answer = renamed(answer, &[(theirs, mine)]);
    Ok(agree(gold, &answer, judge)?.then_some(Reason::SameValue))
}

/// The only letter of the coordinates of a point, or of values with names: `x = 2t, y = 1 - t`.
fn parameter_of(expr: &Expr) -> Option<String> {
    let found = match expr {
        Expr::Seq(Bracket::Round | Bracket::Angle, ..) => letters(expr),
        Expr::Seq(Bracket::None, items, _) => {
            let names: BTreeSet<String> =
                items.iter().filter_map(label).flat_map(letters).collect();
            let labelled = items.iter().all(|item| label(item).is_some());
            letters(expr).into_iter().filter(|name| labelled && !names.contains(name)).collect()
        }
        Expr::Relation(members, _) if members.len() == 2 => {
            let names = letters(label(expr)?);
            if !names.iter().any(|name| matches!(name.as_str(), "n" | "N" | "m" | "a" | "x")) {
                return None;
            }
            letters(expr).into_iter().filter(|name| !names.contains(name)).collect()
        }
        _ => return None,
    };
    let mut found = found.into_iter();
    let one = found.next().filter(|_| found.next().is_none())?;
    ["t", "s", "k", "n", "m", "lambda", "mu"].contains(&one.as_str()).then_some(one)
}

/// Whether two answers agree; what has no value agrees with nothing.
fn agree(gold: &Expr, answer: &Expr, judge: &Judge<'_>) -> Result<bool, Stop> {
    let compared =
        shaped(gold, judge).and_then(|gold| judge.compare(&gold, &shaped(answer, judge)?));
    match compared {
        Ok(reason) => Ok(reason.is_correct()),
        Err(Stop::TooCostly) => Err(Stop::TooCostly),
        Err(_) => Ok(false),
    }
}

fn has_constant(expr: &Expr) -> bool {
    expr.any(&|part| matches!(part, Expr::Text(words) if is_constant_word(words)))
}

fn is_constant_word(words: &str) -> bool {
    matches!(words, "constant" | "const" | "a constant" | "c")
}

/// The letter of a value that can only be any whole number: it goes with pi, or has a value of its
/// own name: `n = 3k`.
fn whole_letter(expr: &Expr, budget: &Budget) -> Result<Option<String>, Stop> {
    let value = value_of(expr, budget)?;
    let named: BTreeSet<String> = match expr {
        Expr::Seq(_, items, _) => items.iter().filter_map(label).flat_map(letters).collect(),
        _ => label(expr).map(letters).unwrap_or_default(),
    };
    let labelled = value.is_some()
        && named
            .iter()
            .any(|name| matches!(name.as_str(), "n" | "x" | "m" | "N" | "k" | "a" | "theta" | "z"));
    let value = value.unwrap_or_else(|| expr.clone());
    let found = letters(&value);
    let mut found = found.into_iter().filter(|name| !named.contains(name));
    let (Some(name), None) = (found.next(), found.next()) else { return Ok(None) };
    let periodic = value.any(&|part| matches!(part, Expr::Const(Constant::Pi) | Expr::Degree(_)));
    let whole = WHOLE.contains(&name.as_str()) && (name != "t" || periodic);
    Ok((whole && (periodic || labelled)).then_some(name))
}

/// Whether two values that are linear in a letter run through the same numbers.
fn shifted(gold: &Expr, answer: &Expr, letter: &str, budget: &Budget) -> Result<bool, Stop> {
    let (Some(a), Some(b)) = (line(gold, letter, budget)?, line(answer, letter, budget)?) else {
        return Ok(false);
    };
    let ((rest, slope), (other, step)) = (a, b);
    // k = n + 1 says how two numbers go together; every whole number is of that form.
    let unit = slope == Poly::int(1) || slope == Poly::int(-1);
    if slope.is_zero() || unit || slope != step && slope != step.clone().neg() {
        return Ok(false);
    }
    let shift = rest.sub(&other, budget)?.mul(&slope.recip(budget)?, budget)?;
    Ok(shift.as_constant().is_some_and(|shift| shift.is_int()))
}

/// The value at nought and the step of a value that is linear in a letter.
fn line(expr: &Expr, letter: &str, budget: &Budget) -> Result<Option<(Poly, Poly)>, Stop> {
    let value = value_of(expr, budget)?.unwrap_or_else(|| expr.clone());
    let at = |number: i64| {
        let value = substitute(&value, &|part| match part {
            Expr::Var(name) if name == letter => Some(Expr::int(number)),
            _ => None,
        });
        match canon(&value, Reading::LITERAL, budget) {
            Ok(sum) => Ok(Some(sum)),
            Err(Stop::Syntax | Stop::Undefined) => Ok(None),
            Err(stop) => Err(stop),
        }
    };
    let (Some(zero), Some(one), Some(two)) = (at(0)?, at(1)?, at(2)?) else { return Ok(None) };
    let step = one.clone().sub(&zero, budget)?;
    Ok((two.sub(&one, budget)? == step).then_some((zero, step)))
}

/// Compares two answers with constants of integration; nothing if they have none.
fn constants(gold: &Expr, answer: &Expr, judge: &Judge<'_>) -> Result<Option<bool>, Stop> {
    // Words for the constant are a letter.
    let answer = substitute(answer, &|part| match part {
        Expr::Text(words) if is_constant_word(words) => Some(Expr::Var("C".to_owned())),
        _ => None,
    });
    let (here, there) = (letters(gold), letters(&answer));
    let is_constant = |name: &str| {
        matches!(name, "C" | "c" | "K") || name.starts_with("C_") || name.starts_with("c_")
    };
    let may_be = |name: &str| {
        is_constant(name) || matches!(name, "A" | "B" | "D" | "k" | "const" | "a" | "b")
    };
    let mine: Vec<String> = here.iter().filter(|name| is_constant(name)).cloned().collect();
    let others: Vec<&String> = here.iter().filter(|name| !is_constant(name)).collect();
    let theirs: Vec<String> = there.iter().filter(|name| !others.contains(name)).cloned().collect();
    let fits = !mine.is_empty()
        && mine.len() <= 2
        && mine.len() == theirs.len()
        && !others.is_empty()
        && theirs.iter().all(|name| may_be(name));
    if !fits {
        return Ok(None);
    }
    let orders: &[&[usize]] = if mine.len() == 1 { &[&[0]] } else { &[&[0, 1], &[1, 0]] };
    for order in orders {
        let pairs: Vec<(String, String)> =
            order.iter().zip(&mine).map(|(at, name)| (theirs[*at].clone(), name.clone())).collect();
        let answer = renamed(&answer, &pairs);
        if agree(gold, &answer, judge)?
            || mine.len() == 1 && absorbed(gold, &answer, &mine[0], judge)?
        {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

/// Whether two values differ by a number only, which their constant takes up.
fn absorbed(gold: &Expr, answer: &Expr, constant: &str, budget: &Budget) -> Result<bool, Stop> {
    let rest = |expr: &Expr| -> Result<Option<Poly>, Stop> {
        let value = value_of(expr, budget)?.unwrap_or_else(|| expr.clone());
        match canon(&value, Reading::LITERAL, budget) {
            Ok(sum) => Ok(sum.linear(constant).map(|(_, rest)| rest)),
            Err(Stop::Syntax | Stop::Undefined) => Ok(None),
            Err(stop) => Err(stop),
        }
    };
    let (Some(a), Some(b)) = (rest(gold)?, rest(answer)?) else { return Ok(false) };
    Ok(!a.sub(&b, budget)?.has_names())
}
