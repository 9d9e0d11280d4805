//! Authentication: access tokens (JWT), password hashes (argon2id), and secrets kept in files.

pub mod passwords;
pub mod secret_file;
pub mod tokens;
