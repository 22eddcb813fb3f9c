//! Choices: `C`, `(C)`, `\text{(C)}`, `(D) Alina`, "Option C".

/// The last letter that a choice may have.
const LAST: char = 'J';

/// A choice that a text starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The letter, as a capital.
    pub(crate) letter: char,
    /// What is chosen, if the text says it: `12` in `(B) 12`.
    pub(crate) value: Option<String>,
}

/// Marks around a letter that only set it.
const MARKS: [&str; 22] = [
    "\\underline",
    "\\textit",
    "\\emph",
    "\\mathsf",
    "\\mathit",
    "\\textbf",
    "\\textrm",
    "\\text",
    "\\mathbf",
    "\\mathrm",
    "\\boxed",
    "\\bf",
    "\\rm",
    "$",
    "{",
    "**",
    " ",
    "\\(",
    "\\ ",
    "\\,",
    "~",
    ":",
];

/// Words before a letter that announce it, in lower case.
const ANNOUNCEMENTS: [&str; 11] = [
    "the correct answer is",
    "the correct option is",
    "the correct choice is",
    "the answer is",
    "the final answer is",
    "final answer",
    "answer is",
    "answer",
    "correct option",
    "option",
    "choice",
];

/// The choice that a gold answer is.
pub(crate) fn of_gold(text: &str) -> Option<Choice> {
    let Some((choice, capital)) = read(text) else { return announced(text) };
    // `b` and `(x)` are names; `(b)` is a choice.
    let bracketed = text.trim_start_matches("\\text{").starts_with('(');
    (capital || bracketed && choice.letter <= 'D').then_some(choice)
}

/// The choice that a gold sentence ends in: "... and the answer is C Cecile".
fn announced(text: &str) -> Option<Choice> {
    let (_, rest) = text.rsplit_once("answer is")?;
    let mut chars = rest.trim_start_matches([' ', '\n', ':', '(']).chars();
    let letter = chars.next().filter(|c| ('A'..=LAST).contains(c))?;
    // "A" before a space is an article, "I" a pronoun.
    let ends = chars.next().is_none_or(|c| ").:".contains(c) || c == ' ' && !"AI".contains(letter));
    ends.then_some(Choice { letter, value: None })
}

/// The choice that an answer makes, if it makes one only.
pub(crate) fn of_answer(text: &str) -> Option<Choice> {
    read(text).map(|(choice, _)| choice)
}

/// The choice that a text starts with, and whether its letter is a capital.
fn read(text: &str) -> Option<(Choice, bool)> {
    let mut rest = text.trim();
    let mut bracket = false;
    // A question chooses nothing.
    if rest.contains('?') {
        return None;
    }
    loop {
        let before = rest;
        for mark in MARKS {
            rest = rest.strip_prefix(mark).unwrap_or(rest);
        }
        rest = after_announcement(rest);
        if let Some(inner) = rest.strip_prefix(['(', '[']) {
            rest = inner;
            bracket = true;
        }
        if rest == before {
            break;
        }
    }
    let letter = rest.chars().next().filter(char::is_ascii_alphabetic)?;
    let capital = letter.is_ascii_uppercase();
    let choice = letter.to_ascii_uppercase();
    if choice > LAST {
        return None;
    }
    let after = &rest[1..];
    let closed = after.trim_start_matches(['}', '$', ' ', '*']);
    if closed.is_empty()
        || matches!(
            closed.trim_end_matches(['}', '.']),
            "is correct"
                | "is the answer"
                | "is right"
                | "is the correct answer"
                | "is the correct option"
                | "is the correct choice"
        )
    {
        // A bracket that is not closed is no choice.
        let alone = Choice { letter: choice, value: None };
        return (!bracket).then_some((alone, capital));
    }
    let marked = if bracket {
        closed.starts_with([')', ']'])
    } else {
        capital && after.trim_start_matches('}').starts_with([')', '.', ':'])
    };
    if !marked {
        return None;
    }
    let tail = &closed[1..];
    // "(B), not (C)".
    if tail.starts_with(", not (") && tail.trim_end_matches(['}', '.']).len() <= ", not (C)".len() {
        return Some((Choice { letter: choice, value: None }, capital));
    }
    // "(A, B)" and "A.5" are no choices.
    if tail.chars().next().is_some_and(|c| !" }$\\*.".contains(c)) {
        return None;
    }
    let value = value_after(tail);
    if !capital && value.is_some() || offers_another(tail, choice) {
        return None;
    }
    Some((Choice { letter: choice, value }, capital))
}

/// A text without the words that announce a choice, if more than a letter of a word follows.
fn after_announcement(text: &str) -> &str {
    for words in ANNOUNCEMENTS {
        if let Some(head) = text.get(..words.len())
            && head.eq_ignore_ascii_case(words)
        {
            let rest = &text[words.len()..];
            if rest.starts_with([' ', ':', '}', '~', '\\', '(']) {
                return rest.trim_start_matches([' ', ':', '}', '~']);
            }
        }
    }
    text
}

/// What is chosen: the text after the letter and its mark.
fn value_after(tail: &str) -> Option<String> {
    let mut value = tail.trim_matches([' ', '$', '*', '~', '.']);
    while let Some(rest) =
        value.strip_prefix(['}', ' ', '~', ':', '$']).or(value.strip_prefix("\\ "))
    {
        value = rest;
    }
    let open = value.matches('{').count();
    let closed = value.matches('}').count();
    for _ in open..closed {
        value = value.strip_suffix('}').unwrap_or(value).trim_end();
    }
    (!value.is_empty()).then(|| value.to_owned())
}

/// Whether a text after a choice takes it back or names another one.
fn offers_another(tail: &str, letter: char) -> bool {
    let lower = tail.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let denied = words.iter().any(|word| {
        matches!(*word, "wrong" | "incorrect" | "maybe" | "possibly" | "perhaps" | "instead")
    });
    let refuted = words
        .windows(3)
        .any(|three| matches!(three, ["cannot", "be", "right" | "correct" | "true"]));
    if denied
        || refuted
        || words.first() == Some(&"is") && (words.contains(&"not") || words.contains(&"false"))
    {
        return true;
    }
    let chars: Vec<char> = tail.chars().collect();
    let mut word = String::new();
    let mut before = String::new();
    for (at, c) in chars.iter().enumerate() {
        if c.is_alphabetic() {
            word.push(*c);
            continue;
        }
        if is_other_choice(&chars, at, &word, &before, letter) {
            return true;
        }
        if !word.is_empty() {
            before = std::mem::take(&mut word);
        }
    }
    is_other_choice(&chars, chars.len(), &word, &before, letter)
}

/// Whether the word that ends at a place is the letter of another choice.
fn is_other_choice(chars: &[char], end: usize, word: &str, before: &str, letter: char) -> bool {
    let Some(found) = word.chars().next().filter(|_| word.len() == 1) else { return false };
    if !('A'..=LAST).contains(&found) || found == letter {
        return false;
    }
    let left = end.checked_sub(2).map(|at| chars[at]);
    let right = chars.get(end).copied();
    let after = chars.get(end + 1).copied();
    if left == Some('(') && right == Some(')') || left == Some('/') {
        return true;
    }
    let marked = matches!(right, Some('.' | ')' | ':')) && after.is_none_or(|c| " }$".contains(c));
    marked
        || matches!(
            before,
            "or" | "and" | "so" | "not" | "then" | "is" | "option" | "choice" | "answer" | "but"
        )
}

/// The letters of several choices together: `B, C`, `BC`, `(A) and (C)`.
pub(crate) fn several(text: &str) -> Option<String> {
    if !text.bytes().any(|b| (b'A'..=b'H').contains(&b)) {
        return None;
    }
    let mut letters = String::new();
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        if let Some(after) = MARKS
            .iter()
            .chain(["and", "}", "(", ")", ",", ";", "."].iter())
            .find_map(|mark| rest.strip_prefix(*mark))
        {
            rest = after;
        } else if ('A'..='H').contains(&c) {
            if letters.chars().last().is_some_and(|last| last >= c) {
                return None;
            }
            letters.push(c);
            rest = &rest[1..];
        } else {
            return None;
        }
    }
    (letters.len() >= 2).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_one_letter_with_or_without_its_value() {
        for (text, letter, value) in [
            ("B", 'B', None),
            (r"\text{(B)}", 'B', None),
            (r"\textbf{(B)}\ \frac{1}{2}", 'B', Some(r"\frac{1}{2}")),
            (r"\text{B. 12}", 'B', Some("12")),
            ("Option B", 'B', None),
            ("(D) None of the above", 'D', Some("None of the above")),
        ] {
            let expected = Choice { letter, value: value.map(str::to_owned) };
            assert_eq!(of_answer(text), Some(expected), "{text}");
        }
        for text in ["(A, B)", "A.5", "(B) or (C)", "B. 12 or C. 13", "(B) is wrong", "Both", "(B"]
        {
            assert_eq!(of_answer(text), None, "{text}");
        }
    }
}
