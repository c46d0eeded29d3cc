//! The template of the deployment on AWS, read as `CloudFormation` reads it and held against the code.

mod alarms;
mod api;
mod functions;
mod queues;
mod read;
mod services;
mod settings;
mod table;
