//! Ids that depend on a name alone.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// 2025-01-01T00:00:00Z in milliseconds: the moment that every seeded id claims to be made at. Clients are promised
/// UUIDv7, and a fixed instant keeps seeded ids the same on every day and before every real one in id order.
const MADE_AT_MS: u64 = 1_735_689_600_000;

/// The UUIDv7 of a thing, from its kind and a name that is unique among its kind: 74 bits of SHA-256 where others are
/// random. The names are part of the data: a changed name is a new thing in databases that were seeded before.
pub(super) fn stable(kind: &str, name: &str) -> Uuid {
    let digest = Sha256::new()
        .chain_update(b"boxoffice seed\0")
        .chain_update(kind)
        .chain_update(b"\0")
        .chain_update(name)
        .finalize();
    let mut random = [0; 10];
    random.iter_mut().zip(digest).for_each(|(byte, hashed)| *byte = hashed);
    Builder::from_unix_timestamp_millis(MADE_AT_MS, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pinned, because fixtures and bookings out there refer to these ids.
    #[test]
    fn an_id_is_a_version_7_uuid_that_never_changes() {
        let id = stable("event", "nuit-debussy");
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id, stable("event", "nuit-debussy"));
        assert_ne!(id, stable("venue", "nuit-debussy"));
        assert_eq!(id.to_string(), "01941f29-7c00-7caa-84c1-60fff67dfee0");
    }
}
