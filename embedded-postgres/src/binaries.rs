//! Finding PostgreSQL's server programs on this machine.

use std::{
    collections::HashSet,
    env, fs,
    path::{Path, PathBuf},
};

use super::{PrivatePostgresError, account::Account};

/// Where distributions put the server programs; `*` stands for a version, of which the highest wins.
const USUAL_FOLDERS: [&str; 6] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/usr/local/pgsql/bin",
    "/usr/libexec/postgresql*",
];

/// A folder whose `initdb` and `postgres` belong together and find their own support files.
#[derive(Debug)]
pub(super) struct Binaries {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
}

/// Finds programs that work, in this order: `setting`, `PATH`, the usual folders.
///
/// `cluster_major` is the major version of an existing cluster, which only the same major version can open.
pub(super) async fn find(
    setting: Option<&Path>,
    cluster_major: Option<u32>,
    account: &Account,
) -> Result<Binaries, PrivatePostgresError> {
    let mut other_majors = Vec::new();
    for folder in candidates(setting) {
        let Some(major) = probe(&folder, account).await else { continue };
        if cluster_major.is_none_or(|wanted| wanted == major) {
            return Ok(Binaries { initdb: folder.join("initdb"), postgres: folder.join("postgres") });
        }
        other_majors.push(major);
    }
    match (cluster_major, other_majors.first()) {
        (Some(cluster), Some(&found)) => Err(PrivatePostgresError::WrongVersion { cluster, found }),
        _ => Err(PrivatePostgresError::MissingBinaries {
            looked: setting.map_or_else(
                || "PATH or the usual folders".to_owned(),
                |folder| format!("{} (the folder in the settings)", folder.display()),
            ),
            command: install_command(),
        }),
    }
}

/// A setting is an order, not a hint: with one given, nothing else is looked at.
fn candidates(setting: Option<&Path>) -> Vec<PathBuf> {
    if let Some(folder) = setting {
        return vec![folder.to_owned()];
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = Vec::new();
    for folder in env::split_paths(&path).filter(|folder| folder.is_absolute()) {
        // A symlink in PATH leads to the folder that holds all the programs: prefer that one.
        if let Ok(real) = fs::canonicalize(folder.join("initdb")) {
            folders.extend(real.parent().map(Path::to_owned));
            folders.push(folder);
        }
    }
    folders.extend(USUAL_FOLDERS.iter().flat_map(|pattern| expand(pattern)));
    let mut seen = HashSet::new();
    folders.retain(|folder| {
        folder.join("initdb").is_file() && folder.join("postgres").is_file() && seen.insert(folder.clone())
    });
    folders
}

/// The folders that match a pattern with at most one `*`, highest version first.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![pattern.into()] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let after = after.trim_start_matches('/');
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(format!("{parent}/"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?;
            let digits: String = version.chars().filter(char::is_ascii_digit).collect();
            Some((digits.parse().unwrap_or(0), entry.path().join(after)))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

/// Asks `initdb` what it would use, as the account that will run it. This one call proves that the account can
/// execute it, that a `postgres` of the same version is beside it, and where the support files are.
async fn probe(folder: &Path, account: &Account) -> Option<u32> {
    let output = account.command(folder.join("initdb")).args(["--show", "-D", "/nonexistent"]).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    // A copy of a program without its support files answers, but could not make a cluster.
    if !Path::new(value("POSTGRES_BKI=")?).is_file() {
        tracing::debug!(folder = %folder.display(), "initdb lacks its support files here");
        return None;
    }
    major(value("VERSION=")?)
}

/// The major version in `15.18 (Debian …)`, `17beta1` or the like.
pub(super) fn major(version: &str) -> Option<u32> {
    let digits: String = version.trim().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The command that installs the server programs here.
fn install_command() -> &'static str {
    let exists = |path: &str| Path::new(path).exists();
    if cfg!(target_os = "macos") {
        "brew install postgresql@17"
    } else if exists("/usr/bin/apt-get") {
        "sudo apt-get install -y postgresql postgresql-contrib"
    } else if exists("/usr/bin/dnf") {
        "sudo dnf install -y postgresql-server postgresql-contrib"
    } else if exists("/sbin/apk") {
        "apk add postgresql postgresql-contrib"
    } else {
        "the package manager's postgresql server package"
    }
}

#[cfg(test)]
mod tests {
    use super::{candidates, expand, major};

    #[test]
    fn the_highest_version_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "17"] {
            std::fs::create_dir_all(root.path().join(version).join("bin")).unwrap();
        }
        let found = expand(&format!("{}/*/bin", root.path().display()));
        let wanted: Vec<_> = ["17", "15", "9"].iter().map(|v| root.path().join(v).join("bin")).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_setting_is_the_only_candidate() {
        assert_eq!(candidates(Some("/somewhere".as_ref())), [std::path::PathBuf::from("/somewhere")]);
    }

    #[test]
    fn the_major_version_is_read_from_any_spelling() {
        assert_eq!(major("15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major("17beta1"), Some(17));
        assert_eq!(major("15\n"), Some(15));
        assert_eq!(major("none"), None);
    }
}
