//! The command line of boxoffice.

fn main() {}
