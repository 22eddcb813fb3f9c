//! The data sets of a configuration: sources and columns.

use std::fmt;
use std::path::Path;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// Prefix of references to the hub.
pub const HUB_SCHEME: &str = "hf://";

/// The sources of a set: one, or several with weights.
///
/// In TOML `"train.jsonl"`, `{ source = "train.jsonl", columns = { .. } }`, or a list of both.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources(pub Vec<Source>);

/// A source: a file, a folder, a glob, or `hf://datasets/OWNER/NAME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The source.
    pub source: String,
    /// The share of problems that a run takes from it, relative to the weights of the others.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: f64,
    /// Which column is what, if the layout is not a known one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
}

/// Which column is what. A dot selects a part of a column: `reward_model.ground_truth`.
///
/// Columns that are not configured are taken from the layout, if it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The problem: a text, or messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The right answer, or a worked one that ends in `#### ANSWER` or has a box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// A right response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solution: Option<String>,
    /// The problem's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Columns that are kept as tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// The default of the largest share of rows that may be left out.
pub const MAX_LEFT_OUT: f64 = 0.1;

fn one() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_one(weight: &f64) -> bool {
    *weight == 1.0
}

impl Source {
    /// A source without further settings.
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), weight: 1.0, columns: None }
    }

    fn is_plain(&self) -> bool {
        *self == Self::new(self.source.clone())
    }
}

impl Sources {
    /// One source.
    pub fn one(source: impl Into<String>) -> Self {
        Self(vec![Source::new(source)])
    }

    /// Checks the values; the error is the first problem.
    pub fn check(&self) -> Result<(), String> {
        if self.0.is_empty() {
            return Err("it names no source".into());
        }
        match self.0.iter().find(|source| !(source.weight > 0.0 && source.weight.is_finite())) {
            None => Ok(()),
            Some(Source { source, weight, .. }) => {
                Err(format!("the weight of `{source}` is {weight}, it has to be above 0"))
            }
        }
    }

    /// Makes relative paths relative to this folder.
    pub fn resolve(&mut self, folder: &Path) {
        for source in &mut self.0 {
            if !source.source.starts_with(HUB_SCHEME) {
                source.source = folder.join(&source.source).to_string_lossy().into_owned();
            }
        }
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|source| source.source.as_str()).collect();
        f.write_str(&names.join(", "))
    }
}

/// A source as it is written: only its name if nothing else is said of it.
#[derive(Serialize)]
#[serde(untagged)]
enum Written<'a> {
    Name(&'a str),
    Full(&'a Source),
}

impl Serialize for Sources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sources = self.0.iter().map(|source| {
            if source.is_plain() { Written::Name(&source.source) } else { Written::Full(source) }
        });
        match self.0.len() {
            // As configurations were before there were several sources.
            1 => sources.next().serialize(serializer),
            _ => serializer.collect_seq(sources),
        }
    }
}

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnySources)
    }
}

struct AnySources;

impl<'de> Visitor<'de> for AnySources {
    type Value = Sources;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file, `{ source = \"FILE\", .. }`, or a list of them")
    }

    fn visit_str<E>(self, text: &str) -> Result<Sources, E> {
        Ok(Sources::one(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Sources, A::Error> {
        Ok(Sources(vec![Source::deserialize(MapAccessDeserializer::new(map))?]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Sources, A::Error> {
        let nested = Vec::<Self::Value>::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(Sources(nested.into_iter().flat_map(|sources| sources.0).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Sources, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn one_source_or_several() {
        assert_eq!(read("\"a.jsonl\"").unwrap(), Sources::one("a.jsonl"));
        let text = r#"["a", {"source": "b", "weight": 2.0, "columns": {"problem": "q"}}]"#;
        let several = read(text).unwrap();
        assert_eq!(several.0[0], Source::new("a"));
        assert_eq!(several.0[1].weight, 2.0);
        let columns = several.0[1].columns.as_ref().unwrap();
        assert_eq!(columns.problem.as_deref(), Some("q"));
        // What was read is written as it was.
        for text in ["\"a.jsonl\"", r#"{"source":"b","weight":2.0}"#, r#"["a","b"]"#] {
            assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn mistakes_are_named() {
        assert!(read("3").unwrap_err().contains("expected a file"));
        assert!(read(r#"{"source": "b", "wieght": 2}"#).unwrap_err().contains("wieght"));
        let none = read(r#"{"source": "b", "weight": 0}"#).unwrap();
        assert!(none.check().unwrap_err().contains("the weight of `b` is 0"));
        assert!(Sources(Vec::new()).check().is_err());
    }

    #[test]
    fn paths_start_at_the_configuration() {
        let mut sources = read(r#"["a.jsonl", "/b.jsonl", "hf://datasets/c/d"]"#).unwrap();
        sources.resolve(Path::new("/here"));
        assert_eq!(sources.to_string(), "/here/a.jsonl, /b.jsonl, hf://datasets/c/d");
    }
}
