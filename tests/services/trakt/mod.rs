//! Trakt.

mod answers;
mod device;
mod sign_in;
