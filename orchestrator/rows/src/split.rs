//! The files of a repository, or of a folder, that make up a set: its data files of the requested split,
//! by their names.

use std::collections::BTreeSet;

use glob::Pattern;

/// Extensions of data files, the best first: a repository often has the same rows twice.
const ENDINGS: [&str; 6] = [".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv"];
/// Suffixes after an extension.
const COMPRESSED: [&str; 2] = [".gz", ".zst"];
/// JSON files that are not data.
const DESCRIPTIONS: [&str; 7] = [
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
    "config.json",
    "package.json",
    "metadata.json",
];

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// For training.
    Train,
    /// For tests: a held-out set.
    Test,
}

/// Where the files were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// In a repository: one of its configurations is used.
    OnHub,
    /// In a local folder: all of it is used.
    InFolder,
}

/// The split that a file's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SplitName {
    Train,
    Test,
    Validation,
}

/// Chooses the files: those of the selector if there is one (a file, a folder, a glob, a configuration, a
/// split, or both), then those of the requested split. `PLACE` in an error stands for
/// the reference.
pub(crate) fn choose(
    names: &[&str],
    wanted: Split,
    selector: Option<&str>,
    found: Found,
) -> Result<Vec<String>, String> {
    if let Some(selector) = selector
        && names.contains(&selector)
    {
        return Ok(vec![selector.to_owned()]);
    }
    let mut data: Vec<&str> = names.iter().copied().filter(|name| is_data(name)).collect();
    data.sort_unstable();
    if data.is_empty() {
        let more = match found {
            Found::OnHub => {
                "\nhint: PLACE@refs/convert/parquet is the hub's own conversion, if it has one"
            }
            Found::InFolder => "",
        };
        return Err(format!(
            "it has no file with one of the extensions {}{more}",
            ENDINGS.join(", ")
        ));
    }
    if let Some(selector) = selector {
        data = select(&data, selector).ok_or_else(|| {
            format!("it has no file, folder, configuration or split `{selector}`{}", list(&data))
        })?;
    }
    // A selector such as `main/test` has left one split only, which is then used.
    let data = of_split(&data, wanted);
    if found == Found::InFolder {
        return Ok(owned(&data));
    }
    let configurations: BTreeSet<String> = data.iter().map(|name| configuration(name)).collect();
    if configurations.len() > 1 {
        let shown: Vec<&str> = configurations.iter().map(String::as_str).collect();
        return Err(format!(
            "it has several configurations: {}\nhint: name one, for example PLACE/{}",
            shown.join(", "),
            shown.iter().find(|name| !name.is_empty()).copied().unwrap_or_default()
        ));
    }
    let best = ENDINGS.iter().find(|ending| data.iter().any(|name| ends(name, ending)));
    let data: Vec<&str> =
        data.into_iter().filter(|name| best.is_none_or(|ending| ends(name, ending))).collect();
    Ok(owned(&data))
}

/// Whether a name is that of a data file.
pub(crate) fn is_data(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    ENDINGS.iter().any(|ending| ends(name, ending))
        && !DESCRIPTIONS.contains(&file)
        && !name.split('/').any(|part| part.starts_with(['.', '_']))
}

fn ends(name: &str, ending: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain = COMPRESSED.iter().find_map(|packed| lower.strip_suffix(packed));
    plain.unwrap_or(&lower).ends_with(ending)
}

fn select<'a>(data: &[&'a str], selector: &str) -> Option<Vec<&'a str>> {
    let keep = |wanted: &dyn Fn(&str) -> bool| {
        let kept: Vec<&str> = data.iter().copied().filter(|name| wanted(name)).collect();
        (!kept.is_empty()).then_some(kept)
    };
    let below = |folder: &str, name: &str| {
        name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    if selector.contains(['*', '?', '[']) {
        let pattern = Pattern::new(selector).ok()?;
        return keep(&|name| pattern.matches(name));
    }
    keep(&|name| below(selector, name))
        .or_else(|| keep(&|name| configuration(name) == selector))
        .or_else(|| {
            let (folder, split) = selector.rsplit_once('/').unwrap_or(("", selector));
            let split = split_name(split)?;
            let within = |name: &str| {
                folder.is_empty() || below(folder, name) || configuration(name) == folder
            };
            keep(&|name| split_name(name) == Some(split) && within(name))
        })
}

/// The files of a split; all files if their names do not mention splits, or only one.
fn of_split<'a>(data: &[&'a str], wanted: Split) -> Vec<&'a str> {
    let order = match wanted {
        Split::Train => [SplitName::Train, SplitName::Validation, SplitName::Test],
        Split::Test => [SplitName::Test, SplitName::Validation, SplitName::Train],
    };
    for split in order {
        let of_it: Vec<&str> =
            data.iter().copied().filter(|name| split_name(name) == Some(split)).collect();
        if !of_it.is_empty() {
            return of_it;
        }
    }
    data.to_vec()
}

/// The split that a name mentions: the last word that is one.
fn split_name(name: &str) -> Option<SplitName> {
    name.to_ascii_lowercase().rsplit(|c: char| !c.is_ascii_alphanumeric()).find_map(|word| {
        match word {
            "train" | "training" => Some(SplitName::Train),
            "test" | "testing" | "eval" => Some(SplitName::Test),
            "validation" | "valid" | "val" | "dev" => Some(SplitName::Validation),
            _ => None,
        }
    })
}

/// The configuration of a file: its folders that are neither `data` nor a split.
fn configuration(name: &str) -> String {
    let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
    let parts = folders.split('/').filter(|&part| part != "data" && split_name(part).is_none());
    parts.collect::<Vec<_>>().join("/")
}

fn list(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    format!("\nhint: it has {shown}{more}")
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GSM8K: [&str; 6] = [
        "README.md",
        "dataset_infos.json",
        "main/test-00000-of-00001.parquet",
        "main/train-00000-of-00001.parquet",
        "socratic/test-00000-of-00001.parquet",
        "socratic/train-00000-of-00001.parquet",
    ];

    fn hub(names: &[&str], wanted: Split, selector: Option<&str>) -> Result<String, String> {
        choose(names, wanted, selector, Found::OnHub).map(|names| names.join(" "))
    }

    #[test]
    fn the_files_of_a_repository() {
        let train = "main/train-00000-of-00001.parquet";
        let test = "main/test-00000-of-00001.parquet";
        let shards = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"];
        let both = ["a/train.jsonl", "a/train.parquet"];
        let cases: [(&[&str], Split, Option<&str>, &str); 12] = [
            (&GSM8K, Split::Train, Some("main"), train),
            (&GSM8K, Split::Test, Some("main"), test),
            (&GSM8K, Split::Train, Some("main/test"), test),
            (&GSM8K, Split::Train, Some(test), test),
            (&GSM8K, Split::Train, Some("main/tr*.parquet"), train),
            (&["test.jsonl"], Split::Train, None, "test.jsonl"),
            (&["a.jsonl.zst"], Split::Test, None, "a.jsonl.zst"),
            (&["train.csv", "val.csv"], Split::Test, None, "val.csv"),
            (&["train/a.json", "test/a.json"], Split::Test, None, "test/a.json"),
            (&["train.csv", "test.csv"], Split::Train, Some("test"), "test.csv"),
            (&both, Split::Train, None, "a/train.parquet"),
            (&shards, Split::Train, None, &shards.join(" ")),
        ];
        for (names, wanted, selector, expected) in cases {
            assert_eq!(hub(names, wanted, selector).unwrap(), expected, "{selector:?}");
        }
    }

    #[test]
    fn what_cannot_be_chosen_is_said() {
        let several = hub(&GSM8K, Split::Train, None).unwrap_err();
        assert!(several.contains("main, socratic\nhint: name one, for example PLACE/main"));
        let none = hub(&GSM8K, Split::Train, Some("mian")).unwrap_err();
        assert!(none.contains("`mian`\nhint: it has main/test"), "{none}");
        let empty = hub(&["README.md"], Split::Train, None).unwrap_err();
        assert!(
            empty.contains("no file with one of the extensions .parquet")
                && empty.contains("PLACE@refs/convert/parquet")
        );
    }

    #[test]
    fn a_folder_is_taken_whole_except_for_the_other_split() {
        let folder = |names: &[&str]| choose(names, Split::Train, None, Found::InFolder).unwrap();
        assert_eq!(folder(&["b/x.jsonl", "a/y.csv", ".git/z.json"]), ["a/y.csv", "b/x.jsonl"]);
        assert_eq!(folder(&["test.jsonl", "train.jsonl"]), ["train.jsonl"]);
    }
}
