//! Panics in journeys: caught, and told apart by their place.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug, Clone)]
pub(crate) struct Panic {
    pub(crate) message: String,
    /// `file:line`.
    pub(crate) place: String,
}

/// Chains a hook in front of the process's own one. It acts only on panics inside [`catch`]: those are counted and
/// reported, not printed a thousand times.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if CATCHING.try_with(Cell::get).unwrap_or(false) {
                LAST.with(|last| *last.borrow_mut() = Some(describe(info)));
            } else {
                previous(info);
            }
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> Panic {
    let message = info.payload_as_str().unwrap_or("a panic without a message").to_owned();
    let place = info.location().map_or_else(|| "?".to_owned(), |l| format!("{}:{}", l.file(), l.line()));
    Panic { message, place }
}

/// Runs user code; a panic comes back as a value.
#[inline]
pub(crate) fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Panic> {
    let outer = CATCHING.replace(true);
    // What a panic leaves behind is dropped with the iteration; the engine's own state is not touched in between.
    let result = std::panic::catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(outer);
    result.map_err(|_| {
        let last = LAST.with(|last| last.borrow_mut().take());
        last.unwrap_or_else(|| Panic { message: "a panic without a message".into(), place: "?".into() })
    })
}
