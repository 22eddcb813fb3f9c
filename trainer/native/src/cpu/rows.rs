//! What is done with each row by itself.

use super::lanes::{Instructions, LANES, Lanes, Work};

/// The nonlinearity of a gated MLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// `x sigmoid(x)`.
    Silu,
    /// The GELU, approximated by a tanh.
    GeluTanh,
}

/// Normalises `x` by the root of its mean square, into `out`, with a weight for each number.
///
/// # Panics
///
/// If lengths differ.
pub fn normalise(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    assert!(x.len() == weight.len() && x.len() == out.len());
    let factor = 1.0 / (Instructions::best().run(Squares(x)) / x.len() as f32 + epsilon).sqrt();
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * factor * weight;
    }
}

/// The sum of squares.
struct Squares<'a>(&'a [f32]);

impl Work for Squares<'_> {
    type Output = f32;

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) -> f32 {
        let chunks = self.0.chunks_exact(LANES);
        let rest = chunks.remainder();
        // SAFETY: chunks have sixteen numbers.
        let sum = unsafe {
            let mut sums = L::splat(0.0);
            for chunk in chunks {
                let x = L::load(chunk.as_ptr());
                sums = x.multiply_add(x, sums);
            }
            sums.sum()
        };
        rest.iter().fold(sum, |sum, x| sum + x * x)
    }
}

/// Turns a head by its position: `x cos + rotate_half(x) sin`, whose halves are alike in `cos` and `sin`.
///
/// # Panics
///
/// If lengths differ.
pub fn rotate(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    let half = x.len() / 2;
    assert!(cos.len() == x.len() && sin.len() == x.len());
    let (first, second) = x.split_at_mut(half);
    let angles = cos.iter().zip(sin);
    for ((first, second), (cos, sin)) in first.iter_mut().zip(second).zip(angles) {
        let (a, b) = (*first, *second);
        *first = a * cos - b * sin;
        *second = b * cos + a * sin;
    }
}

/// Applies the nonlinearity to `gate` and multiplies it by `up`.
///
/// # Panics
///
/// If lengths differ.
pub fn gate(kind: Gate, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len());
    Instructions::best().run(Gated { kind, gate, up });
}

struct Gated<'a> {
    kind: Gate,
    gate: &'a mut [f32],
    up: &'a [f32],
}

impl Work for Gated<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let whole = self.gate.len() / LANES * LANES;
        let (gate, gate_rest) = self.gate.split_at_mut(whole);
        let (up, up_rest) = self.up.split_at(whole);
        for (gate, up) in gate.chunks_exact_mut(LANES).zip(up.chunks_exact(LANES)) {
            // SAFETY: chunks have sixteen numbers.
            unsafe { gated::<L>(self.kind, gate.as_mut_ptr(), up.as_ptr()) };
        }
        if !gate_rest.is_empty() {
            let (mut gate, mut up) = ([0.0; LANES], [0.0; LANES]);
            gate[..gate_rest.len()].copy_from_slice(gate_rest);
            up[..up_rest.len()].copy_from_slice(up_rest);
            // SAFETY: both have sixteen numbers.
            unsafe { gated::<L>(self.kind, gate.as_mut_ptr(), up.as_ptr()) };
            gate_rest.copy_from_slice(&gate[..gate_rest.len()]);
        }
    }
}

/// Both nonlinearities are `x / (1 + e^-y)`: of x itself, or of twice what is inside the tanh.
#[inline(always)]
unsafe fn gated<L: Lanes>(kind: Gate, gate: *mut f32, up: *const f32) {
    // SAFETY: the caller's.
    unsafe {
        let x = L::load(gate);
        let y = match kind {
            Gate::Silu => x,
            Gate::GeluTanh => {
                let cubed = x.mul(x).mul(x);
                let inner = cubed.multiply_add(L::splat(0.044_715), x);
                // Twice the root of 2 / pi.
                inner.mul(L::splat(1.595_769_2))
            }
        };
        let e = L::splat(0.0).sub(y).exp();
        x.div(L::splat(1.0).add(e)).mul(L::load(up)).store(gate);
    }
}

/// Adds `x` to `to`.
pub fn add(to: &mut [f32], x: &[f32]) {
    for (to, x) in to.iter_mut().zip(x) {
        *to += x;
    }
}

/// Multiplies `x` by a factor.
pub fn scale(x: &mut [f32], factor: f32) {
    for x in x {
        *x *= factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_length_are_gated_and_normalised() {
        for length in [1, 15, 16, 40] {
            let x: Vec<f32> = (0..length).map(|i| (i as f32 * 0.7).sin() * 6.0).collect();
            let up: Vec<f32> = (0..length).map(|i| 1.0 + i as f32).collect();
            for kind in [Gate::Silu, Gate::GeluTanh] {
                let mut found = x.clone();
                gate(kind, &mut found, &up);
                for ((x, up), found) in x.iter().zip(&up).zip(found) {
                    let x = f64::from(*x);
                    let tanh = (0.797_884_560_802_865_4 * (x + 0.044_715 * x.powi(3))).tanh();
                    let expected = f64::from(*up)
                        * match kind {
                            Gate::Silu => x / (1.0 + (-x).exp()),
                            Gate::GeluTanh => 0.5 * x * (1.0 + tanh),
                        };
                    assert!((f64::from(found) - expected).abs() < 1e-5 * f64::from(up.max(1.0)));
                }
            }
            let mut out = vec![0.0; length];
            normalise(&x, &up, 1e-6, &mut out);
            let mean = x.iter().map(|x| x * x).sum::<f32>() / length as f32;
            for ((out, x), up) in out.iter().zip(&x).zip(&up) {
                assert!((out - x / (mean + 1e-6).sqrt() * up).abs() < 1e-4);
            }
        }
    }
}
