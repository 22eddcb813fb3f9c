//! Numbers in English words: "forty-two", "two thirds", "seven and a half", "minus five million".

use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] =
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
/// Parts of a whole, from halves on.
const PARTS: [(&str, u64); 14] = [
    ("half", 2),
    ("halve", 2),
    ("third", 3),
    ("quarter", 4),
    ("fourth", 4),
    ("fifth", 5),
    ("sixth", 6),
    ("seventh", 7),
    ("eighth", 8),
    ("ninth", 9),
    ("tenth", 10),
    ("hundredth", 100),
    ("thousandth", 1_000),
    ("millionth", 1_000_000),
];

/// The number of parts that a word divides a whole into: "halves", "third".
pub(crate) fn part_word(word: &str) -> Option<u64> {
    let single = word.strip_suffix('s').unwrap_or(word);
    PARTS.iter().find(|(part, _)| *part == single).map(|(_, size)| *size)
}

/// What a word of scale multiplies by: "million", "dozen".
pub(crate) fn scale_word(word: &str) -> Option<u64> {
    Some(match word {
        "hundred" | "hundreds" | "百" => 100,
        "thousand" | "thousands" | "k" | "千" => 1_000,
        "million" | "millions" | "mn" | "mln" | "mil" => 1_000_000,
        "billion" | "billions" | "bn" => 1_000_000_000,
        "trillion" | "trillions" | "tn" => 1_000_000_000_000,
        "dozen" | "dozens" => 12,
        "score" => 20,
        "gross" => 144,
        "lakh" | "lakhs" => 100_000,
        "crore" | "crores" => 10_000_000,
        "万" => 10_000,
        "亿" => 100_000_000,
        _ => return None,
    })
}

/// The number that English words spell.
pub(crate) fn in_words(text: &str) -> Option<RBig> {
    let words: Vec<&str> = text.split([' ', '-']).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        ["negative" | "minus", rest @ ..] => positive(rest).map(|value| -value),
        words => positive(words),
    }
}

fn positive(words: &[&str]) -> Option<RBig> {
    if words.len() > 16 {
        return None;
    }
    // "seven and a half".
    if let [whole @ .., "and", "a" | "an" | "one", part] = words
        && let Some(size) = part_word(part)
        && !whole.is_empty()
    {
        return Some(RBig::from(count(whole)?) + fraction(1, size));
    }
    match words {
        ["half"] => return Some(fraction(1, 2)),
        ["half", "a", "dozen"] => return Some(RBig::from(6)),
        ["a" | "an" | "one", part] if part_word(part).is_some() => {
            return part_word(part).map(|size| fraction(1, size));
        }
        ["a" | "an", rest @ ..] if rest.len() == 1 => {
            return scale_word(rest[0]).map(RBig::from);
        }
        [top @ .., part] if part.ends_with('s') && !top.is_empty() => {
            if let Some(size) = part_word(part) {
                return Some(RBig::from(count(top)?) * fraction(1, size));
            }
        }
        _ => {}
    }
    count(words).map(RBig::from)
}

fn fraction(top: u64, bottom: u64) -> RBig {
    RBig::from_parts(IBig::from(top), UBig::from(bottom))
}

/// The whole number that words spell.
fn count(words: &[&str]) -> Option<u64> {
    let mut total = 0_u64;
    let mut group: Option<u64> = None;
    let mut least = u64::MAX;
    let mut previous = 0;
    for (at, word) in words.iter().enumerate() {
        // "one hundred and five".
        if *word == "and" && at > 0 && at + 1 < words.len() && previous >= 100 {
            continue;
        }
        if let Some(value) = small(word) {
            let fits = match previous {
                0 => group.is_none(),
                100 => value < 100,
                20..=90 => (1..10).contains(&value),
                1_000.. => true,
                _ => false,
            };
            if !fits {
                return None;
            }
            group = Some(group.unwrap_or(0) + value);
            previous = if value == 0 { 1 } else { value };
            continue;
        }
        let scale = scale_word(word).filter(|_| !word.ends_with('s'))?;
        let before = group?;
        if scale == 100 {
            group = Some(before).filter(|n| (1..100).contains(n)).map(|n| n * 100);
            group?;
        } else {
            // Scales fall: a million, then thousands.
            if scale >= least || before == 0 {
                return None;
            }
            least = scale;
            total = total.checked_add(before.checked_mul(scale)?)?;
            group = None;
        }
        previous = scale.max(100);
        if scale != 100 {
            previous = 1_000;
        }
    }
    if words.is_empty() {
        return None;
    }
    total.checked_add(group.unwrap_or(0))
}

fn small(word: &str) -> Option<u64> {
    if let Some(at) = ONES.iter().position(|one| *one == word) {
        return Some(at as u64);
    }
    TENS.iter().position(|ten| *ten == word).map(|at| 20 + 10 * at as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_spell_numbers() {
        for (words, top, bottom) in [
            ("forty-two", 42, 1),
            ("one hundred and five", 105, 1),
            ("twelve hundred", 1200, 1),
            ("two million three hundred thousand one", 2_300_001, 1),
            ("minus five", -5, 1),
            ("two thirds", 2, 3),
            ("seven and a half", 15, 2),
            ("a dozen", 12, 1),
        ] {
            let value = RBig::from_parts(IBig::from(top), UBig::from(bottom as u32));
            assert_eq!(in_words(words), Some(value), "{words}");
        }
        for words in
            ["", "five six", "hundred five", "one one", "thousand", "five thousand million"]
        {
            assert_eq!(in_words(words), None, "{words}");
        }
    }
}
