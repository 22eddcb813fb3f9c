//! Runs of letters: which are words, which are functions, which are products of variables.

use super::functions::function;

/// What a run of letters is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Class {
    Command(&'static str),
    Letter(&'static str),
    Symbol(char),
    And,
    Or,
    Word,
    /// One variable a letter.
    Letters,
}

/// Greek letters and other names that plain text spells out.
const SPELLED: [&str; 13] = [
    "pi", "alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "sigma", "omega", "phi",
    "epsilon", "rho",
];

/// Short words that are words in plain text, too.
const SHORT: [&str; 60] = [
    "odd", "yes", "no", "the", "all", "any", "not", "are", "is", "of", "to", "set", "one", "two",
    "six", "ten", "per", "day", "only", "none", "dne", "sum", "at", "by", "if", "it", "its", "has",
    "was", "so", "an", "as", "in", "on", "can", "get", "let", "for", "than", "then", "when", "mon",
    "tue", "wed", "thu", "fri", "sat", "sun", "red", "men", "big", "old", "new", "box", "cat",
    "dog", "boy", "cup", "bag", "out",
];

/// Signs of units that may follow a number in plain text.
const UNITS: [&str; 47] = [
    "cm", "mm", "km", "dm", "nm", "kg", "mg", "lb", "lbs", "oz", "ft", "in", "yd", "mi", "mph",
    "kmph", "kmh", "kph", "hr", "hrs", "min", "mins", "sec", "secs", "ms", "ml", "cl", "dl", "kj",
    "kw", "hz", "khz", "mhz", "pa", "kpa", "am", "pm", "pct", "deg", "rad", "usd", "eur", "gbp",
    "th", "st", "nd", "rd",
];

/// Classifies a run of letters; `lower` is the run in lower case.
pub(super) fn classify(
    run: &str,
    lower: &str,
    text: bool,
    after_number: bool,
    spaced: bool,
    followed: Option<char>,
) -> Class {
    if lower == run {
        match lower {
            "and" | "und" | "et" | "и" | "和" | "but" => return Class::And,
            "or" | "oder" | "ou" | "или" | "或" | "或者" => return Class::Or,
            _ => {}
        }
    }
    let single = run.chars().count() == 1;
    if after_number && (lower == "percent" || lower == "pct") {
        return Class::Symbol('%');
    }
    if (after_number || text) && matches!(lower, "degrees" | "degree") {
        return Class::Symbol('°');
    }
    if after_number
        && UNITS.contains(&lower)
        && !matches!(followed, Some('(' | '_'))
        && (followed != Some('^')
            || matches!(lower, "cm" | "mm" | "km" | "dm" | "ft" | "yd" | "mi"))
    {
        // "2 min" is a time, "min(2, 3)" a function; "5am" may be a product of variables.
        if spaced || text || !matches!(lower, "am" | "pm" | "in" | "st" | "nd" | "mi" | "pa") {
            return Class::Word;
        }
    }
    if after_number
        && matches!(lower, "cm" | "km" | "mm" | "kg" | "ft" | "mi" | "in" | "yd")
        && spaced
    {
        return Class::Word;
    }
    if matches!(run, "Rs" | "USD" | "EUR" | "GBP" | "INR" | "RMB" | "CNY") {
        return Class::Word;
    }
    if let Some(name) = function(run)
        && !matches!(
            run,
            "not" | "in" | "over" | "bar" | "dot" | "hat" | "operator" | "int" | "arg"
        )
        && !(text
            && matches!(
                run,
                "sum" | "sec" | "min" | "max" | "mod" | "deg" | "det" | "inf" | "sup" | "floor"
            )
            && followed != Some('('))
    {
        return Class::Command(name);
    }
    if text {
        return Class::Word;
    }
    if single {
        // Signs of Chinese, Japanese and Korean are words: 18元.
        let word = run.chars().all(|c| c >= '\u{2e80}');
        return if word { Class::Word } else { Class::Letters };
    }
    if let Some(name) = SPELLED.iter().find(|name| **name == run) {
        return Class::Letter(name);
    }
    match run {
        "infinity" | "infty" | "oo" | "Infinity" => return Class::Symbol('∞'),
        "union" | "U" if spaced => return Class::Symbol('∪'),
        _ => {}
    }
    let in_lower_case = run.chars().skip(1).all(char::is_lowercase);
    if SHORT.contains(&lower) && (in_lower_case || lower == "dne") {
        return Class::Word;
    }
    if !run.is_ascii() {
        return Class::Word;
    }
    let bytes = lower.as_bytes();
    let vowels = bytes.iter().filter(|b| b"aeiouy".contains(b)).count();
    let alphabetical = bytes.windows(2).all(|pair| pair[0] < pair[1]) && bytes.len() < 6;
    let repeats = bytes.windows(2).all(|pair| pair[0] == pair[1]);
    let capitals = run.chars().all(char::is_uppercase) && bytes.len() < 6;
    if bytes.len() >= 4 && vowels > 0 && !alphabetical && !repeats && !capitals {
        Class::Word
    } else {
        Class::Letters
    }
}
