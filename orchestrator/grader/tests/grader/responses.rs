//! Where the answer of a response is: one row a case.

use retrial_grader::{Extraction, Gold, grade};

/// Rows of gold answer, response, and whether it counts.
type Rows<'a> = &'a [(&'a str, &'a str, bool)];

#[track_caller]
fn check_responses(rows: Rows) {
    let mut wrong = Vec::new();
    for (gold, response, expected) in rows {
        let read = Gold::parse(gold).expect("a gold answer");
        let grade = grade(&read, response, Extraction::Auto);
        if grade.verdict.is_correct() != *expected {
            let found = grade.answer.map(|answer| answer.text);
            wrong.push(format!(
                "{gold} <- {response:?}: {} ({}) {found:?}",
                grade.verdict, grade.reason
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn boxes_in_responses() {
    check_responses(&[
        ("42", r"So \boxed{42} or \boxed{43}.", false),
        ("42", r"So \boxed{41} or maybe \boxed{42}.", false),
        ("42", r"\boxed{42}, \boxed{42}", true),
        ("42", r"\boxed{41}\boxed{42}", false),
        ("42", r"It is \boxed{42} or 43.", false),
        ("42", r"First \boxed{7}. But that is only the radius. The area is \boxed{42}.", true),
        ("42", r"\boxed{42}. But wait, I made an error; it is \boxed{43}.", false),
        ("1,2", r"\boxed{1} and \boxed{2}", true),
        ("1,2", r"\boxed{1}, \boxed{2} and \boxed{3}", false),
        ("42", r"$$\boxed{42}$$ This completes the proof.", true),
        ("42", r"\boxed{42", false),
        ("42", r"\boxed{\boxed{42}}", true),
        ("42", r"\boxed{ 42 }", true),
        ("42", "\\boxed{\n42\n}", true),
        ("42", r"\boxed{x = 42}", true),
        ("42", r"\boxed{n = 42}", true),
        ("42", r"Put your answer in \boxed{}. I think it is \boxed{42}", true),
        ("42", r"I will put my final answer in \boxed{}.", false),
        ("0", r"\boxed{}", false),
        ("0", r"\boxed{ }", false),
        ("42", r"<think>It is \boxed{42}", false),
        ("42", r"<think>maybe \boxed{41}</think>The answer is \boxed{42}.", true),
        ("42", r"<think>surely \boxed{42}</think>I am not sure.", false),
        ("42", r"\boxed{42}<|im_end|>\n<|im_start|>user\nNext: \boxed{1}", true),
        ("42", r"\boxed{answer} is wrong, it is 42.", true),
        ("42", r"\boxed{forty-two}", true),
        ("42", r"\boxed{\text{The answer is } 42}", true),
        ("42", r"\boxed{42 \quad \text{and} \quad 43}", false),
        ("42", r"\boxed{42, 43}", false),
        ("42", r"\boxed{41 \to 42}", false),
        ("42", r"\boxed{\text{either 42 or 43}}", false),
        ("42", r"\boxed{?}", false),
        ("42", r"\boxed{\cancel{42} 43}", false),
        ("42", r"\boxed{42 \neq 43}", false),
        ("42", r"\boxed{42 < 43}", false),
        ("42", r"\boxed{40 + 2}", true),
        ("42", r"\boxed{6 \times 7}", true),
        ("42", r"\boxed{6 \times 7 = 42}", true),
        ("42", r"\boxed{42!}", false),
        ("42", r"\boxed{\approx 42}", true),
        ("42", r"\boxed{42^{\circ}}", true),
        ("42", r"\boxed{\$42}", true),
        ("42", r"\boxed{42}\%", true),
        ("42", r"\framebox{42}", true),
    ]);
}

#[test]
fn cues_in_responses() {
    check_responses(&[
        ("42", "The answer is 42.", true),
        ("42", "The answer is 42", true),
        ("42", "The answer is $42$.", true),
        ("42", "The answer is **42**.", true),
        ("42", "The answer is: 42", true),
        ("42", "Answer: 42", true),
        ("42", "**Answer:** 42", true),
        ("42", "**Final Answer**: 42", true),
        ("42", "### Final Answer\n42", true),
        ("42", "The final answer is 42 apples.", true),
        ("42", "Therefore, the answer is \\(42\\).", true),
        ("42", "#### 42", true),
        ("42", "<answer>42</answer>", true),
        ("42", "<answer>$x = 42$</answer>", true),
        ("42", "<answer>\\boxed{42}</answer>", true),
        ("42", "{\"answer\": \"42\"}", true),
        ("42", "{\"answer\": 41}", false),
        ("42", "6 times 7 equals 42.", true),
        ("42", "So there are 42 ways.", true),
        ("42", "I do not know.", false),
        ("42", "", false),
        ("42", "   ", false),
        ("42", "...", false),
        ("42", "The answer is not 42.", false),
        ("42", "The answer is either 41 or 42.", false),
        ("42", "The answer is 41 or 42.", false),
        ("42", "The answer is 43, not 42.", false),
        ("42", "We know 42 is even, so let us continue with the proof by", false),
        ("1/2", "The probability is 1/2.", true),
        ("-3", "The answer is -3.", true),
        ("3", "The answer is -3.", false),
        ("(1,2)", "The answer is (1, 2).", true),
        ("(1,2)", "The solution is $(x,y)=(1,2)$.", true),
        ("x^2+1", "The polynomial is $x^2+1$.", true),
        ("2.5", "That makes 2.5 in total.", true),
        ("1000", "In total 1,000 people.", true),
        ("5", "The answer is five.", true),
        ("C", "The answer is C.", true),
        ("C", "The answer is (C) 12.", true),
        ("C", "(C)", true),
        ("C", "C", true),
        ("C", "**C**", true),
        ("C", "Option C is correct.", true),
        ("C", "The answer is D, not C.", false),
        ("C", "The correct answer is B. C is wrong.", false),
        ("C", "Answer: C", true),
        ("A", "A plane flies over the city.", false),
        ("B", "Both are possible.", false),
        ("yes", "Answer: Yes", true),
        ("yes", "The answer is no.", false),
    ]);
}
