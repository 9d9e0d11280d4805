//! Cache invalidation messages: sender, kind of change, and tags.

use domain::cache::{Change, TagSlot};
use uuid::Uuid;

/// A change that this node has made.
pub(super) fn encode(node: Uuid, change: &Change) -> String {
    match change {
        Change::Tags(slots) => format!("{node} tags {}", text(slots)),
        Change::Key(key) => format!("{node} key {key}"),
        Change::Pattern(pattern) => format!("{node} pattern {pattern}"),
        Change::Everything => format!("{node} everything"),
    }
}

/// The change that another node has made; `None` for one that `node` has made itself. What is not understood, as from a later
/// release, is a change of everything.
pub(super) fn decode(node: Uuid, message: &str) -> Option<Change> {
    let (from, rest) = message.split_once(' ').unwrap_or((message, ""));
    if from.parse() == Ok(node) {
        return None;
    }
    let (kind, what) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(match kind {
        "tags" => slots(what).map_or(Change::Everything, Change::Tags),
        "key" => Change::Key(what.to_owned()),
        "pattern" => Change::Pattern(what.to_owned()),
        _ => Change::Everything,
    })
}

/// Numbers with commas between them.
pub(super) fn text(slots: &[TagSlot]) -> String {
    slots.iter().map(|slot| slot.number().to_string()).collect::<Vec<_>>().join(",")
}

/// What [`text`] wrote.
pub(super) fn slots(text: &str) -> Option<Vec<TagSlot>> {
    text.split(',').filter(|part| !part.is_empty()).map(|part| TagSlot::new(part.parse().ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use domain::cache::Tag;

    use super::*;

    #[test]
    fn others_understand_what_a_node_says_and_it_does_not_listen_to_itself() {
        let (here, there) = (Uuid::now_v7(), Uuid::now_v7());
        let tags = Change::Tags(vec![Tag::Events.slot(), Tag::Venues.slot()]);
        let pattern = Change::Pattern("events*".to_owned());
        for change in [tags, Change::Key("events?limit=1".to_owned()), pattern, Change::Everything] {
            let message = encode(here, &change);
            assert_eq!(decode(there, &message), Some(change));
            assert_eq!(decode(here, &message), None);
        }
        for strange in ["", "x", "x tags 1,b", "x tags 99999", "x something new"] {
            assert_eq!(decode(here, strange), Some(Change::Everything), "{strange}");
        }
    }
}
