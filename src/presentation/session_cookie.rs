//! The cookie that keeps a session up (A2), and what a page must show to use it (A4).

use domain::secrets::OpaqueToken;
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;

use crate::application::sessions::RefreshToken;

/// The prefix makes browsers take it only over HTTPS, from this very host and for all paths: no sibling of a domain can set it.
pub(super) const NAME: &str = "__Host-boxoffice_refresh";

/// What the browser has.
#[derive(Clone, Debug)]
pub(super) struct SessionCookie {
    /// Proves the session.
    pub(super) token: RefreshToken,
    /// Stays the same as long as the session. A page is told it in JSON, and sends it back in a header: so it has read an answer
    /// of ours, which a page of a stranger can't.
    pub(super) csrf: OpaqueToken,
}

impl SessionCookie {
    /// Of a session that begins.
    pub(super) fn new(token: RefreshToken) -> Self {
        Self { token, csrf: OpaqueToken::from_random(rand::random()) }
    }

    /// The cookie of a request, if it has one that could be ours.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == NAME)?;
        let mut parts = value.split('.');
        let (session, secret, csrf) = (parts.next()?, parts.next()?, parts.next()?);
        let token = RefreshToken { session: session.parse().ok()?, secret: OpaqueToken::parse(secret)? };
        let whole = parts.next().is_none();
        OpaqueToken::parse(csrf).filter(|_| whole).map(|csrf| Self { token, csrf })
    }

    /// `Set-Cookie`, kept until the session ends unless it is refreshed.
    pub(super) fn set(&self, expires_at: Timestamp, now: Timestamp) -> HeaderValue {
        let RefreshToken { session, secret } = &self.token;
        let value = format!("{session}.{}.{}", secret.expose(), self.csrf.expose());
        let seconds = (expires_at.duration_since(now).as_millis().max(0) as u128).div_ceil(1000);
        let text = format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict");
        // Hexadecimal digits, hyphens and dots are a header value; the fallback only avoids a panic path.
        let mut header = HeaderValue::from_str(&text).unwrap_or_else(|_| Self::clear());
        header.set_sensitive(true);
        header
    }

    /// `Set-Cookie` that takes it away.
    pub(super) fn clear() -> HeaderValue {
        HeaderValue::from_static("__Host-boxoffice_refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict")
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::SessionId;

    use super::*;

    fn cookie() -> SessionCookie {
        let secret = OpaqueToken::from_random([7; 32]);
        SessionCookie::new(RefreshToken { session: SessionId::generate(), secret })
    }

    fn sent(lines: &[&str]) -> Option<SessionCookie> {
        let line = |text: &&str| (header::COOKIE, HeaderValue::from_str(text).unwrap());
        SessionCookie::of(&lines.iter().map(line).collect())
    }

    #[test]
    fn a_cookie_is_read_back_among_others() {
        let now = Timestamp::from_second(1000).unwrap();
        let cookie = cookie();
        let set = cookie.set(Timestamp::from_second(1600).unwrap(), now);
        let (pair, attributes) = set.to_str().unwrap().split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Strict");
        for lines in [&[pair][..], &["a=b", pair], &[&format!("a=b; {pair};c=d")]] {
            let read = sent(lines).unwrap();
            assert_eq!(read.token.session, cookie.token.session);
            assert_eq!((&read.token.secret, &read.csrf), (&cookie.token.secret, &cookie.csrf));
        }
    }

    #[test]
    fn what_is_not_whole_is_none() {
        let set = cookie().set(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        for wrong in
            ["", "a=b", NAME, &pair[..pair.len() - 1], &format!("{pair}.x"), &pair.replace('.', ";"), &pair[1..]]
        {
            assert!(sent(&[wrong]).is_none(), "{wrong}");
        }
    }
}
