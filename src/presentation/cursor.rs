//! Cursors: a position in a sorted list as a text for URLs.
//!
//! Opaque to clients, so that the order of bytes may change: the first one is a version. A cursor belongs to its list, filter and
//! sort, whose fingerprint it carries, because a position among prices says nothing about one among titles. It is no secret
//! and gives no rights, so it is not signed; a checksum tells a damaged one from one of another list.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::search::{EARLIEST, Key, KeyKind, Position};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

const VERSION: u8 = 1;
const BACKWARDS: u8 = 1;
const RESPELT: u8 = 2;

/// Which list, filter and sort a cursor belongs to.
pub(super) type Fingerprint = [u8; 6];
type Checksum = [u8; 4];

/// A position, and which way the walk goes from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) position: Position,
    pub(super) backwards: bool,
}

/// Why a text is no cursor of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CursorFault {
    /// No server has written it like that.
    Damaged,
    /// Another version of this server has written it.
    Outdated,
    /// It was given with another list, filter or sort.
    Foreign,
}

/// The fingerprint of a list, from its path with filter and sort in one definite spelling.
pub(super) fn fingerprint(list: &str) -> Fingerprint {
    first_bytes(b"list", list.as_bytes())
}

impl Cursor {
    /// The text.
    pub(super) fn encode(&self, list: Fingerprint) -> String {
        let flags = if self.backwards { BACKWARDS } else { 0 } | if self.position.respelt { RESPELT } else { 0 };
        let mut bytes = vec![VERSION, flags];
        bytes.extend(list);
        bytes.extend(self.position.id.as_bytes());
        for key in &self.position.keys {
            match key {
                Key::Instant(at) => bytes.extend(at.as_microsecond().to_be_bytes()),
                Key::Number(number) => bytes.extend(number.to_be_bytes()),
                Key::Text(text) => text_into(&mut bytes, text),
                Key::Amount(amount) => text_into(&mut bytes, &amount.to_string()),
            }
        }
        let checksum: Checksum = first_bytes(b"cursor", &bytes);
        bytes.extend(checksum);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The cursor of this list, whose sort has these kinds of keys.
    pub(super) fn decode(text: &str, list: Fingerprint, kinds: &[KeyKind]) -> Result<Self, CursorFault> {
        let damaged = CursorFault::Damaged;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged)?;
        let (bytes, checksum) = bytes.split_last_chunk().ok_or(damaged)?;
        let expected: Checksum = first_bytes(b"cursor", bytes);
        if *checksum != expected {
            return Err(damaged);
        }
        let mut rest = Reader(bytes);
        let [version, flags] = rest.array().ok_or(damaged)?;
        if version != VERSION {
            return Err(CursorFault::Outdated);
        }
        if rest.array() != Some(list) {
            return Err(CursorFault::Foreign);
        }
        let id = Uuid::from_bytes(rest.array().ok_or(damaged)?);
        let keys = kinds.iter().map(|kind| rest.key(*kind)).collect::<Option<Vec<_>>>().ok_or(damaged)?;
        if !rest.0.is_empty() {
            return Err(damaged);
        }
        let position = Position { keys, id, respelt: flags & RESPELT != 0 };
        Ok(Self { position, backwards: flags & BACKWARDS != 0 })
    }
}

fn first_bytes<const N: usize>(purpose: &[u8], data: &[u8]) -> [u8; N] {
    let digest = Sha256::new()
        .chain_update(b"boxoffice ")
        .chain_update(purpose)
        .chain_update(b"\0")
        .chain_update(data)
        .finalize();
    let mut first = [0; N];
    first.iter_mut().zip(digest).for_each(|(byte, hashed)| *byte = hashed);
    first
}

/// Texts are sort keys, which the database cuts to a hundred characters.
fn text_into(bytes: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(&text.as_bytes()[..usize::from(length)]);
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn text(&mut self) -> Option<&str> {
        let length = usize::from(u16::from_be_bytes(self.array()?));
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        // The database knows no NUL in a text.
        std::str::from_utf8(text).ok().filter(|text| !text.contains('\0'))
    }

    fn key(&mut self, kind: KeyKind) -> Option<Key> {
        Some(match kind {
            KeyKind::Instant => {
                let at = Timestamp::from_microsecond(i64::from_be_bytes(self.array()?)).ok()?;
                // The database's calendar begins later than ours.
                Key::Instant(Some(at).filter(|at| *at >= EARLIEST)?)
            }
            KeyKind::Number => Key::Number(i32::from_be_bytes(self.array()?)),
            KeyKind::Text => Key::Text(self.text()?.to_owned()),
            KeyKind::Amount => Key::Amount(self.text()?.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: Fingerprint = [1, 2, 3, 4, 5, 6];

    fn cursor(keys: Vec<Key>) -> Cursor {
        Cursor { position: Position { keys, id: Uuid::now_v7(), respelt: true }, backwards: true }
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let at = Key::Instant("2026-03-14T15:09:26.535897Z".parse().unwrap());
        let text = Key::Text("grosse halle / 1".to_owned());
        for (keys, kinds) in [
            (vec![at.clone()], vec![KeyKind::Instant]),
            (vec![Key::Number(-3), at], vec![KeyKind::Number, KeyKind::Instant]),
            (vec![text.clone(), text], vec![KeyKind::Text, KeyKind::Text]),
            (vec![Key::Amount("12.500".parse().unwrap())], vec![KeyKind::Amount]),
        ] {
            let cursor = cursor(keys);
            assert_eq!(Cursor::decode(&cursor.encode(LIST), LIST, &kinds), Ok(cursor));
        }
    }

    #[test]
    fn a_changed_character_is_noticed_wherever_it_is() {
        let text = cursor(vec![Key::Text("jazz".to_owned())]).encode(LIST);
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(Cursor::decode(&changed, LIST, &[KeyKind::Text]), Err(CursorFault::Damaged), "{place}");
        }
        for wrong in ["", "A", "nonsense", "00", "\0", &text[..text.len() - 1]] {
            assert_eq!(Cursor::decode(wrong, LIST, &[KeyKind::Text]), Err(CursorFault::Damaged), "{wrong:?}");
        }
    }

    #[test]
    fn a_cursor_of_another_list_or_version_is_told_apart() {
        let of_list = cursor(vec![Key::Number(1)]);
        let text = of_list.encode(LIST);
        assert_eq!(Cursor::decode(&text, fingerprint("other"), &[KeyKind::Number]), Err(CursorFault::Foreign));
        let mut later = URL_SAFE_NO_PAD.decode(&text).unwrap();
        later.truncate(later.len() - 4);
        later[0] = 2;
        let checksum: Checksum = first_bytes(b"cursor", &later);
        later.extend(checksum);
        let later = URL_SAFE_NO_PAD.encode(later);
        assert_eq!(Cursor::decode(&later, LIST, &[KeyKind::Number]), Err(CursorFault::Outdated));
    }

    /// Checksum and fingerprint are easily forged; what the database would choke on must not come through.
    #[test]
    fn a_forged_cursor_is_refused() {
        let forged = cursor(vec![Key::Text("a\0b".to_owned())]).encode(LIST);
        assert_eq!(Cursor::decode(&forged, LIST, &[KeyKind::Text]), Err(CursorFault::Damaged));
        let forged = cursor(vec![Key::Instant(Timestamp::MIN)]).encode(LIST);
        assert_eq!(Cursor::decode(&forged, LIST, &[KeyKind::Instant]), Err(CursorFault::Damaged));
        let forged = cursor(vec![Key::Number(1), Key::Number(2)]).encode(LIST);
        assert_eq!(Cursor::decode(&forged, LIST, &[KeyKind::Number]), Err(CursorFault::Damaged));
    }
}
