//! Room for the bodies of requests: each has a bound of its own, but many at once, which may come as
//! slowly as they like, would fill the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use protocol::exchange::{ErrorType, Fault};

/// A body of so many bytes takes no room: most are shorter, and there are no more of them than
/// connections.
const FREE: usize = 64 * 1024;
/// For bodies of at most so many bytes some room is left by longer ones.
const SMALL: usize = 1024 * 1024;
/// The room that is for them alone, as a part of all the others have.
const FOR_SMALL: usize = 4;

/// How many bytes of bodies may be in memory at once.
#[derive(Debug)]
pub struct Room {
    most: usize,
    taken: AtomicUsize,
}

/// What one body takes, given back when it is dropped.
#[derive(Debug)]
pub struct Taken {
    room: Arc<Room>,
    bytes: usize,
}

impl Room {
    /// Room for so many bytes, and a quarter more for small bodies.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicUsize::new(0) })
    }

    /// How many bytes are taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// For a body of which nothing has come.
    pub fn enter(self: &Arc<Self>) -> Taken {
        Taken { room: Arc::clone(self), bytes: 0 }
    }
}

impl Taken {
    /// The body has come to so many bytes. Without room for them: 503.
    pub fn grow(&mut self, size: usize) -> Result<(), Fault> {
        let more = size.saturating_sub(self.bytes);
        if size <= FREE || more == 0 {
            return Ok(());
        }
        let Room { most, taken } = &*self.room;
        let bound = match size <= SMALL {
            true => most.saturating_add(most / FOR_SMALL),
            false => *most,
        };
        let fits = |now: usize| now.checked_add(more).filter(|sum| *sum <= bound);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|_| no_room())?;
        self.bytes = size;
        Ok(())
    }

    /// The body, which takes its room as long as anybody has a part of it.
    pub fn keep(self, body: Bytes) -> Bytes {
        match self.bytes {
            0 => body,
            _ => Bytes::from_owner(Kept { body, _taken: self }),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct Kept {
    body: Bytes,
    _taken: Taken,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

fn no_room() -> Fault {
    let mut fault = Fault::new(
        ErrorType::ProviderOverloaded,
        "The gateway is at capacity: too many large requests are in memory",
    );
    fault.retry_after = Some(1);
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back_with_the_last_part() {
        let room = Room::new(3 * SMALL);
        let mut one = room.enter();
        one.grow(FREE).unwrap();
        assert_eq!(room.taken(), 0, "small ones take none");
        one.grow(SMALL).unwrap();
        one.grow(2 * SMALL).unwrap();
        assert_eq!(room.taken(), 2 * SMALL);
        let body = one.keep(vec![1; 2 * SMALL].into());
        let part = body.slice(5..6);
        drop(body);
        assert_eq!((room.taken(), &*part), (2 * SMALL, &[1][..]));
        drop(part);
        assert_eq!(room.taken(), 0);
    }

    #[test]
    fn long_ones_leave_room_for_small_ones() {
        let room = Room::new(4 * SMALL);
        let (mut long, mut small, mut further) = (room.enter(), room.enter(), room.enter());
        long.grow(4 * SMALL).unwrap();
        let fault = long.grow(4 * SMALL + 1).unwrap_err();
        assert_eq!((fault.status, fault.retry_after), (503, Some(1)));
        small.grow(SMALL).unwrap();
        assert!(small.grow(SMALL + 1).is_err(), "it is not small any more");
        assert!(further.grow(FREE + 1).is_err());
        assert!(further.grow(FREE).is_ok());
        drop(small);
        assert!(further.grow(SMALL).is_ok());
    }
}
