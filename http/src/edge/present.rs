//! Header look-up: which of the header fields that every request is searched for are present.
//!
//! Looking for one costs a hash of its name, and most requests have few fields and almost none of these; so the names are gone
//! through once.

use http::HeaderMap;

/// A header field that is looked for in every request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field {
    Accept,
    AcceptEncoding,
    ApiVersion,
    ContentEncoding,
    ForwardedProto,
    Host,
    IfNoneMatch,
    RequestId,
    TransferEncoding,
}

impl Field {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "accept" => Self::Accept,
            "accept-encoding" => Self::AcceptEncoding,
            "api-version" => Self::ApiVersion,
            "content-encoding" => Self::ContentEncoding,
            "x-forwarded-proto" => Self::ForwardedProto,
            "host" => Self::Host,
            "if-none-match" => Self::IfNoneMatch,
            "x-request-id" => Self::RequestId,
            "transfer-encoding" => Self::TransferEncoding,
            _ => return None,
        })
    }
}

/// The [`Field`]s of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present(u16);

impl Present {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let fields = headers.keys().filter_map(|name| Field::of(name.as_str()));
        Self(fields.fold(0, |present, field| present | 1 << field as u16))
    }

    /// Whether a field is there, once or several times.
    pub(crate) fn has(self, field: Field) -> bool {
        self.0 & 1 << field as u16 != 0
    }
}
