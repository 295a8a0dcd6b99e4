//! A VU's HTTP/2 connections: which request may send on which, who opens a new one, and who waits.

use super::{Connection, Seat};
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::options::{Http, Speaks};
use crate::protocol::http::target::Origin;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Instant;

/// The connections of one VU that several requests may use at a time.
#[derive(Default)]
pub(crate) struct Shared {
    hosts: RefCell<Vec<Rc<Host>>>,
}

/// So many origins are known before those are forgotten that nothing goes to: browsers keep about as many connections.
const MANY: usize = 256;

/// The connections to one origin.
struct Host {
    origin: Rc<Origin>,
    connections: RefCell<Vec<Rc<Connection>>>,
    queue: Rc<Queue>,
    /// Somebody opens a connection.
    opening: Cell<bool>,
    /// How often that was begun.
    openings: Cell<u64>,
    /// The last of them that failed, and why.
    failed: RefCell<Option<(u64, Failure)>>,
}

/// What a request gets.
pub(crate) enum Claim {
    /// A place on a connection that is there.
    Seat(Seat),
    /// The right to open one, alone.
    Open(Opening),
    /// The origin speaks HTTP/1.1: every request has a connection of its own.
    Own,
}

impl Shared {
    /// A place on a connection to this origin, if one is free and nobody waits for it.
    #[inline]
    pub(crate) fn seat(&self, origin: u32, options: &Http) -> Option<Seat> {
        let host = self.hosts.borrow().iter().find(|host| host.origin.id == origin).map(Rc::clone)?;
        if host.queue.is_empty() { host.seat(options) } else { None }
    }

    /// A place on a connection to this origin, as soon as there is one. Requests get it in the order they asked.
    ///
    /// # Errors
    /// If the connection that was being opened for all of them could not be. The caller bounds the time.
    pub(crate) async fn claim(&self, origin: &Rc<Origin>, options: &Http) -> Result<Claim, Failure> {
        let host = self.host(origin);
        if host.queue.is_empty()
            && let Some(claim) = host.claim(options)
        {
            return Ok(claim);
        }
        // An opening that has failed before this request came is none of its business.
        let since = host.openings.get() + u64::from(!host.opening.get());
        let place = Place::last_in(&host.queue);
        std::future::poll_fn(|cx| {
            if origin.speaks.get() == Speaks::Http1 {
                return Poll::Ready(Ok(Claim::Own));
            }
            if let Some((opening, failure)) = &*host.failed.borrow()
                && *opening >= since
            {
                return Poll::Ready(Err(failure.clone()));
            }
            if place.is_first()
                && let Some(claim) = host.claim(options)
            {
                return Poll::Ready(Ok(claim));
            }
            place.register(cx.waker());
            Poll::Pending
        })
        .await
    }

    /// Lets all connections go; those in use end with their requests.
    pub(crate) fn clear(&self) {
        let hosts = self.hosts.borrow();
        hosts.iter().for_each(|host| host.connections.borrow_mut().clear());
    }

    fn host(&self, origin: &Rc<Origin>) -> Rc<Host> {
        let mut hosts = self.hosts.borrow_mut();
        if let Some(host) = hosts.iter().find(|host| host.origin.id == origin.id) {
            return Rc::clone(host);
        }
        if hosts.len() >= MANY {
            // Whoever waits for a connection, or opens one, has the host.
            hosts.retain(|host| Rc::strong_count(host) > 1 || host.is_busy());
        }
        let host = Rc::new(Host {
            origin: Rc::clone(origin),
            connections: RefCell::default(),
            queue: Rc::default(),
            opening: Cell::new(false),
            openings: Cell::new(0),
            failed: RefCell::default(),
        });
        hosts.push(Rc::clone(&host));
        host
    }
}

impl Host {
    /// Whether a request is under way.
    fn is_busy(&self) -> bool {
        self.connections.borrow().iter().any(|connection| connection.link.streams.get() > 0)
    }

    fn seat(&self, options: &Http) -> Option<Seat> {
        let (now, mut index) = (Instant::now(), 0);
        loop {
            // To ask one may run the user's code, which may come here: nothing stays borrowed.
            let Some(connection) = self.connections.borrow().get(index).map(Rc::clone) else { break };
            if connection.is_open() && !connection.is_too_old(options, now) {
                index += 1;
            } else {
                self.connections.borrow_mut().retain(|other| !Rc::ptr_eq(other, &connection));
            }
        }
        let connections = self.connections.borrow();
        let with_room = connections.iter().filter(|connection| connection.has_room());
        let emptiest = with_room.min_by_key(|connection| connection.link.streams.get())?;
        Some(Seat::on(Rc::clone(emptiest)))
    }

    /// What may be had at once.
    fn claim(self: &Rc<Self>, options: &Http) -> Option<Claim> {
        if let Some(seat) = self.seat(options) {
            return Some(Claim::Seat(seat));
        }
        let most = options.http2.connections.min(options.connections.per_host.unwrap_or(usize::MAX));
        if self.opening.get() || self.connections.borrow().len() >= most {
            return None;
        }
        self.opening.set(true);
        self.openings.set(self.openings.get() + 1);
        Some(Claim::Open(Opening { host: Rc::clone(self) }))
    }
}

/// The right to open a connection for all that wait for one. Dropped without a result, it passes to the next.
pub(crate) struct Opening {
    host: Rc<Host>,
}

impl Opening {
    /// It is one that all can use.
    pub(crate) fn share(self, connection: Rc<Connection>) -> Seat {
        // It is new, and so in no other queue.
        let _ = connection.queue.set(Rc::clone(&self.host.queue));
        self.host.connections.borrow_mut().push(Rc::clone(&connection));
        Seat::on(connection)
    }

    /// The server speaks HTTP/1.1: everyone has to open one.
    pub(crate) fn own(self) {
        self.host.queue.wake_all();
    }

    /// There is none to be had.
    pub(crate) fn fail(self, failure: &Failure) {
        // A request that had too little time says nothing of the target.
        if failure.kind != ErrorKind::Timeout {
            *self.host.failed.borrow_mut() = Some((self.host.openings.get(), failure.clone()));
            self.host.queue.wake_all();
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.host.opening.set(false);
        self.host.queue.wake_first();
    }
}

/// Requests that wait for a place, in their order.
#[derive(Default)]
pub(super) struct Queue {
    waiting: RefCell<VecDeque<Rc<Waiting>>>,
}

#[derive(Default)]
struct Waiting {
    waker: RefCell<Option<Waker>>,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    pub(super) fn wake_first(&self) {
        if let Some(first) = self.waiting.borrow().front() {
            first.wake();
        }
    }

    fn wake_all(&self) {
        self.waiting.borrow().iter().for_each(|waiting| waiting.wake());
    }
}

impl Waiting {
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A place in the queue, until it is dropped.
struct Place {
    queue: Rc<Queue>,
    own: Rc<Waiting>,
}

impl Place {
    fn last_in(queue: &Rc<Queue>) -> Self {
        let own = Rc::<Waiting>::default();
        queue.waiting.borrow_mut().push_back(Rc::clone(&own));
        Self { queue: Rc::clone(queue), own }
    }

    fn is_first(&self) -> bool {
        self.queue.waiting.borrow().front().is_some_and(|first| Rc::ptr_eq(first, &self.own))
    }

    fn register(&self, waker: &Waker) {
        *self.own.waker.borrow_mut() = Some(waker.clone());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.queue.waiting.borrow_mut().retain(|waiting| !Rc::ptr_eq(waiting, &self.own));
        // There may be room for one more.
        self.queue.wake_first();
    }
}
