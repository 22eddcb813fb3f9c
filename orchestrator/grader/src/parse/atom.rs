//! Atoms: names, words, everything in brackets, matrices.

use super::Parser;
use super::counting::counting_call;
use super::scalar::{is_currency, named};
use crate::ast::{Bracket, Constant, Expr};
use crate::lex::Token;
use crate::stop::Stop;

impl Parser {
    pub(super) fn atom(&mut self) -> Result<Expr, Stop> {
        self.deeper(Self::one_atom)
    }

    fn one_atom(&mut self) -> Result<Expr, Stop> {
        let token = self.peek().ok_or(Stop::Syntax)?.clone();
        match token {
            Token::Number { .. } => self.number(true),
            Token::Letter(name) => {
                if let Some(based) = self.high_base() {
                    return Ok(based);
                }
                self.at += 1;
                if matches!(name.as_str(), "angle" | "measuredangle" | "triangle")
                    && let Some(figure) = self.figure(&name)
                {
                    return Ok(figure);
                }
                let function = matches!(name.as_str(), "f" | "g" | "h" | "F" | "G" | "H" | "P");
                if function && self.is('(') {
                    return self.application(name);
                }
                // f{\left(x \right)}, as computer algebra prints it.
                if function && self.is('{') && self.peek_at(1) == Some(&Token::Symbol('(')) {
                    let inner = self.argument()?;
                    let arguments = match inner {
                        Expr::Seq(_, items, _) => items,
                        one => vec![one],
                    };
                    return Ok(Expr::Apply(name, arguments));
                }
                Ok(named(&name))
            }
            Token::Word(word) => {
                let based = self.high_base();
                Ok(based.unwrap_or_else(|| self.words(word)))
            }
            Token::Symbol(symbol) => self.bracketed(symbol),
            Token::Command(name) => {
                self.at += 1;
                self.command(name)
            }
            Token::Begin(name) => {
                self.at += 1;
                self.environment(&name)
            }
            Token::Dots => {
                self.at += 1;
                Ok(Expr::Text("…".to_owned()))
            }
            Token::End(_) | Token::Row | Token::And | Token::Or => Err(Stop::Syntax),
        }
    }

    /// An angle or a triangle by its three points, which are no product.
    fn figure(&mut self, kind: &str) -> Option<Expr> {
        let point = |token: Option<&Token>| match token {
            Some(Token::Letter(name)) if name.len() == 1 && *name == name.to_uppercase() => {
                name.chars().next()
            }
            _ => None,
        };
        let braced = usize::from(self.is('{'));
        let mut points: Vec<char> =
            (0..3).map_while(|at| point(self.peek_at(braced + at))).collect();
        let end = braced + points.len();
        let more = point(self.peek_at(end)).is_some();
        let closed = braced == 0 || self.peek_at(end) == Some(&Token::Symbol('}'));
        if points.len() != 3 || more || !closed {
            return None;
        }
        self.at += end + braced;
        // An angle is the same from its other side.
        if kind != "triangle" && points[0] > points[2] {
            points.reverse();
        }
        let kind = if kind == "triangle" { kind } else { "angle" };
        Some(Expr::Var(format!("{kind} {}", points.into_iter().collect::<String>())))
    }

    /// Words that stand together.
    fn words(&mut self, first: String) -> Expr {
        let unit = self.at > 0
            && matches!(
                self.lexemes[self.at - 1].token,
                Token::Number { .. } | Token::Word(_) | Token::Symbol('}' | ')' | '/')
            );
        self.at += 1;
        let single = first.chars().count() == 1;
        let more = matches!(self.peek(), Some(Token::Word(_)));
        if single && !more && (!unit || matches!(first.as_str(), "e" | "i")) {
            return named(&first);
        }
        let mut text = first;
        while let Some(Token::Word(word)) = self.peek() {
            // An exponent belongs to its own unit only: m s^{-1}.
            if self.peek_at(1) == Some(&Token::Symbol('^')) {
                break;
            }
            text.push(' ');
            text.push_str(word);
            self.at += 1;
        }
        if text == "infinity" { Expr::Const(Constant::Infinity) } else { Expr::Text(text) }
    }

    /// The arguments of a function that only has a name.
    fn application(&mut self, name: String) -> Result<Expr, Stop> {
        self.at += 1;
        let argument = self.deeper(Self::alternatives)?;
        self.expect(')')?;
        let arguments = match argument {
            Expr::Seq(Bracket::None, items, _) => items,
            one => vec![one],
        };
        Ok(counting_call(&name, &arguments).unwrap_or(Expr::Apply(name, arguments)))
    }

    fn bracketed(&mut self, symbol: char) -> Result<Expr, Stop> {
        if matches!(symbol, '_' | '^') {
            return self.prescript();
        }
        self.at += 1;
        match symbol {
            '{' if self.is('}') && matches!(self.peek_at(1), Some(Token::Symbol('_' | '^'))) => {
                self.at += 1;
                self.prescript()
            }
            '{' => {
                let inner = self.grouped('}')?;
                // {1, 2, 3} without backslashes is meant as a set.
                Ok(match inner {
                    Expr::Seq(Bracket::None, items, Bracket::None) => {
                        Expr::Seq(Bracket::Curly, items, Bracket::Curly)
                    }
                    other => other,
                })
            }
            '⦃' => self.set_of(),
            '(' => self.sequence(Bracket::Round),
            '[' => self.sequence(Bracket::Square),
            ']' => self.outward(),
            '⟨' => self.sequence(Bracket::Angle),
            '⌊' => self.grouped('⌋').map(|inner| Expr::Call("floor", vec![inner])),
            '⌈' => self.grouped('⌉').map(|inner| Expr::Call("ceil", vec![inner])),
            '⎸' => self.grouped('⎹').map(|inner| Expr::Call("abs", vec![inner])),
            '|' | '‖' => {
                let bars = self.bars;
                self.bars = 1;
                let inner = self.deeper(Self::list);
                self.bars = bars;
                let inner = inner?;
                if !self.eat(symbol) && !self.eat('⎹') {
                    return Err(Stop::Syntax);
                }
                Ok(Expr::Call("abs", vec![inner]))
            }
            '∅' => Ok(Expr::Seq(Bracket::Curly, Vec::new(), Bracket::Curly)),
            '∞' => Ok(Expr::Const(Constant::Infinity)),
            // Money that is written with its sign before it, after another operator.
            sign if is_currency(sign) => {
                // An infinity or a name is not money.
                let money = matches!(self.peek(), Some(Token::Number { .. } | Token::Symbol('{')));
                let amount = self.powers()?;
                Ok(if money { amount.times(Expr::Text(symbol.to_string())) } else { amount })
            }
            _ => Err(Stop::Syntax),
        }
    }

    /// What stands before a closing bracket; bars inside belong to the inside.
    fn grouped(&mut self, close: char) -> Result<Expr, Stop> {
        let bars = std::mem::take(&mut self.bars);
        let inner = self.deeper(Self::alternatives);
        self.bars = bars;
        let inner = inner?;
        self.expect(close)?;
        Ok(inner)
    }

    /// Elements in brackets; a single element in brackets of one kind is only grouped.
    fn sequence(&mut self, open: Bracket) -> Result<Expr, Stop> {
        if self.eat(')') || self.eat(']') {
            return Ok(Expr::Seq(open, Vec::new(), open));
        }
        let bars = std::mem::take(&mut self.bars);
        let inner = self.deeper(Self::alternatives);
        self.bars = bars;
        let inner = inner?;
        let close = self.closing(open)?;
        match inner {
            Expr::Seq(Bracket::None, items, Bracket::None) => Ok(Expr::Seq(open, items, close)),
            other if open == Bracket::Angle => Ok(Expr::Seq(open, vec![other], close)),
            other if open == close => Ok(other),
            _ => Err(Stop::Syntax),
        }
    }

    fn closing(&mut self, open: Bracket) -> Result<Bracket, Stop> {
        let close = match self.peek() {
            Some(Token::Symbol(')')) => Bracket::Round,
            Some(Token::Symbol(']')) => Bracket::Square,
            Some(Token::Symbol('⟩' | '>')) if open == Bracket::Angle => Bracket::Angle,
            // ]a, b[ as some write open intervals.
            Some(Token::Symbol('[')) if open == Bracket::Square => Bracket::Round,
            _ => return Err(Stop::Syntax),
        };
        if (close == Bracket::Angle) != (open == Bracket::Angle) {
            return Err(Stop::Syntax);
        }
        self.at += 1;
        Ok(close)
    }

    /// An interval that starts with a bracket turned outward: `]a, b]`.
    fn outward(&mut self) -> Result<Expr, Stop> {
        let inner = self.deeper(Self::alternatives)?;
        let close = match self.peek() {
            Some(Token::Symbol(']')) => Bracket::Square,
            Some(Token::Symbol('[' | ')')) => Bracket::Round,
            _ => return Err(Stop::Syntax),
        };
        self.at += 1;
        match inner {
            Expr::Seq(Bracket::None, items, _) => Ok(Expr::Seq(Bracket::Round, items, close)),
            _ => Err(Stop::Syntax),
        }
    }

    /// A set after its opening brace: its elements, or the elements with a property.
    fn set_of(&mut self) -> Result<Expr, Stop> {
        if self.closes_set() {
            return Ok(Expr::Seq(Bracket::Curly, Vec::new(), Bracket::Curly));
        }
        if matches!(self.peek(), Some(Token::Begin(_)))
            && let Some(cases) = self.open_cases()?
        {
            return Ok(cases);
        }
        let start = self.at;
        let inner = self.elements(false)?;
        let named = match &inner {
            Expr::Relation(members, ops) => members.len() == 2 && *ops == ['∈'],
            Expr::Seq(..) => false,
            _ => true,
        };
        if self.eat('|') || named && self.eat(':') {
            let bars = std::mem::take(&mut self.bars);
            let condition = self.deeper(Self::alternatives);
            self.bars = bars;
            let condition = condition?;
            if !self.closes_set() {
                return Err(Stop::Syntax);
            }
            return Ok(Expr::Builder(Box::new(inner), Box::new(condition)));
        }
        // Ratios as elements.
        let inner = if self.is(':') {
            self.at = start;
            self.elements(true)?
        } else {
            inner
        };
        if !self.closes_set() {
            return Err(Stop::Syntax);
        }
        Ok(match inner {
            Expr::Seq(Bracket::None, items, Bracket::None) => {
                Expr::Seq(Bracket::Curly, items, Bracket::Curly)
            }
            other => Expr::Seq(Bracket::Curly, vec![other], Bracket::Curly),
        })
    }

    fn closes_set(&mut self) -> bool {
        self.eat('⦄') || self.eat('}')
    }

    /// What stands inside the braces of a set, up to a bar; colons make ratios or end it.
    fn elements(&mut self, colons: bool) -> Result<Expr, Stop> {
        let bars = std::mem::replace(&mut self.bars, 1);
        let before = std::mem::replace(&mut self.colons, colons);
        let inner = self.deeper(Self::alternatives);
        self.colons = before;
        self.bars = bars;
        inner
    }
}
