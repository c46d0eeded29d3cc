//! The OpenAPI document: made of the same attributes that register the routes, so that neither can be without the other.

use std::sync::OnceLock;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::problem::{PROBLEM_JSON, ProblemBody};
use crate::routes;

const BEARER: &str = "bearer";
const ABOUT: &str = "One play, once, at every service. Calls carry `Authorization: Bearer` with a user's token, or the \
    server's token with the user's UUID in `X-User-Id`. Errors are `application/problem+json`.";

/// The document without its paths.
pub(crate) fn frame() -> OpenApi {
    let mut components = Components::new();
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    components
        .schemas
        .insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    let info = InfoBuilder::new()
        .title("The scrobble hub")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT));
    OpenApiBuilder::new()
        .info(info.build())
        .components(Some(components))
        .security(Some([SecurityRequirement::new(
            BEARER,
            Vec::<String>::new(),
        )]))
        .build()
}

/// The whole document: every operation may also answer with a problem.
pub(crate) fn whole() -> OpenApi {
    let (_, mut openapi) = routes::all().split_for_parts();
    let problem = ContentBuilder::new()
        .schema(Some(RefOr::Ref(Ref::from_schema_name(ProblemBody::name()))))
        .build();
    let response = ResponseBuilder::new()
        .description("A problem")
        .content(PROBLEM_JSON, problem)
        .build();
    for item in openapi.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        for operation in operations.into_iter().flatten() {
            operation
                .responses
                .responses
                .insert("default".to_owned(), RefOr::T(response.clone()));
        }
    }
    openapi
}

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "health",
    responses((status = 200, description = "The OpenAPI document", body = Object)), security(())
)]
pub(crate) async fn document() -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let text = DOCUMENT.get_or_init(|| whole().to_json().unwrap_or_default());
    let mut response = text.as_str().into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
