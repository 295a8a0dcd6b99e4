//! Linux's own timer, as a descriptor that Tokio waits for.

use crate::run::clock::{Clock, Nanos, nanos};
use rustix::fd::OwnedFd;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use std::cell::Cell;
use std::io;
use std::time::Instant;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

const SECOND: Nanos = 1_000_000_000;

/// A timerfd.
#[derive(Debug)]
pub(super) struct Timer {
    fd: AsyncFd<OwnedFd>,
    /// The clock's zero in the kernel's monotonic time.
    origin: Nanos,
    /// What it is set to.
    armed: Cell<Option<Nanos>>,
}

impl Timer {
    /// A timer for a clock that began at this instant. Needs a Tokio runtime to be running.
    pub(super) fn new(origin: Instant) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[allow(
            deprecated,
            reason = "its successor is unsafe, for descriptors that are not owned; this one is"
        )]
        let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
        Ok(Self { fd, origin: in_kernel_time(origin), armed: Cell::new(None) })
    }

    pub(super) async fn sleep_until(&self, clock: &Clock, at: Nanos) -> io::Result<()> {
        while clock.now() < at {
            if self.armed.get() != Some(at) {
                self.arm(at)?;
            }
            // Setting it anew also forgets that it has fired, so nothing needs to be read from it.
            self.fd.readable().await?.clear_ready();
            // If that was an earlier setting, given up meanwhile, it is set once more.
            self.armed.set(None);
        }
        Ok(())
    }

    fn arm(&self, at: Nanos) -> io::Result<()> {
        let at_kernel = self.origin.saturating_add(at);
        let timespec = |nanos: Nanos| Timespec {
            // Both fit: 584 years at most, and less than a second.
            tv_sec: (nanos / SECOND) as i64,
            tv_nsec: (nanos % SECOND) as _,
        };
        let once = Itimerspec { it_interval: timespec(0), it_value: timespec(at_kernel) };
        timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &once)?;
        self.armed.set(Some(at));
        Ok(())
    }
}

/// `Instant` reads the same clock but does not tell its value, so both are read, and the closest of some readings counts.
/// What the error is, the timer is late and never early.
fn in_kernel_time(origin: Instant) -> Nanos {
    let reading = |_| {
        let elapsed = nanos(origin.elapsed());
        let now = clock_gettime(ClockId::Monotonic);
        let now = now.tv_sec as Nanos * SECOND + now.tv_nsec as Nanos;
        now - elapsed
    };
    (0..5).map(reading).min().unwrap_or_default()
}
