//! `/api/v1/sources`.

mod accounts;
mod ignored;
