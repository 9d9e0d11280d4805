//! `/admin/…`.

mod audit_log;
mod audited;
mod audited_tables;
mod settings;
mod users;
