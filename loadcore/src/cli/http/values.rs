//! The words of HTTP's options.

use super::TlsVersions;
use crate::cli::values::{Parsed, at_least_one, header_pair, whole};
use crate::protocol::http::{Dns, Http, TlsError, TlsVersion};
use std::net::IpAddr;

pub(super) fn redirects(text: &str) -> Parsed<u32> {
    u32::try_from(whole(text)?).map_err(|_| format!("{text} redirects: write at most {}", u32::MAX))
}

pub(super) fn requests(text: &str) -> Parsed<usize> {
    usize::try_from(at_least_one(text)?).map_err(|_| format!("{text} requests: write at most {}", usize::MAX))
}

pub(super) fn user_agent(text: &str) -> Parsed<String> {
    header_pair(super::USER_AGENT, text).map(|(_, agent)| agent)
}

/// Text that fits, or what the client says against it.
fn checked(http: &Http, text: &str) -> Parsed<String> {
    http.problem().map_or_else(|| Ok(text.to_owned()), |problem| Err(problem.to_string()))
}

pub(super) fn blocked_host(text: &str) -> Parsed<String> {
    if text.trim().parse::<IpAddr>().is_ok() {
        return Err(format!(
            "`{text}` is an address, and this is for names: --blacklist-ip and its like are for addresses"
        ));
    }
    checked(&Http::new().block_host(text.trim()), text.trim())
}

pub(super) fn blocked_addresses(text: &str) -> Parsed<String> {
    checked(&Http::new().block_addresses(text), text)
}

pub(super) fn local_addresses(text: &str) -> Parsed<String> {
    checked(&Http::new().local_addresses(text), text)
}

/// `HOST=TO`.
pub(super) fn host(text: &str) -> Parsed<(String, String)> {
    match text.split_once('=') {
        Some((from, to)) => host_pair(from.trim(), to.trim()),
        None => Err(format!("`{text}` leads nowhere: write HOST=ADDRESS, such as shop.test=127.0.0.1:8081")),
    }
}

pub(super) fn host_pair(from: &str, to: &str) -> Parsed<(String, String)> {
    checked(&Http::new().host(from, to), from).map(|from| (from, to.to_owned()))
}

/// Some of DNS's settings.
pub(super) fn dns(text: &str) -> Parsed<String> {
    Dns::new().with(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

const RANGE: &str = "min=tls1.2,max=tls1.3";

/// One version, or the ends of a range: `tls1.3`, or `min=tls1.2,max=tls1.3`.
pub(super) fn tls_versions(text: &str) -> Parsed<TlsVersions> {
    if !text.contains('=') {
        let only = tls_version(text);
        let only =
            if text.contains(',') { only.map_err(|error| format!("{error}, or {RANGE}")) } else { only };
        return only.map(|only| TlsVersions { min: Some(only), max: Some(only) });
    }
    let mut versions = TlsVersions::default();
    for part in text.split(',') {
        let (end, version) = part.split_once('=').unwrap_or((part, ""));
        let end = match end.trim() {
            "min" => &mut versions.min,
            "max" => &mut versions.max,
            other => return Err(format!("`{other}` is no end of a range: write {RANGE}")),
        };
        if end.replace(tls_version(version)?).is_some() {
            return Err(format!("`{text}` says an end twice: write {RANGE}"));
        }
    }
    match (versions.min, versions.max) {
        (Some(min), Some(max)) if min > max => Err(TlsError::Versions { min, max }.to_string()),
        _ => Ok(versions),
    }
}

pub(super) fn tls_version(text: &str) -> Parsed<TlsVersion> {
    let text = text.trim();
    let all = [TlsVersion::V1_0, TlsVersion::V1_1, TlsVersion::V1_2, TlsVersion::V1_3];
    match all.into_iter().find(|version| version.to_string().eq_ignore_ascii_case(text)) {
        Some(version @ (TlsVersion::V1_0 | TlsVersion::V1_1)) => Err(TlsError::Version(version).to_string()),
        Some(version) => Ok(version),
        None => Err(format!("`{text}` is no version of TLS: write tls1.2 or tls1.3")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_says_what_to_write() {
        let error = |parsed: Parsed<()>| parsed.unwrap_err();
        for (got, want) in [
            (error(redirects("few").map(drop)), "write for example 10"),
            (error(redirects("5000000000").map(drop)), "at most 4294967295"),
            (error(requests("0").map(drop)), "at least 1"),
            (error(user_agent("a\nb").map(drop)), "control character"),
            (error(blocked_host("10.0.0.1").map(drop)), "--blacklist-ip"),
            (error(blocked_addresses("10.0.0.0/33").map(drop)), "10.0.0.0/8 or 192.0.2.7"),
            (error(local_addresses("eth0").map(drop)), "10.0.0.5-10.0.0.9"),
            (error(host("shop.test").map(drop)), "shop.test=127.0.0.1:8081"),
            (error(host("shop.test=http://h").map(drop)), "leave out the scheme"),
            (error(dns("ttl=5").map(drop)), "a unit is missing"),
            (error(tls_versions("1.3").map(drop)), "tls1.2 or tls1.3"),
            (error(tls_versions("tls1.2,tls1.3").map(drop)), "min=tls1.2,max=tls1.3"),
            (error(tls_versions("tls1.0").map(drop)), "rustls"),
            (
                error(host("shop.test=a=b").map(drop)),
                "`a=b` is no host name; write for example 127.0.0.1:8081",
            ),
            (
                error(host("shop.test=*.b").map(drop)),
                "`*.b` is no host name; write for example 127.0.0.1:8081",
            ),
            (error(host("shop.*=::1").map(drop)), "or *.shop.test"),
            (error(tls_versions("from=tls1.2").map(drop)), "min=tls1.2,max=tls1.3"),
            (error(tls_versions("min=tls1.2,min=tls1.3").map(drop)), "twice"),
            (error(tls_versions("min=tls1.3,max=tls1.2").map(drop)), "swap them"),
            (error(tls_versions("min=tls1.2,").map(drop)), "min=tls1.2,max=tls1.3"),
        ] {
            assert!(got.contains(want), "{got:?} does not say {want:?}");
        }
    }

    #[test]
    fn one_version_is_a_range_of_its_own() {
        let only = TlsVersions { min: Some(TlsVersion::V1_3), max: Some(TlsVersion::V1_3) };
        assert_eq!(tls_versions(" TLS1.3 "), Ok(only));
        assert_eq!(tls_versions("max=tls1.3, min=tls1.3"), Ok(only));
        assert_eq!(tls_versions("min=tls1.3"), Ok(TlsVersions { max: None, ..only }));
    }
}
