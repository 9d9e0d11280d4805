//! Why there is no private PostgreSQL, in words that say what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why there is no private PostgreSQL. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivatePostgresError {
    /// The programs are not on this machine.
    #[error(
        "PostgreSQL's server programs (initdb and postgres) are not in {looked}. Install them with `{command}` \
         (`make setup` does), or give a database of your own in DATABASE_URL"
    )]
    MissingBinaries {
        /// Where they were looked for.
        looked: String,
        /// The command that brings them.
        command: &'static str,
    },
    /// The programs are of another major version than the cluster.
    #[error(
        "the data was written by PostgreSQL {cluster}, but only PostgreSQL {found} is installed: install version \
         {cluster}, or move the data over with pg_upgrade or pg_dump"
    )]
    WrongVersion {
        /// The version that made the cluster.
        cluster: u32,
        /// The version that is installed.
        found: u32,
    },
    /// Another server owns the data folder.
    #[error("{data_dir} is in use by another boxoffice{}: stop that one or choose another data folder",
        .pid.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse {
        /// The folder.
        data_dir: PathBuf,
        /// The owner's process id, if it left it.
        pid: Option<String>,
    },
    /// The data folder is a copy, and its link leads to the cluster of the original.
    #[error(
        "{data_dir}/postgres is a link to {cluster}, which belongs to {owner}: two servers would sell from one database. In a copy, remove \
         the link and start with a new cluster, or restore a backup into it; if the folder was moved, write its path into {file}"
    )]
    AnothersCluster {
        /// The folder in the settings.
        data_dir: PathBuf,
        /// Where its link leads.
        cluster: PathBuf,
        /// The folder whose cluster that is.
        owner: PathBuf,
        /// What says so.
        file: PathBuf,
    },
    /// We are root and there is no account to run PostgreSQL as.
    #[error(
        "PostgreSQL refuses to run as root, and there is no account {name} of its own: create one (`useradd --system \
         {name}`), or start boxoffice as another user"
    )]
    NoAccount {
        /// The account that was looked for.
        name: String,
    },
    /// The cluster belongs to somebody else.
    #[error(
        "{path} belongs to {owner}, but this is {me}: start boxoffice as {owner} or root, or choose another folder"
    )]
    WrongOwner {
        /// The cluster.
        path: PathBuf,
        /// Its owner.
        owner: String,
        /// Us.
        me: String,
    },
    /// The account can't get to the data folder.
    #[error(
        "the account {account}, which runs PostgreSQL, can't enter {closed}, which is on the way to {data_dir}: open \
         it (`chmod o+x {closed}`), choose a data folder elsewhere, or give a database of your own in DATABASE_URL"
    )]
    Unreachable {
        /// The account.
        account: String,
        /// The first folder it can't enter.
        closed: PathBuf,
        /// The data folder.
        data_dir: PathBuf,
    },
    /// There is something in the cluster's place that we did not put there.
    #[error("{path} is not empty and not a complete PostgreSQL cluster: move it away, or restore it from a backup")]
    NotACluster {
        /// The place.
        path: PathBuf,
    },
    /// Somebody else made the socket's folder.
    #[error("{path} must be a folder that belongs to {account} and nobody else can enter: remove it")]
    SocketFolder {
        /// The folder.
        path: PathBuf,
        /// Who must own it.
        account: String,
    },
    /// `initdb` failed.
    #[error("initdb failed: {output}")]
    InitFailed {
        /// What it printed.
        output: String,
    },
    /// `postgres` ended or never became ready.
    #[error("PostgreSQL {what}; its last words: {output}")]
    DidNotStart {
        /// What it did instead.
        what: String,
        /// The end of its log.
        output: String,
    },
    /// A file or process operation failed.
    #[error("can't {what} {path}")]
    Io {
        /// The operation.
        what: &'static str,
        /// The file, folder or program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database or its role could not be made.
    #[error("can't prepare the database")]
    Database(#[from] tokio_postgres::Error),
}

impl PrivatePostgresError {
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}
