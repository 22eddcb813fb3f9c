//! What counts as equal and what does not. This module has no code: it is a table, and every row
//! is run as a test.
//!
//! # Where the answer is
//!
//! | in the response | answer |
//! |---|---|
//! | several boxes, text between them | the last complete one |
//! | several boxes side by side, or joined by "and", "or", "maybe" | a list of all of them |
//! | a last box that is cut off or empty, an unclosed `<think>` | none: earlier boxes are taken back |
//! | boxes for labelled parts, `(a)` and `(b)` | all of them, where the gold answer has as many parts |
//! | an empty box, `\boxed{...}`, `\boxed{answer}` | none: it repeats the instruction |
//! | text after the end of the turn, or after "I hope it is correct" | not looked at |
//! | no box, [`Extraction::Auto`](crate::Extraction::Auto) | after the last of "final answer is", `####`, `<answer>`, "answer is": a later one replaces an earlier one; else the last expression of a text that does not break off |
//!
//! Where a prompt asks for another mark, the caller says so:
//! [`Extraction::Hashes`](crate::Extraction) takes the line after the last `####` and
//! [`Extraction::AnswerTag`](crate::Extraction) the last `<answer>` element, and nothing else. An
//! element that is not ended, or an empty one, is no answer.
//!
//! ```
//! # use retrial_grader::{Extraction, Gold, grade};
//! let gold = Gold::parse("42")?;
//! for (response, extraction, right) in [
//!     ("6 times 7.\n#### 42", Extraction::Hashes, true),
//!     ("#### 42\n####", Extraction::Hashes, false),
//!     (r"\boxed{42}", Extraction::Hashes, false),
//!     ("<answer>42</answer>", Extraction::AnswerTag, true),
//!     ("<answer>42</answer> or <answer>43", Extraction::AnswerTag, false),
//!     ("#### 42", Extraction::Boxed, false),
//! ] {
//!     assert_eq!(grade(&gold, response, extraction).verdict.is_correct(), right, "{response}");
//! }
//! # Ok::<(), retrial_grader::GoldError>(())
//! ```
//!
//! # Where careful people differ
//!
//! [`Policy::Strict`](crate::Policy) is for rewards: what is not surely right is wrong.
//! [`Policy::Lenient`](crate::Policy) forgives what other graders forgive.
//!
//! | question | strict | lenient |
//! |---|---|---|
//! | is 0.333 one third? | no: six right digits are asked for, eight for pi and e themselves, and enough to tell the fraction from others | yes: three right digits |
//! | does an exact answer stand for a gold decimal? | if it rounds to it and the gold shows two digits | the same |
//! | a unit on one side only | it says nothing | the same |
//! | different units, or units that do not convert | wrong | the numbers are compared |
//! | `(1,2)` and `[1,2]`, `(1,2)` and `\{1,2\}` | different | the same if the order is |
//! | a row and a column vector | different | the same |
//! | 25 for 0.25, 25 % for 25 | wrong; right | the same |
//!
//! ```
//! # use retrial_grader::{Extraction, Gold, Policy, Rules, grade};
//! let lenient = Rules { extraction: Extraction::Boxed, policy: Policy::Lenient };
//! for (gold, answer, strict, forgiven) in [
//!     (r"\frac13", "0.333", false, true),
//!     (r"\frac13", "0.33", false, false),
//!     (r"\frac13", "0.333333", true, true),
//!     (r"10\text{ cm}", r"10\text{ kg}", false, true),
//!     ("(1,2)", "[1,2]", false, true),
//!     ("(1,2)", r"\{1,2\}", false, true),
//!     ("(1,2)", "(2,1)", false, false),
//!     (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}", false, true),
//!     ("0.25", "25", false, false),
//! ] {
//!     let read = Gold::parse(gold)?;
//!     let response = format!("\\boxed{{{answer}}}");
//!     let by_default = grade(&read, &response, Extraction::Boxed).verdict.is_correct();
//!     assert_eq!(by_default, strict, "{gold} and {answer}, strict");
//!     let by_leniency = grade(&read, &response, lenient).verdict.is_correct();
//!     assert_eq!(by_leniency, forgiven, "{gold} and {answer}, lenient");
//! }
//! # Ok::<(), retrial_grader::GoldError>(())
//! ```
//!
//! # Numbers
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     (r"\frac{1}{2}", "0.5", true),
//!     (r"\frac{1}{2}", r"\frac{2}{4}", true),
//!     (r"2\frac{3}{4}", r"\frac{11}{4}", true),
//!     ("1000", r"1{,}000", true),
//!     ("1000", "1,00,0", false),
//!     ("32349", "32, 349", false),
//!     ("1234567", "12,34,567", true),
//!     ("1234567", "1.234.567", true),
//!     ("1234567", "1'234'567", true),
//!     ("12", r"1\;2", false),
//!     (r"6.02\times10^{23}", r"\text{6.02E+23}", true),
//!     (r"6.02\times10^{23}", "6.02 x 10^23", true),
//!     (r"0.\overline{3}", r"\frac13", true),
//!     (r"6.02\times10^{23}", "602000000000000000000000", true),
//!     (r"2^{99}", r"2^{98}", false),
//!     ("12_8", "12_9", false),
//!     ("1101_2", "13", true),
//!     ("204_5", "204", false),
//!     ("204", "204_5", true),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Decimals
//!
//! A decimal stands for an exact gold answer only if it shows at least six digits, all of them are
//! right, and they tell a fraction from all others of its size; pi and e themselves take eight. An exact answer stands for a gold decimal of at least two digits if it rounds to it;
//! a longer decimal does if the gold shows three digits, or the answer six.
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     (r"\frac13", "0.333", false),
//!     (r"\frac13", "0.333333333", true),
//!     (r"\frac13", "0.333333", true),
//!     (r"\sqrt2", "1.41421", true),
//!     (r"\sqrt2", "1.4142", false),
//!     (r"\frac{1}{998001}", "0.000001002003", false),
//!     (r"\pi", "3.14159", false),
//!     (r"\pi", r"\frac{22}{7}", false),
//!     ("3.14", r"\pi", true),
//!     ("7.78", r"\frac{70}{9}", true),
//!     ("2.5", "2.51", false),
//!     ("5", "5.0000001", false),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Surds, functions, expressions
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     (r"\sqrt{8}", r"2\sqrt2", true),
//!     (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2", true),
//!     (r"\sin 15^\circ", r"\frac{\sqrt6-\sqrt2}{4}", true),
//!     (r"\ln 8", r"3\ln 2", true),
//!     (r"e^{\pi\sqrt{163}}", "262537412640768744", false),
//!     ("10^{-400}", "0", false),
//!     ("x^2-4", "(x-2)(x+2)", true),
//!     (r"\sqrt{x^2}", "|x|", true),
//!     (r"\sqrt{x^2}", "x", false),
//!     ("2x+3y", "2y+3x", false),
//!     (r"\binom{n}{2}", r"\frac{n(n-1)}{2}", true),
//!     (r"\frac{n(n+1)}{2}", r"\sum_{k=1}^n k", false),
//!     (r"\binom{10}{3}", "C_{10}^3", true),
//!     (r"\binom{10}{3}", "{}_{10}C_3", true),
//!     (r"\binom{10}{3}", "C(10,3)", true),
//!     ("2", r"\log 100", true),
//!     (r"\ln 2", r"\log 2", true),
//!     ("0", r"\sin(10^{50}\pi)", true),
//!     (r"1+\sqrt3 i", r"2\operatorname{cis}60^\circ", true),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Infinity
//!
//! Infinity keeps its sign in sums and products; what a limit would have to decide has no value.
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     (r"\infty", r"\infty+1", true),
//!     (r"\infty", r"-\infty", false),
//!     ("0", r"\infty-\infty", false),
//!     ("1", r"\frac{\infty}{\infty}", false),
//!     ("0", r"0\cdot\infty", false),
//!     ("1", r"1^\infty", false),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Words that change a number
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     ("7", r"7\text{ million}", false),
//!     ("7000000", r"7\text{ million}", true),
//!     ("84", r"7\text{ dozen eggs}", true),
//!     (r"\frac{7}{10}", r"7\text{ tenths}", true),
//!     ("49", r"7\text{ squared}", true),
//!     ("-5", r"5\text{ degrees below zero}", true),
//!     ("7.5", r"7\text{ and a half}", true),
//!     ("7", r"\text{at least }7", false),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Times, dates, ratios
//!
//! Two digits of minutes after a colon are a time of day where the other side is one, too.
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     ("12:00", "1:00", false),
//!     ("2:30", "1:15", false),
//!     (r"4:20\text{ p.m.}", "16:20", true),
//!     ("9:30", r"09:30\text{ AM}", true),
//!     ("9:16", r"\frac{9}{16}", true),
//!     ("3:4", "6:8", true),
//!     ("3:4", r"3\text{ to }4", true),
//!     (r"\text{March 14}", r"\text{14th of March}", true),
//!     (r"\text{March 14}", r"\text{May 14}", false),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Percents, degrees, units
//!
//! A unit is dropped where the other side has none, converted where the conversion is exact; words
//! that are no unit ("apples") say nothing.
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     (r"25\%", "25", true),
//!     (r"25\%", "0.25", true),
//!     ("0.25", r"25\%", true),
//!     ("0.25", "25", false),
//!     (r"60^\circ", r"\frac\pi3", true),
//!     (r"10\text{ cm}", "10", true),
//!     (r"10\text{ cm}", r"0.1\text{ m}", true),
//!     (r"10\text{ cm}", r"10\text{ m}", false),
//!     (r"10\text{ cm}", r"10\text{ cm}^2", false),
//!     (r"\$5", r"5\text{ dollars}", true),
//!     (r"\$5", "€5", false),
//!     ("12", r"12\text{ apples}", true),
//!     (r"6\text{ ft }2\text{ in}", r"74\text{ inches}", true),
//!     (r"200\text{ minutes}", r"3\text{ hours and }20\text{ minutes}", true),
//!     (r"30^\circ 30'", r"30.5^\circ", true),
//!     (r"5\text{ m/s}", r"5\frac{\text{m}}{\text{s}}", true),
//!     (r"5\text{ m/s}", r"5\,\mathrm{m\,s^{-1}}", true),
//!     ("150 m/s", "150", true),
//!     ("1000.99", "1,000.99m²", true),
//!     ("18", "18元", true),
//!     ("₽18", r"\$18", false),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Lists, sets, tuples, matrices
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     ("1,2", "2,1", true),
//!     ("1,2", r"\{2,1\}", true),
//!     (r"\{1,2\}", r"\{1,1,2\}", true),
//!     ("1,2", "1,2,3", false),
//!     ("42", r"42\text{ or }43", false),
//!     ("(1,2)", "(2,1)", false),
//!     ("(1,2)", r"\{1,2\}", false),
//!     ("(1,2)", "x=1, y=2", true),
//!     (r"\pm 3", "3", false),
//!     (r"x=\pm3", r"x=3\text{ or }x=-3", true),
//!     (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\langle 1,2\rangle", true),
//!     (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1,2],[3,4]]", true),
//!     (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\[2pt]2\end{pmatrix}", true),
//!     (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2)^T", true),
//!     (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\hat{i}+2\hat{j}", true),
//!     ("(3,-1)", "3, -1", true),
//!     ("(3,-1)", "-1, 3", false),
//!     ("1:2:3", "2:4:6", true),
//!     (r"\text{(a) }3\text{ (b) }5", "3, 5", true),
//!     (r"\text{(a) }3\text{ (b) }5", "5, 3", false),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Equations, inequalities, intervals
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     ("5", "x=5", true),
//!     ("5", "6=5", false),
//!     ("5", "x=5, y=7", false),
//!     ("42", r"42 \approx 41.99", true),
//!     ("y=2x+3", "2x+3", true),
//!     ("2x+4y-3=0", r"y=-\frac12x+\frac34", true),
//!     ("x^2+y^2=1", "0=0", false),
//!     (r"(-\infty,3]", r"x\le3", true),
//!     (r"[0,\infty)", "x>0", false),
//!     (r"\mathbb{R}", r"\text{all real numbers}", true),
//!     (r"(0,1)\cup(1,2)", r"(0,2)\setminus\{1\}", true),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! "And" and "or" between conditions say different things.
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     (r"(-\infty,3)\cup(5,\infty)", r"x<3\text{ or }x>5", true),
//!     (r"(-\infty,3)\cup(5,\infty)", r"x<3\text{ and }x>5", false),
//!     ("(2,5)", r"x>2\text{ and }x<5", true),
//!     ("[-1,1]", r"|x|\le1", true),
//!     (r"\{1,2,3\}", r"\{x\in\mathbb{Z} : 1\le x\le 3\}", true),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Names, families, cases
//!
//! A letter that is bound, or that stands for any number, may be another one.
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     ("f(x)=x^2", "f(t)=t^2", true),
//!     ("f(x)=x^2", "f(t)=x^2", false),
//!     (r"\det A=7", "7", true),
//!     (r"\frac23", r"\frac{AB}{CD}=\frac23", true),
//!     ("AB", r"\overline{AB}", true),
//!     (r"\frac{x^3}{3}+C", r"\frac{x^3}{3}+c", true),
//!     (r"\frac{x^3}{3}+C", r"\frac{x^3}{3}", false),
//!     (r"\frac\pi4+k\pi, k\in\mathbb{Z}", r"\frac{5\pi}4+n\pi", true),
//!     (r"n\equiv3\pmod7", r"n\equiv-4\ (\mathrm{mod}\ 7)", true),
//!     (r"n\equiv3\pmod7", "n=7k+3", true),
//!     (r"n\equiv3\pmod7", r"n\equiv3\pmod{14}", false),
//!     (r"\begin{cases}1&x<0\\2&x\ge0\end{cases}", r"\begin{cases}2&x\ge0\\1&x<0\end{cases}", true),
//!     (r"\begin{cases}1&x<0\\2&x\ge0\end{cases}", r"\begin{cases}2&x<0\\1&x\ge0\end{cases}", false),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Words and choices
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer, equal) in [
//!     (r"\text{ellipse}", r"\text{an ellipse}", true),
//!     (r"\text{DNE}", r"\text{does not exist}", true),
//!     (r"\text{Monday}", "M", false),
//!     ("C", r"\mathbf{(C)}", true),
//!     ("C", "Celsius", false),
//!     ("C", r"\text{Option C}", true),
//!     ("C", r"\text{(C) or (D)}", false),
//!     ("C", r"\text{(C) is wrong, so (D)}", false),
//!     ("12", r"\text{(C) }12", true),
//!     (r"\text{(C) }12", "12", true),
//!     (r"\text{(C) }12", r"\text{(D) }12", false),
//!     (r"\text{Monday}", r"\text{Mon.}", true),
//!     ("42", r"\text{Answer: }42", true),
//!     ("42", r"\text{forty-two}", true),
//! ] {
//!     assert_eq!(equivalent(gold, answer), equal, "{gold} and {answer}");
//! }
//! ```
//!
//! # Budgets
//!
//! ```
//! # use retrial_grader::{Gold, Verdict, grade_answer};
//! let gold = Gold::parse("1")?;
//! assert_eq!(grade_answer(&gold, "9^9^9^9").verdict, Verdict::Timeout);
//! assert_eq!(grade_answer(&gold, &"(".repeat(9_000)).verdict, Verdict::Unparsed);
//! # Ok::<(), retrial_grader::GoldError>(())
//! ```
//!
//! # Graded cases that this crate answers otherwise
//!
//! | case | expected | here | why |
//! |---|---|---|---|
//! | `hand-076`: gold n(n+1)/2, answer `\sum_{k=1}^n k` | correct | wrong | the sum is the question; the work is not done |
//! | `adv-319`: `\newcommand{\ans}{42}\boxed{\ans}` | correct | wrong | macros are not expanded: a name that a response defines could say anything |
//! | `l2s-gcd-0668`: `.../ 8y` with blanks around the slash | correct | wrong | with blanks around it, a slash divides by the next factor only |
//! | `lighteval-test_extraction_abc-009`: gold "Alina and the answer is C Cecile" | correct | wrong | the gold is a sentence with two names, no choice |
//!
//! # Known gaps
//!
//! Equal in mathematics, not yet here. A miss costs a reward; it never gives a false one.
//!
//! ```
//! # use retrial_grader::equivalent;
//! for (gold, answer) in [
//!     ("255", "FF_{16}"),
//!     ("|x|", r"\begin{cases}x&x\ge0\\-x&x<0\end{cases}"),
//!     ("1,2,3,4", r"1,2,\ldots,4"),
//!     (r"\text{9:30}", r"\text{half past nine}"),
//! ] {
//!     assert!(!equivalent(gold, answer), "{gold} and {answer}");
//! }
//! ```
