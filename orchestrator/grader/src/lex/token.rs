//! What an answer is made of.

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A number without sign: its digits with a point, and a power of ten.
    Number { digits: String, exponent: i32, grouped: bool },
    /// The name of a variable or constant: `x`, `alpha`.
    Letter(String),
    /// A word of text, in lower case where it is longer than a letter.
    Word(String),
    /// A command that takes arguments or is a function: `frac`, `sin`.
    Command(&'static str),
    /// An operator, relation or bracket, as one character.
    Symbol(char),
    /// `\begin{..}`.
    Begin(String),
    /// `\end{..}`.
    End(String),
    /// The end of a row, `\\`.
    Row,
    /// Dots that stand for something left out.
    Dots,
    /// "and" between answers.
    And,
    /// "or" between answers.
    Or,
}

/// A token and whether white space stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) spaced: bool,
}
