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

# Everything that a change must pass
ci:
    .ci/run
