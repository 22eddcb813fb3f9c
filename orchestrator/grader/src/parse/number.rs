//! Numbers: decimals, repeating decimals, mixed numbers, digits in a base.

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

use super::Parser;
use super::numerals::in_words;
use crate::ast::{Decimal, Expr, Num};
use crate::lex::Token;
use crate::stop::Stop;

impl Parser {
    /// A number; the next token is one.
    pub(super) fn number(&mut self, may_have_base: bool) -> Result<Expr, Stop> {
        let Some(Token::Number { digits, exponent, .. }) = self.peek().cloned() else {
            return Err(Stop::Syntax);
        };
        if let Some(based) = self.high_base() {
            return Ok(based);
        }
        self.at += 1;
        if digits.contains('.') && exponent == 0 {
            if let Some(block) = self.repeating_block().or_else(|| self.bracketed_block(&digits)) {
                return repeating(&digits, &block);
            }
            if self.peek() == Some(&Token::Dots) {
                self.at += 1;
                if let Some((head, block)) = period(&digits) {
                    return repeating(head, block);
                }
            }
        }
        let empty = self.peek_at(1) == Some(&Token::Symbol('{'))
            && self.peek_at(2) == Some(&Token::Symbol('}'));
        if self.is('_') && empty {
            self.at += 3;
        }
        if may_have_base && self.is('_') && !digits.contains('.') {
            return self.based(digits);
        }
        let number = decimal(&digits, exponent)?;
        if let Expr::Num(whole) = &number
            && !digits.contains('.')
            && exponent == 0
            && let Some(fraction) = self.mixed()
        {
            return Ok(Expr::Num(Num { value: &whole.value + fraction, decimal: None }));
        }
        Ok(number)
    }

    /// Digits and letters in a base above ten, `2A_{16}`, from their first token on.
    pub(super) fn high_base(&mut self) -> Option<Expr> {
        let mut digits = String::new();
        let mut length = 0;
        while length < 12 && (length == 0 || !self.lexemes.get(self.at + length)?.spaced) {
            match self.peek_at(length) {
                Some(
                    Token::Number { digits: more, exponent: 0, .. }
                    | Token::Letter(more)
                    | Token::Word(more),
                ) => digits.push_str(more),
                _ => break,
            }
            length += 1;
        }
        if self.peek_at(length) != Some(&Token::Symbol('_'))
            || digits.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let braced = usize::from(self.peek_at(length + 1) == Some(&Token::Symbol('{')));
        let Some(Token::Number { digits: base, exponent: 0, .. }) =
            self.peek_at(length + 1 + braced)
        else {
            return None;
        };
        let base: u32 = base.parse().ok().filter(|base| (11..=36).contains(base))?;
        let closed = braced == 0 || self.peek_at(length + 3) == Some(&Token::Symbol('}'));
        // A single letter with an index is a name: a_{16}.
        if !closed || digits.len() < 2 || !digits.chars().all(|c| c.is_digit(base)) {
            return None;
        }
        self.at += length + 2 + 2 * braced;
        Some(Expr::Based(digits.to_uppercase(), base))
    }

    /// The digits in brackets after a point: 0.(3).
    fn bracketed_block(&mut self, head: &str) -> Option<String> {
        let Some(Token::Number { digits, exponent: 0, .. }) = self.peek_at(1) else { return None };
        let brackets = self.is('(') && self.peek_at(2) == Some(&Token::Symbol(')'));
        if !head.ends_with('.') || !brackets || digits.contains('.') {
            return None;
        }
        let block = digits.clone();
        self.at += 3;
        Some(block)
    }

    /// The overlined digits after a decimal point.
    fn repeating_block(&mut self) -> Option<String> {
        let Some(Token::Command("overline" | "bar" | "dot")) = self.peek() else { return None };
        let braced = self.peek_at(1) == Some(&Token::Symbol('{'));
        let Some(Token::Number { digits, exponent: 0, .. }) = self.peek_at(1 + usize::from(braced))
        else {
            return None;
        };
        if digits.contains('.') {
            return None;
        }
        let mut block = digits.clone();
        let dotted = self.peek() == Some(&Token::Command("dot"));
        self.at += if braced { 4 } else { 2 };
        // A dot over the first digit of the block and one over its last.
        if dotted {
            let between = match self.peek() {
                Some(Token::Number { digits, exponent: 0, .. }) => Some(digits.clone()),
                _ => None,
            };
            let skipped = usize::from(between.is_some());
            if self.peek_at(skipped) == Some(&Token::Command("dot")) {
                self.at += skipped;
                block.push_str(&between.unwrap_or_default());
                block.push_str(&self.repeating_block()?);
            }
        }
        Some(block)
    }

    /// The proper fraction after a whole number.
    fn mixed(&mut self) -> Option<RBig> {
        let part = |token: Option<&Token>| match token {
            Some(Token::Number { digits, exponent: 0, .. }) if !digits.contains('.') => {
                digits.parse::<UBig>().ok()
            }
            _ => None,
        };
        let brace = Token::Symbol('{');
        let close = Token::Symbol('}');
        let (top, bottom, length) = if self.peek() == Some(&Token::Command("frac")) {
            if self.peek_at(1) == Some(&brace)
                && self.peek_at(3) == Some(&close)
                && self.peek_at(4) == Some(&brace)
                && self.peek_at(6) == Some(&close)
            {
                (part(self.peek_at(2))?, part(self.peek_at(5))?, 7)
            } else {
                // \frac34, \frac3{4}: digits without braces.
                let Some(Token::Number { digits, exponent: 0, .. }) = self.peek_at(1) else {
                    return None;
                };
                match digits.len() {
                    2 if !digits.contains('.') => {
                        (digits[..1].parse().ok()?, digits[1..].parse().ok()?, 2)
                    }
                    1 if self.peek_at(2) == Some(&brace) && self.peek_at(4) == Some(&close) => {
                        (digits.parse().ok()?, part(self.peek_at(3))?, 5)
                    }
                    1 => (digits.parse().ok()?, part(self.peek_at(2))?, 3),
                    _ => return None,
                }
            }
        } else if self.spaced() && self.peek_at(1) == Some(&Token::Symbol('/')) {
            (part(self.peek())?, part(self.peek_at(2))?, 3)
        } else {
            return None;
        };
        if bottom == UBig::ZERO || top >= bottom {
            return None;
        }
        self.at += length;
        Some(RBig::from_parts(top.into(), bottom))
    }

    /// Digits in a base; the next token is the underscore.
    fn based(&mut self, digits: String) -> Result<Expr, Stop> {
        self.at += 1;
        let base = self.deeper(Self::argument)?;
        let base = match base {
            Expr::Num(num) => num.value.numerator().try_into().ok(),
            // "204_{five}".
            Expr::Text(word) => in_words(&word).and_then(|n| n.numerator().try_into().ok()),
            _ => None,
        };
        match base {
            Some(10) => decimal(&digits, 0),
            Some(base @ 2..=36) => Ok(Expr::Based(digits, base)),
            _ => Err(Stop::Syntax),
        }
    }
}

/// The value of digits with a point and a power of ten.
fn decimal(digits: &str, exponent: i32) -> Result<Expr, Stop> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let mantissa: IBig =
        if all.is_empty() { IBig::ZERO } else { all.parse().map_err(|_| Stop::Syntax)? };
    let last_digit = exponent - i32::try_from(fraction.len()).map_err(|_| Stop::TooLarge)?;
    let value = power_of_ten(mantissa, last_digit);
    let shows_precision = !fraction.is_empty() || exponent != 0;
    let significant = all.trim_start_matches('0').len();
    let decimal = shows_precision.then_some(Decimal {
        last_digit,
        significant: u32::try_from(significant).unwrap_or(u32::MAX),
    });
    Ok(Expr::Num(Num { value, decimal }))
}

/// A mantissa times a power of ten.
pub(crate) fn power_of_ten(mantissa: IBig, exponent: i32) -> RBig {
    let scale = UBig::from(10_u8).pow(exponent.unsigned_abs() as usize);
    if exponent < 0 {
        RBig::from_parts(mantissa, scale)
    } else {
        RBig::from(mantissa * IBig::from(scale))
    }
}

/// The value of a decimal whose last digits repeat for ever.
fn repeating(digits: &str, block: &str) -> Result<Expr, Stop> {
    let (whole, fixed) = digits.split_once('.').unwrap_or((digits, ""));
    let parse = |text: &str| -> Result<IBig, Stop> {
        if text.is_empty() { Ok(IBig::ZERO) } else { text.parse().map_err(|_| Stop::Syntax) }
    };
    let before = parse(&format!("{whole}{fixed}"))?;
    let nines = UBig::from(10_u8).pow(block.len()) - UBig::ONE;
    let scale = UBig::from(10_u8).pow(fixed.len());
    let value =
        RBig::from_parts(before, scale.clone()) + RBig::from_parts(parse(block)?, nines * scale);
    Ok(Expr::Num(Num { value, decimal: None }))
}

/// Splits digits before dots into a head and the block that repeats.
fn period(digits: &str) -> Option<(&str, &str)> {
    let point = digits.find('.')?;
    let fraction = digits.len() - point - 1;
    for length in 1..=fraction / 2 {
        let block = &digits[digits.len() - length..];
        let before = &digits[digits.len() - 2 * length..digits.len() - length];
        // A single digit twice is a pattern only where nothing else is shown.
        let enough = length > 1 || fraction == 2 || digits[..digits.len() - 2].ends_with(block);
        if block == before && enough {
            let mut head = &digits[..digits.len() - length];
            while head.len() >= point + 1 + length && head.ends_with(block) {
                head = &head[..head.len() - length];
            }
            return Some((head, block));
        }
    }
    None
}
