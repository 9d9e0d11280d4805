//! Response cache of seat maps: where the seats of a version are, made once for each version and shared by all who ask.
//! A version never changes, so an answer is correct for as long as it is kept.

use std::{future::Future, sync::Arc};

use actors::cache::Answer;
use bytes::Bytes;
use domain::ids::SeatMapVersionId;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

/// Versions that are kept at most. Too low: the same is read and encoded again and again when many houses sell.
const VERSIONS_MAX: usize = 64;
/// Bytes of bodies that are kept at most, unless a single one has more. Their codings come on top, a tenth of that each.
const BYTES_MAX: usize = 32 << 20;

/// The answer of a version, once somebody has made it.
type KeptSeatMap = (SeatMapVersionId, Arc<OnceCell<Arc<Answer>>>);

#[derive(Debug, Default)]
pub struct SharedSeatMaps(Mutex<Vec<KeptSeatMap>>);

impl SharedSeatMaps {
    /// The answer of this version, whose body is made by the first who asks while others wait. What fails is tried again by the next.
    pub async fn answer<E>(
        &self,
        version: SeatMapVersionId,
        make: impl Future<Output = Result<Bytes, E>>,
    ) -> Result<Arc<Answer>, E> {
        let cell = self.cell(version);
        let made = cell.get_or_try_init(|| async { Ok(Arc::new(Answer::new(make.await?, None))) });
        made.await.cloned()
    }

    fn cell(&self, version: SeatMapVersionId) -> Arc<OnceCell<Arc<Answer>>> {
        // The one used last is at the end.
        let mut kept = self.0.lock();
        let found = kept.iter().position(|(of, _)| *of == version).map(|place| kept.remove(place));
        let found = found.unwrap_or_else(|| (version, Arc::default()));
        let size = |cell: &OnceCell<Arc<Answer>>| cell.get().map_or(0, |answer| answer.plain().body.len());
        let mut bytes: usize = kept.iter().map(|(_, cell)| size(cell)).sum::<usize>() + size(&found.1);
        while !kept.is_empty() && (kept.len() >= VERSIONS_MAX || bytes > BYTES_MAX) {
            bytes -= size(&kept.remove(0).1);
        }
        kept.push(found.clone());
        found.1
    }
}
