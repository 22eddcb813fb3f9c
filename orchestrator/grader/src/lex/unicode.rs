//! Characters: digits of all scripts, mathematical symbols, control characters.

use crate::stop::Stop;

/// Rewrites symbols that have a LaTeX or ASCII spelling; refuses control characters.
pub(super) fn normalise(text: &str) -> Result<Vec<char>, Stop> {
    let mut out: Vec<char> = Vec::with_capacity(text.len());
    let mut raised: Option<char> = None;
    for c in text.chars() {
        // Most answers have no other characters than these.
        if matches!(c, ' '..='~') {
            close(&mut out, &mut raised);
            out.push(c);
            continue;
        }
        // Superscripts and subscripts become groups after ^ and _.
        if let Some((mark, plain)) = script(c) {
            if raised != Some(mark) {
                close(&mut out, &mut raised);
                out.extend([mark, '{']);
                raised = Some(mark);
            }
            out.push(plain);
            continue;
        }
        close(&mut out, &mut raised);
        if refused(c) {
            return Err(Stop::Control);
        }
        if let Some(digit) = digit(c) {
            out.push(digit);
        } else if let Some(replacement) = spelling(c) {
            out.extend(replacement.chars());
        } else if let Some(letter) = styled(c) {
            out.push(letter);
        } else {
            out.push(c);
        }
    }
    close(&mut out, &mut raised);
    Ok(out)
}

fn close(out: &mut Vec<char>, raised: &mut Option<char>) {
    if raised.take().is_some() {
        out.push('}');
    }
}

/// Controls, and marks that change the order in which a reader sees the text.
fn refused(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// The ASCII digit that a decimal digit of another script stands for.
fn digit(c: char) -> Option<char> {
    const ZEROS: [u32; 16] = [
        0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
        0x0d66, 0x0e50, 0x0ed0, 0x0f20, 0xff10,
    ];
    let code = c as u32;
    let value = if (0x1d7ce..=0x1d7ff).contains(&code) {
        (code - 0x1d7ce) % 10
    } else {
        ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10))?
    };
    char::from_digit(value, 10)
}

/// The mark and the plain character of a superscript or subscript.
fn script(c: char) -> Option<(char, char)> {
    let raised = match c {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴'..='⁹' => return char::from_digit(c as u32 - 0x2070, 10).map(|d| ('^', d)),
        '⁺' => '+',
        '⁻' => '-',
        '⁽' => '(',
        '⁾' => ')',
        'ⁿ' => 'n',
        'ˣ' => 'x',
        '₀'..='₉' => return char::from_digit(c as u32 - 0x2080, 10).map(|d| ('_', d)),
        'ₙ' => return Some(('_', 'n')),
        _ => return None,
    };
    Some(('^', raised))
}

/// Letters of mathematical alphabets as plain letters.
fn styled(c: char) -> Option<char> {
    let code = c as u32;
    if (0x1d400..=0x1d6a3).contains(&code) {
        let index = (code - 0x1d400) % 52;
        let base = if index < 26 { u32::from(b'A') + index } else { u32::from(b'a') + index - 26 };
        return char::from_u32(base);
    }
    // Full-width forms of ASCII.
    (0xff01..=0xff5e).contains(&code).then(|| char::from_u32(code - 0xfee0)).flatten()
}

/// The spelling of a symbol in LaTeX or ASCII; invisible characters have an empty one.
fn spelling(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}'..='\u{2064}' | '\u{ad}' => "",
        '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => " ",
        '−' | '–' | '—' | '‒' | '﹣' | '‐' | '‑' => "-",
        '×' | '·' | '∙' | '⋅' | '∗' | '•' | '✕' | '✖' => "*",
        '÷' | '⁄' | '∕' => "/",
        '½' => "\\frac{1}{2}",
        '⅓' => "\\frac{1}{3}",
        '⅔' => "\\frac{2}{3}",
        '¼' => "\\frac{1}{4}",
        '¾' => "\\frac{3}{4}",
        '⅕' => "\\frac{1}{5}",
        '⅖' => "\\frac{2}{5}",
        '⅗' => "\\frac{3}{5}",
        '⅘' => "\\frac{4}{5}",
        '⅙' => "\\frac{1}{6}",
        '⅚' => "\\frac{5}{6}",
        '⅐' => "\\frac{1}{7}",
        '⅛' => "\\frac{1}{8}",
        '⅜' => "\\frac{3}{8}",
        '⅝' => "\\frac{5}{8}",
        '⅞' => "\\frac{7}{8}",
        '⅑' => "\\frac{1}{9}",
        '⅒' => "\\frac{1}{10}",
        'π' | '𝜋' | '𝝅' | 'Π' => "\\pi ",
        '√' => "\\sqrt ",
        '∛' => "\\sqrt[3] ",
        '∜' => "\\sqrt[4] ",
        'α' => "\\alpha ",
        'β' => "\\beta ",
        'γ' => "\\gamma ",
        'δ' => "\\delta ",
        'ε' | 'ϵ' => "\\epsilon ",
        'θ' | 'ϑ' => "\\theta ",
        'λ' => "\\lambda ",
        'μ' | 'µ' => "\\mu ",
        'ρ' => "\\rho ",
        'σ' => "\\sigma ",
        'τ' => "\\tau ",
        'φ' | 'ϕ' => "\\phi ",
        'ω' => "\\omega ",
        'Ω' | '\u{2126}' => "\\Omega ",
        '℃' => "°C",
        '℉' => "°F",
        'ℝ' => "\\mathbb{R}",
        'ℤ' => "\\mathbb{Z}",
        'ℕ' => "\\mathbb{N}",
        'ℚ' => "\\mathbb{Q}",
        'ℂ' => "\\mathbb{C}",
        '⩽' | '≦' => "≤",
        '⩾' | '≧' => "≥",
        '≃' | '≅' => "≈",
        '∘' | 'º' | '˚' => "°",
        '′' | '’' => "'",
        '″' => "''",
        '…' | '⋯' => "...",
        '∣' | '｜' => "|",
        '〈' => "⟨",
        '〉' => "⟩",
        '，' | '、' => ", ",
        '；' => ";",
        '。' => ". ",
        '﹪' | '٪' => "%",
        '٫' => ".",
        '٬' => ",",
        'ⅇ' => "e",
        'ⅈ' | 'ı' => "i",
        '￥' => "¥",
        '∧' | '⋀' => " and ",
        '∨' | '⋁' => " or ",
        _ => return None,
    })
}
