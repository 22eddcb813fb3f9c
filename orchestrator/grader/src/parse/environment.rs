//! Environments: matrices, cases, aligned equations.

use super::Parser;
use crate::ast::{Bracket, Expr};
use crate::lex::Token;
use crate::stop::Stop;

/// Words that only introduce the condition of a case.
const INTRODUCTIONS: [&str; 10] =
    ["if", "for", "when", "where", "whenever", "with", "as", "provided", "that", "is"];
/// Words in a condition that carry no meaning of their own.
const IDLE: [&str; 6] = ["is", "are", "an", "a", "the", "and"];

impl Parser {
    /// The rows of an environment after its `\begin`.
    pub(super) fn environment(&mut self, name: &str) -> Result<Expr, Stop> {
        let cells = std::mem::replace(&mut self.cells, true);
        let bars = std::mem::take(&mut self.bars);
        let rows = self.rows(name);
        self.bars = bars;
        self.cells = cells;
        let mut rows = rows?;
        rows.retain(|row| !row.is_empty());
        Ok(match name {
            "vmatrix" => Expr::Call("det", vec![Expr::Matrix(rows)]),
            "Vmatrix" => Expr::Call("abs", vec![Expr::Matrix(rows)]),
            "aligned" | "align" | "gathered" | "split" | "equation" | "gather" => {
                let items = rows.into_iter().flatten().collect::<Vec<_>>();
                Expr::Seq(Bracket::None, items, Bracket::None)
            }
            _ if is_cases(name) => cases(rows),
            _ => Expr::Matrix(rows),
        })
    }

    /// Rows inside `\left\{` that nothing closes: cases without their environment.
    pub(super) fn open_cases(&mut self) -> Result<Option<Expr>, Stop> {
        let start = self.at;
        self.at += 1;
        match self.environment("array") {
            Ok(Expr::Matrix(rows)) if !(self.is('⦄') || self.is('}')) => Ok(Some(cases(rows))),
            Ok(_) | Err(Stop::Syntax) => {
                self.at = start;
                Ok(None)
            }
            Err(stop) => Err(stop),
        }
    }

    fn rows(&mut self, name: &str) -> Result<Vec<Vec<Expr>>, Stop> {
        let mut rows: Vec<Vec<Expr>> = vec![Vec::new()];
        loop {
            match self.peek() {
                None => return Err(Stop::Syntax),
                Some(Token::End(end)) => {
                    if end != name {
                        return Err(Stop::Syntax);
                    }
                    self.at += 1;
                    return Ok(rows);
                }
                Some(Token::Row) => {
                    self.at += 1;
                    rows.push(Vec::new());
                }
                Some(Token::Symbol('&' | '.')) => self.at += 1,
                Some(_) => {
                    let second = rows.last().is_some_and(|row| !row.is_empty());
                    let cell = if second && (is_cases(name) || name == "array") {
                        self.condition(true)?
                    } else {
                        self.deeper(Self::list)?
                    };
                    rows.last_mut().ok_or(Stop::Syntax)?.push(cell);
                }
            }
        }
    }

    /// The condition of a case: a relation, or words. In a cell it may be a list.
    pub(super) fn condition(&mut self, in_cell: bool) -> Result<Expr, Stop> {
        while let Some(Token::Word(word)) = self.peek() {
            if !INTRODUCTIONS.contains(&word.as_str()) {
                break;
            }
            self.at += 1;
        }
        // "1 if x > 0 and 2 if x < 0": the word is between two cases.
        let cases = self.lexemes[self.at..].iter().any(
            |lexeme| matches!(&lexeme.token, Token::Word(word) if word == "if" || word == "when"),
        );
        let cell = self.lexemes[self.at..]
            .iter()
            .take_while(|lexeme| {
                let comma = matches!(lexeme.token, Token::Symbol(',' | ';' | ')') | Token::Or)
                    || cases && lexeme.token == Token::And;
                let ends = matches!(lexeme.token, Token::Symbol('&') | Token::Row | Token::End(_));
                !ends && (in_cell || !comma)
            })
            .count();
        let words = |token: &Token| match token {
            Token::Word(word) => !IDLE.contains(&word.as_str()) && word.chars().count() > 1,
            _ => false,
        };
        let end = self.at + cell;
        if !self.lexemes[self.at..end].iter().any(|lexeme| words(&lexeme.token)) {
            return self.deeper(if in_cell { Self::list } else { Self::relation });
        }
        let mut text: Vec<String> = Vec::new();
        for lexeme in &self.lexemes[self.at..end] {
            match &lexeme.token {
                Token::Word(word) if IDLE.contains(&word.as_str()) => {}
                Token::Word(word) | Token::Letter(word) => text.push(word.clone()),
                Token::Number { digits, .. } => text.push(digits.clone()),
                Token::Symbol('.' | ',' | '{' | '}') => {}
                Token::Symbol(c) => text.push(c.to_string()),
                Token::Command(name) => text.push((*name).to_owned()),
                _ => {}
            }
        }
        self.at = end;
        Ok(Expr::Text(text.join(" ")))
    }
}

fn is_cases(name: &str) -> bool {
    matches!(name, "cases" | "dcases" | "rcases")
}

/// Rows of a value and a condition; rows of one cell are elements of a list.
fn cases(rows: Vec<Vec<Expr>>) -> Expr {
    let mut items = Vec::new();
    for mut row in rows {
        if row.len() == 2
            && let (Some(condition), Some(value)) = (row.pop(), row.pop())
        {
            items.push(Expr::Case(Box::new(value), Box::new(condition)));
        } else {
            items.append(&mut row);
        }
    }
    Expr::Seq(Bracket::None, items, Bracket::None)
}
