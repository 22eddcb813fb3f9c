//! Letters for other letters.

use std::collections::BTreeSet;

use crate::ast::Expr;

/// An expression with other expressions for some of its names.
pub(super) fn substitute(expr: &Expr, replacement: &dyn Fn(&Expr) -> Option<Expr>) -> Expr {
    if let Some(found) = replacement(expr) {
        return found;
    }
    let one = |inner: &Expr| Box::new(substitute(inner, replacement));
    let all =
        |items: &[Expr]| items.iter().map(|item| substitute(item, replacement)).collect::<Vec<_>>();
    match expr {
        Expr::Num(_) | Expr::Const(_) | Expr::Var(_) | Expr::Text(_) | Expr::Based(..) => {
            expr.clone()
        }
        Expr::Clock(..) => expr.clone(),
        Expr::Add(items) => Expr::Add(all(items)),
        Expr::Mul(items) => Expr::Mul(all(items)),
        Expr::Neg(inner) => Expr::Neg(one(inner)),
        Expr::Div(a, b) => Expr::Div(one(a), one(b)),
        Expr::Pow(a, b) => Expr::Pow(one(a), one(b)),
        Expr::PlusMinus(inner) => Expr::PlusMinus(one(inner)),
        Expr::Call(name, items) => Expr::Call(name, all(items)),
        Expr::Apply(name, items) => Expr::Apply(name.clone(), all(items)),
        Expr::Undone(name, items) => Expr::Undone(name, all(items)),
        Expr::Percent(inner) => Expr::Percent(one(inner)),
        Expr::Degree(inner) => Expr::Degree(one(inner)),
        Expr::Seq(open, items, close) => Expr::Seq(*open, all(items), *close),
        Expr::Relation(items, ops) => Expr::Relation(all(items), ops.clone()),
        Expr::SetOp(op, a, b) => Expr::SetOp(*op, one(a), one(b)),
        Expr::Matrix(rows) => Expr::Matrix(rows.iter().map(|row| all(row)).collect()),
        Expr::Ratio(items) => Expr::Ratio(all(items)),
        Expr::Builder(a, b) => Expr::Builder(one(a), one(b)),
        Expr::Case(a, b) => Expr::Case(one(a), one(b)),
        Expr::Residue(a, b) => Expr::Residue(one(a), one(b)),
    }
}

/// An expression with some names changed for others, all at once.
pub(super) fn renamed(expr: &Expr, names: &[(String, String)]) -> Expr {
    substitute(expr, &|part| match part {
        Expr::Var(name) => {
            names.iter().find(|(from, _)| from == name).map(|(_, to)| Expr::Var(to.clone()))
        }
        _ => None,
    })
}

/// The names in an expression.
pub(super) fn letters(expr: &Expr) -> BTreeSet<String> {
    let found = std::cell::RefCell::new(BTreeSet::new());
    expr.any(&|part| {
        if let Expr::Var(name) = part {
            found.borrow_mut().insert(name.clone());
        }
        false
    });
    found.into_inner()
}

/// The value that a function or a sequence has when it is written in the letters of another.
///
/// Nothing if the names bind no letters, or the same ones.
pub(super) fn bound(name: &Expr, other: &Expr, value: &Expr) -> Option<Expr> {
    let (mine, theirs) = (letters_bound(name)?, letters_bound(other)?);
    if mine == theirs || mine.len() != theirs.len() {
        return None;
    }
    let distinct = |names: &[String]| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    if !distinct(&mine) || !distinct(&theirs) {
        return None;
    }
    // A letter that is bound here and free there means something else.
    if letters(value).iter().any(|letter| mine.contains(letter) && !theirs.contains(letter)) {
        return Some(Expr::Text("another letter".to_owned()));
    }
    let pairs: Vec<(String, String)> = theirs.into_iter().zip(mine).collect();
    Some(renamed(value, &pairs))
}

/// The letters that the name of a function or of a sequence binds: `f(x)`, `a_n`.
fn letters_bound(name: &Expr) -> Option<Vec<String>> {
    match name {
        Expr::Apply(_, arguments) => arguments
            .iter()
            .map(|argument| match argument {
                Expr::Var(letter) => Some(letter.clone()),
                _ => None,
            })
            .collect(),
        Expr::Var(name) => {
            let (_, index) = name.split_once('_')?;
            let letter = index.len() == 1 && index.chars().all(|c| c.is_ascii_lowercase());
            letter.then(|| vec![index.to_owned()])
        }
        _ => None,
    }
}
