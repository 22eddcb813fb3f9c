//! What counts as equal, of values: numbers, expressions, quantities, lists, sets. Every row is run as
//! a test.
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
//!     (r"\frac13", "0.(3)", true),
//!     (r"6.02\times10^{23}", "602000000000000000000000", true),
//!     (r"2^{99}", r"2^{98}", false),
//!     ("12_8", "12_9", false),
//!     ("1101_2", "13", true),
//!     ("255", "FF_{16}", true),
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
//! right, and they tell a fraction from all others of its size; pi and e themselves take eight. An
//! exact answer stands for a gold decimal of at least two digits if it rounds to it;
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
