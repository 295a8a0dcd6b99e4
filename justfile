# One line per habit. `just` alone lists them.

[private]
default:
    @just --list --unsorted

# Format all code
fmt:
    cargo fmt --all

# Clippy, with warnings denied
lint:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# Documentation, with warnings denied
doc *ARGS:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features {{ARGS}}

# All tests; `just test --test promises` runs only the promises
test *ARGS:
    cargo test --workspace {{ARGS}}

# The first load test, against the example shop
quickstart *ARGS:
    cargo run --release --example quickstart -- {{ARGS}}

# The benchmarks
bench *ARGS:
    cargo bench -p loadcore-benches {{ARGS}}

# Instructions for each request, against benches/instructions.txt (`--update` writes it); needs valgrind
instructions *ARGS:
    cargo run --release -p loadcore-benches --features in-memory --bin instructions -- {{ARGS}}

# What takes too long for every change: differential cases, tagged requests and floods in great number; half an hour
long-tests:
    cargo test --release -p loadcore-tests --test differential -- --ignored
    cargo test --release -p loadcore-tests --test tagged -- --ignored
    cargo test --release -p loadcore-tests --test promises -- --ignored floods

# What a second core brings, without a server
two-cores *ARGS:
    cargo run --release -p loadcore-benches --features in-memory --bin two-cores -- {{ARGS}}

# CPU time for each request against wrk; needs nginx, wrk and taskset
against-wrk *ARGS:
    cargo build --release -p loadcore-benches
    target/release/against-wrk --limit 1.15 {{ARGS}}

# What a VU costs in memory, with a connection and without; takes two minutes and 15,000 file descriptors
many-vus *ARGS:
    cargo build --release -p loadcore-benches
    target/release/many-vus {{ARGS}}

# How late arrivals start, against a Tokio interval; needs nginx and taskset, and an idle machine
lateness *ARGS:
    cargo build --release -p loadcore-benches
    target/release/lateness {{ARGS}}

# Other load generators beside loadcore, as far as they are installed; see benches/versus/README.md
versus *ARGS:
    cargo run --release --manifest-path benches/versus/Cargo.toml -- {{ARGS}}

# Everything that a change must pass
ci:
    .ci/run
