//! LaTeX commands.

use super::functions::function;
use super::{Lexer, Mode, Token};
use crate::stop::Stop;

/// What a command is to the lexer.
#[derive(Clone, Copy)]
enum Kind {
    /// Spacing, sizes, fonts as switches: nothing.
    Nothing,
    /// A wide space: nothing, or a comma between equations.
    Space,
    /// Nothing, and neither is its argument.
    Hidden,
    /// A font: its argument is mathematics.
    Font,
    /// A text: its argument is words.
    Text,
    Symbol(char),
    Letter(&'static str),
    /// Takes arguments or is a function.
    Command(&'static str),
    Dots,
    /// The end of a row.
    Row,
    And,
    Or,
}

/// Delimiters that careless writers join to the next letter: `\vertx`.
const JOINED: [&str; 14] = [
    "lvert", "rvert", "vert", "lgroup", "rgroup", "lbrack", "rbrack", "lbrace", "rbrace", "lfloor",
    "lceil", "qquad", "quad", "langle",
];

impl Lexer {
    /// Reads a command; the cursor is on the backslash.
    pub(super) fn command(&mut self) -> Result<(), Stop> {
        let Some(next) = self.peek(1) else {
            // A lone backslash at the end.
            self.at += 1;
            return Ok(());
        };
        if !next.is_ascii_alphabetic() {
            self.control_symbol(next);
            return Ok(());
        }
        let start = self.at + 1;
        let mut end = start;
        while self.chars.get(end).is_some_and(char::is_ascii_alphabetic) {
            end += 1;
        }
        let name: String = self.chars[start..end].iter().collect();
        self.at = end;
        if let Some(kind) = kind(&name) {
            self.apply(kind);
            return Ok(());
        }
        match name.as_str() {
            "left" | "right" | "mleft" | "mright" | "middle" => {
                self.delimiter(name.ends_with("left"));
                Ok(())
            }
            "begin" | "end" => self.environment(name == "begin"),
            _ => {
                let joined = JOINED.iter().find(|known| name.starts_with(**known));
                if let Some(known) = joined
                    && let Some(kind) = kind(known)
                {
                    self.at = start + known.len();
                    self.apply(kind);
                    return Ok(());
                }
                // One letter after a command that must be a switch: \quadx is handled above; any
                // other unknown command is a name.
                self.push(Token::Letter(name));
                Ok(())
            }
        }
    }

    fn apply(&mut self, kind: Kind) {
        match kind {
            Kind::Space if self.separates() => self.push(Token::Symbol(',')),
            Kind::Nothing | Kind::Space => self.spaced = true,
            Kind::Hidden => self.skip_argument(),
            Kind::Font | Kind::Text => {
                let text = matches!(kind, Kind::Text);
                while self.peek(0) == Some(' ') || self.peek(0) == Some('*') {
                    self.at += 1;
                }
                if self.peek(0) == Some('{') {
                    self.at += 1;
                    let keep_text = self.in_text() || text;
                    self.modes.push(if keep_text { Mode::Text } else { Mode::Font });
                }
            }
            Kind::Symbol(symbol) => self.push(Token::Symbol(symbol)),
            Kind::Letter(letter) => self.push(Token::Letter(letter.to_owned())),
            Kind::Command("blackboard") => self.blackboard(),
            Kind::Command(name) => self.push(Token::Command(name)),
            Kind::Dots => self.push(Token::Dots),
            Kind::Row => self.push(Token::Row),
            Kind::And => self.push(Token::And),
            Kind::Or => self.push(Token::Or),
        }
    }

    /// Whether a wide space stands between two equations: `x = 3 \quad y = 4`.
    fn separates(&self) -> bool {
        let value = matches!(
            self.last(),
            Some(Token::Number { .. } | Token::Letter(_) | Token::Symbol(')' | '}'))
        );
        let equation = self.out.iter().any(|lexeme| lexeme.token == Token::Symbol('='));
        if self.environments || self.brackets > 0 || self.in_text() || !value || !equation {
            return false;
        }
        let rest = &self.chars[self.at..];
        let start = rest.iter().position(|c| !c.is_whitespace()).unwrap_or(rest.len());
        let name = rest[start..].first().is_some_and(char::is_ascii_alphabetic);
        name && rest.contains(&'=')
    }

    /// `\,`, `\{`, `\\` and the like.
    fn control_symbol(&mut self, next: char) {
        self.at += 2;
        match next {
            '\\' => {
                // Doubled by some layer of escaping, unless rows are about.
                if !self.environments && self.peek(0).is_some_and(|c| c.is_ascii_alphabetic()) {
                    self.at -= 1;
                } else {
                    self.push(Token::Row);
                    self.skip_row_space();
                }
            }
            ',' | ';' | ':' | '!' | ' ' | '/' | '\n' | '>' | '(' | ')' | '[' | ']' => {
                self.spaced = true;
            }
            '{' => self.push(Token::Symbol('⦃')),
            '}' => self.push(Token::Symbol('⦄')),
            '|' => self.push(Token::Symbol('|')),
            '$' => {
                // R$, US$, A$: whose dollar it is.
                if let Some(Token::Letter(of) | Token::Word(of)) = self.last()
                    && matches!(of.as_str(), "R" | "S" | "A" | "US" | "us" | "hk")
                {
                    if of == "S" {
                        self.out.pop();
                    }
                    self.out.pop();
                }
                self.push(Token::Symbol('$'));
            }
            '%' => self.push(Token::Symbol('%')),
            '&' => self.push(Token::And),
            _ => {}
        }
    }

    /// The delimiter after `\left` or `\right`.
    fn delimiter(&mut self, opens: bool) {
        while self.peek(0).is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        match self.peek(0) {
            Some('{') => self.push(Token::Symbol('⦃')),
            Some('}') => self.push(Token::Symbol('⦄')),
            Some('|') => self.push(Token::Symbol(if opens { '⎸' } else { '⎹' })),
            Some('.') => {}
            Some('<') => self.push(Token::Symbol('⟨')),
            Some('>') => self.push(Token::Symbol('⟩')),
            Some('\\') if self.rest_is(self.at, "\\vert") || self.rest_is(self.at, "\\|") => {
                self.push(Token::Symbol(if opens { '⎸' } else { '⎹' }));
                self.at += if self.rest_is(self.at, "\\|") { 2 } else { 5 };
                return;
            }
            _ => return,
        }
        self.at += 1;
    }

    fn environment(&mut self, begins: bool) -> Result<(), Stop> {
        while self.peek(0).is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        if self.peek(0) != Some('{') {
            return Err(Stop::Syntax);
        }
        let length = self.chars[self.at..].iter().take(24).position(|c| *c == '}');
        let length = length.ok_or(Stop::Syntax)?;
        let name: String = self.chars[self.at + 1..self.at + length].iter().collect();
        self.at += length + 1;
        let name = name.trim().trim_end_matches('*').to_owned();
        if begins && matches!(name.as_str(), "array" | "tabular") {
            self.skip_argument();
        }
        self.push(if begins { Token::Begin(name) } else { Token::End(name) });
        Ok(())
    }

    fn blackboard(&mut self) {
        while self.peek(0).is_some_and(|c| c == ' ' || c == '{') {
            self.at += 1;
        }
        if let Some(letter) = self.peek(0).filter(char::is_ascii_alphabetic) {
            self.at += 1;
            if self.peek(0) == Some('}') {
                self.at += 1;
            }
            let name = match letter {
                'R' => "ℝ".to_owned(),
                'Z' => "ℤ".to_owned(),
                'N' => "ℕ".to_owned(),
                'Q' => "ℚ".to_owned(),
                'C' => "ℂ".to_owned(),
                other => other.to_string(),
            };
            self.push(Token::Letter(name));
        }
    }

    /// Skips the argument in braces that follows, if one does.
    fn skip_argument(&mut self) {
        while self.peek(0).is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        if self.peek(0) != Some('{') {
            return;
        }
        let mut depth = 0_usize;
        while let Some(c) = self.peek(0) {
            self.at += 1;
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }
}

fn kind(name: &str) -> Option<Kind> {
    use Kind::{And, Command, Dots, Font, Hidden, Letter, Nothing, Or, Row, Space, Symbol, Text};
    Some(match name {
        "quad" | "qquad" => Space,
        "enspace" | "thinspace" | "medspace" | "thickspace" | "negthinspace" | "displaystyle"
        | "textstyle" | "scriptstyle" | "limits" | "nolimits" | "big" | "Big" | "bigg" | "Bigg"
        | "bigl" | "bigr" | "Bigl" | "Bigr" | "biggl" | "biggr" | "Biggl" | "Biggr" | "rm"
        | "bf" | "it" | "sf" | "tt" | "em" | "boldmath" | "mathstrut" | "strut" | "large"
        | "Large" | "normalsize" | "small" | "centering" | "allowbreak" | "nobreak" | "relax"
        | "par" | "hfill" | "newline" | "noindent" | "checkmark" | "blacksquare" | "square"
        | "qed" | "Box" => Nothing,
        "phantom" | "hphantom" | "vphantom" | "hspace" | "vspace" | "label" | "tag" | "color" => {
            Hidden
        }
        "textcolor" | "colorbox" => Hidden,
        "mathbf" | "boldsymbol" | "bm" | "mathit" | "mathcal" | "mathfrak" | "mathscr"
        | "boxed" | "fbox" | "variable" | "underline" | "mathop" | "mathbin" | "mathrel"
        | "pmb" | "cancel" | "ensuremath" | "smash" => Font,
        "text" | "mbox" | "textrm" | "textbf" | "textit" | "texttt" | "textsf" | "textnormal"
        | "hbox" | "mathrm" | "mathsf" | "mathtt" | "operatorname" | "emph" | "textup"
        | "textsc" => Text,
        "mathbb" | "Bbb" => Command("blackboard"),
        "times" | "cdot" | "ast" | "bullet" | "star" => Symbol('*'),
        "div" => Symbol('/'),
        "pm" => Symbol('±'),
        "mp" => Symbol('∓'),
        "le" | "leq" | "leqslant" | "leqq" => Symbol('≤'),
        "ge" | "geq" | "geqslant" | "geqq" => Symbol('≥'),
        "lt" => Symbol('<'),
        "gt" => Symbol('>'),
        "ne" | "neq" => Symbol('≠'),
        "approx" | "simeq" | "cong" | "thickapprox" | "doteq" => Symbol('≈'),
        "sim" => Symbol('∼'),
        "propto" => Symbol('∝'),
        "equiv" => Symbol('≡'),
        "in" => Symbol('∈'),
        "notin" => Symbol('∉'),
        "subset" | "subseteq" => Symbol('⊆'),
        "cup" | "bigcup" => Symbol('∪'),
        "cap" | "bigcap" => Symbol('∩'),
        "setminus" | "backslash" | "smallsetminus" => Symbol('∖'),
        "emptyset" | "varnothing" => Symbol('∅'),
        "infty" | "infin" => Symbol('∞'),
        "mid" | "vert" => Symbol('|'),
        "lvert" => Symbol('⎸'),
        "rvert" => Symbol('⎹'),
        "Vert" | "lVert" | "rVert" | "parallel" => Symbol('‖'),
        "to" | "rightarrow" | "longrightarrow" | "mapsto" => Symbol('→'),
        "Rightarrow" | "implies" | "Longrightarrow" | "iff" | "Leftrightarrow" | "therefore" => {
            Symbol('⇒')
        }
        "circ" | "degree" | "textdegree" => Symbol('°'),
        "prime" => Symbol('\''),
        "colon" => Symbol(':'),
        "lbrace" => Symbol('⦃'),
        "rbrace" => Symbol('⦄'),
        "lbrack" => Symbol('['),
        "rbrack" => Symbol(']'),
        "lgroup" | "lparen" => Symbol('('),
        "rgroup" | "rparen" => Symbol(')'),
        "cr" => Row,
        "langle" => Symbol('⟨'),
        "rangle" => Symbol('⟩'),
        "lfloor" | "llcorner" => Symbol('⌊'),
        "rfloor" | "lrcorner" => Symbol('⌋'),
        "lceil" | "ulcorner" => Symbol('⌈'),
        "rceil" | "urcorner" => Symbol('⌉'),
        "ldots" | "dots" | "cdots" | "dotsc" | "dotsb" | "dotsm" | "vdots" | "ddots" => Dots,
        "land" | "wedge" => And,
        "lor" | "vee" => Or,
        "textdollar" => Symbol('$'),
        "euro" | "texteuro" => Symbol('€'),
        "pounds" | "textsterling" => Symbol('£'),
        "textpercent" | "percent" => Symbol('%'),
        "exponentialE" => Letter("e"),
        "imaginaryI" | "imath" | "iu" => Letter("i"),
        "jmath" => Letter("j"),
        "top" | "intercal" => Letter("T"),
        "pi" | "Pi" => Letter("pi"),
        "varepsilon" => Letter("epsilon"),
        "vartheta" => Letter("theta"),
        "varphi" => Letter("phi"),
        "ell" => Letter("l"),
        "dfrac" | "tfrac" | "cfrac" | "frac" | "sfrac" | "nicefrac" => Command("frac"),
        "binom" | "dbinom" | "tbinom" => Command("binom"),
        _ => return function(name).map(Command),
    })
}
