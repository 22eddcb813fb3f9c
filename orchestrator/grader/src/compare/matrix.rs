//! Matrices: entry by entry, after sums and products are worked out.

use super::judge::Judge;
use super::rounding::rounded_entries;
use crate::ast::Expr;
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;

type Rows = Vec<Vec<Expr>>;

/// Compares matrices of the same shape.
pub(super) fn compare_rows(
    rows: &[Vec<Expr>],
    others: &[Vec<Expr>],
    judge: &Judge<'_>,
) -> Result<Reason, Stop> {
    let shape = |rows: &[Vec<Expr>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
    // A row for a column is another vector, though other graders do not mind.
    let turned = judge.is_lenient() && vector(rows).is_some() && vector(others).is_some();
    if shape(rows) != shape(others) && !turned {
        return Ok(Reason::DifferentCount);
    }
    let gold: Vec<&Expr> = rows.iter().flatten().collect();
    let answer: Vec<&Expr> = others.iter().flatten().collect();
    entries(&gold, &answer, judge)
}

/// Compares a column with the two entries of a binomial coefficient.
pub(super) fn column(
    rows: &[Vec<Expr>],
    items: &[Expr],
    gold_is_column: bool,
    judge: &Judge<'_>,
) -> Result<Reason, Stop> {
    if rows.len() != 2 || rows.iter().any(|row| row.len() != 1) {
        return Ok(Reason::DifferentKind);
    }
    let (cells, items): (Vec<&Expr>, Vec<&Expr>) =
        (rows.iter().flatten().collect(), items.iter().collect());
    if gold_is_column { entries(&cells, &items, judge) } else { entries(&items, &cells, judge) }
}

/// Compares entries one by one.
pub(super) fn entries(gold: &[&Expr], answer: &[&Expr], judge: &Judge<'_>) -> Result<Reason, Stop> {
    if gold.len() != answer.len() {
        return Ok(Reason::DifferentCount);
    }
    let mut all = true;
    for (a, b) in gold.iter().zip(answer) {
        if !judge.agree(a, b)? {
            all = false;
            break;
        }
    }
    if all {
        return Ok(Reason::SameValue);
    }
    if rounded_entries(gold, answer, judge)? {
        return Ok(Reason::Rounded);
    }
    Ok(Reason::DifferentValue)
}

/// The entries of a vector that is written as a column or a row.
pub(super) fn vector(rows: &[Vec<Expr>]) -> Option<Vec<&Expr>> {
    if rows.iter().all(|row| row.len() == 1) {
        return Some(rows.iter().flatten().collect());
    }
    match rows {
        [row] => Some(row.iter().collect()),
        _ => None,
    }
}

/// Works out sums, multiples and products of matrices; nothing if there are no matrices.
pub(super) fn evaluated(expr: &Expr, budget: &Budget) -> Result<Option<Expr>, Stop> {
    if matches!(expr, Expr::Call(..)) || !expr.any(&|e| matches!(e, Expr::Matrix(_))) {
        return Ok(None);
    }
    Ok(work_out(expr, budget)?.map(Expr::Matrix))
}

fn work_out(expr: &Expr, budget: &Budget) -> Result<Option<Rows>, Stop> {
    budget.spend(50)?;
    match expr {
        Expr::Matrix(rows) => Ok(Some(rows.clone())),
        Expr::Neg(inner) => {
            let rows = work_out(inner, budget)?;
            Ok(rows.map(|rows| each(rows, |cell| Expr::Neg(Box::new(cell)))))
        }
        Expr::Add(terms) => {
            let mut sum: Option<Rows> = None;
            for term in terms {
                let Some(rows) = work_out(term, budget)? else { return Ok(None) };
                sum = match sum {
                    None => Some(rows),
                    Some(left) => match added(left, rows) {
                        Some(total) => Some(total),
                        None => return Ok(None),
                    },
                };
            }
            Ok(sum)
        }
        Expr::Mul(factors) => {
            let mut product: Option<Rows> = None;
            let mut scalars = Vec::new();
            for factor in factors {
                if !factor.any(&|e| matches!(e, Expr::Matrix(_))) {
                    scalars.push(factor.clone());
                    continue;
                }
                let Some(rows) = work_out(factor, budget)? else { return Ok(None) };
                product = match product {
                    None => Some(rows),
                    Some(left) => match multiplied(&left, &rows, budget)? {
                        Some(total) => Some(total),
                        None => return Ok(None),
                    },
                };
            }
            let weight: u64 = scalars.iter().map(size).sum();
            let cells = product.as_ref().map_or(0, |rows| rows.iter().flatten().count());
            budget.spend(5 * weight * cells as u64)?;
            let scale = |cell: Expr| scalars.iter().cloned().fold(cell, Expr::times);
            Ok(product.map(|rows| each(rows, scale)))
        }
        _ => Ok(None),
    }
}

fn each(rows: Rows, map: impl Fn(Expr) -> Expr) -> Rows {
    rows.into_iter().map(|row| row.into_iter().map(&map).collect()).collect()
}

fn added(left: Rows, right: Rows) -> Option<Rows> {
    if left.len() != right.len() {
        return None;
    }
    left.into_iter()
        .zip(right)
        .map(|(a, b)| {
            let row = a.into_iter().zip(b.iter().cloned()).map(|(x, y)| Expr::Add(vec![x, y]));
            let row: Vec<Expr> = row.collect();
            (row.len() == b.len()).then_some(row)
        })
        .collect()
}

fn multiplied(left: &Rows, right: &Rows, budget: &Budget) -> Result<Option<Rows>, Stop> {
    let columns = right.first().map_or(0, Vec::len);
    if left.iter().any(|row| row.len() != right.len())
        || right.iter().any(|row| row.len() != columns)
    {
        return Ok(None);
    }
    // Every cell of one side is copied into every cell of a row or column of the product.
    let weight = |rows: &Rows| rows.iter().flatten().map(size).sum::<u64>();
    budget.spend(5 * (weight(left) * columns as u64 + weight(right) * left.len() as u64))?;
    let cell = |row: &[Expr], column: usize| {
        let terms = row.iter().zip(right).map(|(a, b)| a.clone().times(b[column].clone()));
        Expr::Add(terms.collect())
    };
    Ok(Some(
        left.iter().map(|row| (0..columns).map(|column| cell(row, column)).collect()).collect(),
    ))
}

/// The number of parts of an expression.
fn size(expr: &Expr) -> u64 {
    let mut count = 0;
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        count += 1;
        open.extend(expr.children());
    }
    count
}
