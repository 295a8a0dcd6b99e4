//! Polls without a clock: what waits for something that never comes is known to wait, and costs no time.
//!
//! Each poll has the budget that Tokio gives to a task. Who uses it up must see to it that he is polled again.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::task::yield_now;

thread_local! {
    /// Timers want one. None of them is due before the hour is over.
    static RUNTIME: &'static Runtime = Box::leak(Box::new(
        Builder::new_current_thread().enable_time().build().expect("a runtime can be built"),
    ));
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn runtime() -> &'static Runtime {
    RUNTIME.with(|runtime| *runtime)
}

/// While it lives, timers can be made.
pub(crate) fn clock() -> EnterGuard<'static> {
    runtime().enter()
}

/// What the future comes to; `None` if nothing will ever wake it.
pub(crate) fn drive<T>(future: impl Future<Output = T>) -> Option<T> {
    let (woken, mut future) = (Arc::<Woken>::default(), pin!(future));
    let waker = Arc::clone(&woken).into();
    loop {
        let polled = runtime().block_on(async {
            let polled =
                poll_fn(|_| Poll::Ready(future.as_mut().poll(&mut Context::from_waker(&waker)))).await;
            if polled.is_pending() {
                // Who has no budget left is woken when others have had their turn.
                yield_now().await;
            }
            polled
        });
        match polled {
            Poll::Ready(value) => return Some(value),
            Poll::Pending if woken.0.swap(false, Ordering::SeqCst) => {}
            Poll::Pending => return None,
        }
    }
}
