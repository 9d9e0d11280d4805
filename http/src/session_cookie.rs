//! Session cookie: it holds the refresh token, and a CSRF token that a page must show; and the cookie that recognises a
//! device.

use application::sessions::RefreshToken;
use domain::secrets::OpaqueToken;
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;

/// The prefix makes browsers take it only over HTTPS, from this very host and for all paths: no sibling of a domain can set it.
pub(super) const NAME: &str = "__Host-boxoffice_refresh";

/// What the browser has.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    /// Proves the session.
    pub token: RefreshToken,
    /// Stays the same as long as the session. A page is told it in JSON, and sends it back in a header: so it has read an answer
    /// of ours, which a page of a stranger can't.
    pub csrf: OpaqueToken,
}

impl SessionCookie {
    /// Of a session that begins.
    pub fn new(token: RefreshToken) -> Self {
        Self { token, csrf: OpaqueToken::from_random(rand::random()) }
    }

    /// The cookie of a request, if it has one that could be ours.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parts = value_of(headers, NAME)?.split('.');
        let (session, secret, csrf) = (parts.next()?, parts.next()?, parts.next()?);
        let token = RefreshToken { session: session.parse().ok()?, secret: OpaqueToken::parse(secret)? };
        let whole = parts.next().is_none();
        OpaqueToken::parse(csrf).filter(|_| whole).map(|csrf| Self { token, csrf })
    }

    /// `Set-Cookie`, kept until the session ends unless it is refreshed.
    pub fn set(&self, expires_at: Timestamp, now: Timestamp) -> HeaderValue {
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
    pub fn clear() -> HeaderValue {
        HeaderValue::from_static("__Host-boxoffice_refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict")
    }
}

/// By which a device is known on which somebody has signed in. Its secret opens nothing; with it, strangers who use up the attempts
/// for an account do not keep its owner out. A row with its hash knows the device (and not a signature: rows are bounded for each
/// account, end with a new password, and do not depend on keys that are exchanged).
pub struct DeviceCookie;

impl DeviceCookie {
    const NAME: &str = "__Host-boxoffice_device";
    /// Browsers keep none for longer.
    const DAYS: u32 = 400;

    /// That of a request, if it has one that could be ours.
    pub fn of(headers: &HeaderMap) -> Option<OpaqueToken> {
        OpaqueToken::parse(value_of(headers, Self::NAME)?)
    }

    /// `Set-Cookie`.
    pub fn set(device: &OpaqueToken) -> HeaderValue {
        let (name, seconds) = (Self::NAME, Self::DAYS * 86_400);
        let value = device.expose();
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict");
        // Hexadecimal digits are a header value; the fallback only avoids a panic path.
        let mut header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

fn value_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(of, _)| *of == name).map(|(_, value)| value)
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
    fn a_device_is_known_by_its_cookie() {
        let device = OpaqueToken::from_random([9; 32]);
        let set = DeviceCookie::set(&device);
        let (pair, attributes) = set.to_str().unwrap().split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Strict");
        let read = |text: &str| {
            DeviceCookie::of(&[(header::COOKIE, HeaderValue::from_str(text).unwrap())].into_iter().collect())
        };
        assert_eq!(read(&format!("a=b; {pair}")), Some(device));
        assert_eq!(read(&pair[..pair.len() - 1]), None);
        assert_eq!(read("a=b"), None);
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
