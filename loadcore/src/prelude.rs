//! What a test crate needs: `use loadcore::prelude::*;`.

pub use crate::data::{Feeder, OnEnd, SharedArray, StreamedRows};
pub use crate::metric::{
    Bytes, CHECKS, Counter, DATA_RECEIVED, DATA_SENT, DROPPED_ITERATIONS, GROUP_DURATION, Gauge, Group,
    INTERRUPTED_ITERATIONS, ITERATION_DURATION, ITERATION_FAILED, ITERATION_LATENESS,
    ITERATION_RESPONSE_TIME, ITERATIONS, Plain, Rate, Select as _, Time, Trend, VUS, VUS_MAX,
};
pub use crate::plan::{
    constant_arrival_rate, constant_vus, hours, millis, mins, per, per_min, per_sec, per_vu_iterations,
    ramping_arrival_rate, ramping_vus, secs, shared_iterations,
};
pub use crate::protocol::http::{
    HTTP_REQ_ABANDONED, HTTP_REQ_BLOCKED, HTTP_REQ_CONNECTING, HTTP_REQ_DURATION, HTTP_REQ_FAILED,
    HTTP_REQ_LOOKING_UP, HTTP_REQ_RECEIVING, HTTP_REQ_RETRIES, HTTP_REQ_SENDING, HTTP_REQ_TLS_HANDSHAKING,
    HTTP_REQ_WAITING, HTTP_REQS, Response,
};
pub use crate::run::{constant, exponential, lognormal, normal, uniform};
pub use crate::{Error, LoadTest, MEASURE_DURATION, MEASURE_FAILED, Report, Result, Scenario, Vu};
pub use crate::{check, path};
pub use loadcore_macros::{data, group, metric, scenario, setup, teardown, vu_setup, vu_teardown};
