//! The routes, laid out like the addresses. Each is registered together with its documentation, in one place.

mod anime;
mod callback;
mod connect;
mod connections;
mod disconnect;
mod events;
mod export;
mod health;
mod history;
mod library;
mod plays;
mod queue;
mod settings;
mod sources;
mod statements;
mod tokens;
mod users;
mod webhooks;

use hub_domain::Service;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::{ApiState, openapi};

/// Every route with its documentation.
pub(crate) fn all() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(connections::list))
        .routes(routes!(connections::list_services))
        .routes(routes!(connections::change, disconnect::disconnect))
        .routes(routes!(connections::change_service))
        .routes(routes!(disconnect::disconnect_service))
        .routes(routes!(connect::connect))
        .routes(routes!(connect::start_service, connect::connect_service))
        .routes(routes!(callback::callback))
        .routes(routes!(callback::auth_callback))
        .routes(routes!(queue::queue))
        .routes(routes!(events::events))
        .routes(routes!(webhooks::webhook))
        .routes(routes!(history::history))
        .routes(routes!(export::export))
        .routes(routes!(plays::retry))
        .routes(routes!(plays::show, plays::undo))
        .routes(routes!(
            statements::ratings,
            statements::rate,
            statements::unrate
        ))
        .routes(routes!(statements::list, statements::put, statements::take))
        .routes(routes!(library::put))
        .routes(routes!(library::show, library::delete))
        .routes(routes!(anime::list, anime::put))
        .routes(routes!(anime::delete))
        .routes(routes!(settings::show, settings::change))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(sources::accounts))
        .routes(routes!(sources::assign))
        .routes(routes!(sources::ignored))
        .routes(routes!(users::create, users::list))
        .routes(routes!(users::erase))
        .routes(routes!(health::shallow))
        .routes(routes!(health::deep))
        .routes(routes!(openapi::document))
}

/// The service that an address names.
fn service(name: &str) -> Result<Service, Problem> {
    name.parse()
        .map_err(|_| Problem::not_found(format!("The services: {}.", service_names())))
}

fn service_names() -> String {
    let names: Vec<&str> = Service::ALL.iter().map(|service| service.name()).collect();
    names.join(", ")
}
