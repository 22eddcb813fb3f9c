//! Turns an answer, in LaTeX or plain text, into tokens.
//!
//! Tolerant: spacing, sizes and fonts vanish, unknown commands become names. Macros are not
//! expanded. Control characters that could show a reader something else than what is compared are
//! refused.

mod commands;
mod functions;
mod number;
mod spoken;
mod token;
mod unicode;
mod words;

use crate::stop::Stop;

pub(crate) use token::{Lexeme, Token};

/// Characters an answer may have.
pub(crate) const MAX_CHARS: usize = 12_000;
/// Tokens an answer may have.
pub(crate) const MAX_TOKENS: usize = 5_000;

/// Splits an answer into tokens.
pub(crate) fn lex(text: &str) -> Result<Vec<Lexeme>, Stop> {
    if text.len() > MAX_CHARS {
        return Err(Stop::TooLarge);
    }
    let chars = unicode::normalise(text)?;
    let environments = text.contains("\\begin");
    let mut lexer = Lexer {
        chars,
        at: 0,
        out: Vec::new(),
        spaced: false,
        modes: Vec::new(),
        brackets: 0,
        environments,
    };
    while lexer.at < lexer.chars.len() {
        lexer.step()?;
        if lexer.out.len() > MAX_TOKENS {
            return Err(Stop::TooLarge);
        }
    }
    let mut lexemes = simplify_braces(lexer.out);
    spoken::operators(&mut lexemes);
    Ok(lexemes)
}

/// What a brace of the input encloses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A group, with tokens for its braces.
    Math,
    /// The argument of a font command in mathematics: no tokens for its braces.
    Font,
    /// The argument of a text command: letters are words; no tokens for its braces.
    Text,
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    out: Vec<Lexeme>,
    spaced: bool,
    modes: Vec<Mode>,
    /// Round and square brackets and `\{` that are open.
    brackets: usize,
    /// Whether `\\` may end rows.
    environments: bool,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn push(&mut self, token: Token) {
        match token {
            Token::Symbol('(' | '[' | '⦃') => self.brackets += 1,
            Token::Symbol(')' | ']' | '⦄') => self.brackets = self.brackets.saturating_sub(1),
            _ => {}
        }
        self.out.push(Lexeme { token, spaced: self.spaced });
        self.spaced = false;
    }

    fn in_text(&self) -> bool {
        self.modes.last() == Some(&Mode::Text)
    }

    fn last(&self) -> Option<&Token> {
        self.out.last().map(|lexeme| &lexeme.token)
    }

    fn step(&mut self) -> Result<(), Stop> {
        let c = self.chars[self.at];
        match c {
            c if c.is_whitespace() || c == '~' => {
                self.spaced = true;
                self.at += 1;
            }
            '0'..='9' => self.number()?,
            '.' if self.peek(1).is_some_and(|c| c.is_ascii_digit()) => self.number()?,
            '.' if self.peek(1) == Some('.') && self.peek(2) == Some('.') => {
                while self.peek(0) == Some('.') {
                    self.at += 1;
                }
                self.push(Token::Dots);
            }
            '\\' => self.command()?,
            '{' => {
                self.at += 1;
                self.modes.push(Mode::Math);
                self.push(Token::Symbol('{'));
            }
            '}' => {
                self.at += 1;
                match self.modes.pop() {
                    Some(Mode::Text | Mode::Font) => self.spaced |= false,
                    Some(Mode::Math) => self.push(Token::Symbol('}')),
                    None => return Err(Stop::Syntax),
                }
            }
            '$' => self.dollar(),
            c if c.is_alphabetic() => self.letters(),
            '*' if self.peek(1) == Some('*') => {
                // Power in programs, bold in Markdown.
                self.at += 2;
                let more = self.chars[self.at..].iter().any(|c| c.is_alphanumeric());
                if self.out.is_empty() || !more {
                    return Ok(());
                }
                self.push(Token::Symbol('^'));
            }
            '<' | '>' if self.peek(1) == Some('=') => {
                self.at += 2;
                self.push(Token::Symbol(if c == '<' { '≤' } else { '≥' }));
            }
            '!' if self.peek(1) == Some('=') => {
                self.at += 2;
                self.push(Token::Symbol('≠'));
            }
            '.' | '"' | '`' | '?' | '\u{201c}' | '\u{201d}' => {
                self.at += 1;
                self.spaced = true;
                // A stop ends a text; inside it is not part of an expression.
                let more = self.chars[self.at..].iter().any(|c| c.is_alphanumeric());
                if c == '?' {
                    // A question is no answer.
                    self.push(Token::Symbol('?'));
                } else if more && c == '.' && !self.in_text() {
                    self.push(Token::Symbol('.'));
                }
            }
            c => {
                self.at += 1;
                self.push(Token::Symbol(c));
            }
        }
        Ok(())
    }

    /// A dollar sign next to a number is money, any other one delimits a formula.
    fn dollar(&mut self) {
        self.at += 1;
        self.spaced = true;
    }

    /// Skips the space that an end of row asks for: `\\[2pt]`.
    fn skip_row_space(&mut self) {
        let space = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ' ');
        let inner = self.chars[self.at..].iter().skip(1).take(12).take_while(|c| space(c)).count();
        let unit = self.chars.get(self.at + inner).is_some_and(char::is_ascii_alphabetic);
        if self.peek(0) == Some('[') && unit && self.peek(inner + 1) == Some(']') {
            self.at += inner + 2;
        }
    }

    /// A run of letters: words, function names, variables.
    fn letters(&mut self) {
        let start = self.at;
        let mut end = start;
        let text = self.in_text();
        while end < self.chars.len()
            && (self.chars[end].is_alphabetic()
                || (self.chars[end] == '\'' || self.chars[end] == '-')
                    && text
                    && self.chars.get(end + 1).is_some_and(|c| c.is_alphabetic()))
        {
            end += 1;
        }
        let run: String = self.chars[start..end].iter().collect();
        let lower = run.to_lowercase();
        // "p.m." and "a.m.".
        if matches!(lower.as_str(), "p" | "a")
            && (self.rest_is(end, ".m") || self.rest_is(end, ".M"))
        {
            self.at = end + 2 + usize::from(self.rest_is(end + 2, "."));
            self.push(Token::Word(format!("{lower}m")));
            return;
        }
        // "Rs." is short for rupees.
        let end_of_word = end;
        let end = end + usize::from(run == "Rs" && self.rest_is(end, "."));
        let after_number = match self.last() {
            Some(Token::Number { .. }) => true,
            Some(Token::Symbol('}' | ')')) => self.spaced,
            _ => false,
        };
        let followed = self.chars[end_of_word..].iter().copied().find(|c| *c != '}');
        match words::classify(&run, &lower, text, after_number, self.spaced, followed) {
            words::Class::Command(name) => self.push(Token::Command(name)),
            words::Class::Letter(name) => self.push(Token::Letter(name.to_owned())),
            words::Class::Symbol(symbol) => self.push(Token::Symbol(symbol)),
            words::Class::And => self.push(Token::And),
            words::Class::Or => self.push(Token::Or),
            words::Class::Word if run.chars().count() == 1 => self.push(Token::Word(run)),
            words::Class::Word => self.push(Token::Word(lower)),
            words::Class::Letters => {
                for c in run.chars() {
                    self.push(Token::Letter(c.to_string()));
                }
            }
        }
        self.at = end;
    }

    fn rest_is(&self, from: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.chars.get(from + i) == Some(&c))
    }
}

/// Removes braces that only enclose braces, so that depth counts what has depth.
fn simplify_braces(lexemes: Vec<Lexeme>) -> Vec<Lexeme> {
    let mut closer = vec![usize::MAX; lexemes.len()];
    let mut open = Vec::new();
    for (at, lexeme) in lexemes.iter().enumerate() {
        match lexeme.token {
            Token::Symbol('{') => open.push(at),
            Token::Symbol('}') => {
                if let Some(start) = open.pop() {
                    closer[start] = at;
                }
            }
            _ => {}
        }
    }
    let mut dropped = vec![false; lexemes.len()];
    for at in 0..lexemes.len().saturating_sub(1) {
        let inner = at + 1;
        if closer[at] != usize::MAX
            && closer[inner] != usize::MAX
            && closer[inner] + 1 == closer[at]
        {
            dropped[at] = true;
            dropped[closer[at]] = true;
        }
    }
    let mut kept = dropped.iter();
    lexemes.into_iter().filter(|_| !kept.next().copied().unwrap_or(false)).collect()
}
