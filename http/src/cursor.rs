//! Pagination cursors: a position in a sorted list as a text for URLs.
//!
//! Opaque to clients, so that the order of bytes may change: the first one is a version. A cursor belongs to its list, filter and
//! sort, and to the account whose things the list has, if they are somebody's own. It carries their fingerprint, because a position
//! among prices says nothing about one among titles. It is no secret and gives no rights, so it is not signed; a checksum tells a
//! damaged one from one of another list.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::lists::{EARLIEST, Key, Order, Place, Position, SortKeyKind};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

const VERSION: u8 = 2;
const BACKWARDS: u8 = 1;
const RESPELT: u8 = 2;
/// An end of the list and no position in it: the first page, or backwards the last one.
const EDGE: u8 = 4;

/// Which list, filter and sort a cursor belongs to.
pub(super) type Fingerprint = [u8; 6];
type Checksum = [u8; 4];

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

/// The fingerprint of a list, from its path with filter and sort in one definite spelling, and whose it is.
pub(super) fn fingerprint(list: &str) -> Fingerprint {
    first_bytes(b"list", list.as_bytes())
}

/// The text that leads to this place of the list. To an offset no text leads but to the first one.
pub(super) fn encode(place: &Place, list: Fingerprint) -> String {
    let position = place.comes_from();
    let mut flags = if place.is_backwards() { BACKWARDS } else { 0 };
    flags |= if position.is_some_and(|position| position.respelt) { RESPELT } else { 0 };
    flags |= if position.is_none() { EDGE } else { 0 };
    let mut bytes = vec![VERSION, flags];
    bytes.extend(list);
    if let Some(position) = position {
        position.keys.iter().for_each(|key| key_into(&mut bytes, key));
    }
    let checksum: Checksum = first_bytes(b"cursor", &bytes);
    bytes.extend(checksum);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place of this list, which is in this order.
pub(super) fn decode(text: &str, list: Fingerprint, order: &Order) -> Result<Place, CursorFault> {
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
    let (is_edge, is_backwards) = (flags & EDGE != 0, flags & BACKWARDS != 0);
    let position = if is_edge { None } else { Some(rest.position(order, flags & RESPELT != 0).ok_or(damaged)?) };
    if !rest.0.is_empty() {
        return Err(damaged);
    }
    Ok(match (position, is_backwards) {
        (Some(position), false) => Place::After(position),
        (Some(position), true) => Place::Before(position),
        (None, false) => Place::Offset(0),
        (None, true) => Place::End,
    })
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

fn key_into(bytes: &mut Vec<u8>, key: &Key) {
    match key {
        Key::Instant(at) => bytes.extend(at.as_microsecond().to_be_bytes()),
        Key::Number(number) => bytes.extend(number.to_be_bytes()),
        Key::Serial(number) => bytes.extend(number.to_be_bytes()),
        Key::Id(id) => bytes.extend(id.as_bytes()),
        Key::Text(text) => text_into(bytes, text),
        Key::Amount(amount) => text_into(bytes, &amount.to_string()),
    }
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

    fn position(&mut self, order: &Order, respelt: bool) -> Option<Position> {
        let keys = order.keys.iter().map(|(_, kind)| self.key(*kind)).collect::<Option<_>>()?;
        Some(Position { keys, respelt })
    }

    fn text(&mut self) -> Option<&str> {
        let length = usize::from(u16::from_be_bytes(self.array()?));
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        // The database knows no NUL in a text.
        std::str::from_utf8(text).ok().filter(|text| !text.contains('\0'))
    }

    fn key(&mut self, kind: SortKeyKind) -> Option<Key> {
        Some(match kind {
            SortKeyKind::Instant => {
                let at = Timestamp::from_microsecond(i64::from_be_bytes(self.array()?)).ok()?;
                // The database's calendar begins later than ours.
                Key::Instant(Some(at).filter(|at| *at >= EARLIEST)?)
            }
            SortKeyKind::Number => Key::Number(i32::from_be_bytes(self.array()?)),
            SortKeyKind::Serial => Key::Serial(i64::from_be_bytes(self.array()?)),
            SortKeyKind::Id => Key::Id(Uuid::from_bytes(self.array()?)),
            SortKeyKind::Text => Key::Text(self.text()?.to_owned()),
            SortKeyKind::Amount => Key::Amount(self.text()?.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::lists::{List, declared};

    use super::*;

    const LIST: Fingerprint = [1, 2, 3, 4, 5, 6];

    fn before(keys: Vec<Key>) -> Place {
        Place::Before(Position { keys, respelt: true })
    }

    fn by_title() -> &'static Order {
        &declared::EVENTS.orders[1]
    }

    /// A position in a list, by an order of the list.
    fn example(order: &Order) -> Place {
        let key = |(_, kind): &(&str, SortKeyKind)| match kind {
            SortKeyKind::Instant => Key::Instant("2026-03-14T15:09:26.535897Z".parse().unwrap()),
            SortKeyKind::Text => Key::Text("grosse halle / 1".to_owned()),
            SortKeyKind::Amount => Key::Amount("12.500".parse().unwrap()),
            SortKeyKind::Number => Key::Number(-3),
            SortKeyKind::Serial => Key::Serial(i64::MAX),
            SortKeyKind::Id => Key::Id(Uuid::now_v7()),
        };
        before(order.keys.iter().map(key).collect())
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        let lists: [&List; 4] = [&declared::EVENTS, &declared::VENUES, &declared::BOOKINGS, &declared::AUDIT_LOG];
        for order in lists.iter().flat_map(|list| list.orders.iter().chain(&list.relevance)) {
            let place = example(order);
            assert_eq!(decode(&encode(&place, LIST), LIST, order), Ok(place));
            for place in [Place::Offset(0), Place::End] {
                assert_eq!(decode(&encode(&place, LIST), LIST, order), Ok(place));
            }
        }
    }

    #[test]
    fn a_changed_character_is_noticed_wherever_it_is() {
        let text = encode(&example(by_title()), LIST);
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(decode(&changed, LIST, by_title()), Err(CursorFault::Damaged), "{place}");
        }
        for wrong in ["", "A", "nonsense", "00", "\0", &text[..text.len() - 1]] {
            assert_eq!(decode(wrong, LIST, by_title()), Err(CursorFault::Damaged), "{wrong:?}");
        }
    }

    #[test]
    fn a_cursor_of_another_list_or_version_is_told_apart() {
        let text = encode(&example(by_title()), LIST);
        assert_eq!(decode(&text, fingerprint("other"), by_title()), Err(CursorFault::Foreign));
        let mut later = URL_SAFE_NO_PAD.decode(&text).unwrap();
        later.truncate(later.len() - 4);
        later[0] = VERSION + 1;
        let checksum: Checksum = first_bytes(b"cursor", &later);
        later.extend(checksum);
        let later = URL_SAFE_NO_PAD.encode(later);
        assert_eq!(decode(&later, LIST, by_title()), Err(CursorFault::Outdated));
    }

    /// Checksum and fingerprint are easily forged; what the database would choke on must not come through.
    #[test]
    fn a_forged_cursor_is_refused() {
        let id = Key::Id(Uuid::nil());
        let [by_start, ..] = declared::EVENTS.orders else { unreachable!() };
        for (keys, order) in [
            (vec![Key::Text("a\0b".to_owned()), id.clone()], by_title()),
            (vec![Key::Instant(Timestamp::MIN), id.clone()], by_start),
            (vec![id.clone(), id], &declared::BOOKINGS.orders[0]),
        ] {
            assert_eq!(decode(&encode(&before(keys), LIST), LIST, order), Err(CursorFault::Damaged));
        }
    }
}
