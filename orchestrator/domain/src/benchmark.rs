//! The public benchmarks known by name. Reading their files is part of the data sets.

use serde::{Deserialize, Serialize};

/// A public benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Benchmark {
    /// MATH-500: `HuggingFaceH4/MATH-500`.
    Math500,
    /// Minerva: `math-ai/minervamath`.
    Minerva,
    /// The English text problems of `OlympiadBench`: `math-ai/olympiadbench`, or `Hothan/OlympiadBench`,
    /// `OE_TO_maths_en_COMP`.
    Olympiad,
    /// AMC'23: `math-ai/amc23`.
    Amc23,
    /// AIME'24: `HuggingFaceH4/aime_2024`.
    Aime24,
    /// AIME'25: `math-ai/aime25`.
    Aime25,
}

impl Benchmark {
    /// Its name in configurations and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Math500 => "math500",
            Self::Minerva => "minerva",
            Self::Olympiad => "olympiad",
            Self::Amc23 => "amc23",
            Self::Aime24 => "aime24",
            Self::Aime25 => "aime25",
        }
    }

    /// All of them, in the order of the paper.
    pub const ALL: [Self; 6] =
        [Self::Math500, Self::Minerva, Self::Olympiad, Self::Amc23, Self::Aime24, Self::Aime25];

    /// The benchmark of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|benchmark| benchmark.name() == name)
    }

    /// Samples per problem in the paper: more for small benchmarks.
    pub fn samples(self) -> u32 {
        match self {
            Self::Math500 | Self::Minerva | Self::Olympiad => 4,
            Self::Amc23 | Self::Aime24 | Self::Aime25 => 16,
        }
    }

    /// Its data set on the Hugging Face hub.
    pub fn repository(self) -> &'static str {
        match self {
            Self::Math500 => "HuggingFaceH4/MATH-500",
            Self::Minerva => "math-ai/minervamath",
            Self::Olympiad => "math-ai/olympiadbench",
            Self::Amc23 => "math-ai/amc23",
            Self::Aime24 => "HuggingFaceH4/aime_2024",
            Self::Aime25 => "math-ai/aime25",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_configurations() {
        for benchmark in Benchmark::ALL {
            let name = serde_json::to_value(benchmark).unwrap();
            assert_eq!(name, benchmark.name());
            assert_eq!(Benchmark::by_name(benchmark.name()), Some(benchmark));
        }
    }
}
