//! Which tokens may be drawn, by min-p, top-k and top-p, and the draw among them.

use retrial_native::cpu::Logits;

use super::sampling::Sampling;

/// The tokens that may be drawn.
pub(super) enum Kept {
    All,
    /// By their ids.
    Some(Vec<u32>),
}

impl Kept {
    pub fn has(&self, id: u32) -> bool {
        match self {
            Self::All => true,
            Self::Some(ids) => ids.binary_search(&id).is_ok(),
        }
    }
}

/// Logits and a temperature. The largest weight is 1.
pub(super) struct Scaled<'a> {
    pub logits: Logits<'a>,
    /// The largest logit.
    pub peak: f64,
    /// What logits are multiplied by: 1 / temperature.
    pub scale: f64,
}

impl Scaled<'_> {
    /// The unnormalised probability of a token.
    pub fn weight(&self, id: u32) -> f64 {
        self.logits.weight(id as usize, self.peak, self.scale)
    }

    pub fn block_weights(&self) -> Vec<f64> {
        let mut sums = Vec::new();
        self.logits.block_weights(self.peak, self.scale, &mut sums);
        sums
    }

    /// The logit of a weight, or a little less.
    fn logit_under(&self, weight: f64) -> f64 {
        let logit = self.peak + weight.ln() / self.scale;
        logit - 1e-9 * logit.abs().max(1.0)
    }

    pub fn truncate(&self, sampling: &Sampling) -> Kept {
        let Sampling { min_p, top_p, top_k, .. } = *sampling;
        let count = self.logits.len();
        let top_k = top_k.filter(|&k| k < count);
        if min_p <= 0.0 && top_k.is_none() && top_p >= 1.0 || self.peak.is_nan() {
            return Kept::All;
        }
        // In their order; under top-p alone those that can be in its set: all others together weigh less
        // than what it drops.
        let mut ids = if let Some(k) = top_k {
            self.logits.most(k)
        } else {
            let mut limit = if min_p > 0.0 { self.logit_under(min_p) } else { f64::NEG_INFINITY };
            if top_p < 1.0 && min_p <= 0.0 {
                let dropped = (1.0 - top_p) * self.block_weights().iter().sum::<f64>();
                limit = self.logit_under(0.5 * dropped / count as f64);
            }
            self.logits.from(limit)
        };
        if min_p > 0.0 {
            ids.retain(|&id| self.weight(id) >= min_p);
        }
        if top_p < 1.0 {
            ids.sort_unstable_by(|&a, &b| self.logits.descending(a, b));
            let total: f64 = match (top_k, min_p > 0.0) {
                (None, false) => self.block_weights().iter().sum(),
                _ => ids.iter().map(|&id| self.weight(id)).sum(),
            };
            let mut sum = 0.0;
            let under = ids.iter().take_while(|&&id| {
                let before = sum;
                sum += self.weight(id);
                before < top_p * total
            });
            let kept = under.count().max(1);
            ids.truncate(kept);
        }
        ids.sort_unstable();
        Kept::Some(ids)
    }

    /// Inverse transform sampling: the token, in the order of ids, at `target` of the total weight. The
    /// sums are those of the blocks.
    pub fn in_blocks(&self, sums: &[f64], target: f64, fallback: usize) -> usize {
        let (mut before, mut block) = (0.0, 0);
        for (index, sum) in sums.iter().enumerate() {
            block = index;
            if before + sum > target {
                break;
            }
            if index + 1 < sums.len() {
                before += sum;
            }
        }
        let start = block * Logits::BLOCK;
        let end = (start + Logits::BLOCK).min(self.logits.len());
        self.invert(start..end, before, target).unwrap_or(fallback)
    }

    /// The first of the tokens at which the sum of weights is over `target`, or the last that has any.
    pub fn invert(
        &self,
        ids: impl Iterator<Item = usize>,
        before: f64,
        target: f64,
    ) -> Option<usize> {
        let (mut sum, mut last) = (before, None);
        for id in ids {
            let weight = self.weight(id as u32);
            if weight > 0.0 {
                sum += weight;
                last = Some(id);
                if sum > target {
                    break;
                }
            }
        }
        last
    }
}
