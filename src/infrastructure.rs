//! What the inner layers name as ports, on real technology. Nothing outside this folder names a database or a service.

pub mod postgres;
