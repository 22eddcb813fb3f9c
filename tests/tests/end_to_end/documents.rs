//! What the documents refer to is there: files, and the headings in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use retrial_tests::root;

/// The Markdown files under a folder, without what is built, downloaded or hidden.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let ours = entries.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        !name.starts_with('.') && name != "target"
    });
    let (folders, files): (Vec<_>, Vec<_>) = ours.partition(|path| path.is_dir());
    let mut found: Vec<_> = files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.extend(folders.iter().flat_map(|folder| documents(folder)));
    found
}

/// The text without its blocks of code.
fn prose(document: &Path) -> String {
    let text = fs::read_to_string(document).unwrap();
    text.split("```").step_by(2).collect()
}

/// What the headings of a document are called in links.
fn anchors(document: &Path) -> BTreeSet<String> {
    let text = prose(document);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let kept = |c: &char| c.is_alphanumeric() || ['-', '_', ' '].contains(c);
    let anchor = |heading: &str| {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        title.chars().filter(kept).collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// Where the links of a document lead, but for those into the web.
fn links(document: &Path) -> Vec<String> {
    let text = prose(document);
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let targets = ends.map(|(target, _)| target.trim_matches(['<', '>']).to_owned());
    targets.filter(|target| !target.contains("://")).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for document in documents(root()) {
        for link in links(&document) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            let is_there = target.exists() && (anchor.is_empty() || anchors(&target).contains(anchor));
            if !is_there {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}
