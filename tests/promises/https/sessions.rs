//! Whether a VU's connections begin with a full handshake.

use loadcore::http::{Tls, TlsVersion};
use loadcore::prelude::*;
use testbed::Authority;

use super::{ask, telling};

/// Every request on a connection of its own.
const ONE_EACH: &str = "keepalive_timeout 0; ssl_session_cache shared:sessions:1m;";

#[tokio::test]
async fn sessions_are_resumed_only_where_a_test_wants_it_and_never_another_vu_s() {
    let authority = Authority::new();
    let Some(nginx) = telling(&authority.server(&["localhost"]), ONE_EACH) else { return };
    // Of three VUs with four connections each: nginx says `r` of a resumed session and `.` of a new one.
    for (resume, resumed) in [(false, 0), (true, 9)] {
        for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
            let tls = Tls::new().root_certificates(authority.pem()).min_version(version).max_version(version);
            let executor = per_vu_iterations(4).vus(3);
            let (told, report) = ask(&nginx.tls_url("tls"), tls.resume_sessions(resume), executor).await;
            assert_eq!((report.errors(), told.len()), (Vec::new(), 12), "{report}");
            let how_often = |sign: &str| told.iter().filter(|told| told.resumed == sign).count();
            assert_eq!((how_often("r"), how_often(".")), (resumed, 12 - resumed), "{version}, {resume}");
        }
    }
}

#[tokio::test]
async fn without_resuming_kept_connections_are_still_kept() {
    let authority = Authority::new();
    let Some(nginx) = telling(&authority.server(&["localhost"]), "") else { return };
    let tls = Tls::new().root_certificates(authority.pem());
    let (told, report) = ask(&nginx.tls_url("tls"), tls, per_vu_iterations(5).vus(2)).await;
    assert_eq!(told.len(), 10);
    let new_ones = |tls: bool| {
        let metric = if tls { HTTP_REQ_TLS_HANDSHAKING } else { HTTP_REQ_CONNECTING };
        // A reused connection has spent no time on it: of ten values the two highest are above 0.
        let loadcore::metric::Stats::Trend { min, percentiles, max, .. } = report.stats(metric, &[80.0])
        else {
            panic!("a trend")
        };
        min == 0.0 && percentiles[0] < max && max > 0.0
    };
    assert!(new_ones(true) && new_ones(false), "{report}");
}
