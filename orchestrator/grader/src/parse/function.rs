//! Commands that take arguments: fractions, roots, functions, sums and integrals.

use super::Parser;
use crate::ast::{Bracket, Constant, Expr};
use crate::lex::Token;
use crate::stop::Stop;

impl Parser {
    /// A command; the next token is the one after its name.
    pub(super) fn command(&mut self, name: &'static str) -> Result<Expr, Stop> {
        match name {
            "frac" => {
                let top = self.deeper(Self::argument)?;
                let bottom = self.deeper(Self::argument)?;
                Ok(derivative(&top, &bottom)
                    .unwrap_or_else(|| Expr::Div(Box::new(top), Box::new(bottom))))
            }
            "binom" => {
                let top = self.deeper(Self::argument)?;
                let bottom = self.deeper(Self::argument)?;
                Ok(Expr::Call("binom", vec![top, bottom]))
            }
            "sqrt" => self.root(),
            "overline" | "bar" | "hat" | "vec" | "tilde" | "widehat" | "overrightarrow" | "dot" => {
                let inner = self.deeper(Self::argument)?;
                Ok(match inner {
                    // A segment is named by its ends, with a line over them or without.
                    Expr::Mul(ends) if name == "overline" && is_segment(&ends) => Expr::Mul(ends),
                    // A line over a product of letters names a segment; arrows name vectors.
                    Expr::Var(letter) => Expr::Var(format!("{name} {letter}")),
                    Expr::Const(Constant::I) => Expr::Var(format!("{name} i")),
                    // An arrow goes from its first end to the other.
                    Expr::Mul(ends) if accent(name) == "vec" && is_segment(&ends) => {
                        Expr::Var(format!("vec {}", ends.iter().map(label).collect::<String>()))
                    }
                    other => Expr::Apply(accent(name).to_owned(), vec![other]),
                })
            }
            "sum" | "prod" | "int" | "iint" | "iiint" | "oint" | "lim" | "limsup" | "liminf"
            | "sup" | "inf" => self.undone(name),
            "not" | "mod" | "bmod" | "pmod" | "over" | "choose" | "operator" => Err(Stop::Syntax),
            "partial" => Ok(Expr::Var("partial".to_owned())),
            _ => self.function(name),
        }
    }

    /// One argument: a group, or the next symbol.
    pub(super) fn argument(&mut self) -> Result<Expr, Stop> {
        if self.is('{') {
            if self.peek_at(1) == Some(&Token::Symbol('}')) {
                return Err(Stop::Syntax);
            }
            return self.atom();
        }
        // \frac12 takes one digit at a time.
        if let Some(Token::Number { digits, exponent: 0, .. }) = self.peek()
            && digits.len() > 1
            && digits.is_char_boundary(1)
        {
            let (first, rest) = digits.split_at(1);
            let value = first.parse().map_err(|_| Stop::Syntax)?;
            let rest = Token::Number { digits: rest.to_owned(), exponent: 0, grouped: false };
            self.lexemes[self.at].token = rest;
            return Ok(Expr::int(value));
        }
        if self.is('-') {
            self.at += 1;
            return Ok(Expr::Neg(Box::new(self.atom()?)));
        }
        self.atom()
    }

    /// A root after its command.
    fn root(&mut self) -> Result<Expr, Stop> {
        let index = if self.is('[') {
            self.at += 1;
            let index = self.deeper(|parser| parser.expr(0))?;
            self.expect(']')?;
            Some(index)
        } else {
            None
        };
        // Without braces the whole number is under the root: humans read \sqrt19 so.
        let radicand = self.atom()?;
        let exponent = match index {
            None => Expr::ratio(1, 2),
            Some(index) => Expr::Div(Box::new(Expr::int(1)), Box::new(index)),
        };
        Ok(Expr::Pow(Box::new(radicand), Box::new(exponent)))
    }

    /// A function with its power, base and argument.
    fn function(&mut self, name: &'static str) -> Result<Expr, Stop> {
        let mut power = None;
        let mut base = None;
        loop {
            if self.eat('^') {
                power = Some(self.deeper(Self::script)?);
            } else if self.eat('_') {
                base = Some(self.deeper(Self::script)?);
            } else if self.is('\'') {
                return Err(Stop::Syntax);
            } else {
                break;
            }
        }
        let arguments = self.arguments()?;
        let inverse = power.as_ref().is_some_and(|p| *p == Expr::Neg(Box::new(Expr::int(1))));
        let (name, power) = match inverse_of(name) {
            Some(inverse_name) if inverse => (inverse_name, None),
            _ => (name, power),
        };
        let value = match (name, base) {
            ("exp", None) => {
                let [exponent] = <[Expr; 1]>::try_from(arguments).map_err(|_| Stop::Syntax)?;
                Expr::Pow(Box::new(Expr::Const(Constant::E)), Box::new(exponent))
            }
            // The natural logarithm unless a base is given; "lg" is to base ten.
            ("log", Some(base)) => {
                let over = Expr::Call("ln", vec![base]);
                Expr::Div(Box::new(Expr::Call("ln", arguments)), Box::new(over))
            }
            ("lg", None) => {
                let over = Expr::Call("ln", vec![Expr::int(10)]);
                Expr::Div(Box::new(Expr::Call("ln", arguments)), Box::new(over))
            }
            (name, None) => Expr::Call(name, arguments),
            (name, Some(base)) => {
                let mut all = vec![base];
                all.extend(arguments);
                Expr::Apply(format!("{name}_"), all)
            }
        };
        Ok(match power {
            None => value,
            Some(power) => Expr::Pow(Box::new(value), Box::new(power)),
        })
    }

    /// What stands after `^` or `_` of a function.
    fn script(&mut self) -> Result<Expr, Stop> {
        // The base of a logarithm without braces is one digit: \log_28 is the logarithm of 8.
        if self.is('{') || matches!(self.peek(), Some(Token::Number { .. })) {
            return self.argument();
        }
        if self.eat('-') {
            return Ok(Expr::Neg(Box::new(self.atom()?)));
        }
        self.atom()
    }

    /// The arguments of a function: those in brackets, or the product that follows.
    fn arguments(&mut self) -> Result<Vec<Expr>, Stop> {
        let brackets = matches!(
            self.peek(),
            Some(Token::Symbol('(' | '[' | '⦃' | '{' | '⎸' | '⟨') | Token::Begin(_))
        ) || (self.is('|') && self.bars == 0);
        if !brackets {
            return Ok(vec![self.product()?]);
        }
        let argument = self.atom()?;
        // sin{x}^2 and \ln|x| take no more; a group in braces may be followed by its power.
        Ok(match argument {
            Expr::Seq(_, items, _) if !items.is_empty() => items,
            one => vec![one],
        })
    }

    /// Factors without signs between them, up to the next function.
    fn product(&mut self) -> Result<Expr, Stop> {
        if self.eat('-') {
            return Ok(Expr::Neg(Box::new(self.product()?)));
        }
        let nested = matches!(self.peek(), Some(Token::Command(_)));
        let mut left = self.deeper(Self::powers)?;
        loop {
            let more = match self.peek() {
                Some(Token::Letter(_) | Token::Number { .. }) => true,
                Some(Token::Command(name)) => matches!(*name, "frac" | "sqrt") && !nested,
                _ => false,
            };
            if !more {
                return Ok(left);
            }
            left = left.times(self.deeper(Self::powers)?);
        }
    }

    /// A sum, product, integral or limit with its bounds and body.
    fn undone(&mut self, name: &'static str) -> Result<Expr, Stop> {
        let mut parts = Vec::new();
        for mark in ['_', '^', '_'] {
            if self.eat(mark) {
                if self.is('{') && self.peek_at(1) == Some(&Token::Symbol('}')) {
                    self.at += 2;
                    continue;
                }
                let bound =
                    self.deeper(
                        |parser| {
                            if parser.is('{') { parser.atom() } else { parser.argument() }
                        },
                    )?;
                parts.push(Expr::Apply(format!("bound{mark}"), vec![bound]));
            }
        }
        // Bounds may be written in either order.
        parts.sort_by_key(|part| matches!(part, Expr::Apply(name, _) if name == "bound^"));
        // An integral reaches over its sum, as its differential shows.
        let body = self.expr(if name.contains("int") { 10 } else { 20 })?;
        parts.push(if name.contains("int") { differential(body) } else { body });
        Ok(Expr::Undone(name, parts))
    }

    /// What stands after `_`.
    pub(super) fn subscript(&mut self, base: Expr) -> Result<Expr, Stop> {
        let start = self.at;
        let index = self.deeper(|parser| {
            if parser.is('{') { parser.atom() } else { parser.argument_of_subscript() }
        });
        let index = match index {
            Ok(index) => label(&index),
            Err(Stop::Syntax) => {
                // Any tokens may be an index; its text is its name.
                self.at = start;
                self.raw_group()?
            }
            Err(stop) => return Err(stop),
        };
        if let Some(based) = digits_in_base(&base, &index) {
            return Ok(based);
        }
        match base {
            Expr::Var(name) => Ok(Expr::Var(format!("{name}_{index}"))),
            Expr::Const(Constant::E) => Ok(Expr::Var(format!("e_{index}"))),
            Expr::Const(Constant::I) => Ok(Expr::Var(format!("i_{index}"))),
            Expr::Pow(inner, exponent) if matches!(*inner, Expr::Var(_)) => {
                let Expr::Var(name) = *inner else { return Err(Stop::Syntax) };
                Ok(Expr::Pow(Box::new(Expr::Var(format!("{name}_{index}"))), exponent))
            }
            other => Ok(Expr::Apply(format!("index_{index}"), vec![other])),
        }
    }

    fn argument_of_subscript(&mut self) -> Result<Expr, Stop> {
        self.argument()
    }

    /// The tokens of a group as text.
    fn raw_group(&mut self) -> Result<String, Stop> {
        self.expect('{')?;
        let mut depth = 1;
        let mut text = String::new();
        while depth > 0 {
            let token = self.peek().ok_or(Stop::Syntax)?;
            match token {
                Token::Symbol('{') => depth += 1,
                Token::Symbol('}') => depth -= 1,
                Token::Symbol(c) => text.push(*c),
                Token::Letter(name) | Token::Word(name) => text.push_str(name),
                Token::Number { digits, .. } => text.push_str(digits),
                _ => text.push('.'),
            }
            self.at += 1;
        }
        Ok(text)
    }
}

/// `(1011)_2`, and digits with a line over them, in the base of their index.
fn digits_in_base(base: &Expr, index: &str) -> Option<Expr> {
    let number = match base {
        Expr::Apply(name, inner) if name == "overline" && inner.len() == 1 => &inner[0],
        other => other,
    };
    match (number, index.parse::<u32>()) {
        (Expr::Num(num), Ok(radix @ 2..=36)) if num.decimal.is_none() && num.value.is_int() => {
            Some(Expr::Based(num.value.to_string(), radix))
        }
        _ => None,
    }
}

/// A derivative written as a fraction of differentials is an operator, not a quotient.
fn derivative(top: &Expr, bottom: &Expr) -> Option<Expr> {
    let is_d = |expr: &Expr| matches!(expr, Expr::Var(name) if name == "d" || name == "partial");
    let below = match bottom {
        Expr::Mul(factors) if factors.len() == 2 && is_d(&factors[0]) => &factors[1],
        _ => return None,
    };
    match top {
        d if is_d(d) => Some(Expr::Apply("derivative".to_owned(), vec![below.clone()])),
        Expr::Mul(factors) if factors.len() == 2 && is_d(&factors[0]) => {
            Some(Expr::Apply("derivative".to_owned(), vec![below.clone(), factors[1].clone()]))
        }
        _ => None,
    }
}

/// Splits `x dx` off the last term of an integrand.
fn differential(body: Expr) -> Expr {
    let split = |factors: &mut Vec<Expr>| -> Option<Expr> {
        let at = factors.len().checked_sub(2)?;
        matches!(&factors[at], Expr::Var(d) if d == "d").then(|| {
            let variable = factors.pop();
            factors.pop();
            variable
        })?
    };
    let (rest, variable) = match body {
        Expr::Mul(mut factors) => {
            let variable = split(&mut factors);
            (Expr::Mul(factors), variable)
        }
        Expr::Add(mut terms) => {
            let variable = match terms.last_mut() {
                Some(Expr::Mul(factors)) => split(factors),
                _ => None,
            };
            (Expr::Add(terms), variable)
        }
        other => (other, None),
    };
    match variable {
        Some(variable) => Expr::Apply("over".to_owned(), vec![rest, variable]),
        None => rest,
    }
}

/// Whether letters are the two ends of a segment.
fn is_segment(ends: &[Expr]) -> bool {
    let end = |expr: &Expr| matches!(expr, Expr::Var(name) if name.len() == 1 && name.chars().all(char::is_uppercase));
    ends.len() == 2 && ends.iter().all(end)
}

/// One name for accents that mean the same.
fn accent(name: &'static str) -> &'static str {
    match name {
        "overrightarrow" => "vec",
        "widehat" => "hat",
        "bar" => "overline",
        other => other,
    }
}

/// The inverse that an exponent of minus one stands for.
fn inverse_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "sin" => "arcsin",
        "cos" => "arccos",
        "tan" => "arctan",
        "cot" => "arccot",
        "sec" => "arcsec",
        "csc" => "arccsc",
        "sinh" => "arsinh",
        "cosh" => "arcosh",
        "tanh" => "artanh",
        _ => return None,
    })
}

/// The name of an index.
fn label(index: &Expr) -> String {
    match index {
        Expr::Num(num) => num.value.to_string(),
        Expr::Var(name) | Expr::Text(name) => name.clone(),
        Expr::Const(Constant::E) => "e".to_owned(),
        Expr::Const(Constant::I) => "i".to_owned(),
        Expr::Const(Constant::Pi) => "pi".to_owned(),
        Expr::Const(Constant::Infinity) => "inf".to_owned(),
        Expr::Mul(items) => items.iter().map(label).collect(),
        Expr::Seq(Bracket::None | Bracket::Curly, items, _) => {
            items.iter().map(label).collect::<Vec<_>>().join(",")
        }
        Expr::Add(items) => items.iter().map(label).collect::<Vec<_>>().join("+"),
        Expr::Neg(inner) => format!("-{}", label(inner)),
        Expr::Pow(base, exponent) => format!("{}^{}", label(base), label(exponent)),
        Expr::Div(top, bottom) => format!("{}/{}", label(top), label(bottom)),
        other => format!("{other:?}"),
    }
}
