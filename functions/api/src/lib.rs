#![doc = include_str!("../README.md")]

mod admitted;
mod body;
mod caller;
mod drop;
mod foresee;
mod forward;
mod layers;
mod openapi;
mod owner;
mod problem;
mod routes;
pub mod services;
mod sign_in;
mod state;
#[cfg(test)]
mod tests;
mod wire;

use axum::Router;

pub use state::ApiState;

/// The one router: for Lambda, for one machine, for tests.
pub fn router(state: ApiState) -> Router {
    let (router, _) = routes::all().split_for_parts();
    layers::around(router, state)
}
