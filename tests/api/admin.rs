//! `/admin/…`.

mod audit_log;
mod audited;
mod audited_tables;
mod breakers;
mod dead_letters;
mod settings;
mod users;
