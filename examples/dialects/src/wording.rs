//! The texts of problems and responses, and the phrases they are made of.
//!
//! The tokenizer has a token for each phrase, so a text is tens of tokens, as many as a small
//! model can learn from in minutes.

use crate::arithmetic::NUMBERS;
use crate::{Dialect, Expression, Reading, dialect::DIALECTS};

/// The sentences of the prompt templates, as in the paper's figures.
const TEMPLATE_SENTENCES: [&str; 4] = [
    "Let's think step by step and output the final answer within \\boxed{}.",
    "Let's think concisely and output the final answer within \\boxed{}.",
    "Hint: possible incorrect answers include ",
    "Do not use or mention the hint explicitly in any of your intermediate steps.",
];

/// A problem.
pub fn question(dialect: &Dialect, expression: &Expression) -> String {
    format!("In {}, what is {expression}?", dialect.name)
}

/// How detailed a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The values of the two steps, then the answer.
    Short,
    /// Both steps in full, twice, then the answer: longer than the response limit of the demo.
    Long,
}

/// A response that reads an expression in one way, and is off by `slip` in the end.
pub fn response(reading: Reading, expression: &Expression, slip: i32, detail: Detail) -> String {
    let steps = expression.steps(reading);
    let name = reading_name(reading);
    let value = (steps[1].value + slip).clamp(*NUMBERS.start(), *NUMBERS.end());
    match detail {
        Detail::Short => {
            format!("{name}: first {}, then {value}. \\boxed{{{value}}}", steps[0].value)
        }
        Detail::Long => {
            let working = steps.map(|step| {
                format!("{} {} {} is {}. ", step.a, step.operator.symbol(), step.b, step.value)
            });
            let working = working.concat();
            format!("{name}: let us go slowly. {working}Once more. {working}So \\boxed{{{value}}}")
        }
    }
}

fn reading_name(reading: Reading) -> &'static str {
    match reading {
        Reading::Usual => "In the usual order",
        Reading::LeftToRight => "From left to right",
        Reading::RightToLeft => "From right to left",
        Reading::MinusTurned => "With minus turned round",
    }
}

/// The phrases that have a token of their own, in the order of their ids.
pub fn phrases() -> Vec<&'static str> {
    let mut phrases = vec!["user\n", "assistant\n", "In "];
    phrases.extend(DIALECTS.iter().map(|dialect| dialect.name));
    phrases.extend([", what is ", "?", " + ", " - ", " * ", "\n", " ", ", ", "."]);
    phrases.extend(TEMPLATE_SENTENCES);
    phrases.extend(Reading::ALL.map(reading_name));
    phrases.extend([
        ": first ",
        ", then ",
        ". \\boxed{",
        "}",
        ": let us go slowly. ",
        " is ",
        ". ",
        "Once more. ",
        "So \\boxed{",
    ]);
    phrases
}
