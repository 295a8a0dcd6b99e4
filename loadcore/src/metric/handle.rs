//! Metric handles: small `Copy` values that name a metric and carry its kind and unit in their type.
//!
//! A threshold that makes no sense does not compile: a [`Trend`] has no `rate()`, and a plain trend cannot be compared
//! with a duration. Recording (`add`, `set`) needs a VU and is written on a higher floor.

use super::{Contains, Kind, MetricDesc};
use std::borrow::Cow;
use std::marker::PhantomData;

/// What every metric handle can tell of itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric",
    label = "not a metric",
    note = "the metrics are `Counter`, `Gauge`, `Rate` and `Trend`: write for example `static ORDERS: Counter = Counter::new(\"orders\");`"
)]
pub trait Metric {
    /// Its name, kind and unit.
    fn desc(&self) -> MetricDesc;
}

/// The unit of a [`Trend`]: [`Plain`], [`Time`] or [`Bytes`].
pub trait Unit: Copy + std::fmt::Debug + Send + Sync + 'static {
    /// The unit, as a value.
    const CONTAINS: Contains;
}

/// Plain numbers without a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plain;
/// Durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time;
/// Sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes;

impl Unit for Plain {
    const CONTAINS: Contains = Contains::Default;
}

impl Unit for Time {
    const CONTAINS: Contains = Contains::Time;
}

impl Unit for Bytes {
    const CONTAINS: Contains = Contains::Data;
}

/// A distribution: count, sum, min, max and percentiles. `Trend<Time>` and `Trend<Bytes>` have units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trend<U: Unit = Plain> {
    name: &'static str,
    unit: PhantomData<U>,
    builtin: bool,
}

impl<U: Unit> Trend<U> {
    /// A trend of this name.
    pub const fn new(name: &'static str) -> Self {
        Self { name, unit: PhantomData, builtin: false }
    }

    /// One of loadcore's own, whose name no user can take.
    pub(crate) const fn builtin(self) -> Self {
        Self { builtin: true, ..self }
    }

    /// The metric's name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl Trend<Plain> {
    /// The same name, with durations as values.
    pub const fn time(self) -> Trend<Time> {
        Trend::new(self.name)
    }

    /// The same name, with sizes in bytes as values.
    pub const fn bytes(self) -> Trend<Bytes> {
        Trend::new(self.name)
    }
}

impl<U: Unit> Metric for Trend<U> {
    fn desc(&self) -> MetricDesc {
        MetricDesc {
            name: Cow::Borrowed(self.name),
            kind: Kind::Trend,
            contains: U::CONTAINS,
            builtin: self.builtin,
        }
    }
}

macro_rules! plain_handle {
    ($(#[$doc:meta])* $handle:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $handle {
            name: &'static str,
            contains: Contains,
            builtin: bool,
        }

        impl $handle {
            /// A metric of this name.
            pub const fn new(name: &'static str) -> Self {
                Self { name, contains: Contains::Default, builtin: false }
            }

            /// One of loadcore's own, whose name no user can take.
            pub(crate) const fn builtin(self) -> Self {
                Self { builtin: true, ..self }
            }

            /// The metric's name.
            pub const fn name(self) -> &'static str {
                self.name
            }
        }

        impl Metric for $handle {
            fn desc(&self) -> MetricDesc {
                MetricDesc {
                    name: Cow::Borrowed(self.name),
                    kind: Kind::$handle,
                    contains: self.contains,
                    builtin: self.builtin,
                }
            }
        }
    };
}

plain_handle! {
    /// A sum, such as the number of orders.
    Counter
}
plain_handle! {
    /// A value that goes up and down, such as a stock level: the last, least and greatest are kept.
    Gauge
}
plain_handle! {
    /// The share of samples that were true, such as cache hits.
    Rate
}

impl Counter {
    /// The same counter, with bytes as values.
    pub const fn bytes(self) -> Self {
        Self { contains: Contains::Data, ..self }
    }
}
