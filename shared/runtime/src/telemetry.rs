//! Logs: one JSON line an event on AWS, readable text elsewhere.
//!
//! What is logged is decided where it is logged: never a token, a title or a body. Here the libraries below us are kept
//! quiet, whatever the filter says, because their debug lines hold requests whole.

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::settings::Settings;

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, without a time of its own in the message: for machines.
    Json,
    /// Text with colours where a terminal reads it: for people.
    Text,
}

/// Libraries that print what they send and receive at their lower levels. The one of Lambda keeps its span, which
/// gives each line its request's id.
const KEPT_QUIET: [&str; 14] = [
    "aws_config=warn",
    "aws_runtime=warn",
    "aws_sdk_dynamodb=warn",
    "aws_sdk_secretsmanager=warn",
    "aws_sdk_sqs=warn",
    "aws_smithy_http_client=warn",
    "aws_smithy_runtime=warn",
    "aws_smithy_runtime_api=warn",
    "h2=warn",
    "hyper=warn",
    "hyper_util=warn",
    "lambda_runtime=info",
    "reqwest=warn",
    "rustls=warn",
];

/// Starts logging to the standard error stream (and on AWS to the log group); a second call changes nothing.
pub fn start(settings: &Settings) {
    let format = settings.log_format;
    let subscriber = subscriber(&settings.log_filter, format, std::io::stderr);
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("logging had been started before");
    }
}

/// Says whether a text is a filter that [`start`] understands.
pub(crate) fn is_log_filter(text: &str) -> bool {
    EnvFilter::try_new(text).is_ok()
}

fn filter(text: &str) -> EnvFilter {
    let mut filter = EnvFilter::try_new(text).unwrap_or_else(|_| EnvFilter::new("info"));
    for library in KEPT_QUIET {
        if let Ok(directive) = library.parse() {
            filter = filter.add_directive(directive);
        }
    }
    filter
}

fn subscriber<W>(
    filter_text: &str,
    format: LogFormat,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(filter_text))
        .with_writer(writer);
    match format {
        LogFormat::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .finish(),
        ),
        LogFormat::Text => {
            use std::io::IsTerminal as _;
            let is_terminal = std::io::stderr().is_terminal();
            Box::new(builder.with_ansi(is_terminal).with_target(false).finish())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(filter: &str, format: LogFormat, log: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(filter, format, move || writer.clone());
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn on_aws_an_event_is_one_json_line_with_its_fields() {
        let line = written("info", LogFormat::Json, || {
            tracing::info!(duration_ms = 7, "settled a delivery");
        });
        let line: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
        assert_eq!(line["message"], "settled a delivery");
        assert_eq!(line["duration_ms"], 7);
        assert_eq!(line["level"], "INFO");
    }

    #[test]
    fn elsewhere_it_is_text_without_escapes_where_no_terminal_reads_it() {
        let line = written("info", LogFormat::Text, || tracing::info!("listening"));
        assert!(
            line.contains("INFO") && line.trim_end().ends_with("listening"),
            "{line}"
        );
    }

    #[test]
    fn every_library_that_is_kept_quiet_is_named_as_a_filter_understands() {
        let has_directive = |library: &str| filter("trace").to_string().contains(library);
        assert!(KEPT_QUIET.into_iter().all(has_directive));
    }

    #[test]
    fn the_filter_decides_for_our_modules_and_never_wakes_the_libraries_below() {
        let lines = written("trace", LogFormat::Json, || {
            tracing::trace!("ours");
            tracing::debug!(target: "aws_smithy_runtime::client", "a request whole");
            tracing::trace!(target: "hyper", "its bytes");
            tracing::warn!(target: "hyper", "a warning");
        });
        assert!(
            lines.contains("ours") && lines.contains("a warning"),
            "{lines}"
        );
        assert!(
            !lines.contains("a request whole") && !lines.contains("its bytes"),
            "{lines}"
        );
    }
}
