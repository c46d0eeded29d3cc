//! `hub`: the whole hub on one machine, and the commands to look after it.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use hub_local::cli::Arguments;
use hub_local::commands;
use hub_local::output::Output;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::standard(arguments.common.json);
    let mut input = std::io::stdin().lock();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("The hub could not start: {error}.")),
    };
    match runtime.block_on(commands::run(&arguments, &mut input, &mut output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure.to_string()),
    }
}

fn failed(sentence: &str) -> ExitCode {
    // Where nobody reads the errors, the exit code says it alone.
    let _ = writeln!(std::io::stderr(), "hub: {sentence}");
    ExitCode::FAILURE
}
