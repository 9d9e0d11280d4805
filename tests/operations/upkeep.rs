//! What the server does besides answering: it deletes, supervises and counts.

mod retention;
mod supervised;
mod usage;
