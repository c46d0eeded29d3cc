//! `/api/v1/user`.

mod settings;
mod tokens;
