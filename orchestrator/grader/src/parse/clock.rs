//! Times of day: `4:20 p.m.`, `16:20`.

use super::Parser;
use crate::ast::{Clock, Expr, Half};
use crate::lex::Token;

impl Parser {
    /// A time of day, if one is next: an hour, two digits of minutes, perhaps two of seconds.
    pub(super) fn clock(&mut self) -> Option<Expr> {
        let start = self.at;
        let clock = self.hours_and_minutes();
        if clock.is_none() {
            self.at = start;
        }
        clock
    }

    fn hours_and_minutes(&mut self) -> Option<Expr> {
        let hours = self.part(1..=2, 24)?;
        let mut parts = vec![hours];
        while parts.len() < 3 && self.is(':') && !self.spaced() {
            self.at += 1;
            if self.spaced() {
                return None;
            }
            parts.push(self.part(2..=2, 59)?);
        }
        if parts.len() < 2 || self.is(':') {
            return None;
        }
        let half = self.half_of_day();
        // 15:00 hours.
        if half.is_none()
            && matches!(self.peek(), Some(Token::Word(word)) if word == "hours" || word == "hrs")
        {
            self.at += 1;
        }
        // 4:20 feet, 4:20x and the like are something else.
        if half.is_none()
            && (self.starts_factor()
                || matches!(self.peek(), Some(Token::Symbol(c)) if "+-*/^_!%".contains(*c)))
        {
            return None;
        }
        let seconds = parts.iter().fold(0, |total, part| total * 60 + part);
        let seconds = if parts.len() == 2 { seconds * 60 } else { seconds };
        let terms = parts.iter().map(|part| Expr::int(i64::from(*part))).collect();
        Some(Expr::Clock(Clock { seconds, half }, terms))
    }

    /// A number of so many digits that is at most `most`.
    fn part(&mut self, digits: std::ops::RangeInclusive<usize>, most: u32) -> Option<u32> {
        let Some(Token::Number { digits: text, exponent: 0, .. }) = self.peek() else {
            return None;
        };
        let value: u32 = text.parse().ok()?;
        let fits = digits.contains(&text.len()) && value <= most;
        self.at += usize::from(fits);
        fits.then_some(value)
    }

    /// The half of the day that the words after a time name.
    fn half_of_day(&mut self) -> Option<Half> {
        let mut length = 0;
        let mut words = String::new();
        while let Some(Token::Word(word)) = self.peek_at(length) {
            words.push_str(word);
            words.push(' ');
            length += 1;
        }
        // "PM" without a font is two letters.
        if let (0, Some(Token::Letter(a)), Some(Token::Letter(m))) =
            (length, self.peek(), self.peek_at(1))
            && m.eq_ignore_ascii_case("m")
        {
            words = format!("{}m", a.to_lowercase());
            length = 2;
        }
        let half = half_of_day(words.trim())?;
        self.at += length;
        Some(half)
    }
}

/// The half of the day that words name.
pub(crate) fn half_of_day(words: &str) -> Option<Half> {
    match words {
        "am" | "in the morning" | "midnight" | "at night am" => Some(Half::Morning),
        "pm" | "noon" | "in the afternoon" | "in the evening" | "at night" => Some(Half::Afternoon),
        _ => None,
    }
}
