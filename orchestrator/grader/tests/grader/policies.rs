//! What counts as equal and what does not, of values: one row a case, by kind.

use retrial_grader::{Extraction, Gold, grade, grade_answer};

/// Rows of gold answer, bare answer, and whether it counts.
pub type Rows = &'static [(&'static str, &'static str, bool)];

/// Grades each row bare and in a box.
#[track_caller]
pub fn check(rows: Rows) {
    let mut wrong = Vec::new();
    for (gold, answer, expected) in rows {
        let read = Gold::parse(gold).expect("a gold answer");
        let bare = grade_answer(&read, answer);
        let boxed = grade(&read, &format!("It is $\\boxed{{{answer}}}$."), Extraction::Boxed);
        for grade in [bare, boxed] {
            if grade.verdict.is_correct() != *expected {
                wrong.push(format!("{gold} <- {answer}: {} ({})", grade.verdict, grade.reason));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn numbers() {
    check(&[
        ("42", "42.", true),
        ("42", "42.0", true),
        ("1000", r"1\,000", true),
        ("1000", "1,000", true),
        ("1000", r"1{,}000", true),
        ("1000000", "1 000 000", true),
        ("12345", "12345.0", true),
        ("1234567", r"1,\!234,\!567", true),
        ("1000", "1,00,0", false),
        ("-5", "\u{2212}5", true),
        ("5", "+5", true),
        ("5", "--5", true),
        ("5", "---5", false),
        ("42", "\u{ff14}\u{ff12}", true),
        ("42", "\u{1d7d2}\u{1d7d0}", true),
        ("2.5", "5/2", true),
        ("2.5", "2 1/2", true),
        (r"\frac{5}{2}", r"2\frac{1}{2}", true),
        (r"-\frac{5}{2}", r"-2\frac12", true),
        (r"\frac{1}{2}", "½", true),
        (r"\frac{5}{2}", "2½", true),
        (r"\frac{1}{2}", "0.5", true),
        (r"\frac{1}{2}", "50\\%", true),
        ("1.5e3", "1500", true),
        (r"1.5 \times 10^3", "1.5e3", true),
        (r"3 \times 10^{-5}", "0.00003", true),
        ("0.1", ".1", true),
        ("1", "0.999...", true),
        (r"\frac{4}{33}", r"0.\overline{12}", true),
        (r"\frac{1}{6}", r"0.1\overline{6}", true),
        (r"\frac{1}{7}", r"0.142857142857\ldots", true),
        ("120", "5!", true),
        ("10", r"\binom{5}{2}", true),
        ("10", r"{5 \choose 2}", true),
        ("56", r"\frac{8!}{5!3!}", true),
        (r"2^{99}", r"2^{98}", false),
        (r"10^{100}", r"10^{101}", false),
        ("7", "-7", false),
        ("0", "-0", true),
        ("42", "24", false),
        ("3", "3.0001", false),
        ("3", "2.9999999", false),
        ("100", r"10^2", true),
        ("100", "10^{2}", true),
        ("1000", "10**3", true),
        ("42", "forty-two", true),
        ("7", "seven", true),
        ("7", "eight", false),
        ("12", "a dozen", true),
    ]);
}

#[test]
fn rounding() {
    check(&[
        (r"\frac{1}{3}", "0.333", false),
        (r"\frac{1}{3}", "0.3333333333", true),
        (r"\frac{2}{3}", "0.6666666666", true),
        (r"\frac{2}{3}", "0.6666666667", true),
        (r"\sqrt{2}", "1.414", false),
        (r"\sqrt{2}", "1.414213562", true),
        (r"\pi", "3.14", false),
        (r"\pi", r"\frac{22}{7}", false),
        ("3.14", r"\pi", true),
        ("0.33", r"\frac13", true),
        ("33.3", r"\frac{100}{3}", true),
        ("2.5", "2.51", false),
        ("2.5", "2.49", false),
        ("0.125", r"\frac18", true),
        ("5", "5.1", false),
        ("5", "4.9999999999", false),
        ("1.41", r"\sqrt2", true),
        ("1.42", r"\sqrt2", false),
    ]);
}

#[test]
fn surds_and_functions() {
    check(&[
        (r"\sqrt{8}", r"2\sqrt{2}", true),
        (r"\sqrt{8}", r"2\sqrt{3}", false),
        (r"\frac{1}{\sqrt{2}}", r"\frac{\sqrt2}{2}", true),
        (r"\sqrt{12}", r"2\sqrt 3", true),
        (r"3\sqrt{2}", r"\sqrt{18}", true),
        (r"\sqrt{3+2\sqrt{2}}", r"1+\sqrt{2}", true),
        (r"\sqrt[3]{-8}", "-2", true),
        (r"\sqrt[3]{2}", r"2^{1/3}", true),
        (r"e^{i\pi}", "-1", true),
        (r"\sin 15^\circ", r"\frac{\sqrt6-\sqrt2}{4}", true),
        (r"\cos\frac{\pi}{5}", r"\frac{1+\sqrt5}{4}", true),
        (r"\tan 60^\circ", r"\sqrt3", true),
        (r"\log_2 8", "3", true),
        (r"\log_{10} 100", "2", true),
        (r"\ln 8", r"3\ln 2", true),
        (r"\frac{\ln 3}{\ln 2}", r"\log_2 3", true),
        (r"\arctan 1", r"\frac{\pi}{4}", true),
        (r"\arcsin\frac12", r"\frac\pi6", true),
        (r"\cos^{-1}\frac12", r"\frac\pi3", true),
        (r"2^{\sqrt2}", r"2^{1.414}", false),
        (r"\pi^2", "9.8696", false),
        (r"(1+\sqrt2)^{10}", r"3363+2378\sqrt2", true),
        (r"\sqrt{-4}", "2i", true),
        (r"\frac{1}{1+i}", r"\frac{1-i}{2}", true),
        ("3+4i", "3-4i", false),
        (r"|3+4i|", "5", true),
        ("i", "-i", false),
        (r"e^{\pi\sqrt{163}}", "262537412640768744", false),
        (r"\sqrt{2}+\sqrt{3}", r"\sqrt{5+2\sqrt6}", true),
        (r"\sqrt{2}+\sqrt{3}", r"3.146264369", true),
        (r"10^{-400}", "0", false),
        (r"\frac{\pi}{4}", "45^\\circ", true),
        (r"\lfloor \pi \rfloor", "3", true),
        (r"\frac{0}{0}", "1", false),
    ]);
}

#[test]
fn expressions() {
    check(&[
        ("x^2-4", "(x-2)(x+2)", true),
        ("x^2+2x+1", "(x+1)^2", true),
        ("2x+3y", "2y+3x", false),
        (r"\frac{x+1}{x^2-1}", r"\frac{1}{x-1}", true),
        (r"\sqrt{x^2}", "|x|", true),
        (r"\sqrt{x^2}", "x", false),
        (r"x^{1/2}", r"\sqrt{x}", true),
        (r"\frac{1}{2}x", r"\frac{x}{2}", true),
        ("x/2", "0.5x", true),
        (r"\sin^2 x+\cos^2 x", "1", true),
        (r"2\sin x\cos x", r"\sin 2x", true),
        (r"\sin 2x", r"2 \sin x", false),
        (r"\ln(xy)", r"\ln x+\ln y", true),
        ("x", "y", false),
        ("x_1", "x_{1}", true),
        ("x_1", "x_2", false),
        (r"2^{n+1}", r"2\cdot 2^n", true),
        (r"\binom{n}{2}", r"\frac{n(n-1)}{2}", true),
        (r"\frac{n!}{(n-2)!}", "n(n-1)", true),
        ("2·x", "2x", true),
        ("ab", "ba", true),
        (r"a\cdot b", "a+b", false),
        (r"\frac{a}{b}", "a/b", true),
        (r"(x+1)^{1000}", r"(1+x)^{1000}", true),
        (r"xe^x", r"e^x x", true),
        (r"\frac{e^x+e^{-x}}{2}", r"\cosh x", true),
        (r"\tan x", r"\frac{\sin x}{\cos x}", true),
        (r"f(x)", r"f(y)", false),
        (r"\alpha+\beta", r"\beta+\alpha", true),
    ]);
}

#[test]
fn percents_and_units() {
    check(&[
        ("25\\%", "25", true),
        ("25\\%", "0.25", true),
        ("25\\%", r"\frac14", true),
        ("25", "25\\%", true),
        ("0.25", "25\\%", true),
        ("0.25", "25", false),
        ("25\\%", "2.5", false),
        ("25\\%", "2.5\\%", false),
        (r"10\text{ cm}", "10", true),
        (r"10\text{ cm}", r"10\text{ m}", false),
        (r"10\text{ cm}", r"0.1\text{ m}", true),
        (r"10\text{ cm}", r"100\text{ mm}", true),
        (r"10\text{ cm}", r"10\text{ cm}^2", false),
        (r"10\text{ cm}", r"10\text{ kg}", false),
        (r"10", r"10\text{ cm}", true),
        (r"2\text{ hours}", r"120\text{ minutes}", true),
        (r"60\text{ mph}", r"60\text{ miles per hour}", true),
        (r"150", r"150\,\frac{\text{km}}{\text{h}}", true),
        (r"15\mbox{ cm}^2", r"15 \text{ square centimeters}", true),
        (r"\$5", "5", true),
        (r"\$5", r"5\text{ dollars}", true),
        (r"\$5", "€5", false),
        (r"\$5", r"\$5.00", true),
        (r"5\text{ cents}", r"\$0.05", true),
        (r"12", r"12\text{ apples}", true),
        (r"90^\circ", "90", true),
        ("90", r"90^\circ", true),
        (r"90", r"90 \text{ degrees}", true),
        (r"60^\circ", r"\frac{\pi}{3}", true),
        (r"60^\circ", r"30^\circ", false),
        (r"7", r"7\text{th}", true),
        (r"7", r"7^{\text{th}}", true),
        (r"5 \text{ m}", "5 m", true),
        (r"20", r"20 \text{ or } 30", false),
        (r"4:30", r"4:30 \text{ p.m.}", true),
        (r"\text{4:30 p.m.}", r"4:30 \text{ a.m.}", false),
    ]);
}

#[test]
fn bases() {
    check(&[
        ("12_8", "12_{8}", true),
        ("12_8", "12_9", false),
        ("12_8", "12", false),
        ("12", "12_8", true),
        ("1101_2", "13", true),
        ("204_5", r"204_{\text{five}}", true),
    ]);
}

#[test]
fn equal_answers_share_their_canonical_form() {
    let gold = Gold::parse("1").unwrap();
    let canonical = |answer: &str| grade_answer(&gold, answer).answer.unwrap().canonical;
    for (answer, form) in [
        (r"\frac{2}{4}", "1/2"),
        ("0.5", "1/2"),
        ("x = 5", "5"),
        (r"50\%", "1/2"),
        (r"\sqrt{8}", "2*2^(1/2)"),
        ("3, 1, 2", "{1, 2, 3}"),
        (r"(1,\ 2)", "(1, 2)"),
        (r"10\text{ cm}", "1/10 length"),
        (r"12\text{ apples}", "12"),
        (r"\text{No Solution}", "no solution"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "[[1], [2]]"),
    ] {
        assert_eq!(canonical(answer), form, "{answer}");
    }
    assert_eq!(canonical("(x+1)^2"), canonical("x^2+2x+1"));
    assert_ne!(canonical(r"10\text{ cm}"), canonical(r"10\text{ m}"));
}
