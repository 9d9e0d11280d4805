//! The rules of the code's structure: who may depend on whom, and how large a file may be. What crate boundaries can not
//! say is read from the source.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails where it stands")]

#[path = "architecture/modules.rs"]
mod modules;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, MetadataCommand};
use modules::Crate;

/// Lines above which a file wants to be split.
const LINES_MAX: usize = 450;
/// Files that are longer. This list may only shrink.
const LONGER: [&str; 0] = [];

/// In these folders or files these words do not appear in code.
const FORBIDDEN: [(&str, &[&str]); 4] = [
    ("domain/src", &["tokio", "ractor", "hyper", "http", "tokio_postgres", "SystemTime"]),
    ("actors/src", &["hyper", "http", "tokio_postgres", "postgres_types", "deadpool_postgres", "serde_json"]),
    ("src/config", &["tokio_postgres", "boxoffice_api", "application", "serve", "ractor"]),
    ("src/commands", &["boxoffice_api", "boxoffice_http", "hyper", "actors"]),
];

/// Calls of the driver that prepare a named statement: a round trip more, and with PgBouncer in transaction mode it may not be there the
/// next time. Statements with typed values have no name.
const PREPARES: [&str; 7] =
    [".query(", ".query_one(", ".query_opt(", ".query_raw(", ".prepare(", "client.execute(", "transaction.execute("];
/// Where they may be: on connections of their own, and where a setting says so.
const MAY_PREPARE: [&str; 2] = ["migrate", "ledger/commit.rs"];

/// Who may name the database's driver: the adapter, those who put the server together, and what it is measured against.
const NAMES_THE_DRIVER: [&str; 7] = [
    "store/src",
    "embedded-postgres/src",
    "seed/src",
    "src/commands",
    "src/serve",
    "src/serve.rs",
    "loadtest/baseline",
];

/// The layers, from the innermost: what a crate may depend on of this workspace, in any build but its tests'.
const LAYERS: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("telemetry", &["domain"]),
    ("embedded-postgres", &[]),
    ("actors", &["domain"]),
    ("application", &["actors", "domain"]),
    ("boxoffice-payments", &["domain"]),
    ("boxoffice-store", &["application", "boxoffice-payments", "domain"]),
    ("boxoffice-mail", &["application", "domain"]),
    ("boxoffice-auth", &["application", "domain"]),
    ("boxoffice-seed", &["boxoffice-store", "domain"]),
    ("boxoffice-http", &["actors", "application", "domain", "telemetry"]),
    ("boxoffice-api", &["actors", "application", "boxoffice-http", "domain", "telemetry"]),
    (
        "boxoffice",
        &[
            "actors",
            "application",
            "boxoffice-api",
            "boxoffice-auth",
            "boxoffice-http",
            "boxoffice-mail",
            "boxoffice-payments",
            "boxoffice-seed",
            "boxoffice-store",
            "domain",
            "embedded-postgres",
            "telemetry",
        ],
    ),
];

/// Libraries that a crate does not name, in any build but its tests'.
const NO_DEPENDENCY: [(&str, &[&str]); 4] = [
    (
        "domain",
        &["tokio", "tokio-postgres", "postgres-types", "deadpool-postgres", "ractor", "hyper", "http", "tracing"],
    ),
    ("actors", &["tokio-postgres", "postgres-types", "deadpool-postgres", "hyper", "http"]),
    ("application", &["tokio-postgres", "postgres-types", "deadpool-postgres", "hyper", "http", "fred"]),
    ("boxoffice-api", &["tokio-postgres", "postgres-types", "deadpool-postgres", "fred"]),
];

/// Where sources are.
const SOURCES: [&str; 16] = [
    "actors",
    "api",
    "application",
    "auth",
    "benches",
    "domain",
    "embedded-postgres",
    "http",
    "loadtest",
    "mail",
    "payments",
    "seed",
    "src",
    "store",
    "telemetry",
    "tests",
];

/// Where the files of each crate are.
const CRATES: [&str; 13] = [
    "actors/src",
    "api/src",
    "application/src",
    "auth/src",
    "domain/src",
    "embedded-postgres/src",
    "http/src",
    "mail/src",
    "payments/src",
    "seed/src",
    "src",
    "store/src",
    "telemetry/src",
];
/// Names of types that a crate has twice. This list may only shrink.
const REPEATED_NAMES: [(&str, &str); 3] =
    [("api/src", "EventJson"), ("api/src", "SeatMapJson"), ("domain/src", "Seat")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file of the workspace, by its path from the root.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = SOURCES.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(found.len() > 100, "the sources were not found");
    found
}

/// The names in a line of code: words outside of comments and of texts.
fn words(line: &str) -> BTreeSet<&str> {
    let code = line.split("//").next().unwrap_or_default();
    let outside_of_texts = code.split('"').step_by(2);
    outside_of_texts.flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_')).collect()
}

/// Lines that name one of `words`, as `file:line: word`.
fn naming(name: &str, text: &str, forbidden: &[&str]) -> Vec<String> {
    let numbered = text.lines().zip(1..);
    let hits = numbered.flat_map(|(line, number)| {
        let words = words(line);
        let named = forbidden.iter().filter(move |word| words.contains(**word));
        named.map(move |word| format!("{name}:{number}: {word}"))
    });
    hits.collect()
}

#[test]
fn each_layer_names_only_what_is_further_in() {
    let sources = sources();
    let mut wrong = Vec::new();
    for (place, forbidden) in FORBIDDEN {
        let beside = format!("{place}.rs");
        let inside = format!("{place}/");
        let mut looked_at = 0;
        for (name, text) in sources.iter().filter(|(name, _)| **name == beside || name.starts_with(&inside)) {
            looked_at += 1;
            wrong.extend(naming(name, text, forbidden));
        }
        assert!(looked_at > 0, "{place} holds nothing");
    }
    assert!(wrong.is_empty(), "these lines point outwards:\n{}", wrong.join("\n"));
}

#[test]
fn the_driver_of_the_database_is_named_by_its_adapter_only() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|(name, _)| {
            !name.starts_with("tests/") && !NAMES_THE_DRIVER.iter().any(|place| name.starts_with(place))
        })
        .flat_map(|(name, text)| naming(name, text, &["tokio_postgres", "deadpool_postgres", "postgres_types"]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A crate that the image's build is not given ends it; a file that is gone would be given without a word.
#[test]
fn the_image_is_built_from_every_crate() {
    let ignored = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let given: BTreeSet<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for (name, _) in LAYERS {
        let folder = match name {
            "boxoffice" => "src",
            name => name.strip_prefix("boxoffice-").unwrap_or(name),
        };
        assert!(given.contains(folder), "{folder} is not given to the build of the image");
    }
    for name in given {
        assert!(root().join(name).exists(), "{name} is not there");
    }
}

/// Direct ones: what a dependency is built with depends on the whole workspace.
#[test]
fn the_inner_crates_depend_on_nothing_from_outside() {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .unwrap();
    for (name, forbidden) in NO_DEPENDENCY {
        let package = metadata.packages.iter().find(|package| package.name.as_str() == name).unwrap();
        let dependencies = package.dependencies.iter().filter(|of| of.kind != DependencyKind::Development);
        let wrong: Vec<_> = dependencies.filter(|of| forbidden.contains(&of.name.as_str())).collect();
        assert!(wrong.is_empty(), "{name} depends on {wrong:?}");
    }
    for (name, allowed) in LAYERS {
        let package = metadata.packages.iter().find(|package| package.name.as_str() == name).unwrap();
        let own = package.dependencies.iter().filter(|of| of.kind != DependencyKind::Development && of.path.is_some());
        let wrong: Vec<_> = own.map(|of| of.name.as_str()).filter(|of| !allowed.contains(of)).collect();
        assert!(wrong.is_empty(), "{name} depends on {wrong:?}, which is not further in");
    }
}

#[test]
fn files_are_named_for_what_they_hold_and_no_longer_than_reads_well() {
    let sources = sources();
    for grab_bag in ["mod.rs", "utils.rs", "util.rs", "common.rs", "helpers.rs", "misc.rs"] {
        let ending = format!("/{grab_bag}");
        let found: Vec<_> = sources.keys().filter(|name| name.ends_with(&ending)).collect();
        assert!(found.is_empty(), "name these for what they hold: {found:?}");
    }
    let lines = |name: &str| sources.get(name).map_or(0, |text| text.lines().count());
    for name in sources.keys().filter(|name| !LONGER.contains(&name.as_str())) {
        assert!(lines(name) <= LINES_MAX, "{name} has {} lines: split it", lines(name));
    }
    for name in LONGER {
        assert!(lines(name) > LINES_MAX, "{name} is short enough: take it off the list");
    }
}

/// Files in a circle can be understood and changed only together: what both need belongs into a third one.
#[test]
fn no_files_take_names_from_each_other() {
    let sources = sources();
    let circles: Vec<_> = CRATES.iter().flat_map(|of| circles_of(&Crate::read(of, &sources))).collect();
    assert!(circles.is_empty(), "move what ties these files into a file of its own:\n{circles:#?}");
}

/// Each circle as lines: a file, another one, and what the first takes from it.
fn circles_of(of: &Crate) -> Vec<String> {
    let lines = |circle: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>>| {
        let ties = circle.into_iter().flat_map(|(file, from)| from.into_iter().map(move |tie| (file, tie)));
        ties.map(|(file, (other, names))| format!("{file} takes from {other}: {names:?}\n")).collect()
    };
    of.circles().into_iter().map(lines).collect()
}

#[test]
fn a_type_has_a_name_of_its_own_within_its_crate() {
    let sources = sources();
    let mut repeated = BTreeSet::new();
    for of in CRATES {
        let (files, mut seen) = (Crate::read(of, &sources), BTreeSet::new());
        let names = files.modules().flat_map(|module| &module.visible_types);
        repeated.extend(names.filter(|name| !seen.insert(*name)).map(|name| (of, name.clone())));
    }
    let known: BTreeSet<_> = REPEATED_NAMES.iter().map(|(of, name)| (*of, (*name).to_owned())).collect();
    assert_eq!(repeated, known, "name these in the field's terms, or take them off the list");
}

/// Guards: that a circle is seen through what a parent hands on, and that tests and the way down to a child are none.
#[test]
fn a_circle_of_two_files_is_found() {
    let circles = |files: [(&str, &str); 3]| {
        let sources = files.map(|(name, text)| (format!("x/src/{name}.rs"), text.to_owned())).into();
        circles_of(&Crate::read("x/src", &sources))
    };
    let top = ("lib", "mod a; mod b; pub use a::A; fn run() { b::run() }");
    let found =
        circles([top, ("a", "use crate::b; pub struct A(b::B);"), ("b", "use crate::A; pub struct B(Vec<A>);")]);
    assert_eq!(found.len(), 1, "{found:?}");
    let tested = "pub struct B; #[cfg(test)] mod tests { use crate::A; }";
    assert!(circles([top, ("a", "use crate::b::B; pub struct A(B);"), ("b", tested)]).is_empty());
}

#[test]
fn words_of_comments_and_texts_do_not_count() {
    assert!(words("use crate::{infrastructure::tokens, x};").contains("infrastructure"));
    assert!(!words("let a = \"infrastructure\"; // of infrastructure").contains("infrastructure"));
    assert!(!words("let deadpool_postgres_like = 1;").contains("deadpool_postgres"));
}

#[test]
fn statements_have_no_names() {
    let below = "store/src/postgres/";
    let is_bound =
        |path: &str| path.strip_prefix(below).is_some_and(|name| !MAY_PREPARE.iter().any(|may| name.starts_with(may)));
    let mut wrong = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| is_bound(path)) {
        let calls = PREPARES.iter().filter(|call| text.contains(**call));
        wrong.extend(calls.map(|call| format!("{path} has {call}")));
    }
    assert!(wrong.is_empty(), "use query_typed and the like: {wrong:#?}");
}
