//! Simkl: signing in there, and what becomes of its answers.

mod answers;
mod sign_in;
