//! Test data: loaded once before the test starts, one copy for all cores.

mod format;
mod shared_array;
mod table;

pub use shared_array::{Data, DataError, SharedArray};
