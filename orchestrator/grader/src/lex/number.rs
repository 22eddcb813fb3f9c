//! Numbers: digits, a point, thousands separators, powers of ten.

use super::{Lexer, Token};
use crate::stop::Stop;

/// Digits a number may have.
const MAX_DIGITS: usize = 2_000;

impl Lexer {
    /// Reads a number; the cursor is on a digit or on a point before a digit.
    pub(super) fn number(&mut self) -> Result<(), Stop> {
        let mut digits = self.digits();
        let mut grouped = false;
        let head = (1..=3).contains(&digits.len()) && digits != "0";
        // In 3,11,333 the commas separate elements: the run is no number as a whole.
        let listed = self.at > digits.len() && {
            let before = self.at - digits.len() - 1;
            self.chars[before] == ','
                && before > 0
                && self.chars[before - 1].is_ascii_digit()
                && self.peek(0) == Some(',')
        };
        let head = head && !listed;
        if head && let Some(groups) = self.pointed_groups() {
            digits.push_str(&groups);
            grouped = true;
            if self.peek(0) == Some(',') && self.peek(1).is_some_and(|c| c.is_ascii_digit()) {
                self.at += 1;
                digits.push('.');
                digits.push_str(&self.digits());
            }
        } else if head {
            while let Some(length) = self.group() {
                self.at += length - 3;
                digits.push_str(&self.digits());
                grouped = true;
            }
        }
        if self.peek(0) == Some('.') && self.peek(1) != Some('.') && !digits.contains('.') {
            self.at += 1;
            let repeats = ["\\overline", "\\bar", "\\dot"];
            let block = repeats.iter().any(|command| self.rest_is(self.at, command))
                || self.bracketed_block();
            // A point with no digit after it is the stop of a sentence, or says nothing.
            if block || self.peek(0).is_some_and(|c| c.is_ascii_digit()) {
                digits.push('.');
                digits.push_str(&self.digits());
            }
        }
        if digits.len() > MAX_DIGITS {
            return Err(Stop::TooLarge);
        }
        let exponent = self.exponent()?;
        self.push(Token::Number { digits, exponent, grouped });
        Ok(())
    }

    /// Whether nothing but digits in brackets follows a point: 0.(3), a decimal that repeats.
    fn bracketed_block(&self) -> bool {
        let Some('(') = self.peek(0) else { return false };
        let digits = self.chars[self.at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
        (1..=20).contains(&digits) && self.peek(digits + 1) == Some(')')
    }

    /// Two or more groups of thousands after points, as in `1.234.567`; one is a decimal.
    fn pointed_groups(&mut self) -> Option<String> {
        let mut groups = String::new();
        let mut at = self.at;
        while self.chars.get(at) == Some(&'.') {
            let digits: String =
                self.chars[at + 1..].iter().take(4).take_while(|c| c.is_ascii_digit()).collect();
            if digits.len() != 3 {
                return None;
            }
            groups.push_str(&digits);
            at += 4;
        }
        if groups.len() < 6 {
            return None;
        }
        self.at = at;
        Some(groups)
    }

    fn digits(&mut self) -> String {
        let start = self.at;
        while self.peek(0).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    /// The length of a separator and the three digits after it, if a group of thousands follows.
    fn group(&self) -> Option<usize> {
        // A plain comma inside brackets separates elements, as does one before a blank.
        let separator = if self.rest_is(self.at, "{,}") {
            3
        } else if self.rest_is(self.at, "{\\,}") {
            4
        } else if self.rest_is(self.at, ",\\!") {
            3 + self.blanks(self.at + 3)
        } else if self.rest_is(self.at, "\\,") || self.rest_is(self.at, "\\ ") {
            2
        } else if self.rest_is(self.at, "\\!") && self.rest_is(self.at + 2, ",") {
            3
        } else if self.brackets == 0 && matches!(self.peek(0), Some(',' | ' ' | '\'' | '~')) {
            1
        } else {
            return None;
        };
        let digit = |ahead: usize| {
            self.chars.get(self.at + separator + ahead).is_some_and(char::is_ascii_digit)
        };
        let three = digit(0) && digit(1) && digit(2) && !digit(3);
        (three && self.valid_run(separator)).then_some(separator + 3)
    }

    fn blanks(&self, from: usize) -> usize {
        self.chars[from.min(self.chars.len())..].iter().take_while(|c| c.is_whitespace()).count()
    }

    /// Whether every group of a run with plain commas has three digits: `1,00,0` is no number.
    fn valid_run(&self, separator: usize) -> bool {
        if self.peek(0) != Some(',') || separator != 1 {
            return true;
        }
        let mut at = self.at;
        while self.chars.get(at) == Some(&',') {
            let digits =
                self.chars[at + 1..].iter().take(4).take_while(|c| c.is_ascii_digit()).count();
            if digits == 0 {
                return true;
            }
            if digits != 3 {
                return false;
            }
            at += 4;
        }
        true
    }

    /// A power of ten as programs write it: `e-5`, directly after the digits.
    fn exponent(&mut self) -> Result<i32, Stop> {
        if !matches!(self.peek(0), Some('e' | 'E')) {
            return Ok(0);
        }
        let sign = usize::from(matches!(self.peek(1), Some('+' | '-')));
        if !self.peek(1 + sign).is_some_and(|c| c.is_ascii_digit()) {
            return Ok(0);
        }
        let negative = self.peek(1) == Some('-');
        self.at += 1 + sign;
        let digits = self.digits();
        let size: i32 = digits.parse().ok().filter(|n| *n <= 10_000).ok_or(Stop::TooCostly)?;
        Ok(if negative { -size } else { size })
    }
}
