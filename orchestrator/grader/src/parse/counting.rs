//! Binomial coefficients and numbers of arrangements in their many notations: `C_n^k`, `{}_nC_k`,
//! `C(n,k)`, `A_n^k`, `P(n,k)`.

use dashu_ratio::RBig;

use super::Parser;
use crate::ast::Expr;
use crate::lex::Token;
use crate::stop::Stop;

impl Parser {
    /// `C_n^k` and `C^k_n` after their letter; nothing if this is another name with scripts.
    pub(super) fn counted(&mut self, base: &Expr) -> Result<Option<Expr>, Stop> {
        let Expr::Var(letter) = base else { return Ok(None) };
        let Some(function) = function_of(letter) else { return Ok(None) };
        let start = self.at;
        let mut scripts = [None, None];
        for _ in 0..2 {
            let slot = usize::from(self.is('^'));
            if !(self.is('_') || self.is('^')) || scripts[slot].is_some() {
                break;
            }
            self.at += 1;
            let script = match self.peek() {
                Some(Token::Number { .. }) => self.number(false),
                _ => self.deeper(Self::argument),
            };
            match script {
                Ok(script) => scripts[slot] = Some(script),
                Err(Stop::Syntax) => break,
                Err(stop) => return Err(stop),
            }
        }
        if let [Some(below), Some(above)] = scripts {
            // The larger number is the one that is chosen from, wherever it stands.
            let (n, k) = match (whole(&below), whole(&above)) {
                (Some(a), Some(b)) if a < b => (above, below),
                _ => (below, above),
            };
            let known = whole(&n).is_some() && whole(&k).is_some() || is_count(&n);
            if known && (letter == "C" || whole(&n).is_some_and(|n| n > RBig::from(2))) {
                return Ok(Some(Expr::Call(function, vec![n, k])));
            }
        }
        self.at = start;
        Ok(None)
    }

    /// `{}_nC_k` from its first script on.
    pub(super) fn prescript(&mut self) -> Result<Expr, Stop> {
        if !(self.eat('_') || self.eat('^')) {
            return Err(Stop::Syntax);
        }
        let n = self.deeper(Self::argument)?;
        let function = match self.peek() {
            Some(Token::Letter(letter) | Token::Word(letter)) => function_of(letter),
            _ => None,
        };
        let function = function.ok_or(Stop::Syntax)?;
        self.at += 1;
        if !(self.eat('_') || self.eat('^')) {
            return Err(Stop::Syntax);
        }
        let k = self.deeper(Self::argument)?;
        Ok(Expr::Call(function, vec![n, k]))
    }
}

fn function_of(letter: &str) -> Option<&'static str> {
    match letter {
        "C" => Some("binom"),
        "A" | "P" => Some("perm"),
        _ => None,
    }
}

/// `C(n,k)` and `P(n,k)`, where the arguments can be counts.
pub(super) fn counting_call(letter: &str, arguments: &[Expr]) -> Option<Expr> {
    let [n, k] = arguments else { return None };
    let function = function_of(letter).filter(|_| letter != "A")?;
    let counts = match (whole(n), whole(k)) {
        (Some(n), Some(k)) => n >= k && k >= RBig::ZERO,
        _ => letter == "C" && is_count(n) && !matches!(k, Expr::Seq(..)),
    };
    counts.then(|| Expr::Call(function, vec![n.clone(), k.clone()]))
}

fn whole(expr: &Expr) -> Option<RBig> {
    match expr {
        Expr::Num(num) if num.value.is_int() => Some(num.value.clone()),
        _ => None,
    }
}

/// Whether an expression is made of letters that count: `n`, `2n`, `n+1`.
fn is_count(expr: &Expr) -> bool {
    match expr {
        Expr::Var(name) => matches!(name.as_str(), "n" | "N" | "m" | "k"),
        Expr::Num(num) => num.value.is_int(),
        Expr::Add(items) | Expr::Mul(items) => items.iter().all(is_count),
        Expr::Neg(inner) => is_count(inner),
        _ => false,
    }
}
