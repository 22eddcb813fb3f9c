//! What becomes of responses that ran into the limit (DAPO, arXiv 2503.14476, section 3.4).

use serde::{Deserialize, Serialize};

/// The treatment of overlong responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Overlong {
    /// They are failures like any other.
    #[default]
    Keep,
    /// They count in their group's advantages and are not learned from.
    Filter,
    /// Soft punishment: within `buffer` tokens of the limit the reward falls linearly, by up to
    /// `penalty`.
    Soft {
        /// Width of the slope, tokens.
        buffer: usize,
        /// What a response at the limit loses.
        penalty: f64,
    },
}

impl Overlong {
    /// What a response of `length` tokens loses of its reward when the limit is `limit`.
    pub fn punishment(self, length: usize, limit: usize) -> f64 {
        match self {
            Self::Keep | Self::Filter => 0.0,
            Self::Soft { buffer, penalty } => {
                let over = (length + buffer).saturating_sub(limit) as f64;
                penalty * (over / buffer.max(1) as f64).min(1.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_punishment_rises_over_the_buffer() {
        let soft = Overlong::Soft { buffer: 40, penalty: 0.5 };
        let cases = [(10, 0.0), (60, 0.0), (80, 0.25), (100, 0.5)];
        for (length, expected) in cases {
            assert_eq!(soft.punishment(length, 100), expected, "{length} tokens");
        }
        assert_eq!(Overlong::Filter.punishment(100, 100), 0.0);
    }
}
