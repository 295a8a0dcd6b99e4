//! What `--help` says beside the flags.

/// Below `-h`.
pub(super) const SHORT: &str = "\
`--help` tells more, also of HTTP's options, LOADCORE_* variables and the options file.";

/// Below `--help`. Paragraphs are one line each: they are wrapped to the terminal.
pub(super) const LONG: &str = "\
Where options come from:
  the command line > LOADCORE_* variables > the options file > LoadTest in the code > #[scenario(..)] > defaults.
  What is said further left wins. Tags, headers, --hosts and --env add up, by key, and so does what is blocked. \
Thresholds add up, and replace those of the same metric, tags and aggregation that are said further right. Of --dns and \
--tls-version only what they name is replaced.
  One of --duration, --iterations, --stage and --rate replaces all four of what is said further right; --vus alone does \
not. In one place go together only --iterations with --duration, --rate with --duration, and --vus with each.

Variables:
  Each option has one, named after its flag: --base-url is LOADCORE_BASE_URL. An empty variable is as good as none; one \
that does not exist is an error. Switches take true or false. Several values are written so:
    LOADCORE_SCENARIO, LOADCORE_STAGE, LOADCORE_HOSTS, and
    LOADCORE_BLOCK_HOSTNAMES, LOADCORE_BLACKLIST_IP     with commas: 30s:10,1m:0
    LOADCORE_TAG, LOADCORE_THRESHOLD                    with semicolons, or one a line
    LOADCORE_HEADER, LOADCORE_ENV                       one a line
  What neither --env nor one of its like says, the journeys see of the process's environment: vu.env(\"HOME\").
  SSLKEYLOGFILE names a file to which the secrets of TLS connections are appended, for Wireshark and its like.
  SSL_CERT_FILE and SSL_CERT_DIR name certificates to trust instead of the system's.

The options file (--config FILE or LOADCORE_CONFIG):
    base_url = \"http://127.0.0.1:8080\"
    scenarios = [\"checkout\"]
    vus = 10
    stages = [\"30s:10\", \"1m:0\"]
    [env]
    USER = \"ann\"
    [tags]
    testid = \"nightly\"
    [headers]
    x-run = \"1\"
    [hosts]
    \"shop.test\" = \"127.0.0.1:8081\"
    [thresholds]
    http_req_failed = \"rate<0.01\"
    \"http_req_duration{scenario:checkout}\" = [
        \"p(95)<500\",
        { threshold = \"max<2s\", abort_on_fail = true, delay_abort_eval = \"10s\" },
    ]
  and duration, iterations, rate, seed, cores, rps, spin_arrivals, setup_timeout, teardown_timeout, no_thresholds, summary_export, \
debug, quiet, no_color. Those of HTTP: max_redirects, user_agent, batch, batch_per_host, no_cookies_reset, \
discard_response_bodies, no_connection_reuse, no_vu_connection_reuse, block_hostnames, blacklist_ips, local_ips, dns, \
tls_version, insecure_skip_tls_verify.
  Durations have their unit everywhere: 500ms, 30s, 1m30s, 2h.

Exit codes:
    0    all thresholds hold
    99   a threshold does not hold
    100  a setup takes too long; 101: a teardown does
    104  something is wrong before the start: options, scenarios, thresholds, data
    105  ended by a signal
    107  a setup or teardown failed
    108  a journey aborted the test; 110: a journey marked it as failed
    109  a fault of the load generator";
