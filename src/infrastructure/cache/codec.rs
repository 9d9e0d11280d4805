//! Bodies as they lie in Redis: a byte that says how, then the body, usually compressed.

/// Larger ones are not kept, and none is unpacked to more.
const BYTES_MAX: usize = 4 << 20;
/// Smaller ones gain nothing.
const COMPRESSED_MIN: usize = 256;
const LEVEL: i32 = 3;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// A body as it is stored; `None` for one that is not.
pub(super) fn pack(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() > BYTES_MAX {
        return None;
    }
    let compressed = if body.len() < COMPRESSED_MIN { None } else { zstd::bulk::compress(body, LEVEL).ok() };
    Some(match compressed {
        Some(smaller) => [&[ZSTD], &smaller[..]].concat(),
        None => [&[PLAIN], body].concat(),
    })
}

/// The body of what is stored; `None` for what was never stored by this release.
pub(super) fn unpack(stored: &[u8]) -> Option<Vec<u8>> {
    match stored.split_first()? {
        (&PLAIN, body) => Some(body.to_vec()),
        (&ZSTD, compressed) => zstd::bulk::decompress(compressed, BYTES_MAX).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_back_and_nothing_else_does() {
        for length in [0, 1, COMPRESSED_MIN, 100_000] {
            let body = b"{\"a\":1}".repeat(length).split_off(6 * length);
            let packed = pack(&body).unwrap();
            assert_eq!(unpack(&packed), Some(body));
        }
        assert_eq!(pack(&vec![0; BYTES_MAX + 1]), None);
        let bomb = [&[ZSTD], &zstd::bulk::compress(&vec![0; BYTES_MAX + 1], 1).unwrap()[..]].concat();
        for wrong in [&[][..], &[7, 1], &[ZSTD, 1, 2, 3], &bomb] {
            assert_eq!(unpack(wrong), None);
        }
    }
}
