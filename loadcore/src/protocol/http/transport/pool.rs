//! A VU's connections that wait for the next request, and the places for those it may have.

use super::http1::Connection;
use super::http2::Shared;
use crate::protocol::http::options::{HttpOptions, Reuse};
use std::cell::{OnceCell, RefCell};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many idle connections are kept, beside those to the host that was used last: as many as browsers have. A VU that asks
/// ever new hosts would else run out of descriptors.
const MOST_IDLE: usize = 256;

/// The idle connections of one VU.
pub(crate) struct Pool {
    options: Arc<HttpOptions>,
    /// Boxed, so that a connection moves between here and a request as one pointer.
    /// Those that were used last come last.
    #[allow(clippy::vec_box)]
    idle: RefCell<Vec<Box<Connection>>>,
    /// Those that several requests may use at a time.
    pub(crate) shared: Shared,
    /// Made where the number of connections is limited.
    places: OnceCell<Box<Places>>,
}

/// The free places of each origin.
type Places = RefCell<Vec<(u32, Arc<Semaphore>)>>;

/// The right to use one connection to an origin. A request holds it from before it connects until the connection is back in the
/// pool or closed. So there are never more connections than places: one is opened only with a place and when none is idle.
#[derive(Debug)]
pub(crate) struct Place {
    /// Given back in the order in which others ask for it, also when one of them is gone.
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(options: Arc<HttpOptions>) -> Self {
        Self { options, idle: RefCell::default(), shared: Shared::default(), places: OnceCell::new() }
    }

    /// The connection to this origin that was used last. None if there is none, or if others are waiting for a place.
    #[inline]
    pub(crate) fn take(&self, origin: u32, now: Instant) -> Option<Box<Connection>> {
        let place = match self.options.http.connections.per_host {
            None => None,
            Some(most) => Some(Place { _permit: self.places(origin, most).try_acquire_owned().ok()? }),
        };
        let mut connection = self.take_idle(origin, now)?;
        connection.place = place;
        Some(connection)
    }

    /// As [`take`](Self::take), for who has a place already.
    #[inline]
    pub(crate) fn take_idle(&self, origin: u32, now: Instant) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        loop {
            let index = idle.iter().rposition(|connection| connection.origin() == Some(origin))?;
            let connection = idle.remove(index);
            if self.is_young(&connection, now) {
                return Some(connection);
            }
        }
    }

    /// Waits for a place, behind those who came before; at once if their number is not limited.
    pub(crate) async fn place(&self, origin: u32) -> Option<Place> {
        let most = self.options.http.connections.per_host?;
        let permit = self.places(origin, most).acquire_owned().await;
        let Ok(permit) = permit else { unreachable!("places are never closed") };
        Some(Place { _permit: permit })
    }

    #[inline]
    pub(crate) fn give_back(&self, mut connection: Box<Connection>, now: Instant) {
        if self.options.http.connections.reuse() == Reuse::Never || !self.is_young(&connection, now) {
            return;
        }
        let place = connection.place.take();
        let mut idle = self.idle.borrow_mut();
        if !idle.is_empty() {
            // The last used is taken first, so others may be left over: from requests that were joined, or other hosts.
            idle.retain(|other| self.is_young(other, now));
            if idle.len() >= MOST_IDLE
                && let Some(oldest) = idle.iter().position(|other| other.origin() != connection.origin())
            {
                idle.remove(oldest);
            }
        }
        idle.push(connection);
        drop(idle);
        // Only now, so that whoever gets the place finds the connection.
        drop(place);
    }

    /// Closes what an iteration leaves behind, if the next one shall not find it.
    pub(crate) fn iteration_ended(&self) {
        if self.options.http.connections.reuse() != Reuse::Always {
            self.idle.borrow_mut().clear();
            self.shared.clear();
        }
    }

    /// Whether it may be used again.
    #[inline]
    fn is_young(&self, connection: &Connection, now: Instant) -> bool {
        let limits = &self.options.http.connections;
        connection.idle_for(now) <= limits.idle_timeout
            && limits.max_age.is_none_or(|most| connection.age(now) < most)
    }

    fn places(&self, origin: u32, most: usize) -> Arc<Semaphore> {
        let mut places = self.places.get_or_init(Box::default).borrow_mut();
        if let Some((_, free)) = places.iter().find(|(known, _)| *known == origin) {
            return Arc::clone(free);
        }
        // Whoever has a place or waits for one holds the others: nobody misses one that is as it was made.
        places.retain(|(_, free)| Arc::strong_count(free) > 1);
        let free = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        places.push((origin, Arc::clone(&free)));
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::http::options::Http;

    #[test]
    fn places_that_nobody_has_are_forgotten_and_others_are_not() {
        let mut options = HttpOptions::default();
        options.set_http(&Http::new().max_connections_per_host(1)).unwrap();
        let pool = Pool::new(Arc::new(options));
        let taken = pool.places(7, 1).try_acquire_owned().unwrap();
        for origin in 100..100_000 {
            assert!(pool.take(origin, Instant::now()).is_none());
        }
        assert!(pool.places.get().unwrap().borrow().len() <= 2);
        assert_eq!(pool.places(7, 1).available_permits(), 0);
        drop(taken);
        assert_eq!(pool.places(7, 1).available_permits(), 1);
    }
}
