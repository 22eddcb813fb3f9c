//! Passes over a row of logits, one for each token of the vocabulary.

use std::cmp::Ordering;

use super::lanes::Instructions;

/// Numbers whose exponentials are added up together.
const BLOCK: usize = 256;
/// Numbers at once.
const WIDTH: usize = 8;

/// A row of logits, as the model made them or after penalties.
#[derive(Clone, Copy, Debug)]
pub enum Logits<'a> {
    /// The model's.
    Raw(&'a [f32]),
    /// Others.
    Changed(&'a [f64]),
}

impl Logits<'_> {
    /// Tokens of the vocabulary.
    pub fn len(&self) -> usize {
        match self {
            Self::Raw(row) => row.len(),
            Self::Changed(row) => row.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The logit of a token.
    pub fn get(&self, id: usize) -> f64 {
        match self {
            Self::Raw(row) => f64::from(row[id]),
            Self::Changed(row) => row[id],
        }
    }

    /// As f64.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Self::Raw(row) => row.iter().map(|&x| f64::from(x)).collect(),
            Self::Changed(row) => row.to_vec(),
        }
    }

    /// The token with the largest, the first of several.
    pub fn largest(&self) -> usize {
        fn of<T: Copy + PartialOrd>(row: &[T]) -> usize {
            // The largest of each block first: that is a pass without branches.
            let blocks = row.chunks(BLOCK).map(|block| {
                block[1..].iter().fold(block[0], |peak, &x| if x > peak { x } else { peak })
            });
            let mut best: Option<(usize, T)> = None;
            for (index, peak) in blocks.enumerate() {
                if best.is_none_or(|(_, best)| peak > best) {
                    best = Some((index, peak));
                }
            }
            let Some((block, peak)) = best else { return 0 };
            let start = block * BLOCK;
            start + row[start..].iter().position(|&x| x == peak).unwrap_or(0)
        }
        match self {
            Self::Raw(row) => of(row),
            Self::Changed(row) => of(row),
        }
    }

    /// How many are at least `limit`.
    pub fn count_from(&self, limit: f64) -> usize {
        match self {
            Self::Raw(row) => row.iter().filter(|&&x| f64::from(x) >= limit).count(),
            Self::Changed(row) => row.iter().filter(|&&x| x >= limit).count(),
        }
    }

    /// The tokens whose logits are at least `limit`, by their ids.
    pub fn from(&self, limit: f64) -> Vec<u32> {
        fn of<T: Copy>(row: &[T], limit: f64, number: impl Fn(T) -> f64) -> Vec<u32> {
            let mut ids = Vec::new();
            for (id, &x) in (0..).zip(row) {
                if number(x) >= limit {
                    ids.push(id);
                }
            }
            ids
        }
        match self {
            Self::Raw(row) => of(row, limit, f64::from),
            Self::Changed(row) => of(row, limit, |x| x),
        }
    }

    /// The `count` tokens with the largest logits, in their order; of equal ones the lower ids first.
    pub fn most(&self, count: usize) -> Vec<u32> {
        let count = count.min(self.len());
        if count == 0 {
            return Vec::new();
        }
        let order = |&a: &u32, &b: &u32| self.descending(a, b);
        let mut best: Vec<u32> = Vec::with_capacity(2 * count);
        let mut limit = f64::NEG_INFINITY;
        for id in 0..self.len() as u32 {
            // What is no number is among the first.
            if self.get(id as usize) < limit {
                continue;
            }
            best.push(id);
            if best.len() == 2 * count {
                best.select_nth_unstable_by(count - 1, order);
                best.truncate(count);
                limit = self.get(best[count - 1] as usize);
            }
        }
        best.sort_unstable_by(order);
        best.truncate(count);
        best
    }

    /// Orders larger logits first, and of equal ones the lower ids.
    pub fn descending(&self, a: u32, b: u32) -> Ordering {
        self.get(b as usize).total_cmp(&self.get(a as usize)).then(a.cmp(&b))
    }

    /// The weight of a token: `e^((logit - peak) scale)`.
    pub fn weight(&self, id: usize, peak: f64, scale: f64) -> f64 {
        ((self.get(id) - peak) * scale).exp()
    }

    /// The sums of the weights of [`Self::BLOCK`] tokens each.
    pub fn block_weights(&self, peak: f64, scale: f64, sums: &mut Vec<f64>) {
        fn of<T: Copy>(row: &[T], sums: &mut Vec<f64>, scaled: impl Fn(T) -> f64) {
            for block in row.chunks(BLOCK) {
                let mut x = [f64::NEG_INFINITY; BLOCK];
                x.iter_mut().zip(block).for_each(|(to, &from)| *to = scaled(from));
                sums.push(sum_of_exponentials(&x));
            }
        }
        sums.clear();
        match self {
            Self::Raw(row) => of(row, sums, |x| (f64::from(x) - peak) * scale),
            Self::Changed(row) => of(row, sums, |x| (x - peak) * scale),
        }
    }

    /// Tokens of a block.
    pub const BLOCK: usize = BLOCK;
}

fn sum_of_exponentials(x: &[f64; BLOCK]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the processor has the instructions.
    unsafe {
        match Instructions::best() {
            Instructions::Avx512 => return sum_by_avx512(x),
            Instructions::Avx2 => return sum_by_avx2(x),
            Instructions::Plain => {}
        }
    }
    sum(x)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
unsafe fn sum_by_avx512(x: &[f64; BLOCK]) -> f64 {
    sum(x)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn sum_by_avx2(x: &[f64; BLOCK]) -> f64 {
    sum(x)
}

#[inline(always)]
fn sum(x: &[f64; BLOCK]) -> f64 {
    let mut sums = [0.0; WIDTH];
    for chunk in x.chunks_exact(WIDTH) {
        let e = exp(std::array::from_fn(|lane| chunk[lane]));
        for (sum, e) in sums.iter_mut().zip(e) {
            *sum += e;
        }
    }
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

/// e^x to about the last place; 0 under -708.
#[inline(always)]
fn exp(given: [f64; WIDTH]) -> [f64; WIDTH] {
    // Adding it rounds to an integer, which then stands in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    // 1 / n! from 13 down to 0.
    const TERMS: [f64; 14] = [
        1.605_904_383_682_161_3e-10,
        2.087_675_698_786_81e-9,
        2.505_210_838_544_172e-8,
        2.755_731_922_398_589_3e-7,
        2.755_731_922_398_589e-6,
        2.480_158_730_158_73e-5,
        1.984_126_984_126_984e-4,
        1.388_888_888_888_889e-3,
        8.333_333_333_333_333e-3,
        4.166_666_666_666_666_4e-2,
        1.666_666_666_666_666_6e-1,
        0.5,
        1.0,
        1.0,
    ];
    // Step by step for all numbers, so that the compiler makes vectors of them.
    let x = given.map(|x| if x < -708.0 { -708.0 } else { x });
    let mut rounded = [0.0; WIDTH];
    for lane in 0..WIDTH {
        rounded[lane] = x[lane].mul_add(std::f64::consts::LOG2_E, ROUND);
    }
    let mut r = [0.0; WIDTH];
    for lane in 0..WIDTH {
        let n = rounded[lane] - ROUND;
        r[lane] = n.mul_add(-6.931_471_803_691_238e-1, x[lane]);
        r[lane] = n.mul_add(-1.908_214_929_270_587_7e-10, r[lane]);
    }
    let mut p = [TERMS[0]; WIDTH];
    for term in &TERMS[1..] {
        for lane in 0..WIDTH {
            p[lane] = p[lane].mul_add(r[lane], *term);
        }
    }
    let mut result = [0.0; WIDTH];
    for lane in 0..WIDTH {
        let bits = (rounded[lane].to_bits() << 52).wrapping_add(1.0_f64.to_bits());
        let e = p[lane] * f64::from_bits(bits);
        result[lane] = if given[lane] < -708.0 { 0.0 } else { e };
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Vec<f32> {
        (0..1000).map(|i| ((i * 7919) % 1009) as f32 * 0.02 - 10.0).collect()
    }

    #[test]
    fn passes_find_what_a_sort_finds() {
        let row = row();
        let wide: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
        for logits in [Logits::Raw(&row), Logits::Changed(&wide)] {
            let mut sorted: Vec<u32> = (0..1000).collect();
            sorted.sort_by(|&a, &b| logits.descending(a, b));
            assert_eq!(logits.largest(), sorted[0] as usize);
            for count in [0, 1, 7, 999, 1000, 2000] {
                assert_eq!(logits.most(count), sorted[..count.min(1000)]);
            }
            let limit = logits.get(sorted[99] as usize);
            assert_eq!(logits.count_from(limit), logits.from(limit).len());
            assert!(logits.from(limit).is_sorted());
        }
        assert_eq!(Logits::Raw(&[1.0, 3.0, 3.0]).largest(), 1);
        assert_eq!(Logits::Raw(&[2.0; 5]).most(2), [0, 1]);
    }

    #[test]
    fn weights_add_up_to_the_last_digits() {
        let row = row();
        let logits = Logits::Raw(&row);
        for scale in [0.5, 1.0, 30.0] {
            let (mut sums, peak) = (Vec::new(), logits.get(logits.largest()));
            logits.block_weights(peak, scale, &mut sums);
            let exact: f64 = (0..1000).map(|id| logits.weight(id, peak, scale)).sum();
            assert!((sums.iter().sum::<f64>() / exact - 1.0).abs() < 1e-14);
        }
        let mut sums = Vec::new();
        Logits::Raw(&[f32::NAN, 1.0]).block_weights(1.0, 1.0, &mut sums);
        assert!(sums[0].is_nan());
    }
}
