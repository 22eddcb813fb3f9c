//! Unions of intervals, as sorted pieces that do not touch.

use dashu_int::IBig;

use crate::algebra::{Order, Poly, order};
use crate::stop::{Budget, Stop};

/// An end of a piece.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    Low,
    At(Poly),
    High,
}

/// An interval, or a point if its ends are the same.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) low: End,
    pub(super) low_closed: bool,
    pub(super) high: End,
    pub(super) high_closed: bool,
}

impl Piece {
    /// The whole line.
    pub(super) fn all() -> Self {
        Self { low: End::Low, low_closed: false, high: End::High, high_closed: false }
    }

    /// The first and the last integer in a bounded piece; `least` bounds it from below.
    pub(super) fn integers(&self, least: Option<i64>) -> Option<(i64, i64)> {
        let number = |end: &End| match end {
            End::At(sum) => sum.as_constant(),
            _ => None,
        };
        let whole = |value: IBig| i64::try_from(value).ok().filter(|n| n.abs() < 1 << 40);
        let low = match number(&self.low) {
            Some(low) if low.is_int() && !self.low_closed => whole(low.floor())? + 1,
            Some(low) => whole(low.ceil())?,
            None if self.low == End::Low => least?,
            None => return None,
        };
        let high = number(&self.high)?;
        let top = whole(high.floor())?;
        let high = if high.is_int() && !self.high_closed { top - 1 } else { top };
        Some((low.max(least.unwrap_or(low)), high))
    }
}

/// A single point.
pub(super) fn point(at: End) -> Piece {
    Piece { low: at.clone(), low_closed: true, high: at, high_closed: true }
}

fn compare_ends(a: &End, b: &End, budget: &Budget) -> Result<Option<Order>, Stop> {
    Ok(match (a, b) {
        (End::At(a), End::At(b)) => order(a, b, budget)?,
        (End::Low, End::Low) | (End::High, End::High) => Some(Order::Equal),
        (End::Low, _) | (_, End::High) => Some(Order::Less),
        (End::High, _) | (_, End::Low) => Some(Order::Greater),
    })
}

/// Pieces sorted and joined; nothing if their ends cannot be compared.
pub(super) fn joined(mut parts: Vec<Piece>, budget: &Budget) -> Result<Option<Vec<Piece>>, Stop> {
    // Insertion keeps the order without a comparator that may fail inside a sort.
    let mut sorted: Vec<Piece> = Vec::new();
    for part in parts.drain(..) {
        match compare_ends(&part.low, &part.high, budget)? {
            None => return Ok(None),
            Some(Order::Greater) => continue,
            Some(Order::Equal) if !(part.low_closed && part.high_closed) => continue,
            Some(_) => {}
        }
        let mut at = sorted.len();
        while at > 0 {
            let before = match compare_ends(&sorted[at - 1].low, &part.low, budget)? {
                None => return Ok(None),
                Some(Order::Less) => true,
                Some(Order::Equal) => sorted[at - 1].low_closed || !part.low_closed,
                Some(Order::Greater) => false,
            };
            if before {
                break;
            }
            at -= 1;
        }
        sorted.insert(at, part);
    }
    let mut result: Vec<Piece> = Vec::new();
    for part in sorted {
        let Some(last) = result.last_mut() else {
            result.push(part);
            continue;
        };
        let touches = match compare_ends(&part.low, &last.high, budget)? {
            None => return Ok(None),
            Some(Order::Less) => true,
            Some(Order::Equal) => part.low_closed || last.high_closed,
            Some(Order::Greater) => false,
        };
        if !touches {
            result.push(part);
            continue;
        }
        match compare_ends(&part.high, &last.high, budget)? {
            None => return Ok(None),
            Some(Order::Greater) => {
                last.high = part.high;
                last.high_closed = part.high_closed;
            }
            Some(Order::Equal) => last.high_closed |= part.high_closed,
            Some(Order::Less) => {}
        }
    }
    Ok(Some(result))
}

pub(super) fn intersection(
    a: &[Piece],
    b: &[Piece],
    budget: &Budget,
) -> Result<Option<Vec<Piece>>, Stop> {
    let mut parts = Vec::new();
    for left in a {
        for right in b {
            let mut piece = left.clone();
            match compare_ends(&left.low, &right.low, budget)? {
                None => return Ok(None),
                Some(Order::Less) => {
                    piece.low = right.low.clone();
                    piece.low_closed = right.low_closed;
                }
                Some(Order::Equal) => piece.low_closed = left.low_closed && right.low_closed,
                Some(Order::Greater) => {}
            }
            match compare_ends(&left.high, &right.high, budget)? {
                None => return Ok(None),
                Some(Order::Greater) => {
                    piece.high = right.high.clone();
                    piece.high_closed = right.high_closed;
                }
                Some(Order::Equal) => piece.high_closed = left.high_closed && right.high_closed,
                Some(Order::Less) => {}
            }
            parts.push(piece);
        }
    }
    joined(parts, budget)
}

/// What the pieces leave out.
pub(super) fn complement(parts: &[Piece], budget: &Budget) -> Result<Option<Vec<Piece>>, Stop> {
    let mut rest = vec![Piece::all()];
    for part in parts {
        let below = Piece { high: part.low.clone(), high_closed: !part.low_closed, ..Piece::all() };
        let above = Piece { low: part.high.clone(), low_closed: !part.high_closed, ..Piece::all() };
        let mut sides = Vec::new();
        if part.low != End::Low {
            sides.push(below);
        }
        if part.high != End::High {
            sides.push(above);
        }
        let Some(next) = intersection(&rest, &sides, budget)? else { return Ok(None) };
        rest = next;
    }
    Ok(Some(rest))
}

pub(super) fn same_pieces(a: &[Piece], b: &[Piece], budget: &Budget) -> Result<bool, Stop> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (x, y) in a.iter().zip(b) {
        let ends = compare_ends(&x.low, &y.low, budget)? == Some(Order::Equal)
            && compare_ends(&x.high, &y.high, budget)? == Some(Order::Equal);
        if !ends || x.low_closed != y.low_closed || x.high_closed != y.high_closed {
            return Ok(false);
        }
    }
    Ok(true)
}
