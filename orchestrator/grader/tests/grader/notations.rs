//! What counts as equal and what does not, of lists, sets, words and markup.

use crate::policies::check;

#[test]
fn sequences() {
    check(&[
        ("1,2", "2,1", true),
        ("1,2", "1,2,3", false),
        ("1,2,3", "1,2", false),
        ("1,2", r"1\text{ and }2", true),
        ("1,2", r"1 \text{ or } 2", true),
        (r"\{1,2\}", r"\{2,1\}", true),
        (r"\{1,2\}", r"\{1,1,2\}", true),
        (r"\{1,2\}", "1,2", true),
        ("(1,2)", "(2,1)", false),
        ("(1,2)", r"\{1,2\}", false),
        ("(1,2)", "[1,2]", false),
        ("(1,2)", r"\left(1, 2\right)", true),
        ("(1,2,3)", "(1,2)", false),
        ("(1,2)", "x=1,y=2", true),
        ("(2,3)", "x=3, y=2", false),
        ("(1,2)", "(x,y)=(1,2)", true),
        ("(1,2),(3,4)", "(3,4),(1,2)", true),
        ("(1,2),(3,4)", "(2,1),(4,3)", false),
        ("5", "x=5", true),
        ("5", "5=x", true),
        ("5", "x=5, y=7", false),
        ("5", "6=5", false),
        ("x=5", "5", true),
        ("x=5", "x=6", false),
        ("x=1,2", "x=1, x=2", true),
        (r"\pm 3", "3, -3", true),
        (r"\pm 3", "3", false),
        (r"x=\pm 3", r"x=3\text{ or }x=-3", true),
        (r"1\pm\sqrt2", r"1+\sqrt2, 1-\sqrt2", true),
        (r"x=1\text{ or }x=2", "x=1", false),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix}1\\2\end{bmatrix}", true),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\langle 1,2\rangle", true),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}", false),
        (
            r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
            r"\left[\begin{array}{cc}1&2\\3&4\end{array}\right]",
            true,
        ),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}", false),
        ("1:2:3", "2:4:6", true),
        ("1:2", "2:1", false),
        ("3:4", "3/4", true),
        (r"\emptyset", r"\{\}", true),
        (r"\emptyset", "0", false),
    ]);
}

#[test]
fn intervals() {
    check(&[
        (r"(-\infty,3]", r"x\le 3", true),
        (r"(-\infty,3]", r"x<3", false),
        ("[0,1)", r"0\le x<1", true),
        ("[0,1)", "[0,1]", false),
        ("(0,1)", r"0<x<1", true),
        (r"x>3", r"3<x", true),
        (r"x>3", r"x\ge 3", false),
        (r"x \ge 5", r"[5,\infty)", true),
        (r"\mathbb{R}", r"(-\infty,\infty)", true),
        (r"\text{all real numbers}", r"\mathbb{R}", true),
        (r"(0,1)\cup(1,2)", r"(0,2)\setminus\{1\}", true),
        (r"(-\infty,1)\cup(2,\infty)", r"x<1\text{ or }x>2", true),
        (r"(-\infty,1)\cup(1,\infty)", r"x\ne 1", true),
        (r"\{x | x > 3\}", r"(3,\infty)", true),
        (r"(1,\infty)", r"(1,+\infty)", true),
        (r"x\in[-2,7]", r"[-2,7]", true),
        (r"-2 < x < 5", "(-2,5)", true),
        (r"[0,1]\cup[1,2]", "[0,2]", true),
        (r"2x+4y-3=0", r"y=-\frac12x+\frac34", true),
        (r"x^2+y^2=1", "0=0", false),
        (r"y=2x+3", "2x+3", true),
        (r"y=2x+3", "y=2x-3", false),
        (r"x+y<5", "5>x+y", true),
        (r"x<5", "-x>-5", true),
    ]);
}

#[test]
fn words() {
    check(&[
        (r"\text{ellipse}", r"\text{an ellipse}", true),
        (r"\text{ellipse}", "ellipse", true),
        (r"\text{ellipse}", r"\text{circle}", false),
        (r"\text{Even}", "even", true),
        (r"\text{no solution}", "0", false),
        (r"\text{no solution}", r"\emptyset", true),
        (r"\text{DNE}", r"\text{does not exist}", true),
        (r"\text{Monday}", "M", false),
        ("Yes", r"\text{yes}", true),
        ("Yes", "No", false),
        ("C", r"\text{(C)}", true),
        ("C", r"\mathbf{(C)}", true),
        ("C", r"\textbf{(C)}\ 12", true),
        ("C", "D", false),
        ("C", "ABC", false),
        ("C", r"C\text{ or }D", false),
        ("C", "Celsius", false),
        (r"(C)", "C", true),
        (r"\text{(C)}", "B", false),
        ("42", r"\text{N/A}", false),
        ("42", r"42\text{ (or possibly 43)}", false),
        ("42", r"\text{not }42", false),
        ("42", r"\text{about }42", false),
        ("5", r"\text{the answer is 5}", true),
    ]);
}

#[test]
fn markup() {
    check(&[
        ("42", r"\;42\,", true),
        ("42", "$42$", true),
        ("42", r"\bf 42", true),
        ("42", r"\mathbf{42}", true),
        ("42", r"\text{42}", true),
        ("42", r"\textbf{42}", true),
        ("42", r"\boxed{42}", true),
        ("42", r"\(42\)", true),
        ("42", "**42**", true),
        ("42", r"\color{red}{42}", true),
        ("42", r"\textcolor{red}{42}", true),
        ("42", r"\phantom{42}", false),
        ("42", r"{{{42}}}", true),
        ("42", r"\displaystyle 42", true),
        ("42", r"\underline{42}", true),
        ("42", r"\large 42", true),
        ("42", "\u{200b}42", true),
        ("42", "\u{202e}42", false),
        (r"\frac{1}{2}", r"\dfrac{1}{2}", true),
        (r"\frac{1}{2}", r"\tfrac12", true),
        (r"\frac{1}{2}", r"\frac 1 2", true),
        (r"\frac{1}{2}", r"{1 \over 2}", true),
        (r"\frac{1}{2}", "1/2", true),
        (r"\frac{1}{2}", "(1)/(2)", true),
    ]);
}

#[test]
fn work_that_is_left_undone_is_not_correct() {
    check(&[
        (r"\frac{n(n+1)}{2}", r"\sum_{k=1}^{n}k", false),
        ("5", r"\sum_{k=1}^{10^{12}} k", false),
        ("2", r"\lim_{x\to 2} x", false),
        (r"\frac12", r"\int_0^1 x\,dx", false),
        (r"\int x\,dx", r"\int x dx", true),
        (r"\sum_{n=0}^\infty x^n", r"\sum_{n=0}^{\infty} x^n", true),
    ]);
}
