//! What changes with a release only: sent with a validator, and compressed once for each coding.

use application::aside::aside;
use boxoffice_http::{
    edge::{
        compression,
        negotiation::{Coding, CodingChoice},
    },
    reply::Reply,
    response_cache::conditional,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

/// How long it may be kept without asking whether there is a newer one.
static CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=300");
static VARY: HeaderValue = HeaderValue::from_static("accept-encoding");

/// A body that is always the same.
pub(super) struct Asset {
    content_type: HeaderValue,
    bytes: Bytes,
    /// A strong validator of the body as it is; compressed, it has the weak one.
    etag: HeaderValue,
    /// In the order of [`Coding::ALL`]; made when somebody first asks for it. `None` where it would not be smaller.
    compressed: [OnceCell<Option<Bytes>>; Coding::ALL.len()],
}

impl Asset {
    pub(super) fn new(content_type: HeaderValue, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest: String = Sha256::digest(&bytes)[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        // Hexadecimal digits in quotes are a header value; the fallback only avoids a panic path.
        let etag = HeaderValue::from_str(&format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { content_type, bytes, etag, compressed: Default::default() }
    }

    /// The answer to a request with these headers: 304 when the client has it.
    pub(super) async fn reply(&self, headers: &HeaderMap) -> Reply {
        if self.is_known(headers) {
            return self.dress(Reply::empty(StatusCode::NOT_MODIFIED));
        }
        let choice = CodingChoice::of(headers);
        if let Some(coding) = choice.coding
            && let Some(compressed) = self.compressed(coding).await
        {
            let mut reply = self.dress(Reply::bytes(StatusCode::OK, self.content_type.clone(), compressed));
            compression::label(reply.headers_mut(), coding);
            return reply;
        }
        self.dress(Reply::bytes(StatusCode::OK, self.content_type.clone(), self.bytes.clone()))
    }

    fn dress(&self, reply: Reply) -> Reply {
        reply
            .header(header::ETAG, self.etag.clone())
            .header(header::CACHE_CONTROL, CACHE_CONTROL.clone())
            .header(header::VARY, VARY.clone())
    }

    /// Whether `If-None-Match` names it.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        conditional::has(headers, self.etag.as_bytes())
    }

    async fn compressed(&self, coding: Coding) -> Option<Bytes> {
        let place = Coding::ALL.iter().position(|of| *of == coding)?;
        let made = self.compressed.get(place)?.get_or_init(|| async {
            let bytes = self.bytes.clone();
            // Megabytes of script: a thread of the server must not be away for so long.
            let work = aside(move || compression::compress(coding, &bytes)).await;
            work.ok().filter(|compressed| compressed.len() < self.bytes.len())
        });
        made.await.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset() -> Asset {
        Asset::new(HeaderValue::from_static("text/css"), "a { color: red } ".repeat(100))
    }

    fn headers(values: &[(http::HeaderName, &str)]) -> HeaderMap {
        values.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[tokio::test]
    async fn it_is_compressed_once() {
        let asset = asset();
        let gzip = headers(&[(header::ACCEPT_ENCODING, "gzip")]);
        let (first, again) = (asset.reply(&gzip).await, asset.reply(&gzip).await);
        assert_eq!(first.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(first.headers()[header::ETAG], format!("W/{}", asset.etag.to_str().unwrap()));
        let (first, again) = (first.into_bytes(), again.into_bytes());
        assert!(first.len() < 200 && first.as_ptr() == again.as_ptr(), "{} bytes", first.len());
        let plain = asset.reply(&HeaderMap::new()).await;
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
        assert_eq!(plain.into_bytes(), asset.bytes);
    }

    #[tokio::test]
    async fn who_has_it_is_told_so() {
        let asset = asset();
        let tag = asset.etag.to_str().unwrap();
        for known in [tag, "*", &format!("W/{tag}"), &format!("\"old\", {tag}")] {
            let reply = asset.reply(&headers(&[(header::IF_NONE_MATCH, known)])).await;
            assert_eq!(reply.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(reply.headers()[header::ETAG], asset.etag);
            assert!(reply.full_body().is_none());
        }
        let reply = asset.reply(&headers(&[(header::IF_NONE_MATCH, "\"old\", W/\"older\"")])).await;
        assert_eq!(reply.status(), StatusCode::OK);
    }
}
