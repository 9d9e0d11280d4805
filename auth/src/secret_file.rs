//! A secret that is made once and kept in a file, for servers nobody gave one to.

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rand::TryRngCore as _;

/// Random bytes of a secret that nobody types.
pub const SECRET_BYTES: usize = 32;

/// The secret in `path`, if there is one.
pub fn load(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(secret) => Ok(Some(secret.trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The secret in `path`: what is there, or else so many random bytes in hexadecimal, readable by the owner only. Processes that
/// start at the same time agree on one. The text itself is the secret, so it can be moved into a variable as it is.
pub fn load_or_create(path: &Path, bytes: usize) -> io::Result<String> {
    if let Some(secret) = load(path)? {
        return Ok(secret);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Complete before it has its name, so that nobody reads half of it; and the name is given by a link, which fails if
    // somebody was faster, where a rename would replace their secret.
    let draft = folder.join(format!(".secret-{}", uuid::Uuid::now_v7()));
    let linked = random_hex(bytes).and_then(|secret| write(&draft, &secret)).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => removed?,
    }
    // The name survives a power cut only with its folder.
    fs::File::open(folder)?.sync_all()?;
    Ok(fs::read_to_string(path)?.trim_end().to_owned())
}

/// Puts another secret in the place of the one in `path`, all of it or nothing.
pub fn replace(path: &Path, secret: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".secret-{}", uuid::Uuid::now_v7()));
    write(&draft, secret).and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })?;
    fs::File::open(folder)?.sync_all()
}

/// So many random bytes of the system in hexadecimal.
pub fn random_hex(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    rand::rngs::OsRng.try_fill_bytes(&mut random).map_err(io::Error::other)?;
    Ok(random.iter().fold(String::with_capacity(2 * bytes), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

fn write(path: &Path, secret: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn whoever_comes_at_the_same_time_gets_the_same_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/jwt-secret");
        let secrets: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..16).map(|_| scope.spawn(|| load_or_create(&path, SECRET_BYTES).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0] && secret.len() == 64));
        assert_eq!(load_or_create(&path, SECRET_BYTES).unwrap(), secrets[0]);
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        replace(&path, "another").unwrap();
        assert_eq!((load(&path).unwrap().as_deref(), mode()), (Some("another"), 0o600));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "drafts are removed");
    }
}
