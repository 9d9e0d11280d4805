//! Response cache of seat availability: answers with all seats of an event, made once for each published snapshot and
//! coding, and shared by all who ask.
//!
//! Of the largest house such an answer has 18 MB. Made for each request, readers who take their time would exhaust the
//! memory.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use domain::inventory::Availability;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

/// Pictures that are kept at most. Too low: the same is encoded again and again when many events are looked at.
const PICTURES_MAX: usize = 16;
/// Bytes of their answers that are kept at most, unless a single picture has more.
const BYTES_MAX: usize = 32 << 20;

/// Forms of an answer: as it is, and in each coding; with the numbers of places and without.
pub const FORMS: usize = 8;

/// The answers that show one picture.
#[derive(Debug)]
pub struct SharedPicture {
    pub picture: Arc<Availability>,
    forms: [OnceCell<Bytes>; FORMS],
}

impl SharedPicture {
    /// The form of this number, below [`FORMS`], made by the first who asks while others wait. What fails is tried again by the
    /// next.
    pub async fn form<E>(&self, number: usize, make: impl Future<Output = Result<Bytes, E>>) -> Result<Bytes, E> {
        match self.forms.get(number) {
            Some(form) => form.get_or_try_init(|| make).await.cloned(),
            None => make.await,
        }
    }

    fn bytes(&self) -> usize {
        self.forms.iter().filter_map(OnceCell::get).map(Bytes::len).sum()
    }
}

#[derive(Debug, Default)]
pub struct SharedPictures(Mutex<Vec<Arc<SharedPicture>>>);

impl SharedPictures {
    /// The answers that show this picture.
    pub fn of(&self, picture: &Arc<Availability>) -> Arc<SharedPicture> {
        // The one used last is at the end.
        let mut kept = self.0.lock();
        let found = kept.iter().position(|of| Arc::ptr_eq(&of.picture, picture)).map(|place| kept.remove(place));
        let found = found.unwrap_or_else(|| {
            kept.retain(|of| of.picture.event_id != picture.event_id);
            Arc::new(SharedPicture { picture: picture.clone(), forms: Default::default() })
        });
        let mut bytes: usize = kept.iter().map(|of| of.bytes()).sum::<usize>() + found.bytes();
        while !kept.is_empty() && (kept.len() >= PICTURES_MAX || bytes > BYTES_MAX) {
            bytes -= kept.remove(0).bytes();
        }
        kept.push(found.clone());
        found
    }
}
