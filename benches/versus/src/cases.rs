//! What is compared with what: the clients of each table, and the bounds that loadcore is judged by.

use crate::tools::{Name, Speaks};
use Name::{
    Goose, H2load, H2loadH2, HyperH2, K6, Loadcore, LoadcoreLto, LoadcoreOrders, LoadcoreTwoCores, Oha, Wrk,
};

/// One table.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) clients: &'static [Name],
    pub(crate) speaks: Speaks,
    /// Every request, for the line below the table.
    pub(crate) requests: &'static str,
    /// The client that the others' figures are divided by.
    pub(crate) yardstick: Name,
    pub(crate) bounds: Vec<Bound>,
}

/// What a client is to need, in comparison with another one of the same run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) of: Name,
    pub(crate) against: Name,
    pub(crate) most: Most,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Most {
    /// So many times the other's CPU time for each request at most.
    Times(f64),
    /// The other's CPU time for each request is at least so many times as much.
    LessBy(f64),
    /// At least so many times the other's requests in a second.
    Faster(f64),
}

const fn times(of: Name, most: f64, against: Name) -> Bound {
    Bound { of, against, most: Most::Times(most) }
}

const fn less_by(least: f64, against: Name) -> Bound {
    Bound { of: Loadcore, against, most: Most::LessBy(least) }
}

const HTTP1: &str = "HTTP/1.1";

impl Case {
    /// The plain GET loop, beside all others.
    pub(crate) fn plain() -> Self {
        Self {
            clients: &[Loadcore, LoadcoreLto, Wrk, Oha, H2load, Goose, K6],
            speaks: Speaks::Http1,
            requests: HTTP1,
            yardstick: Wrk,
            bounds: vec![
                times(Loadcore, 1.15, Wrk),
                less_by(1.0, Oha),
                less_by(1.8, Goose),
                less_by(7.0, K6),
            ],
        }
    }

    pub(crate) fn https() -> Self {
        Self {
            clients: &[Loadcore, Wrk],
            speaks: Speaks::Https,
            requests: "HTTP/1.1 over TLS 1.3",
            yardstick: Wrk,
            bounds: vec![times(Loadcore, 1.0, Wrk)],
        }
    }

    pub(crate) fn http2() -> Self {
        Self {
            clients: &[Loadcore, HyperH2, H2loadH2],
            speaks: Speaks::Http2,
            requests: "HTTP/2 without TLS",
            yardstick: HyperH2,
            bounds: vec![times(Loadcore, 1.2, HyperH2)],
        }
    }

    pub(crate) fn features() -> Self {
        Self {
            clients: &[Loadcore, LoadcoreOrders],
            speaks: Speaks::Http1,
            requests: HTTP1,
            yardstick: Loadcore,
            bounds: vec![times(LoadcoreOrders, 1.15, Loadcore)],
        }
    }

    /// `room` tells whether the server can have as many cores as the client's two.
    pub(crate) fn cores(room: bool) -> Self {
        let most = if room { Most::Faster(1.8) } else { Most::Times(1.05) };
        Self {
            clients: &[Loadcore, LoadcoreTwoCores],
            speaks: Speaks::Http1,
            requests: HTTP1,
            yardstick: Loadcore,
            bounds: vec![Bound { of: LoadcoreTwoCores, against: Loadcore, most }],
        }
    }
}

/// A client's medians, as far as bounds ask for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) cpu_us: f64,
    pub(crate) rate: f64,
}

impl Bound {
    /// What it says, what was measured, and whether it holds; `None` where it cannot be told.
    pub(crate) fn judge(&self, cost: impl Fn(Name) -> Option<Cost>) -> (String, Option<bool>) {
        let Self { of, against, most } = *self;
        let wanted = match most {
            Most::Times(most) => format!("{of}: at most {most:.2} x {against}'s CPU time"),
            Most::LessBy(1.0) => format!("{of}: less CPU time than {against}"),
            Most::LessBy(least) => format!("{of}: at least {least:.1} x less CPU time than {against}"),
            Most::Faster(least) => format!("{of}: at least {least:.1} x {against}'s requests/s"),
        };
        let (Some(ours), Some(other)) = (cost(of), cost(against)) else {
            return (format!("{wanted}: not judged, one of them has no figures"), None);
        };
        let (measured, holds) = match most {
            Most::Times(most) => (ours.cpu_us / other.cpu_us, ours.cpu_us <= most * other.cpu_us),
            Most::LessBy(least) => (other.cpu_us / ours.cpu_us, other.cpu_us >= least * ours.cpu_us),
            Most::Faster(least) => (ours.rate / other.rate, ours.rate >= least * other.rate),
        };
        (format!("{wanted}: {measured:.2} x, {}", if holds { "kept" } else { "BROKEN" }), Some(holds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_kept_broken_or_not_judged() {
        let cost = |name| match name {
            Loadcore => Some(Cost { cpu_us: 9.0, rate: 100.0 }),
            Wrk => Some(Cost { cpu_us: 10.0, rate: 130.0 }),
            _ => None,
        };
        let judge = |most| Bound { of: Loadcore, against: Wrk, most }.judge(cost);
        assert_eq!(judge(Most::Times(0.95)).1, Some(true));
        assert_eq!(judge(Most::Times(0.85)).1, Some(false));
        assert_eq!(judge(Most::LessBy(1.1)).1, Some(true));
        assert_eq!(judge(Most::LessBy(1.2)).1, Some(false));
        assert_eq!(judge(Most::Faster(0.7)).1, Some(true));
        assert_eq!(judge(Most::Faster(0.8)).1, Some(false));
        let (text, holds) = judge(Most::Times(1.15));
        assert_eq!(
            (text.as_str(), holds),
            ("loadcore: at most 1.15 x wrk's CPU time: 0.90 x, kept", Some(true))
        );
        assert_eq!(less_by(7.0, K6).judge(cost).1, None);
    }
}
