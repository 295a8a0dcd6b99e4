//! HTTP's keys of the options file.

use super::{HttpSaid, TlsVersions, values};
use crate::cli::file::{Key, Reader, Value, entries};
use crate::cli::values::truth;
use toml::de::DeValue;

/// The keys of HTTP.
pub(in crate::cli) const KEYS: [&str; 15] = [
    "max_redirects",
    "user_agent",
    "batch",
    "batch_per_host",
    "no_connection_reuse",
    "no_vu_connection_reuse",
    "no_cookies_reset",
    "discard_response_bodies",
    "insecure_skip_tls_verify",
    "tls_version",
    "dns",
    "hosts",
    "block_hostnames",
    "blacklist_ips",
    "local_ips",
];

const ENDS: [&str; 2] = ["min", "max"];

/// Reads a key of HTTP. Tells whether it is one.
pub(in crate::cli) fn read(
    reader: &mut Reader<'_>,
    http: &mut HttpSaid,
    key: &Key<'_>,
    value: &Value<'_>,
) -> bool {
    match &**key.get_ref() {
        "max_redirects" => http.max_redirects = reader.value(key, value, values::redirects),
        "user_agent" => http.user_agent = reader.value(key, value, values::user_agent),
        "batch" => http.batch = reader.value(key, value, values::requests),
        "batch_per_host" => http.batch_per_host = reader.value(key, value, values::requests),
        "no_connection_reuse" => http.no_connection_reuse = reader.value(key, value, truth),
        "no_vu_connection_reuse" => http.no_vu_connection_reuse = reader.value(key, value, truth),
        "no_cookies_reset" => http.no_cookies_reset = reader.value(key, value, truth),
        "discard_response_bodies" => http.discard_response_bodies = reader.value(key, value, truth),
        "insecure_skip_tls_verify" => http.insecure_skip_tls_verify = reader.value(key, value, truth),
        "tls_version" => http.tls_version = tls_version(reader, key, value),
        "dns" => http.dns = reader.value(key, value, values::dns).into_iter().collect(),
        "hosts" => http.hosts = reader.pairs(key, value, values::host_pair),
        "block_hostnames" => http.block_hostnames = reader.list(key, value, values::blocked_host),
        "blacklist_ips" => http.blacklist_ips = reader.list(key, value, values::blocked_addresses),
        "local_ips" => {
            let pools = reader.list(key, value, values::local_addresses);
            http.local_ips = (!pools.is_empty()).then(|| pools.join(","));
        }
        _ => return false,
    }
    true
}

/// `"tls1.3"`, or `{ min = "tls1.2", max = "tls1.3" }`.
fn tls_version(reader: &mut Reader<'_>, key: &Key<'_>, value: &Value<'_>) -> TlsVersions {
    let DeValue::Table(table) = value.get_ref() else {
        return reader.value(key, value, values::tls_versions).unwrap_or_default();
    };
    let mut versions = TlsVersions::default();
    for (end, value) in entries(table) {
        let place = format!("{}.{}", key.get_ref(), end.get_ref());
        match &**end.get_ref() {
            "min" => versions.min = reader.parsed(&place, value, values::tls_version),
            "max" => versions.max = reader.parsed(&place, value, values::tls_version),
            _ => reader.unknown(end, "end of a range of versions named", &ENDS),
        }
    }
    versions
}
