//! HTTP's variables.

use super::{HttpSaid, values};
use crate::cli::environment::{Reader, Separator};
use crate::cli::values::truth;

/// What the variables say of HTTP.
pub(in crate::cli) fn read(reader: &mut Reader) -> HttpSaid {
    HttpSaid {
        user_agent: reader.value("LOADCORE_USER_AGENT", values::user_agent),
        max_redirects: reader.value("LOADCORE_MAX_REDIRECTS", values::redirects),
        batch: reader.value("LOADCORE_BATCH", values::requests),
        batch_per_host: reader.value("LOADCORE_BATCH_PER_HOST", values::requests),
        no_connection_reuse: reader.value("LOADCORE_NO_CONNECTION_REUSE", truth),
        no_vu_connection_reuse: reader.value("LOADCORE_NO_VU_CONNECTION_REUSE", truth),
        no_cookies_reset: reader.value("LOADCORE_NO_COOKIES_RESET", truth),
        discard_response_bodies: reader.value("LOADCORE_DISCARD_RESPONSE_BODIES", truth),
        insecure_skip_tls_verify: reader.value("LOADCORE_INSECURE_SKIP_TLS_VERIFY", truth),
        tls_version: reader.value("LOADCORE_TLS_VERSION", values::tls_versions).unwrap_or_default(),
        dns: reader.value("LOADCORE_DNS", values::dns).into_iter().collect(),
        hosts: reader.list("LOADCORE_HOSTS", Separator::Comma, values::host),
        block_hostnames: reader.list("LOADCORE_BLOCK_HOSTNAMES", Separator::Comma, values::blocked_host),
        blacklist_ips: reader.list("LOADCORE_BLACKLIST_IP", Separator::Comma, values::blocked_addresses),
        local_ips: reader.value("LOADCORE_LOCAL_IPS", values::local_addresses),
    }
}
