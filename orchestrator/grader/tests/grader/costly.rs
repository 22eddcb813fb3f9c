//! Answers and responses made to cost much: each gets a verdict, soon, on a small stack.
//!
//! Work is bounded by counted steps, so the deadline here only tells an end from none; `cargo bench`
//! says what they take.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use retrial_grader::{Extraction, Gold, Verdict, grade, grade_answer};

const DEADLINE: Duration = Duration::from_secs(10);

/// The texts of a range, one after the other.
fn repeated(range: Range<u32>, text: impl Fn(u32) -> String) -> String {
    range.map(text).collect::<Vec<_>>().concat()
}

#[test]
fn costly_answers_are_not_correct_and_end() {
    // Half the stack that a thread has by default.
    let thread = thread::Builder::new().stack_size(1 << 20).spawn(grade_costly_answers);
    thread.expect("a thread").join().expect("no panic");
}

fn grade_costly_answers() {
    let deep = format!("{}1{}", "{".repeat(500_000), "}".repeat(500_000));
    let tower = "9^".repeat(2_000) + "9";
    let bombs = [
        "9^9^9^9".to_owned(),
        r"9^{9^{9^9}}".to_owned(),
        r"\sin(10^{10^{10}})".to_owned(),
        r"(x+y+z+w+v)^{200}".to_owned(),
        "100000!".to_owned(),
        "((3!)!)!".to_owned(),
        r"\binom{10^9}{10^8}".to_owned(),
        r"\binom{3^{33333333333}}{2}".to_owned(),
        r"\pi^{99999999999}!".to_owned(),
        r"\pi^{99999999999} \bmod 7".to_owned(),
        r"\lfloor \pi^{99999999999} \rfloor".to_owned(),
        r"222^\log_".repeat(30) + "222",
        "9".repeat(100_000),
        "(".repeat(5_000),
        "-".repeat(4_000) + "5",
        "!".repeat(3_000),
        format!("5{}", "!".repeat(3_000)),
        format!("1{}", "/2".repeat(2_000)),
        format!("x{}", "^2".repeat(2_000)),
        format!("x{}", "^{2}".repeat(1_500)),
        format!("2{}", r"\sqrt".repeat(900)),
        format!("{}2", r"\sqrt".repeat(1_500)),
        format!("{}2{}", r"\sqrt{".repeat(900), "}".repeat(900)),
        format!("x{}", "+x^2+y".repeat(600)),
        format!("(1+x){}", "(1+y)(z+1)(a+b)".repeat(200)),
        format!("{{1{}}}", ",1/7".repeat(1_000)),
        r"\frac".repeat(2_000),
        "|".repeat(4_000),
        "x'".repeat(2_000),
        "1e99999999".to_owned(),
        "10^{1000000000}".to_owned(),
        r"\sqrt[1000000007]{2^{1000000007}+1}".to_owned(),
        r"\gcd(10^{5000}, 20^{5000})".to_owned(),
        format!("1{}", "+2/3^{9000}".repeat(400)),
        format!("x{}", r"+\frac{x}{7^{5000}}".repeat(300)),
        format!("1{}", r"\cdot\frac{11^{2000}}{13^{2000}}".repeat(200)),
        repeated(1..300, |k| format!(r"+\sin({k}x)\cos({k}y)")),
        repeated(1..200, |k| format!(r"+\sqrt{{{k}+\sqrt{{{k}}}}}")),
        repeated(1..150, |k| format!(r"+(x+{k})^{{{k}}}")),
        repeated(1..100, |k| format!(r"(x+\sqrt{{{k}}})")),
        repeated(1..180, |k| format!(r"\frac{{1}}{{x+{k}}}+")) + "1",
        repeated(0..150, |k| format!(r"({k},x+{k}),")),
        repeated(0..199, |k| format!(r"\sqrt{{x+{k}}},")),
        r"\gcd(".to_owned() + &"7^{9000},".repeat(300) + "1)",
        (0..30).fold("x".to_owned(), |inner, _| format!("({inner}){}", "/2".repeat(38))),
        (0..30).fold("x".to_owned(), |inner, _| format!("({inner}){}", "'!".repeat(19))),
        (0..40).fold("x".to_owned(), |inner, _| format!("({inner}){}", r"\cup A".repeat(38))),
        r"\begin{pmatrix}a&b\\c&d\end{pmatrix}".repeat(60),
        format!(r"({}1)\begin{{pmatrix}}{}1\end{{pmatrix}}", "x+".repeat(1000), "1&".repeat(1000)),
        format!("{}x{}", r"\sin(x^2/".repeat(25), ")".repeat(25)),
        format!("{}x{}", r"\frac{1}{1+".repeat(19), "}".repeat(19)),
        format!("{}x{}", r"\left(\sqrt{".repeat(14), r"}\right)".repeat(14)),
        r"\log^6(4302)\log^6(4303)\log^6(4302)".to_owned(),
        r"5\text{ mi}^{9223372036854775807}\text{ mi}^{9223372036854775807}".to_owned(),
        r"5\text{ mi}^{-9223372036854775808}".to_owned(),
        "5 ".to_owned() + &(0..12).fold("mi".to_owned(), |unit, _| format!("({unit})^9")),
        tower,
        deep,
    ];
    let gold = Gold::parse("1").unwrap();
    let symbolic = Gold::parse(r"\sqrt{2}+x").unwrap();
    let list = repeated(0..199, |k| format!(r"\sqrt{{{k}+x}}+1,"));
    let list = Gold::parse(&list).unwrap();
    let area = Gold::parse(r"6\text{ mi}^2").unwrap();
    for bomb in &bombs {
        for gold in [&gold, &symbolic, &list, &area] {
            let start = Instant::now();
            let grade = grade(gold, &format!("\\boxed{{{bomb}}}"), Extraction::Boxed);
            let shown: String = bomb.chars().take(30).collect();
            assert!(!grade.verdict.is_correct() || bomb.len() == 1_000_001, "{shown}");
            assert!(start.elapsed() < DEADLINE, "{shown}: {}", grade.verdict);
        }
    }
    assert_eq!(grade_answer(&gold, "9^9^9^9").verdict, Verdict::Timeout);
}

#[test]
fn long_responses_are_read_to_their_end() {
    let gold = Gold::parse("42").unwrap();
    for response in [
        format!("{} \\boxed{{42}}", "$".repeat(500_000)),
        format!("{}is 42", "answer ".repeat(100_000)),
        format!("{} \\boxed{{42}}", "\\boxed{".repeat(100_000)),
        format!("<think>{}</think> \\boxed{{42}}", "\\boxed{41} ".repeat(100_000)),
    ] {
        let start = Instant::now();
        let grade = grade(&gold, &response, Extraction::Auto);
        let shown = &response[..20];
        assert!(grade.verdict.is_correct(), "{shown}: {}", grade.reason);
        assert!(start.elapsed() < DEADLINE, "{shown}");
    }
}
