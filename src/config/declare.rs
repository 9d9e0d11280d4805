//! How a section of the configuration is declared: each setting once, with its type, how it is read, and what is said about it, in
//! the code and in `.env.example`.

use std::time::Duration;

/// Makes the struct of a section and its `read`:
///
/// ```text
/// settings! {
///     /// What the section is about: its heading in `.env.example`.
///     "http" HttpConfig(environment: Environment) {      // what `read` is given besides the layers
///         [server: ServerSettings = server]              // a part of the section, read by a function from below
///         /// What the setting does; too high, too low.
///         lame_duck: Duration = duration(s(5), s(0)..=s(300));   // a method of `Section`, and its arguments after the key
///     }
/// }
/// ```
///
/// An argument may name the parts and the settings above it. With a name of a function first, it fills a struct that another crate
/// declares, and that has the defaults (`server -> ServerSettings or default`; where they are something else,
/// `backoff -> Backoff or default(…)`); a field that is not called as its setting is followed by the setting's key.
macro_rules! settings {
    ($(#[doc = $title:literal])+ $section:literal $name:ident($($given:ident: $given_type:ty),*) {
        $([$part:ident: $part_type:ty = $reader:ident])*
        $($(#[doc = $doc:literal])+ $field:ident $($key:literal)?: $type:ty = $method:ident($($argument:expr),* $(,)?);)+
    }) => {
        $(#[doc = $title])+
        #[derive(Clone, Debug)]
        pub struct $name {
            $(pub $part: $part_type,)*
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl $name {
            pub(super) fn read(layers: &mut Layers<'_>, $($given: $given_type),*) -> Self {
                let mut section = layers.section($section);
                section.title = &[$($title),+];
                $(let $part = $reader(&mut section);)*
                $(let $field: $type = section.about(&[$($doc),+]).$method(key!($field $($key)?), $($argument),*);)+
                Self { $($part,)* $($field,)+ }
            }
        }
    };
    ($reader:ident -> $target:ident $(or $default:ident$(($defaults:expr))?)? {
        $([$part:ident = $part_reader:ident])*
        $($(#[doc = $doc:literal])+ $field:ident $($key:literal)?: $type:ty = $method:ident($($argument:expr),* $(,)?);)+
    }) => {
        #[allow(clippy::needless_update, reason = "some of these structs have no other fields")]
        fn $reader(section: &mut Section<'_, '_>) -> $target {
            $(let $default = defaults!($target$(, $defaults)?);)?
            $(let $part = $part_reader(section);)*
            $(let $field: $type = section.about(&[$($doc),+]).$method(key!($field $($key)?), $($argument),*);)+
            $target { $($part,)* $($field,)+ $(..$default)? }
        }
    };
}

macro_rules! defaults {
    ($target:ident) => {
        $target::default()
    };
    ($target:ident, $defaults:expr) => {
        $defaults
    };
}

macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

/// Lengths of time, as declarations write them.
pub(super) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub(super) const fn s(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(super) const fn minutes(count: u64) -> Duration {
    s(60 * count)
}

pub(super) const fn hours(count: u64) -> Duration {
    minutes(60 * count)
}

pub(super) const fn days(count: u64) -> Duration {
    hours(24 * count)
}
