//! The truth server as a program: see `testbed::truth`. `truth-server [--seed N] [--until-stdin-closes]`
//!
//! Prints `listening ADDRESS` and `control ADDRESS`, then serves until it is killed.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("truth-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), Box<dyn std::error::Error>> {
    let mut seed = 1;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seed" => seed = args.next().ok_or("--seed needs a number")?.parse()?,
            "--until-stdin-closes" => end_with_stdin(),
            _ => return Err(format!("{arg} is neither --seed N nor --until-stdin-closes").into()),
        }
    }
    Ok(testbed::truth::run(seed, announce)?)
}

fn announce(server: SocketAddr, control: SocketAddr) {
    let mut out = io::stdout().lock();
    // Whoever does not read these lines has no use for the server; the next line of theirs will say so.
    let _ = writeln!(out, "listening {server}\ncontrol {control}");
    let _ = out.flush();
}

/// Ends the process when whoever started it has gone.
fn end_with_stdin() {
    thread::spawn(|| {
        let mut byte = [0; 64];
        while io::stdin().read(&mut byte).is_ok_and(|len| len > 0) {}
        std::process::exit(0);
    });
}
