//! Promise: a test decides how its connections are made, kept and counted, and the server sees what was decided.

mod addresses;
mod closed;
mod door;
mod hosts;
mod limit;
mod many;
mod names;
mod patience;
mod reuse;
mod wrong;
