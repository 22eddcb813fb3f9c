//! Parses tokens into an [`Expr`]: lists of relations of sets of scalars.
//!
//! From the outside in: semicolons, commas and "or" separate answers; relations chain expressions;
//! unions join sets; a colon makes a ratio; [`scalar`] is a Pratt parser for everything that
//! computes.

mod atom;
mod clock;
mod counting;
mod environment;
mod function;
mod list;
mod number;
mod numerals;
mod scalar;

pub(crate) use clock::half_of_day;
pub(crate) use number::power_of_ten;
pub(crate) use numerals::{in_words, part_word, scale_word};

use crate::ast::{Bracket, Expr};
use crate::lex::{Lexeme, Token, lex};
use crate::stop::Stop;

/// How deep expressions may nest.
const MAX_DEPTH: usize = 160;
/// How often the parser may go one level deeper. What it reads in one way in vain it reads in
/// another, and that at each level.
const MAX_DESCENTS: usize = 20_000;
/// How many levels an expression may have, chains of operators included.
const MAX_LEVELS: usize = 150;
/// How many operators may follow each other at one depth, each around what stands before it.
const MAX_CHAIN: usize = 40;

/// Parses an answer.
pub(crate) fn parse(text: &str) -> Result<Expr, Stop> {
    let mut lexemes = lex(unquoted(text))?;
    trim(&mut lexemes);
    if lexemes.is_empty() {
        return Err(Stop::Syntax);
    }
    let mut parser =
        Parser { lexemes, at: 0, depth: 0, descents: 0, bars: 0, colons: true, cells: false };
    let expr = parser.alternatives()?;
    if parser.at < parser.lexemes.len() {
        return Err(Stop::Syntax);
    }
    if expr.depth() > MAX_LEVELS { Err(Stop::TooLarge) } else { Ok(expr) }
}

/// A text without the quotation marks around all of it.
fn unquoted(text: &str) -> &str {
    let inner = text.trim();
    for (open, close) in [("``", "''"), ("`", "'"), ("'", "'")] {
        if let Some(rest) = inner.strip_prefix(open).and_then(|rest| rest.strip_suffix(close))
            && !rest.contains('\'')
        {
            return rest;
        }
    }
    text
}

/// Drops punctuation around an answer.
fn trim(lexemes: &mut Vec<Lexeme>) {
    let idle = |lexeme: &Lexeme| {
        matches!(
            lexeme.token,
            Token::Symbol('.' | ',' | ';' | ':' | '&') | Token::Row | Token::And | Token::Or
        )
    };
    while lexemes.last().is_some_and(idle) {
        lexemes.pop();
    }
    let announced = announcement(lexemes);
    lexemes.drain(..announced);
    let lead = lexemes
        .iter()
        .take_while(|lexeme| idle(lexeme) || matches!(lexeme.token, Token::Symbol('≈' | '=' | '⇒')))
        .count();
    lexemes.drain(..lead);
}

/// How many words before a value only announce it: "the answer is", "so we get".
fn announcement(lexemes: &[Lexeme]) -> usize {
    const WORDS: [&str; 26] = [
        "the",
        "final",
        "correct",
        "answer",
        "answers",
        "is",
        "are",
        "so",
        "therefore",
        "thus",
        "hence",
        "result",
        "solution",
        "solutions",
        "value",
        "we",
        "get",
        "have",
        "it",
        "our",
        "my",
        "required",
        "desired",
        "must",
        "be",
        "equals",
    ];
    const LAST: [&str; 10] =
        ["is", "are", "be", "get", "have", "so", "therefore", "thus", "hence", "equals"];
    let word = |at: usize| match lexemes.get(at).map(|lexeme| &lexeme.token) {
        Some(Token::Word(word)) => Some(word.as_str()),
        _ => None,
    };
    let pause = |at: usize| {
        matches!(lexemes.get(at).map(|lexeme| &lexeme.token), Some(Token::Symbol(',' | ':')))
    };
    let mut count = 0;
    while word(count).is_some_and(|word| WORDS.contains(&word)) || count > 0 && pause(count) {
        count += 1;
    }
    let ends =
        count > 0 && (pause(count - 1) || word(count - 1).is_some_and(|w| LAST.contains(&w)));
    if ends && count < lexemes.len() && word(count).is_none() { count } else { 0 }
}

struct Parser {
    lexemes: Vec<Lexeme>,
    at: usize,
    depth: usize,
    descents: usize,
    /// Bars of absolute values that are open.
    bars: usize,
    /// Whether a colon makes a ratio; in `{x : x > 0}` it does not.
    colons: bool,
    /// Whether an ampersand ends a cell.
    cells: bool,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<&Token> {
        self.lexemes.get(self.at + ahead).map(|lexeme| &lexeme.token)
    }

    fn is(&self, symbol: char) -> bool {
        self.peek() == Some(&Token::Symbol(symbol))
    }

    fn eat(&mut self, symbol: char) -> bool {
        let found = self.is(symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: char) -> Result<(), Stop> {
        if self.eat(symbol) { Ok(()) } else { Err(Stop::Syntax) }
    }

    /// Whether white space stands before the next token.
    fn spaced(&self) -> bool {
        self.lexemes.get(self.at).is_some_and(|lexeme| lexeme.spaced)
    }

    /// Runs a parser one level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        if self.depth >= MAX_DEPTH {
            return Err(Stop::TooLarge);
        }
        self.descents += 1;
        if self.descents > MAX_DESCENTS {
            return Err(Stop::TooCostly);
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Answers with semicolons between them.
    fn alternatives(&mut self) -> Result<Expr, Stop> {
        let first = self.list()?;
        if !self.is(';') && !matches!(self.peek(), Some(Token::Row)) {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.eat(';') || self.row() {
            if self.at_end_of_list() {
                break;
            }
            items.push(self.list()?);
        }
        if items.len() == 1 {
            return Ok(items.swap_remove(0));
        }
        Ok(Expr::Seq(Bracket::None, items, Bracket::None))
    }

    fn row(&mut self) -> bool {
        let found = matches!(self.peek(), Some(Token::Row));
        self.at += usize::from(found);
        found
    }

    /// A chain of relations.
    pub(super) fn relation(&mut self) -> Result<Expr, Stop> {
        let mut members = vec![self.member()?];
        let mut operators = Vec::new();
        while let Some(operator) = self.relation_sign() {
            operators.push(operator);
            members.push(self.member()?);
        }
        if operators.is_empty() {
            return Ok(members.swap_remove(0));
        }
        // n ≡ 3 mod 7 without brackets.
        if operators.last() == Some(&'≡')
            && let Some(Expr::Call("mod", arguments)) = members.last_mut()
            && let [value, modulus] = arguments.as_mut_slice()
        {
            let (value, modulus) = (value.clone(), modulus.clone());
            members.pop();
            members.push(Expr::Residue(Box::new(value), Box::new(modulus)));
        }
        // n mod 7 = 3 is n ≡ 3 (mod 7).
        if operators == ['=']
            && let [Expr::Call("mod", arguments), residue] = members.as_slice()
            && let [value, modulus] = arguments.as_slice()
            && value.any(&|part| matches!(part, Expr::Var(_)))
        {
            let residue = Expr::Residue(Box::new(residue.clone()), Box::new(modulus.clone()));
            return Ok(Expr::Relation(vec![value.clone(), residue], vec!['≡']));
        }
        Ok(Expr::Relation(members, operators))
    }

    /// A member of a relation, with the modulus that may follow it.
    fn member(&mut self) -> Result<Expr, Stop> {
        let value = self.set()?;
        let modulus = if matches!(self.peek(), Some(Token::Command("pmod"))) {
            self.at += 1;
            self.deeper(Self::argument)?
        } else if self.bracketed_modulus() {
            self.at += 2;
            let modulus = self.expr(0)?;
            self.expect(')')?;
            modulus
        } else {
            return Ok(value);
        };
        Ok(Expr::Residue(Box::new(value), Box::new(modulus)))
    }

    /// Whether `(mod` is next.
    fn bracketed_modulus(&self) -> bool {
        self.is('(') && matches!(self.peek_at(1), Some(Token::Command("mod" | "bmod" | "pmod")))
    }

    fn relation_sign(&mut self) -> Option<char> {
        let mut sign = match self.peek()? {
            Token::Symbol(
                c @ ('=' | '<' | '>' | '≤' | '≥' | '≠' | '≈' | '∈' | '∉' | '⊆' | '≡' | '∼' | '⇒'
                | '→' | '∝'),
            ) => *c,
            Token::Command("not") => '¬',
            Token::Symbol('&') => {
                // The alignment mark of an environment.
                return match self.peek_at(1)? {
                    Token::Symbol('=' | '<' | '>' | '≤' | '≥' | '≈') => {
                        self.at += 1;
                        self.relation_sign()
                    }
                    _ => None,
                };
            }
            _ => return None,
        };
        self.at += 1;
        if sign == '¬' {
            sign = match self.peek()? {
                Token::Symbol('=') => '≠',
                Token::Symbol('∈') => '∉',
                _ => return None,
            };
            self.at += 1;
        } else if matches!((sign, self.peek()), ('=', Some(Token::Symbol('=')))) {
            self.at += 1;
        }
        self.eat('&');
        Some(sign)
    }

    /// Unions, intersections and differences, from the left.
    fn set(&mut self) -> Result<Expr, Stop> {
        let mut left = self.ratio()?;
        let mut chain = 0;
        while let Some(Token::Symbol(c @ ('∪' | '∩' | '∖'))) = self.peek() {
            let operator = *c;
            self.at += 1;
            lengthen(&mut chain)?;
            let right = self.ratio()?;
            left = Expr::SetOp(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    /// Terms with colons between them: a time of day, a ratio, a label and its value.
    fn ratio(&mut self) -> Result<Expr, Stop> {
        if self.colons
            && let Some(clock) = self.clock()
        {
            return Ok(clock);
        }
        let first = self.expr(0)?;
        if !self.colons || !self.is(':') {
            return Ok(first);
        }
        // "Answer: 42" says no more than 42.
        if matches!(&first, Expr::Text(words) if is_idle_label(words)) {
            self.at += 1;
            return self.deeper(Self::set);
        }
        let mut items = vec![first];
        while self.eat(':') {
            items.push(self.expr(0)?);
        }
        Ok(Expr::Ratio(items))
    }
}

/// Whether a label before a colon only announces the answer.
fn is_idle_label(words: &str) -> bool {
    const IDLE: [&str; 21] = [
        "answer",
        "final",
        "ans",
        "result",
        "solution",
        "the",
        "is",
        "so",
        "my",
        "correct",
        "total",
        "value",
        "area",
        "volume",
        "perimeter",
        "probability",
        "sum",
        "ratio",
        "length",
        "angle",
        "required",
    ];
    words.split(' ').all(|word| IDLE.contains(&word))
}

/// Counts one more operator of a chain.
fn lengthen(chain: &mut usize) -> Result<(), Stop> {
    *chain += 1;
    if *chain > MAX_CHAIN { Err(Stop::TooLarge) } else { Ok(()) }
}
