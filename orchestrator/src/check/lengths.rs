//! Lengths of prompts for a person: the shortest, the longest, and a histogram.

use std::fmt;

/// Bars of a histogram, and characters of the longest bar.
const BARS: usize = 8;
const WIDTH: usize = 40;

/// Lengths in tokens, sorted.
pub struct Lengths(Vec<usize>);

impl Lengths {
    pub fn of(lengths: impl Iterator<Item = usize>) -> Self {
        let mut lengths: Vec<usize> = lengths.collect();
        lengths.sort_unstable();
        Self(lengths)
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(&least), Some(&most)) = (self.0.first(), self.0.last()) else {
            return f.write_str("no prompts");
        };
        let median = self.0[self.0.len() / 2];
        write!(f, "prompts of {least} to {most} tokens, median {median}")?;
        let width = (most - least + 1).div_ceil(BARS);
        let count = |from: usize| {
            let below = |limit: usize| self.0.partition_point(|&length| length < limit);
            below(from + width) - below(from)
        };
        let bars: Vec<(usize, usize)> =
            (least..=most).step_by(width).map(|from| (from, count(from))).collect();
        let tallest = bars.iter().map(|&(_, count)| count).max().unwrap_or(1);
        for (from, count) in bars {
            let to = (from + width - 1).min(most);
            let bar = "#".repeat((count * WIDTH).div_ceil(tallest));
            write!(f, "\n{:>13} {bar} {count}", format!("{from} to {to}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_every_prompt() {
        let shown = Lengths::of([12, 3, 3, 4, 11, 12, 12].into_iter()).to_string();
        let expected = "prompts of 3 to 12 tokens, median 11
       3 to 4 ######################################## 3
       5 to 6  0
       7 to 8  0
      9 to 10  0
     11 to 12 ###################################################### 4";
        let lines = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.replace('#', "").trim().to_owned()).collect()
        };
        assert_eq!(lines(&shown), lines(expected));
        assert_eq!(Lengths::of(std::iter::empty()).to_string(), "no prompts");
    }
}
