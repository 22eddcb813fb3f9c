//! Canonical sums as text.

use std::fmt;

use super::poly::{Atom, Poly};

impl fmt::Display for Poly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        for (index, (mono, coefficient)) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(" + ")?;
            }
            if mono.is_empty() || !coefficient.is_one() {
                write!(f, "{coefficient}")?;
            }
            for (position, (atom, exponent)) in mono.iter().enumerate() {
                if position > 0 || !coefficient.is_one() {
                    f.write_str("*")?;
                }
                write!(f, "{atom}")?;
                match exponent.as_constant() {
                    Some(one) if one.is_one() => {}
                    Some(value) if value.is_int() => write!(f, "^{value}")?,
                    _ => write!(f, "^({exponent})")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = |f: &mut fmt::Formatter<'_>, name: &str, arguments: &[Poly]| {
            write!(f, "{name}(")?;
            for (index, argument) in arguments.iter().enumerate() {
                write!(f, "{}{argument}", if index > 0 { ", " } else { "" })?;
            }
            f.write_str(")")
        };
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::E => f.write_str("e"),
            Self::Pi => f.write_str("pi"),
            Self::I => f.write_str("i"),
            Self::Var(name) => f.write_str(name),
            Self::Sum(inner) => write!(f, "({})", **inner),
            Self::Fn(name, arguments) => call(f, name, arguments),
            Self::Named(name, arguments) if arguments.is_empty() => f.write_str(name),
            Self::Named(name, arguments) => call(f, name, arguments),
        }
    }
}
