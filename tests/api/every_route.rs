//! What holds for every route, asked of each.

mod access;
mod edge;
mod lists;
mod matrix;
mod nul;
mod spelling;
pub(crate) mod table;
