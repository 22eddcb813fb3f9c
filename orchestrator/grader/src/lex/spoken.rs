//! Operators that are spoken: "3 to 4", "5 plus 3", "6.02 x 10^23".

use super::{Lexeme, Token};

/// Turns words and letters between numbers into the operators that they stand for.
pub(super) fn operators(lexemes: &mut Vec<Lexeme>) {
    powers_of_ten(lexemes);
    let mut at = 0;
    while at < lexemes.len() {
        if let Some((token, length)) = operator(lexemes, at) {
            lexemes[at].token = token;
            lexemes.drain(at + 1..at + length);
        }
        at += 1;
    }
}

/// Joins a number, the word e and an exponent: `6.02\text{e}23`.
fn powers_of_ten(lexemes: &mut Vec<Lexeme>) {
    let mut at = 0;
    while at + 2 < lexemes.len() {
        let sign = lexemes[at + 2].token == Token::Symbol('-');
        let last = at + 2 + usize::from(sign);
        let e = matches!(&lexemes[at + 1].token, Token::Word(e) if e == "e" || e == "E");
        let size = match lexemes.get(last).map(|lexeme| &lexeme.token) {
            Some(Token::Number { digits, exponent: 0, .. }) if e => digits.parse::<i32>().ok(),
            _ => None,
        };
        if let (Token::Number { exponent, .. }, Some(size @ 0..=400)) =
            (&mut lexemes[at].token, size)
            && *exponent == 0
        {
            *exponent = if sign { -size } else { size };
            lexemes.drain(at + 1..=last);
        }
        at += 1;
    }
}

/// The operator that starts at a place, and how many tokens it takes.
fn operator(lexemes: &[Lexeme], at: usize) -> Option<(Token, usize)> {
    let token = |at: usize| lexemes.get(at).map(|lexeme| &lexeme.token);
    let word = |at: usize| match token(at) {
        Some(Token::Word(word)) => Some(word.as_str()),
        _ => None,
    };
    let value = |at: usize| {
        matches!(
            token(at),
            Some(
                Token::Number { .. }
                    | Token::Letter(_)
                    | Token::Command(_)
                    | Token::Symbol('(' | '{' | '$')
            )
        )
    };
    let before = at > 0
        && matches!(
            token(at - 1),
            Some(Token::Number { .. } | Token::Letter(_) | Token::Symbol(')' | '}' | '%'))
        );
    let bracketed = at > 0 && token(at - 1) == Some(&Token::Symbol('('));
    match token(at)? {
        // The letter x for the sign of times: 6.02 x 10^23.
        Token::Letter(x) if x == "x" || x == "X" => {
            let ten = matches!(token(at + 1),
                Some(Token::Number { digits, .. }) if digits == "10");
            let number = at > 0 && matches!(token(at - 1), Some(Token::Number { .. }));
            let power = token(at + 2) == Some(&Token::Symbol('^'));
            (number && ten && power).then_some((Token::Symbol('*'), 1))
        }
        // 42 or so.
        Token::Or => {
            let last = word(at + 1) == Some("so") && token(at + 2).is_none();
            last.then(|| (Token::Word("or so".to_owned()), 2))
        }
        Token::And if word(at + 1) == Some("also") => Some((Token::And, 2)),
        Token::Word(first) if first == "as" => {
            (word(at + 1) == Some("well") && word(at + 2) == Some("as")).then_some((Token::And, 3))
        }
        Token::Word(first) if first == "per" && word(at + 1) == Some("cent") => {
            before.then_some((Token::Symbol('%'), 2))
        }
        Token::Word(x) if x == "x" => {
            let number = |token: Option<&Token>| matches!(token, Some(Token::Number { .. }));
            let between = at > 0 && number(token(at - 1)) && number(token(at + 1));
            between.then_some((Token::Symbol('*'), 1))
        }
        Token::Word(first) => {
            let (symbol, length) = match first.as_str() {
                "to" => (':', 1),
                "is" if word(at + 1) == Some("to") => (':', 2),
                "out" if word(at + 1) == Some("of") => ('/', 2),
                "divided" if word(at + 1) == Some("by") => ('/', 2),
                "over" if before => ('/', 1),
                "plus" => ('+', 1),
                "times" => ('*', 1),
                "minus" => ('-', 1),
                "negative" if !before => ('-', 1),
                "modulo" | "mod" if before || bracketed => {
                    return value(at + 1).then_some((Token::Command("mod"), 1));
                }
                _ => return None,
            };
            let sign = symbol == '-' || symbol == '+';
            ((before || sign) && value(at + length)).then_some((Token::Symbol(symbol), length))
        }
        _ => None,
    }
}
