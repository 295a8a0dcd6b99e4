//! HTTP's flags. `-h` leaves them to `--help`.

use super::{HttpSaid, TlsVersions, values};
use clap::Args;

const HEADING: &str = "HTTP";

/// What a run can be told of HTTP.
#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub(in crate::cli) struct HttpArgs {
    /// Follow at most so many redirects for one request [default: 10]
    #[arg(long, value_name = "N", value_parser = values::redirects, allow_negative_numbers = true, hide_short_help = true)]
    max_redirects: Option<u32>,
    /// The `user-agent` header of requests that do not set it themselves [default: loadcore and its version]
    #[arg(long, value_name = "TEXT", value_parser = values::user_agent, hide_short_help = true)]
    user_agent: Option<String>,
    /// How many requests of one vu.batch(..) are under way at a time [default: 20]
    #[arg(long, value_name = "N", value_parser = values::requests, allow_negative_numbers = true, hide_short_help = true)]
    batch: Option<usize>,
    /// .. and how many of them to one host [default: 6]
    #[arg(long, value_name = "N", value_parser = values::requests, allow_negative_numbers = true, hide_short_help = true)]
    batch_per_host: Option<usize>,
    /// Keep a VU's cookies from one iteration to the next
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = crate::cli::values::truth, hide_short_help = true)]
    no_cookies_reset: Option<bool>,
    /// Throw response bodies away as they come in
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = crate::cli::values::truth, hide_short_help = true)]
    discard_response_bodies: Option<bool>,
    /// Open a connection for each request
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = crate::cli::values::truth, hide_short_help = true)]
    no_connection_reuse: Option<bool>,
    /// Close a VU's connections when its iteration ends
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = crate::cli::values::truth, hide_short_help = true)]
    no_vu_connection_reuse: Option<bool>,
    /// Send the connections to a host elsewhere, such as shop.test=127.0.0.1:8081 or '*.shop.test=unix:/run/app.sock' (may be
    /// repeated)
    #[arg(long, value_name = "HOST=TO", value_parser = values::host, value_delimiter = ',', hide_short_help = true)]
    hosts: Vec<(String, String)>,
    /// Send nothing to this host, such as ads.test or '*.ads.test' (may be repeated)
    #[arg(long, value_name = "HOST", value_parser = values::blocked_host, value_delimiter = ',', hide_short_help = true)]
    block_hostnames: Vec<String>,
    /// Connect to no address in this range, such as 10.0.0.0/8 or 192.0.2.7 (may be repeated)
    #[arg(long, value_name = "RANGE", value_parser = values::blocked_addresses, value_delimiter = ',', hide_short_help = true)]
    blacklist_ip: Vec<String>,
    /// Connect from these addresses of this machine, one for each VU in turn, such as 10.0.0.5-10.0.0.9,10.0.1.0/24
    #[arg(long, value_name = "RANGES", value_parser = values::local_addresses, hide_short_help = true)]
    local_ips: Option<String>,
    /// How names become addresses, such as ttl=5m,select=random,policy=preferIPv4: all or some of them
    ///
    /// ttl: for how long an answer holds, also 0 or inf. select: first, random or roundRobin. policy: preferIPv4, preferIPv6,
    /// onlyIPv4, onlyIPv6 or any. The defaults are 5m, roundRobin and preferIPv4.
    #[arg(long, value_name = "SETTINGS", value_parser = values::dns, hide_short_help = true)]
    dns: Option<String>,
    /// Speak this version of TLS only, tls1.2 or tls1.3, or those of a range: min=tls1.2,max=tls1.3
    #[arg(long, value_name = "VERSIONS", value_parser = values::tls_versions, hide_short_help = true)]
    tls_version: Option<TlsVersions>,
    /// Accept any TLS certificate: whoever sits between can read and change everything
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = crate::cli::values::truth, hide_short_help = true)]
    insecure_skip_tls_verify: Option<bool>,
}

impl HttpArgs {
    pub(in crate::cli) fn said(&self) -> HttpSaid {
        HttpSaid {
            user_agent: self.user_agent.clone(),
            max_redirects: self.max_redirects,
            batch: self.batch,
            batch_per_host: self.batch_per_host,
            no_connection_reuse: self.no_connection_reuse,
            no_vu_connection_reuse: self.no_vu_connection_reuse,
            no_cookies_reset: self.no_cookies_reset,
            discard_response_bodies: self.discard_response_bodies,
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            tls_version: self.tls_version.unwrap_or_default(),
            dns: self.dns.iter().cloned().collect(),
            hosts: self.hosts.clone(),
            block_hostnames: self.block_hostnames.clone(),
            blacklist_ips: self.blacklist_ip.clone(),
            local_ips: self.local_ips.clone(),
        }
    }
}
