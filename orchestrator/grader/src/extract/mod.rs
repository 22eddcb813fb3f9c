//! Finds the answer in a response, by linear scans.
//!
//! A response is first cut to the model's own last word on the problem: after `</think>`, before
//! the end of the turn, before a second problem that the model makes up. Then the last complete
//! boxes count; where the caller allows more, the cues of [`cues`] and the last expression follow.
//! No scan looks at a byte more than a constant number of times.

mod boxes;
mod correction;
mod cues;
mod last;
mod marked;
mod sentence;

pub(crate) use boxes::{boxed, labelled};
pub(crate) use last::{Chosen, choice};

use memchr::{memchr_iter, memmem};

use crate::Extraction;
use crate::verdict::Reason;

/// Markers that end a turn of the model.
const TURN_ENDS: [&str; 9] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "<end_of_turn>",
    "<｜end▁of▁sentence｜>",
    "</s>",
    "<|im_start|>user",
];

/// What a response offers as its answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// The contents of boxes that stand side by side, usually one.
    Boxes(Vec<&'a str>),
    /// The text after a mark, or in an element.
    Marked(&'a str),
    /// Texts that may be the answer, the likeliest first.
    Candidates(Vec<&'a str>),
}

/// Finds the answer of a response.
pub(crate) fn extract(response: &str, how: Extraction) -> Result<Found<'_>, Reason> {
    let body = own_words(response)?;
    match how {
        Extraction::Hashes => return marked::after_hashes(body).map(Found::Marked),
        Extraction::AnswerTag => {
            let inner = marked::in_answer_tag(body)?;
            let boxes = boxes::last_boxes(inner);
            return if boxes.unclosed || boxes.empty.is_some() {
                Err(Reason::NoAnswerFound)
            } else if boxes.contents.is_empty() {
                Ok(Found::Marked(inner))
            } else {
                Ok(Found::Boxes(boxes.contents))
            };
        }
        Extraction::Boxed | Extraction::Auto => {}
    }
    let found = boxes::last_boxes(body);
    if !found.contents.is_empty() {
        return Ok(Found::Boxes(found.contents));
    }
    let nothing = if found.empty.is_some() { Reason::EmptyAnswer } else { Reason::NoAnswerFound };
    if how == Extraction::Boxed {
        return Err(nothing);
    }
    // A box that was begun and not ended: the response is cut off.
    if found.unclosed {
        return Err(Reason::NoAnswerFound);
    }
    let mut candidates = cues::after_cues(body);
    if candidates.is_empty() {
        // An empty box asks for the answer; only what follows it can be one.
        candidates = last::last_expressions(&body[found.empty.unwrap_or(0)..]);
    }
    if candidates.is_empty() { Err(nothing) } else { Ok(Found::Candidates(candidates)) }
}

/// The part of a response that speaks for the model: no reasoning, no other turns or problems.
pub(crate) fn own_words(response: &str) -> Result<&str, Reason> {
    // Every marker of turns and of reasoning starts with this sign, and most responses have none.
    let mut body = if response.contains('<') { own_turn(response)? } else { response };
    // The few-shot prompts of Minerva teach this closing sentence; what follows is another problem.
    if let Some(at) = memmem::find(body.as_bytes(), b"I hope it is correct") {
        body = &body[..at];
    }
    Ok(next_problem(body).map_or(body, |at| &body[..at]))
}

/// Where a model that has answered goes on with another problem, as base models do.
fn next_problem(body: &str) -> Option<usize> {
    const OPENINGS: [&str; 8] = [
        "Question:",
        "Problem:",
        "Q:",
        "Human:",
        "User:",
        "### Instruction",
        "### Question",
        "### Problem",
    ];
    let bytes = body.as_bytes();
    let mut places = memchr_iter(b'\n', bytes)
        .filter(|at| OPENINGS.iter().any(|opening| bytes[at + 1..].starts_with(opening.as_bytes())))
        .peekable();
    places.peek()?;
    let answers: [&[u8]; 4] = [b"####", b"nswer is", b"nswer:", b"boxed{"];
    let answer = answers.iter().filter_map(|mark| {
        memmem::find_iter(bytes, mark).find(|at| bytes.get(at + mark.len()) != Some(&b'}'))
    });
    let answered = answer.min()?;
    places.find(|at| *at > answered)
}

/// The last turn of the model without its reasoning.
fn own_turn(response: &str) -> Result<&str, Reason> {
    let mut body = response;
    if let Some(at) = body.rfind("</think>") {
        body = &body[at + "</think>".len()..];
    }
    if body.contains("<think>") {
        return Err(Reason::UnclosedThink);
    }
    // A prompt that is echoed ends where the turn of the assistant starts.
    if body.trim_start().starts_with("<|im_start|>") {
        if let Some(at) = body.find("<|im_start|>assistant") {
            body = &body[at + "<|im_start|>assistant".len()..];
        } else {
            let start = body.find("<|im_start|>").map_or(0, |at| at + "<|im_start|>".len());
            body = &body[start..];
        }
    }
    for marker in TURN_ENDS {
        if let Some(at) = body.find(marker) {
            body = &body[..at];
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(response: &str) -> Vec<&str> {
        match extract(response, Extraction::Auto) {
            Ok(Found::Boxes(found) | Found::Candidates(found)) => found,
            Ok(Found::Marked(found)) => vec![found],
            Err(_) => Vec::new(),
        }
    }

    #[test]
    fn the_last_complete_boxes_count() {
        for (response, expected) in [
            (r"\boxed{1} then \boxed{2}", vec!["2"]),
            (r"\boxed 7", vec!["7"]),
            (r"\boxed {x}", vec!["x"]),
            (r"\fbox{42}", vec!["42"]),
            (r"\boxed{\boxed{4}}", vec![r"\boxed{4}"]),
            (r"\boxed{\left\{1,2\right\}}", vec![r"\left\{1,2\right\}"]),
            (r"$\boxed{1}$, $\boxed{2}$ and $\boxed{3}$", vec!["1", "2", "3"]),
            (r"\boxed{1} no no \boxed{2}", vec!["2"]),
            (r"<think>\boxed{1}</think> \boxed{2}", vec!["2"]),
            (r"\boxed{5}<|im_end|>\boxed{6}", vec!["5"]),
            (r"\phantom{\boxed{42}} \boxed{1}", vec!["1"]),
        ] {
            assert_eq!(extract(response, Extraction::Boxed), Ok(Found::Boxes(expected)));
        }
    }

    #[test]
    fn boxes_that_are_missing_have_reasons() {
        for (response, reason) in [
            (r"\boxed{42", Reason::NoAnswerFound),
            ("42", Reason::NoAnswerFound),
            (r"\boxed{}", Reason::EmptyAnswer),
            (r"<think>\boxed{42}", Reason::UnclosedThink),
            (r"</think><think>\boxed{42}", Reason::UnclosedThink),
        ] {
            assert_eq!(extract(response, Extraction::Boxed), Err(reason), "{response}");
        }
    }

    #[test]
    fn cues_come_before_the_last_expression() {
        for (response, first) in [
            ("The final answer is $42$. I hope it is correct. 17", "42"),
            ("so\n#### 1,000", "1,000"),
            ("<answer> 42 </answer> since 6 times 7", "42"),
            ("Answer: 41 was a wrong guess.\nAnswer: 42", "42"),
            ("we get $x = 3$", "x = 3"),
        ] {
            assert!(auto(response).iter().any(|found| found.trim() == first), "{response}");
        }
        assert!(auto("We compute 6*7 = 42, and now we need to check whether").is_empty());
    }

    #[test]
    fn a_megabyte_of_openings_takes_linear_time() {
        let mut response = r"\boxed{".repeat(150_000);
        assert_eq!(extract(&response, Extraction::Auto), Err(Reason::NoAnswerFound));
        response.push_str("1}");
        assert_eq!(extract(&response, Extraction::Boxed), Ok(Found::Boxes(vec!["1"])));
    }
}
