//! docs/troubleshooting.md has every error with a `hint:`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use retrial_tests::root;

/// The source files under a folder, without tests, benchmarks and examples.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let not_shipped = ["tests", "benches", "examples", "fuzz", "python", "target"];
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !not_shipped.contains(&&*name) {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && name != "tests.rs"
            && name != "build.rs"
        {
            found.push(path);
        }
    }
    found
}

/// The string literals of a source, outside of comments and unit tests.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n").replace("'\"'", "' '").replace("'\\\"'", "' '");
    let mut found = Vec::new();
    let mut rest = &*code;
    while let Some(start) = rest.find('"') {
        let raw = rest[..start].ends_with("r#");
        rest = &rest[start + 1..];
        let end = if raw { rest.find("\"#").unwrap() } else { end_of(rest) };
        let text = &rest[..end];
        found.push(if raw { text.into() } else { unescaped(text) });
        rest = &rest[end + 1..];
    }
    found
}

/// Where a literal ends: at the first quote without a backslash.
fn end_of(text: &str) -> usize {
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.expect("a literal ends")
}

/// A literal's text. A line break after a backslash goes with the space before the next line.
fn unescaped(text: &str) -> String {
    let mut pieces = text.split("\\\n");
    let first = pieces.next().unwrap().to_owned();
    let joined = pieces.fold(first, |joined, piece| joined + piece.trim_start());
    joined.replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\")
}

/// A message as a cell of a table: its placeholders are `…`.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        cell += &rest[..at];
        let doubled = rest[at..].starts_with("{{") || rest[at..].starts_with("}}");
        if doubled {
            cell += &rest[at..=at];
            rest = &rest[at + 2..];
        } else {
            cell.push('…');
            rest = rest[at..].split_once('}').map_or("", |(_, rest)| rest);
        }
    }
    (cell + rest).trim().replace('\n', " ").replace('|', "\\|")
}

#[test]
fn every_error_with_a_hint_is_in_the_troubleshooting_page() {
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let folders = [root().join("orchestrator"), root().join("trainer")];
    let mut missing = BTreeMap::new();
    let mut found = 0;
    for file in folders.iter().flat_map(|folder| sources(folder)) {
        for literal in literals(&fs::read_to_string(&file).unwrap()) {
            let Some((message, hint)) = literal.split_once("hint: ") else { continue };
            found += 1;
            if !page.contains(&format!("| {} |\n", cell(hint))) {
                let message = cell(message);
                let row = format!("| {message} | CAUSE | {} |", cell(hint));
                missing.insert(row, file.clone());
            }
        }
    }
    assert!(found > 100, "only {found} hints were found in the sources");
    let rows: Vec<String> =
        missing.iter().map(|(row, file)| format!("{row}   ({})", file.display())).collect();
    assert!(rows.is_empty(), "docs/troubleshooting.md has no row for:\n{}", rows.join("\n"));
}
