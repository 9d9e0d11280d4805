//! Business entities and rules of boxoffice.
//!
//! Nothing here does I/O, reads a clock or knows a framework: the present instant is always an argument.

pub mod accounts;
pub mod ids;
pub mod validation;
