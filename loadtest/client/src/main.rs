//! `onsale`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    onsale::main()
}
