//! Canonical sums of terms: what they are made of and what they hold.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;

use dashu_base::{BitTest, UnsignedAbs};
use dashu_int::{IBig, UBig};
use dashu_ratio::RBig;

/// Bits of a number that are copied as quickly as a term.
const COPY_BITS: u64 = 512;

/// A sum of terms: the coefficient of each monomial, none of them zero.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Poly {
    pub(super) terms: BTreeMap<Mono, RBig>,
}

/// A product of powers: each atom once, in order, no exponent zero.
pub(super) type Mono = Vec<(Atom, Poly)>;

/// What canonical forms are made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Atom {
    /// A whole number above one, a prime if it is small.
    Int(UBig),
    E,
    Pi,
    I,
    Var(String),
    /// A sum that is not multiplied out.
    Sum(Shared),
    /// A function that can be evaluated.
    Fn(&'static str, Vec<Poly>),
    /// A function that is only a name.
    Named(String, Vec<Poly>),
}

impl Poly {
    pub(crate) fn zero() -> Self {
        Self::default()
    }

    pub(crate) fn constant(value: RBig) -> Self {
        let mut terms = BTreeMap::new();
        if !value.is_zero() {
            terms.insert(Vec::new(), value);
        }
        Self { terms }
    }

    pub(crate) fn int(value: i64) -> Self {
        Self::constant(value.into())
    }

    pub(super) fn atom(atom: Atom) -> Self {
        Self::term(RBig::ONE, vec![(atom, Self::int(1))])
    }

    pub(super) fn term(coefficient: RBig, mono: Mono) -> Self {
        Self { terms: BTreeMap::from([(mono, coefficient)]) }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.terms.is_empty()
    }

    /// The value, if this is a rational number.
    pub(crate) fn as_constant(&self) -> Option<RBig> {
        match self.terms.len() {
            0 => Some(RBig::ZERO),
            1 => self.terms.get(&Vec::new()).cloned(),
            _ => None,
        }
    }

    pub(super) fn as_integer(&self) -> Option<IBig> {
        self.as_constant().filter(RBig::is_int).map(|value| value.numerator().clone())
    }

    /// The only term, if there is one.
    pub(super) fn single(&self) -> Option<(&Mono, &RBig)> {
        if self.terms.len() == 1 { self.terms.iter().next() } else { None }
    }

    /// The atoms and terms of this and of everything below, as they would be written out.
    ///
    /// Exponents and arguments repeat what they are made of, so a short text may stand for a tree
    /// that grows exponentially: whoever copies a part pays for its size.
    pub(super) fn size(&self) -> u64 {
        self.terms.iter().fold(1, |size, (mono, coefficient)| {
            size.saturating_add(mono_size(mono)).saturating_add(bits(coefficient) / COPY_BITS)
        })
    }

    pub(super) fn insert(&mut self, mono: Mono, coefficient: RBig) {
        use std::collections::btree_map::Entry;
        match self.terms.entry(mono) {
            Entry::Vacant(entry) => {
                if !coefficient.is_zero() {
                    entry.insert(coefficient);
                }
            }
            Entry::Occupied(mut entry) => {
                let sum = entry.get() + coefficient;
                if sum.is_zero() {
                    entry.remove();
                } else {
                    entry.insert(sum);
                }
            }
        }
    }

    /// Whether this or anything below has an atom with a property.
    pub(super) fn any(&self, property: &dyn Fn(&Atom) -> bool) -> bool {
        self.terms.keys().flatten().any(|(atom, exponent)| {
            property(atom)
                || exponent.any(property)
                || match atom {
                    Atom::Sum(inner) => inner.any(property),
                    Atom::Fn(_, arguments) | Atom::Named(_, arguments) => {
                        arguments.iter().any(|argument| argument.any(property))
                    }
                    _ => false,
                }
        })
    }

    /// Whether there are variables or functions that are only names.
    pub(crate) fn has_names(&self) -> bool {
        self.any(&|atom| matches!(atom, Atom::Var(_) | Atom::Named(..)))
    }

    /// The coefficient of a variable and the rest, if the sum is linear in it.
    pub(crate) fn linear(&self, name: &str) -> Option<(RBig, Self)> {
        let mut slope = RBig::ZERO;
        let mut rest = Self::zero();
        let is_variable = |atom: &Atom| matches!(atom, Atom::Var(known) if known == name);
        for (mono, coefficient) in &self.terms {
            match mono.as_slice() {
                [(atom, exponent)] if is_variable(atom) && *exponent == Self::int(1) => {
                    slope.clone_from(coefficient);
                }
                _ => {
                    rest.insert(mono.clone(), coefficient.clone());
                }
            }
        }
        (!slope.is_zero() && !rest.any(&is_variable)).then_some((slope, rest))
    }

    /// The coefficients of a quadratic in a variable, the constant one first.
    pub(crate) fn quadratic(&self, name: &str) -> Option<[RBig; 3]> {
        let mut found = [RBig::ZERO, RBig::ZERO, RBig::ZERO];
        for (mono, coefficient) in &self.terms {
            let power = match mono.as_slice() {
                [] => 0,
                [(Atom::Var(known), exponent)] if known == name => {
                    usize::try_from(exponent.as_integer()?).ok().filter(|power| *power <= 2)?
                }
                _ => return None,
            };
            found[power].clone_from(coefficient);
        }
        (!found[2].is_zero()).then_some(found)
    }

    /// The names of the variables.
    pub(crate) fn variables(&self) -> Vec<String> {
        let found = std::cell::RefCell::new(Vec::new());
        self.any(&|atom| {
            if let Atom::Var(name) = atom {
                let mut found = found.borrow_mut();
                if !found.contains(name) {
                    found.push(name.clone());
                }
            }
            false
        });
        found.into_inner()
    }
}

pub(super) fn mono_size(mono: &[(Atom, Poly)]) -> u64 {
    mono.iter().fold(1, |size, (atom, exponent)| {
        let atom = match atom {
            Atom::Sum(inner) => inner.size(),
            Atom::Fn(_, arguments) | Atom::Named(_, arguments) => {
                arguments.iter().fold(1, |size, argument| argument.size().saturating_add(size))
            }
            _ => 1,
        };
        exponent.size().saturating_add(atom).saturating_add(size)
    })
}

pub(super) fn bits(value: &RBig) -> u64 {
    (value.numerator().unsigned_abs().bit_len() + value.denominator().bit_len()) as u64
}

/// A sum with its hash and size: sums that differ are told apart without looking at their terms.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    hash: u64,
    size: u64,
    sum: Rc<Poly>,
}

impl Shared {
    pub(super) fn new(sum: Poly) -> Self {
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        sum.hash(&mut hasher);
        Self { hash: hasher.finish(), size: sum.size(), sum: Rc::new(sum) }
    }

    /// The size of the sum, written out.
    pub(super) fn size(&self) -> u64 {
        self.size
    }
}

impl Deref for Shared {
    type Target = Poly;

    fn deref(&self) -> &Poly {
        &self.sum
    }
}

impl Ord for Shared {
    fn cmp(&self, other: &Self) -> Ordering {
        if Rc::ptr_eq(&self.sum, &other.sum) {
            return Ordering::Equal;
        }
        self.hash.cmp(&other.hash).then_with(|| self.sum.cmp(&other.sum))
    }
}

impl PartialOrd for Shared {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Shared {}

impl Hash for Shared {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// The hash of Fowler, Noll and Vo: the same on every machine and in every version.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
