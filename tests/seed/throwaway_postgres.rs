//! A PostgreSQL of a test's own, without durability, gone when dropped.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

pub(crate) struct ThrowawayPostgres {
    folder: TempDir,
    binaries: PathBuf,
}

impl ThrowawayPostgres {
    pub(crate) fn start() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("boxoffice-seed-").tempdir_in(parent).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        if nix::unistd::Uid::effective().is_root() {
            let postgres = nix::unistd::User::from_name("postgres").unwrap().expect("a user named postgres");
            nix::unistd::chown(folder.path(), Some(postgres.uid), Some(postgres.gid)).unwrap();
        }
        let server = Self { folder, binaries: binaries() };
        server.run(
            "initdb",
            &["-D", "data", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"],
        );
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\n\
             fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n",
            server.folder.path().display()
        );
        fs::write(server.folder.path().join("data/postgresql.auto.conf"), settings).unwrap();
        server.run("pg_ctl", &["-D", "data", "-l", "log", "-w", "start"]);
        server
    }

    /// A new database with every migration applied.
    pub(crate) async fn database(&self, name: &str) -> Client {
        let admin = self.connect("postgres").await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let client = self.connect(name).await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with(".up.sql"));
        files.sort();
        for file in files {
            client.batch_execute(&fs::read_to_string(file).unwrap()).await.unwrap();
        }
        client
    }

    /// One more connection to a database.
    pub(crate) async fn connect(&self, database: &str) -> Client {
        let mut config = Config::new();
        let config = config.host_path(self.folder.path()).user("postgres").dbname(database);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.binaries.join(program);
        let mut command = if nix::unistd::Uid::effective().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("LC_ALL", "C.UTF-8");
        // Not captured through a pipe: the server would inherit it and keep it open.
        let output = fs::File::create(self.folder.path().join("output")).unwrap();
        let status = command.stdout(output.try_clone().unwrap()).stderr(output).status().unwrap();
        let output = || fs::read_to_string(self.folder.path().join("output")).unwrap_or_default();
        assert!(status.success(), "{command:?} failed: {}", output());
    }
}

impl Drop for ThrowawayPostgres {
    fn drop(&mut self) {
        self.run("pg_ctl", &["-D", "data", "-m", "fast", "-w", "stop"]);
    }
}

fn binaries() -> PathBuf {
    let output = Command::new("pg_config").arg("--bindir").output();
    let folder = output.ok().map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let mut folders: Vec<PathBuf> = folder.into_iter().collect();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders.into_iter().find(|folder| folder.join("initdb").is_file()).expect("initdb, of PostgreSQL's server package")
}
