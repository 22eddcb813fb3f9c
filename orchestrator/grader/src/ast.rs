//! What an answer is, as it was written.

use dashu_ratio::RBig;

/// A number as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Num {
    pub(crate) value: RBig,
    /// How the number was rounded, if it is written with a decimal point or a power of ten.
    pub(crate) decimal: Option<Decimal>,
}

/// The precision that a decimal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    /// The power of ten of the last digit.
    pub(crate) last_digit: i32,
    /// The number of significant digits.
    pub(crate) significant: u32,
}

/// A constant with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constant {
    Pi,
    E,
    I,
    Infinity,
}

/// A half of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Morning,
    Afternoon,
}

/// A time of day as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Seconds since midnight by the hours that are written, whichever half of the day is meant.
    pub(crate) seconds: u32,
    pub(crate) half: Option<Half>,
}

/// The brackets around a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bracket {
    None,
    Round,
    Square,
    Curly,
    Angle,
}

/// An expression as written, of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expr {
    Num(Num),
    Const(Constant),
    Var(String),
    Add(Vec<Expr>),
    Mul(Vec<Expr>),
    Neg(Box<Expr>),
    Div(Box<Expr>, Box<Expr>),
    Pow(Box<Expr>, Box<Expr>),
    /// Both signs of a term.
    PlusMinus(Box<Expr>),
    /// A function that this crate can evaluate.
    Call(&'static str, Vec<Expr>),
    /// A function or operator that this crate only compares by form.
    Apply(String, Vec<Expr>),
    /// Work that is left undone: a sum, an integral, a limit.
    Undone(&'static str, Vec<Expr>),
    Percent(Box<Expr>),
    Degree(Box<Expr>),
    /// Words: a unit, a noun, a sentence.
    Text(String),
    /// Elements, in brackets or without.
    Seq(Bracket, Vec<Expr>, Bracket),
    /// A chain of relations: one operator less than there are members.
    Relation(Vec<Expr>, Vec<char>),
    /// A union, an intersection or a difference of sets.
    SetOp(char, Box<Expr>, Box<Expr>),
    Matrix(Vec<Vec<Expr>>),
    Ratio(Vec<Expr>),
    /// A time of day, and the ratio that it may be instead.
    Clock(Clock, Vec<Expr>),
    /// A value and the condition under which it holds.
    Case(Box<Expr>, Box<Expr>),
    /// The numbers that leave a remainder: `3 (mod 7)`.
    Residue(Box<Expr>, Box<Expr>),
    /// Digits in a base.
    Based(String, u32),
    /// The elements with a property.
    Builder(Box<Expr>, Box<Expr>),
}

impl Expr {
    pub(crate) fn int(value: i64) -> Self {
        Self::Num(Num { value: RBig::from(value), decimal: None })
    }

    pub(crate) fn ratio(numerator: i64, denominator: u64) -> Self {
        let value = RBig::from_parts(numerator.into(), denominator.max(1).into());
        Self::Num(Num { value, decimal: None })
    }

    /// The product of two expressions, flat.
    pub(crate) fn times(self, other: Self) -> Self {
        match self {
            Self::Mul(mut factors) => {
                factors.push(other);
                Self::Mul(factors)
            }
            first => Self::Mul(vec![first, other]),
        }
    }

    /// Whether one of the expressions directly below this one has a property, from the first on.
    fn some_child<'a>(&'a self, property: &mut dyn FnMut(&'a Self) -> bool) -> bool {
        match self {
            Self::Num(_) | Self::Const(_) | Self::Var(_) | Self::Text(_) | Self::Based(..) => false,
            Self::Add(items)
            | Self::Mul(items)
            | Self::Call(_, items)
            | Self::Apply(_, items)
            | Self::Undone(_, items)
            | Self::Seq(_, items, _)
            | Self::Relation(items, _)
            | Self::Ratio(items)
            | Self::Clock(_, items) => items.iter().any(property),
            Self::Neg(inner)
            | Self::PlusMinus(inner)
            | Self::Percent(inner)
            | Self::Degree(inner) => property(inner),
            Self::Div(a, b)
            | Self::Pow(a, b)
            | Self::SetOp(_, a, b)
            | Self::Builder(a, b)
            | Self::Case(a, b)
            | Self::Residue(a, b) => property(a) || property(b),
            Self::Matrix(rows) => rows.iter().flatten().any(property),
        }
    }

    /// The expressions directly below this one.
    pub(crate) fn children(&self) -> Vec<&Self> {
        let mut found = Vec::new();
        self.some_child(&mut |child| {
            found.push(child);
            false
        });
        found
    }

    /// The number of levels, counted without recursion.
    pub(crate) fn depth(&self) -> usize {
        let mut deepest = 0;
        let mut open = vec![(self, 1)];
        while let Some((expr, level)) = open.pop() {
            deepest = deepest.max(level);
            expr.some_child(&mut |child| {
                open.push((child, level + 1));
                false
            });
        }
        deepest
    }

    /// Whether this or anything below has a property.
    pub(crate) fn any(&self, property: &dyn Fn(&Self) -> bool) -> bool {
        property(self) || self.some_child(&mut |child| child.any(property))
    }
}
