//! Encoding of cached bodies in Redis: a byte that names the coding, then the body, usually compressed.

/// Larger ones are not kept, and none is unpacked to more.
const BYTES_MAX: usize = 4 << 20;
/// Smaller ones gain nothing.
const COMPRESSED_MIN: usize = 256;
const LEVEL: i32 = 3;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// A body and the `Link` that goes with it as they are stored; `None` for one that is not.
pub(super) fn pack(body: &[u8], links: Option<&[u8]>) -> Option<Vec<u8>> {
    if body.len() + links.map_or(0, <[u8]>::len) > BYTES_MAX {
        return None;
    }
    // In front, with its length; none has the length of nothing.
    let links = links.unwrap_or_default();
    let whole = [&u32::try_from(links.len()).ok()?.to_be_bytes(), links, body].concat();
    let compressed = if whole.len() < COMPRESSED_MIN { None } else { zstd::bulk::compress(&whole, LEVEL).ok() };
    Some(match compressed {
        Some(smaller) => [&[ZSTD], &smaller[..]].concat(),
        None => [&[PLAIN], &whole[..]].concat(),
    })
}

/// What was stored; `None` for what was never stored by this release.
pub(super) fn unpack(stored: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let whole = match stored.split_first()? {
        (&PLAIN, whole) => whole.to_vec(),
        (&ZSTD, compressed) => zstd::bulk::decompress(compressed, BYTES_MAX + size_of::<u32>()).ok()?,
        _ => return None,
    };
    let (length, rest) = whole.split_first_chunk()?;
    let (links, body) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((body.to_vec(), (!links.is_empty()).then(|| links.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_back_and_nothing_else_does() {
        for length in [0, 1, COMPRESSED_MIN, 100_000] {
            for links in [None, Some(&b"</a>; rel=first"[..])] {
                let body = b"{\"a\":1}".repeat(length).split_off(6 * length);
                let packed = pack(&body, links).unwrap();
                assert_eq!(unpack(&packed), Some((body, links.map(<[u8]>::to_vec))));
            }
        }
        assert_eq!(pack(&vec![0; BYTES_MAX + 1], None), None);
        let bomb = [&[ZSTD], &zstd::bulk::compress(&vec![0; BYTES_MAX + 5], 1).unwrap()[..]].concat();
        for wrong in [&[][..], &[7, 1], &[ZSTD, 1, 2, 3], &[PLAIN, 0, 0], &[PLAIN, 0, 0, 0, 9, 1], &bomb] {
            assert_eq!(unpack(wrong), None);
        }
    }
}
