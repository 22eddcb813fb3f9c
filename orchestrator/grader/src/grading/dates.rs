//! Dates: `March 14`, `14th of March`, `14 March 2020`, `2020-03-14`.

use crate::compare::plain_words;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A day of a month, perhaps of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    month: usize,
    day: u32,
    year: Option<u32>,
}

impl Date {
    /// Whether an answer is this date; a year that is asked for must be there.
    pub(crate) fn is_answered_by(self, answer: Self) -> bool {
        let year = self.year.is_none() || self.year == answer.year;
        self.month == answer.month && self.day == answer.day && year
    }
}

/// Whether a text has a month or two dashes; most answers have neither, and are done with quickly.
fn may_be_date(text: &str) -> bool {
    let month = text.as_bytes().windows(3).any(|three| {
        let lower = [three[0] | 0x20, three[1] | 0x20, three[2] | 0x20];
        matches!(
            &lower,
            b"jan"
                | b"feb"
                | b"mar"
                | b"apr"
                | b"may"
                | b"jun"
                | b"jul"
                | b"aug"
                | b"sep"
                | b"oct"
                | b"nov"
                | b"dec"
        )
    });
    month || text.bytes().filter(|b| *b == b'-').count() >= 2
}

/// The date that a text is.
pub(crate) fn date(text: &str) -> Option<Date> {
    if text.len() > 80 || !text.bytes().any(|b| b.is_ascii_digit()) || !may_be_date(text) {
        return None;
    }
    let words = plain_words(text);
    let mut month = None;
    let mut numbers: Vec<&str> = Vec::new();
    for word in words.split(' ') {
        if matches!(word, "of" | "the" | "on") || is_short_for(word, &DAYS) {
            continue;
        }
        if let Some(at) = MONTHS.iter().position(|name| short(word, name)) {
            if month.replace(at).is_some() {
                return None;
            }
        } else {
            numbers.push(word);
        }
    }
    let number = |text: &str| text.parse::<u32>().ok();
    let day = |text: &str| {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let suffix = &text[digits.len()..];
        number(digits).filter(|day| {
            (1..=31).contains(day) && matches!(suffix, "" | "st" | "nd" | "rd" | "th")
        })
    };
    let year = |text: &str| number(text).filter(|_| text.len() == 4);
    match (month, numbers.as_slice()) {
        (Some(month), [one]) => Some(Date { month, day: day(one)?, year: None }),
        (Some(month), [one, two]) => Some(Date { month, day: day(one)?, year: Some(year(two)?) }),
        (None, [whole]) => {
            let parts: Vec<&str> = whole.split('-').collect();
            let [y, m, d] = parts.as_slice() else { return None };
            let month =
                number(m).filter(|m| m.checked_sub(1).is_some_and(|m| m < 12))? as usize - 1;
            Some(Date { month, day: day(d)?, year: Some(year(y)?) })
        }
        _ => None,
    }
}

fn is_short_for(word: &str, names: &[&str]) -> bool {
    names.iter().any(|name| short(word, name))
}

/// Whether a word is a name, or its first three letters and more.
fn short(word: &str, name: &str) -> bool {
    word.len() >= 3 && name.starts_with(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_order() {
        let march = Some(Date { month: 2, day: 14, year: None });
        for text in ["March 14", "14 March", "the 14th of March", "Mar. 14", "Friday, March 14"] {
            assert_eq!(date(text), march, "{text}");
        }
        let whole = Some(Date { month: 2, day: 14, year: Some(2020) });
        for text in ["March 14, 2020", "14 March 2020", "2020-03-14"] {
            assert_eq!(date(text), whole, "{text}");
        }
        for text in ["March", "14", "March 32", "3-0-1", "May be 14 or 15"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
