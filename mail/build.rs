//! The templates are compiled in, and `include_dir!` by itself does not notice a new file.

#[allow(clippy::print_stdout, reason = "how a build script talks to cargo")]
fn main() {
    println!("cargo::rerun-if-changed=src/mails");
}
