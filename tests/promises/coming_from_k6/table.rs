//! What k6's HTTP client has, each with the promises that show its equivalent here against a real server: the rows of the guide's
//! tables, in their order. Where there is none ([`NONE`]) the guide says why.

/// A name of k6's, as the guide has it, and `module::test` of each promise.
pub(super) type Row = (&'static str, &'static [&'static str]);

/// There is no equivalent.
pub(super) const NONE: &[&str] = &[];

pub(super) const OPTIONS: &[Row] = &[
    (
        "batch",
        &["batch::the_total_is_for_all_hosts_together", "cli::http::a_batch_is_as_wide_as_the_options_say"],
    ),
    ("batchPerHost", &["batch::no_more_than_the_limits_are_under_way"]),
    (
        "blacklistIPs",
        &[
            "connections::hosts::a_blocked_address_is_not_connected_to_however_it_was_found",
            "cli::http::names_lead_where_the_options_say_or_nowhere",
        ],
    ),
    ("blockHostnames", &["connections::hosts::nothing_is_sent_to_a_blocked_host"]),
    (
        "discardResponseBodies",
        &[
            "truth::discarded_bodies_are_counted_to_the_byte_all_the_same",
            "cli::http::bodies_are_thrown_away_if_the_options_say_so",
        ],
    ),
    (
        "dns",
        &[
            "connections::names::an_answer_holds_for_its_time_to_live",
            "connections::names::round_robin_takes_each_address_in_turn_also_when_nothing_is_remembered",
            "connections::names::the_policy_decides_between_the_kinds_of_address",
            "cli::http::names_lead_where_the_options_say_or_nowhere",
        ],
    ),
    (
        "hosts",
        &[
            "connections::hosts::an_override_leads_elsewhere_and_the_target_does_not_see_it",
            "cli::http::names_lead_where_the_options_say_or_nowhere",
        ],
    ),
    ("httpDebug", &["cli::debug::a_debug_run_shows_each_request_and_response_in_full_and_in_order"]),
    (
        "insecureSkipTLSVerify",
        &[
            "https::certificates::an_insecure_test_accepts_every_certificate_and_says_so",
            "cli::http::tls_is_as_strict_and_as_new_as_the_options_say",
        ],
    ),
    (
        "localIPs",
        &[
            "connections::addresses::each_vu_comes_from_the_next_address_of_the_pool",
            "cli::http::vus_connect_from_the_addresses_that_the_options_say",
        ],
    ),
    (
        "maxRedirects",
        &[
            "redirects::at_the_limit_the_redirect_itself_is_the_response",
            "cli::http::redirects_are_followed_as_far_as_the_options_say",
        ],
    ),
    (
        "noConnectionReuse",
        &[
            "connections::reuse::without_reuse_each_request_has_a_connection_and_tells_the_server_so",
            "cli::http::connections_live_as_long_as_the_options_say",
        ],
    ),
    (
        "noVUConnectionReuse",
        &["connections::reuse::a_vu_that_keeps_nothing_closes_its_connections_when_the_iteration_ends"],
    ),
    (
        "noCookiesReset",
        &[
            "cookies::a_user_who_comes_back_keeps_them_and_no_other_vu_sees_them",
            "cli::http::cookies_and_the_user_agent_are_as_the_options_say",
        ],
    ),
    (
        "rps",
        &[
            "pacing::no_more_requests_are_sent_than_the_cap_allows_and_the_wait_is_in_no_timing",
            "cli::flags::no_more_requests_are_sent_than_rps_allows_whoever_says_it",
        ],
    ),
    ("throw", &["faults::every_way_to_lose_an_answer_has_a_name_and_costs_one_iteration"]),
    ("tlsAuth", &["https::clients::each_host_is_shown_the_certificate_that_is_meant_for_it"]),
    ("tlsCipherSuites", &["https::the_cipher_suites_that_a_test_names_are_the_ones_it_offers"]),
    (
        "tlsVersion",
        &[
            "https::the_versions_that_a_test_allows_are_the_ones_it_speaks",
            "cli::http::tls_is_as_strict_and_as_new_as_the_options_say",
        ],
    ),
    ("userAgent", &["cli::http::cookies_and_the_user_agent_are_as_the_options_say"]),
    ("systemTags", NONE),
    ("SSLKEYLOGFILE", &["https::keys::only_a_program_reads_sslkeylogfile"]),
    (
        "HTTP_PROXY",
        &[
            "reqwest::proxies::requests_go_through_an_http_proxy_and_count_as_without",
            "reqwest::proxies::tls_goes_through_a_tunnel",
        ],
    ),
    ("GODEBUG=http2client=0", &["http2::real::with_tls_the_server_chooses_and_the_metrics_say_what"]),
];

const METHODS: &[&str] = &["coming_from_k6::each_method_has_a_name_of_its_own"];
const OWN_JAR: &[&str] = &["cookies::a_request_may_say_its_own_take_another_jar_or_none"];

pub(super) const FUNCTIONS: &[Row] = &[
    ("get", METHODS),
    ("head", METHODS),
    ("post", METHODS),
    ("put", METHODS),
    ("patch", METHODS),
    ("del", METHODS),
    ("options", METHODS),
    ("request", &["truth::requests::methods_headers_queries_bodies_and_credentials_arrive_as_written"]),
    ("asyncRequest", &["connections::limit::without_a_limit_each_joined_request_has_a_connection"]),
    ("batch", &["batch::responses_come_in_the_order_of_their_requests_whatever_became_of_them"]),
    ("file", &["bodies::forms::a_server_reads_a_form_as_it_was_written"]),
    ("FormData", &["bodies::forms::a_server_reads_a_form_as_it_was_written"]),
    ("url", &["truth::requests::names_and_tags_say_what_a_request_is_counted_under"]),
    ("cookieJar()", &["cookies::they_come_back_where_they_belong_and_each_iteration_begins_without"]),
    ("new CookieJar()", OWN_JAR),
    ("jar.cookiesForURL", OWN_JAR),
    ("jar.set", OWN_JAR),
    ("jar.clear", OWN_JAR),
    ("jar.delete", OWN_JAR),
    ("expectedStatuses", &["expected::by_default_200_to_399_and_each_call_may_say_otherwise"]),
    ("setResponseCallback", &["expected::the_test_says_it_for_all_that_say_nothing"]),
    ("TLS_1_2", &["https::the_versions_that_a_test_allows_are_the_ones_it_speaks"]),
    ("OCSP_STATUS_GOOD", NONE),
];

const WRITTEN: &[&str] =
    &["truth::requests::methods_headers_queries_bodies_and_credentials_arrive_as_written"];

pub(super) const PARAMETERS: &[Row] = &[
    ("headers", WRITTEN),
    ("Host", &["coming_from_k6::a_request_may_name_another_host_than_it_is_sent_to"]),
    ("tags", &["truth::requests::names_and_tags_say_what_a_request_is_counted_under"]),
    ("cookies", OWN_JAR),
    ("jar", OWN_JAR),
    ("redirects", &["redirects::at_the_limit_the_redirect_itself_is_the_response"]),
    ("timeout", &["faults::a_timeout_was_spent_waiting", "redirects::one_timeout_is_for_all_hops_together"]),
    ("compression", &["bodies::a_request_is_compressed_once_or_more_and_its_answer_likewise"]),
    ("responseType", &["responses::a_discarded_body_is_not_missed_by_what_does_not_need_it"]),
    ("responseCallback", &["expected::by_default_200_to_399_and_each_call_may_say_otherwise"]),
    ("auth: \"basic\"", WRITTEN),
    ("auth: \"digest\"", NONE),
    ("\"ntlm\"", NONE),
    ("throw", &["faults::every_way_to_lose_an_answer_has_a_name_and_costs_one_iteration"]),
    ("body", WRITTEN),
    ("body with http.file", &["bodies::forms::a_server_reads_a_form_as_it_was_written"]),
];

const WORDS: &[&str] = &["responses::status_headers_and_protocol_are_there_in_words"];
const ADDRESS: &[&str] = &["coming_from_k6::a_response_tells_which_address_and_port_have_answered"];
const FAULTS: &[&str] =
    &["faults::table::every_fault_ends_under_its_name_the_vu_goes_on_and_nothing_is_left_behind"];

pub(super) const RESPONSE: &[Row] = &[
    ("status", WORDS),
    ("status_text", WORDS),
    ("proto", &["http2::real::with_tls_the_server_chooses_and_the_metrics_say_what"]),
    ("url", &["redirects::the_url_of_a_response_is_the_one_that_was_asked_for_in_the_end"]),
    ("headers", &["responses::a_header_that_comes_twice_has_both_values"]),
    ("cookies", &["coming_from_k6::all_that_a_cookie_says_can_be_read"]),
    ("body", &["bodies::nginx_s_gzip_is_inflated_and_counted_as_it_was_on_the_wire"]),
    ("json()", &["responses::a_value_of_a_json_body_is_found_by_its_pointer"]),
    ("json(\"a.b.0\")", &["responses::a_value_of_a_json_body_is_found_by_its_pointer"]),
    (
        "timings",
        &[
            "timings::a_new_connection_shows_its_lookup_its_handshake_and_what_followed",
            "timings::a_reused_connection_shows_what_the_server_did_and_no_connecting",
        ],
    ),
    ("remote_ip", ADDRESS),
    ("remote_port", ADDRESS),
    ("tls_version", &["https::the_versions_that_a_test_allows_are_the_ones_it_speaks"]),
    ("tls_cipher_suite", &["https::the_cipher_suites_that_a_test_names_are_the_ones_it_offers"]),
    ("ocsp", NONE),
    ("error", FAULTS),
    ("error_code", FAULTS),
    ("request", NONE),
    ("html()", NONE),
    ("submitForm()", NONE),
    ("clickLink()", NONE),
];
