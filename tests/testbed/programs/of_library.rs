//! A program of nothing but another crate's scenarios.

use shop_journeys as _;

loadcore::main!();
