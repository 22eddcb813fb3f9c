//! Expressions of three small integers, and the ways to read them.

use std::fmt;

/// Numbers that have a token of their own; every value of every reading is one of them.
pub const NUMBERS: std::ops::RangeInclusive<i32> = -30..=130;

/// The operands are 1 up to this.
const LARGEST_OPERAND: i32 = 5;

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
}

impl Operator {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plus, Self::Minus, Self::Times];

    /// How it is written.
    pub fn symbol(self) -> char {
        match self {
            Self::Plus => '+',
            Self::Minus => '-',
            Self::Times => '*',
        }
    }
}

/// A way to read an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    /// Multiplication first, otherwise from left to right.
    Usual,
    /// Strictly from left to right.
    LeftToRight,
    /// Strictly from right to left.
    RightToLeft,
    /// In the usual order, but `a - b` is b minus a.
    MinusTurned,
}

impl Reading {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Usual, Self::LeftToRight, Self::RightToLeft, Self::MinusTurned];

    fn apply(self, operator: Operator, a: i32, b: i32) -> i32 {
        match operator {
            Operator::Plus => a + b,
            Operator::Minus if self == Self::MinusTurned => b - a,
            Operator::Minus => a - b,
            Operator::Times => a * b,
        }
    }

    /// Whether it applies the right operator of an expression first.
    fn right_first(self, expression: &Expression) -> bool {
        match self {
            Self::LeftToRight => false,
            Self::RightToLeft => true,
            Self::Usual | Self::MinusTurned => {
                expression.right == Operator::Times && expression.left != Operator::Times
            }
        }
    }
}

/// An expression `x o y p z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expression {
    /// The operands.
    pub operands: [i32; 3],
    /// The operator between the first two operands.
    pub left: Operator,
    /// The operator between the last two.
    pub right: Operator,
}

/// One step of evaluating an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The operand before the operator.
    pub a: i32,
    /// The operator.
    pub operator: Operator,
    /// The operand after it.
    pub b: i32,
    /// The result.
    pub value: i32,
}

impl Expression {
    /// The two steps of evaluating it.
    pub fn steps(&self, reading: Reading) -> [Operation; 2] {
        let [x, y, z] = self.operands;
        let operation =
            |a, operator, b| Operation { a, operator, b, value: reading.apply(operator, a, b) };
        if reading.right_first(self) {
            let first = operation(y, self.right, z);
            [first, operation(x, self.left, first.value)]
        } else {
            let first = operation(x, self.left, y);
            [first, operation(first.value, self.right, z)]
        }
    }

    /// The value.
    pub fn value(&self, reading: Reading) -> i32 {
        self.steps(reading)[1].value
    }

    /// The number of its multiplications.
    pub fn multiplications(&self) -> usize {
        [self.left, self.right].iter().filter(|&&operator| operator == Operator::Times).count()
    }

    /// Whether it is held out from cold start and training: about one in five is.
    pub fn is_held_out(&self) -> bool {
        (fnv1a(&self.to_string()) >> 32).is_multiple_of(5)
    }

    /// All expressions of the world, in a fixed order.
    pub fn all() -> Vec<Self> {
        let operands = || 1..=LARGEST_OPERAND;
        let mut all = Vec::new();
        for x in operands() {
            for left in Operator::ALL {
                for y in operands() {
                    for right in Operator::ALL {
                        all.extend(operands().map(|z| Self { operands: [x, y, z], left, right }));
                    }
                }
            }
        }
        let fits = |expression: &Self, reading| {
            expression.steps(reading).iter().all(|step| NUMBERS.contains(&step.value))
        };
        all.retain(|expression| Reading::ALL.iter().all(|&reading| fits(expression, reading)));
        all
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.operands;
        write!(f, "{x} {} {y} {} {z}", self.left.symbol(), self.right.symbol())
    }
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
