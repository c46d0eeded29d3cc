//! `hub`: the whole hub on one machine, and the commands to look after it.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use hub_local::cli::Arguments;
use hub_local::commands;
use hub_local::output::Output;

/// The stack of each thread, in bytes; only what is used of it takes memory. A call goes through the functions, the SDK and
/// the stores within one thread, and an unoptimised build keeps every temporary of all of them.
const STACK: usize = 8 * 1024 * 1024;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::standard(arguments.common.json);
    let mut input = std::io::stdin().lock();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK)
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
