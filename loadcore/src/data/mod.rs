//! Test data: loaded once before the test starts, one copy for all cores; or read while it runs. Feeders hand out the rows.

mod feeder;
mod format;
mod rows;
mod shared_array;
mod streamed;
mod table;
mod window;

pub(crate) use feeder::Order;
pub use feeder::{FeedError, Feeder, OnEnd};
pub use shared_array::{Data, DataError, SharedArray};
pub(crate) use streamed::RowReader;
pub use streamed::StreamedRows;
