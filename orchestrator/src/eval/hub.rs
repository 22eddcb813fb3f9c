//! Data sets from the Hugging Face hub, through its ordinary cache.
//!
//! `HF_ENDPOINT` names another hub, `HF_HOME` the cache, `HF_TOKEN` a token. A file that the cache
//! has is not asked for again, and the list of a repository's files is asked for only where no file
//! is named and none was taken before.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use hf_hub::api::sync::{Api, ApiBuilder};
use hf_hub::{Cache, Repo};

/// What data files end with.
const ENDINGS: [&str; 2] = [".parquet", ".jsonl"];

/// A place on the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `OWNER/NAME`.
    pub repository: String,
    /// A file; without one the data file of the test split, or the only data file.
    pub file: Option<String>,
}

impl Place {
    /// Reads `hf://datasets/OWNER/NAME` or `hf://datasets/OWNER/NAME/FILE`; none if it is no such
    /// place.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("hf://datasets/")?;
        let mut parts = rest.splitn(3, '/').filter(|part| !part.is_empty());
        let (owner, name) = (parts.next()?, parts.next()?);
        let file = parts.next().map(str::to_owned);
        Some(Self { repository: format!("{owner}/{name}"), file })
    }

    /// The file on this machine. Blocks while it is downloaded.
    pub fn fetch(&self) -> Result<PathBuf> {
        let repository = &self.repository;
        self.found().with_context(|| {
            format!("cannot take the data set {repository} from the Hugging Face hub")
        })
    }

    fn found(&self) -> Result<PathBuf> {
        let repository = Repo::dataset(self.repository.clone());
        let token = std::env::var("HF_TOKEN").ok().filter(|token| !token.is_empty());
        let mut builder = ApiBuilder::from_env().with_progress(false);
        if token.is_some() {
            builder = builder.with_token(token);
        }
        let api = builder.build().map_err(|error| unreachable(&error))?;
        if let Some(file) = &self.file {
            let cached = Cache::from_env().repo(repository.clone()).get(file);
            return match cached {
                Some(path) => Ok(path),
                None => api.repo(repository).get(file).map_err(|error| unreachable(&error)),
            };
        }
        let file = data_file(&api, &repository)?;
        api.repo(repository).get(&file).map_err(|error| unreachable(&error))
    }
}

fn data_file(api: &Api, repository: &Repo) -> Result<String> {
    let info = api.repo(repository.clone()).info().map_err(|error| unreachable(&error))?;
    let names: Vec<String> = info.siblings.into_iter().map(|file| file.rfilename).collect();
    choose(&names)
}

/// The data file of the test split; the only data file if none says that it is.
fn choose(names: &[String]) -> Result<String> {
    let data: Vec<&String> =
        names.iter().filter(|name| ENDINGS.iter().any(|ending| name.ends_with(ending))).collect();
    let test: Vec<&String> = data.iter().copied().filter(|name| name.contains("test")).collect();
    match (test.as_slice(), data.as_slice()) {
        ([one], _) | ([], [one]) => Ok((*one).clone()),
        (_, []) => bail!("it has no file that ends with {}", ENDINGS.join(" or ")),
        (several, all) => {
            let shown = if several.is_empty() { all } else { several };
            let shown: Vec<&str> = shown.iter().map(|name| name.as_str()).collect();
            bail!(
                "it has several data files: {}\n\
                 hint: name one of them, --benchmark NAME=hf://datasets/OWNER/NAME/FILE",
                shown.join(", ")
            )
        }
    }
}

fn unreachable(error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow!(
        "{error}\n\
         hint: without a connection name a local file, --benchmark NAME=FILE; HF_ENDPOINT names \
         another hub, HF_TOKEN is the token for a gated data set"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = |text| Place::parse(text).map(|place| (place.repository, place.file));
        assert_eq!(place("hf://datasets/a/b"), Some(("a/b".into(), None)));
        let file = Some("data/x.jsonl".to_owned());
        assert_eq!(place("hf://datasets/a/b/data/x.jsonl"), Some(("a/b".into(), file)));
        assert_eq!(place("data/x.jsonl"), None);
        assert_eq!(place("hf://datasets/a"), None);
    }

    #[test]
    fn the_data_file_of_a_repository() {
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            choose(&names).map_err(|error| error.to_string())
        };
        let cases: [(&[&str], &str); 3] = [
            (&["README.md", "test.jsonl"], "test.jsonl"),
            (
                &["data/train-00000-of-00001.parquet", "README.md"],
                "data/train-00000-of-00001.parquet",
            ),
            (&["train.parquet", "test-00000-of-00001.parquet"], "test-00000-of-00001.parquet"),
        ];
        for (names, expected) in cases {
            assert_eq!(chosen(names).unwrap(), expected);
        }
        assert!(chosen(&["README.md"]).unwrap_err().contains("no file that ends with .parquet"));
        assert!(chosen(&["a.jsonl", "b.jsonl"]).unwrap_err().contains("a.jsonl, b.jsonl\nhint:"));
    }
}
