//! The sets of an evaluation, from files or from the hub.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use retrial_data::{DataSet, HubSettings, MAX_LEFT_OUT, Message, Problem, Request, Sources, Split};
use retrial_domain::{Benchmark, HUB_SCHEME, RewardConfig};
use retrial_loop::evaluator::Set;

/// Samples per problem of a user's set, as the default of `[evaluation] k`.
const SAMPLES: u32 = 8;

/// A set on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetArgument {
    /// Its name.
    pub name: String,
    /// The benchmark, if it is one.
    pub benchmark: Option<Benchmark>,
    /// Its source: a file, a folder, a glob or a reference to the hub.
    pub source: String,
}

impl SetArgument {
    /// Parses `--benchmark NAME` or `NAME=FILE`; `all` stands for all of the paper.
    pub fn benchmarks(text: &str) -> Result<Vec<Self>> {
        let (name, file) = text.split_once('=').map_or((text, None), |(a, b)| (a, Some(b)));
        if (name, file) == ("all", None) {
            return Ok(Benchmark::ALL.into_iter().map(Self::published).collect());
        }
        let benchmark = Benchmark::by_name(name).ok_or_else(|| {
            let names = Benchmark::ALL.map(Benchmark::name).join(", ");
            anyhow!(
                "--benchmark {text}: there is no benchmark `{name}`\n\
                 hint: they are {names}, and all; problems of your own are --data NAME=FILE"
            )
        })?;
        let asked = Self::published(benchmark);
        Ok(vec![match file {
            None => asked,
            Some(file) => Self { source: file.into(), ..asked },
        }])
    }

    /// Parses `--data NAME=FILE`.
    pub fn data(text: &str) -> Result<Self> {
        let (name, file) = text
            .split_once('=')
            .filter(|(name, file)| !name.is_empty() && !file.is_empty())
            .with_context(|| {
                format!("--data {text}: write it as NAME=FILE, for example own=problems.jsonl")
            })?;
        if Benchmark::by_name(name).is_some() {
            bail!(
                "--data {text}: `{name}` is a public benchmark\n\
                 hint: --benchmark {name}=FILE reads it from a file; or choose another name"
            );
        }
        Ok(Self { name: name.into(), benchmark: None, source: file.into() })
    }

    fn published(benchmark: Benchmark) -> Self {
        Self {
            name: benchmark.name().into(),
            benchmark: Some(benchmark),
            source: format!("{HUB_SCHEME}datasets/{}", benchmark.repository()),
        }
    }

    /// Loads its problems; `k` replaces the default samples per problem. `reward` has the verifiers of
    /// their responses. Reports what was left out.
    pub fn load(
        &self,
        k: Option<u32>,
        reward: &RewardConfig,
        fits: impl FnMut(&Problem, &[Message]) -> Result<(), String>,
    ) -> Result<Set> {
        let sources = Sources::one(self.source.clone());
        let request = Request {
            set: &self.name,
            sources: &sources,
            columns: None,
            split: Split::Test,
            max_left_out: MAX_LEFT_OUT,
            solutions: reward.asks_others(),
            reward: Some(reward),
            held_out: &[],
        };
        let set = DataSet::load(&request, &HubSettings::from_env(), fits).with_context(|| {
            let hint = match (self.benchmark, self.source.starts_with(HUB_SCHEME)) {
                (Some(_), true) => "\nhint: use a file of this machine with --benchmark NAME=FILE",
                _ => "",
            };
            format!("the set `{}` cannot be used{hint}", self.name)
        })?;
        if !set.report().left_out.is_empty() {
            retrial_log::tell(&set.report().to_string());
        }
        let usual = self.benchmark.map_or(SAMPLES, Benchmark::samples);
        Ok(Set::of(&set, k.unwrap_or(usual)))
    }
}

/// A path, as written to the log.
pub fn canonical(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.into()).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_asked_for() {
        let all = SetArgument::benchmarks("all").unwrap();
        assert_eq!(all.len(), 6);
        assert_eq!(all[0].source, "hf://datasets/HuggingFaceH4/MATH-500");
        let local = &SetArgument::benchmarks("aime24=x.jsonl").unwrap()[0];
        assert_eq!((local.name.as_str(), local.source.as_str()), ("aime24", "x.jsonl"));
        assert_eq!(local.benchmark, Some(Benchmark::Aime24));
        let own = SetArgument::data("own=hf://datasets/me/mine/a.parquet").unwrap();
        assert_eq!(own.source, "hf://datasets/me/mine/a.parquet");
        let refused = [
            (
                SetArgument::benchmarks("math501").unwrap_err(),
                "no benchmark `math501`\nhint: they are",
            ),
            (SetArgument::data("own").unwrap_err(), "write it as NAME=FILE"),
            (SetArgument::data("aime24=x").unwrap_err(), "hint: --benchmark aime24=FILE"),
        ];
        for (error, expected) in refused {
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn samples_are_those_of_the_paper() {
        let samples = Benchmark::ALL.map(|benchmark| (benchmark.name(), benchmark.samples()));
        let expected = [
            ("math500", 4),
            ("minerva", 4),
            ("olympiad", 4),
            ("amc23", 16),
            ("aime24", 16),
            ("aime25", 16),
        ];
        assert_eq!(samples, expected);
    }
}
