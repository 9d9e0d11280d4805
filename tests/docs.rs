//! Documentation that names files: everything that the documents name in backticks or link to exists.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails where it stands")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Words that look like paths and are none of this repository: a media type, what builds and runs make, a pattern.
const NO_PATHS: [&str; 5] = ["application/json", "target/", "data/", "loadtest/results/", "migrations/NNNN"];

/// A word with one of these endings is the name of a file.
const ENDINGS: [&str; 11] = [".rs", ".sql", ".lua", ".md", ".toml", ".py", ".sh", ".js", ".ts", ".yml", ".html"];

/// Folders that hold nothing of the repository's own.
const FOREIGN: [&str; 4] = ["target", ".git", "node_modules", "data"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file and folder of the repository, by its path from the root.
fn everything() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let is_foreign = FOREIGN.iter().any(|name| entry.file_name() == *name);
            if !is_foreign && entry.file_type().unwrap().is_dir() {
                folders.push(path.clone());
            }
            found.insert(path.to_str().unwrap().to_owned());
        }
    }
    found
}

/// README, ARCHITECTURE, CONTRIBUTING and all of `docs/`.
fn documents(everything: &BTreeSet<String>) -> Vec<(&str, String)> {
    let is_document = |path: &str| path.ends_with(".md") && (!path.contains('/') || path.starts_with("docs/"));
    let paths = everything.iter().map(String::as_str).filter(|path| is_document(path));
    paths.map(|path| (path, fs::read_to_string(root().join(path)).unwrap())).collect()
}

/// Lines outside of blocks of code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// Whether a word is meant as a path of this repository.
fn is_path(word: &str, top: &BTreeSet<&str>) -> bool {
    let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    let first = word.split('/').next().unwrap_or_default();
    let is_file = ENDINGS.iter().any(|ending| word.strip_suffix(ending).is_some_and(|name| !name.is_empty()));
    let is_below = word.contains('/') && top.contains(first);
    is_plain
        && !word.starts_with(['/', '.'])
        && (is_file || is_below)
        && !NO_PATHS.iter().any(|no| word.starts_with(no))
}

/// Whether there is such a path, or one that ends so: documents about one folder leave its name out.
fn exists(path: &str, everything: &BTreeSet<String>) -> bool {
    let path = path.trim_end_matches('/');
    everything.contains(path) || everything.iter().any(|full| full.ends_with(&format!("/{path}")))
}

#[test]
fn files_that_documents_name_exist() {
    let everything = everything();
    let top: BTreeSet<&str> = everything.iter().map(String::as_str).filter(|path| !path.contains('/')).collect();
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for (document, text) in documents(&everything) {
        for (number, line) in prose(&text) {
            for word in line.split('`').skip(1).step_by(2).filter(|word| is_path(word, &top)) {
                looked_at += 1;
                if !exists(word, &everything) {
                    wrong.push(format!("{document}:{number}: {word}"));
                }
            }
        }
    }
    assert!(looked_at > 100, "only {looked_at} names of files were found");
    assert!(wrong.is_empty(), "these are not there:\n{}", wrong.join("\n"));
}

#[test]
fn files_and_headings_that_documents_link_to_exist() {
    let everything = everything();
    let mut wrong = Vec::new();
    for (document, text) in documents(&everything) {
        let folder = root().join(document);
        let links = prose(&text).flat_map(|(number, line)| line.split("](").skip(1).map(move |rest| (number, rest)));
        for (number, rest) in links {
            let target = rest.split(')').next().unwrap_or_default();
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            if file.contains("://") {
                continue;
            }
            let path = if file.is_empty() { folder.clone() } else { folder.parent().unwrap().join(file) };
            let is_there = path.exists()
                && (heading.is_empty() || headings(&fs::read_to_string(&path).unwrap()).contains(heading));
            if !is_there {
                wrong.push(format!("{document}:{number}: {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "these links lead nowhere:\n{}", wrong.join("\n"));
}

/// The anchors of a document's headings, as GitHub makes them.
fn headings(text: &str) -> BTreeSet<String> {
    let lines = prose(text).filter_map(|(_, line)| line.strip_prefix('#'));
    let anchor = |title: &str| {
        let kept = title.to_lowercase();
        kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
    };
    lines.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

#[test]
fn the_first_pages_stay_short() {
    for (name, kilobytes) in [("README.md", 5), ("ARCHITECTURE.md", 14)] {
        let bytes = fs::metadata(root().join(name)).unwrap().len();
        assert!(bytes <= kilobytes * 1024, "{name} has {bytes} bytes: move details to docs/");
    }
}

#[test]
fn paths_are_told_from_other_words() {
    let top = BTreeSet::from(["api", "application", "http"]);
    for path in ["api/src/routes.rs", "http/", "routes.rs", "migrations/0003_ledger.up.sql"] {
        assert!(is_path(path, &top), "{path}");
    }
    for word in ["application/json", "GET /api/v1/events", "/api/v1/events", "text/event-stream", "Tag::Events", ".txt"]
    {
        assert!(!is_path(word, &top), "{word}");
    }
}
