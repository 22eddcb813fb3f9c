//! The Pratt parser for everything that computes.

use super::counting::counting_call;
use super::{Parser, lengthen};
use crate::ast::{Bracket, Constant, Expr};
use crate::lex::Token;
use crate::stop::Stop;

/// Binding powers: a parser called with a power takes operators that bind at least as tightly.
const OVER: u8 = 1;
const SUM: u8 = 10;
const PRODUCT: u8 = 20;
/// Products without a sign bind tighter than a slash: `1/2x` is one over `2x`.
const ADJACENT: u8 = 22;
const SIGN: u8 = 25;

impl Parser {
    /// An expression of operators that bind at least as tightly as `power`.
    pub(super) fn expr(&mut self, power: u8) -> Result<Expr, Stop> {
        self.deeper(|parser| parser.operators(power))
    }

    fn operators(&mut self, power: u8) -> Result<Expr, Stop> {
        let mut left = self.signed()?;
        let mut chain = 0;
        while let Some(token) = self.peek() {
            left = match token {
                Token::Command("over") if power <= OVER => {
                    self.at += 1;
                    lengthen(&mut chain)?;
                    let below = self.expr(OVER + 1)?;
                    Expr::Div(Box::new(left), Box::new(below))
                }
                Token::Command("choose") if power <= OVER => {
                    self.at += 1;
                    lengthen(&mut chain)?;
                    let below = self.expr(OVER + 1)?;
                    Expr::Call("binom", vec![left, below])
                }
                Token::Symbol(c @ ('+' | '-' | '±' | '∓')) if power <= SUM => {
                    let operator = *c;
                    self.at += 1;
                    let term = self.expr(SUM + 1)?;
                    let term = match operator {
                        '-' => Expr::Neg(Box::new(term)),
                        '±' => Expr::PlusMinus(Box::new(term)),
                        '∓' => Expr::PlusMinus(Box::new(Expr::Neg(Box::new(term)))),
                        _ => term,
                    };
                    match left {
                        Expr::Add(mut terms) => {
                            terms.push(term);
                            Expr::Add(terms)
                        }
                        first => Expr::Add(vec![first, term]),
                    }
                }
                Token::Symbol('*') if power <= PRODUCT => {
                    self.at += 1;
                    left.times(self.expr(PRODUCT + 1)?)
                }
                Token::Symbol('/') if power <= PRODUCT => {
                    self.at += 1;
                    lengthen(&mut chain)?;
                    let tight = !self.spaced();
                    let below = self.expr(if tight { ADJACENT } else { PRODUCT + 1 })?;
                    Expr::Div(Box::new(left), Box::new(below))
                }
                Token::Command("mod" | "bmod") if power <= PRODUCT => {
                    self.at += 1;
                    lengthen(&mut chain)?;
                    Expr::Call("mod", vec![left, self.expr(PRODUCT + 1)?])
                }
                _ if self.starts_factor() && power <= ADJACENT => {
                    // Blanks end the denominator of a slash.
                    if power == ADJACENT && self.spaced() {
                        break;
                    }
                    if power > PRODUCT && power != ADJACENT {
                        break;
                    }
                    let numbers = matches!(token, Token::Number { .. }) && self.after_number();
                    if numbers {
                        return Err(Stop::Syntax);
                    }
                    let factor = self.expr(SIGN)?;
                    match left {
                        // d/dx applies to what follows it.
                        Expr::Apply(name, mut parts)
                            if name == "derivative" && parts.len() == 1 =>
                        {
                            parts.push(factor);
                            Expr::Apply(name, parts)
                        }
                        left => applied(left, factor),
                    }
                }
                _ => break,
            };
        }
        Ok(left)
    }

    fn after_number(&self) -> bool {
        self.at > 0 && matches!(self.lexemes[self.at - 1].token, Token::Number { .. })
    }

    /// A factor with its signs.
    fn signed(&mut self) -> Result<Expr, Stop> {
        match self.peek() {
            Some(Token::Symbol('-')) => {
                self.at += 1;
                Ok(Expr::Neg(Box::new(self.expr(SIGN)?)))
            }
            Some(Token::Symbol('+')) => {
                self.at += 1;
                self.expr(SIGN)
            }
            Some(Token::Symbol('±' | '∓')) => {
                self.at += 1;
                Ok(Expr::PlusMinus(Box::new(self.expr(PRODUCT)?)))
            }
            Some(Token::Symbol(c)) if is_currency(*c) => {
                let currency = c.to_string();
                self.at += 1;
                let amount = self.expr(SIGN)?;
                Ok(amount.times(Expr::Text(currency)))
            }
            _ => self.powers(),
        }
    }

    /// Whether the next token can start a factor of a product without a sign.
    pub(super) fn starts_factor(&self) -> bool {
        match self.peek() {
            Some(Token::Word(word)) if word == "if" || word == "when" => false,
            Some(Token::Number { .. } | Token::Letter(_) | Token::Word(_) | Token::Begin(_)) => {
                true
            }
            Some(Token::Command(name)) => {
                !matches!(*name, "mod" | "bmod" | "pmod" | "over" | "choose" | "not")
            }
            Some(Token::Symbol('(')) => !self.bracketed_modulus(),
            // ]2, 5[ ends with a bracket turned outward.
            Some(Token::Symbol('[')) => !matches!(
                self.peek_at(1),
                None | Some(
                    Token::Symbol('∪' | '∩' | '∖' | ',' | ';' | ')' | '}') | Token::And | Token::Or
                )
            ),
            Some(Token::Symbol(c)) => match c {
                '{' | '⦃' | '⟨' | '⌊' | '⌈' | '⎸' | '∞' => true,
                '|' | '‖' => self.bars == 0,
                c => is_currency(*c),
            },
            _ => false,
        }
    }

    /// An atom with what is written after and above it: powers, factorials, degrees, percents.
    pub(super) fn powers(&mut self) -> Result<Expr, Stop> {
        let mut base = self.atom()?;
        let mut chain = 0;
        while let Some(Token::Symbol(c)) = self.peek() {
            let c = *c;
            if "^_!%°'".contains(c) || is_currency(c) {
                lengthen(&mut chain)?;
            }
            if matches!(c, '^' | '_')
                && let Some(count) = self.counted(&base)?
            {
                base = count;
                continue;
            }
            base = match c {
                '^' => {
                    self.at += 1;
                    self.exponent(base)?
                }
                '_' => {
                    self.at += 1;
                    self.subscript(base)?
                }
                '!' => {
                    self.at += 1;
                    let double = self.eat('!');
                    Expr::Call(if double { "double factorial" } else { "factorial" }, vec![base])
                }
                '%' => {
                    self.at += 1;
                    Expr::Percent(Box::new(base))
                }
                '°' => {
                    self.at += 1;
                    self.degrees(base)
                }
                '\'' => {
                    self.at += 1;
                    prime(base)
                }
                c if is_currency(c) && matches!(base, Expr::Num(_)) => {
                    let currency = c.to_string();
                    self.at += 1;
                    base.times(Expr::Text(currency))
                }
                _ => return Ok(base),
            };
        }
        Ok(base)
    }

    /// A number of degrees, of an angle or of temperature, after its sign.
    fn degrees(&mut self, base: Expr) -> Expr {
        let unit = match self.peek() {
            Some(Token::Letter(letter) | Token::Word(letter)) => match letter.as_str() {
                "C" | "celsius" => "°C",
                "F" | "fahrenheit" => "°F",
                _ => return Expr::Degree(Box::new(base)),
            },
            _ => return Expr::Degree(Box::new(base)),
        };
        self.at += 1;
        base.times(Expr::Text(unit.to_owned()))
    }

    /// What stands after `^`.
    fn exponent(&mut self, base: Expr) -> Result<Expr, Stop> {
        let braced = self.is('{');
        let start = self.at;
        if braced {
            self.at += 1;
        }
        match self.peek() {
            Some(Token::Symbol('°')) => {
                self.at += 1;
                if braced {
                    self.expect('}')?;
                }
                return Ok(self.degrees(base));
            }
            Some(Token::Symbol('\'')) => {
                let mut result = base;
                let mut chain = 0;
                while self.eat('\'') {
                    lengthen(&mut chain)?;
                    result = prime(result);
                }
                if braced {
                    self.expect('}')?;
                }
                return Ok(result);
            }
            Some(Token::Word(word)) if matches!(word.as_str(), "th" | "st" | "nd" | "rd") => {
                self.at += 1;
                if braced {
                    self.expect('}')?;
                }
                return Ok(base.times(Expr::Text("th".to_owned())));
            }
            // A complement, a transpose or a one-sided limit is only a name.
            Some(Token::Symbol('+' | '*' | '-')) if self.ends_after_sign(braced) => {
                let side = match self.peek() {
                    Some(Token::Symbol(sign)) => format!("side{sign}"),
                    _ => "side".to_owned(),
                };
                self.at += 1 + usize::from(braced);
                return Ok(Expr::Apply(side, vec![base]));
            }
            _ => {}
        }
        self.at = start;
        if self.is('{') && self.peek_at(1) == Some(&Token::Symbol('}')) {
            self.at += 2;
            return Ok(base);
        }
        let exponent = self.deeper(|parser| match parser.peek() {
            Some(Token::Symbol('-')) => {
                parser.at += 1;
                Ok(Expr::Neg(Box::new(parser.raised()?)))
            }
            Some(Token::Symbol('+')) => {
                parser.at += 1;
                parser.raised()
            }
            _ => parser.raised(),
        })?;
        Ok(Expr::Pow(Box::new(base), Box::new(exponent)))
    }

    /// Whether nothing but the end of a group follows the sign that is next.
    fn ends_after_sign(&self, braced: bool) -> bool {
        match self.peek_at(1) {
            Some(Token::Symbol('}')) => true,
            Some(Token::Symbol(')' | ',')) | None => !braced,
            _ => false,
        }
    }

    /// An exponent without braces takes one atom and the powers above it.
    fn raised(&mut self) -> Result<Expr, Stop> {
        // x^2_1 has its index after its power.
        let atom = match self.peek() {
            Some(Token::Number { .. }) => self.number(false)?,
            _ => self.atom()?,
        };
        // Towers without braces associate to the right.
        if self.eat('^') { self.deeper(|parser| parser.exponent(atom)) } else { Ok(atom) }
    }
}

/// Whether a sign is that of a currency.
pub(super) fn is_currency(sign: char) -> bool {
    matches!(sign, '$' | '€' | '£' | '¥' | '₹' | '₽' | '₩' | '₺' | '₫' | '₱' | '฿' | '₴' | '¢')
}

/// A name with a prime, or minutes of arc.
fn prime(base: Expr) -> Expr {
    match base {
        Expr::Var(name) => Expr::Var(format!("{name}'")),
        Expr::Num(_) => Expr::Degree(Box::new(Expr::Div(Box::new(base), Box::new(Expr::int(60))))),
        Expr::Degree(inner) => Expr::Degree(Box::new(Expr::Div(inner, Box::new(Expr::int(60))))),
        other => Expr::Apply("prime".to_owned(), vec![other]),
    }
}

/// The constant or variable that a name stands for.
pub(super) fn named(name: &str) -> Expr {
    match name {
        "pi" => Expr::Const(Constant::Pi),
        "e" => Expr::Const(Constant::E),
        "i" | "I" => Expr::Const(Constant::I),
        other => Expr::Var(other.to_owned()),
    }
}

/// The product of two factors; a letter before several values in brackets is a function of them.
fn applied(left: Expr, factor: Expr) -> Expr {
    match (left, factor) {
        (Expr::Var(name), Expr::Seq(Bracket::Round, items, Bracket::Round)) if items.len() > 1 => {
            counting_call(&name, &items).unwrap_or(Expr::Apply(name, items))
        }
        (left, factor) => left.times(factor),
    }
}
