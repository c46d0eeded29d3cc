#![doc = include_str!("../README.md")]

pub mod addresses;
pub mod aws;
pub mod clock;
pub mod http;
pub mod notices;
pub mod queue;
pub mod random;
pub mod sealing;
pub mod settings;
pub mod telemetry;
pub mod tokens;
mod trust;

pub use aws::Aws;
pub use clock::Clock;
pub use http::HttpClient;
pub use queue::Queues;
pub use sealing::Sealing;
pub use settings::Settings;
