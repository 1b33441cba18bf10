//! The OpenAPI document: what utoipa does not know from the routes, and the pages that show it.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use utoipa::PartialSchema as _;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, HttpMethod, InfoBuilder, License, OpenApi, OpenApiBuilder,
    PathItem, Ref, RefOr, ResponseBuilder, SecurityRequirement, path::Operation,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::guard::SESSION_COOKIE;
use super::problem::{KINDS, ProblemBody};
use super::rules::{Access, access};
use super::state::ApiState;

/// The document's head.
pub(super) fn base() -> OpenApi {
    let mut components = Components::new();
    let cookie = ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("key", key);
    let signature = ApiKeyValue::with_description(
        model_format::protocol::SIGNATURE_HEADER,
        "Ed25519 by a device, beside the headers cirame-device and cirame-time",
    );
    components.add_security_scheme("device", SecurityScheme::ApiKey(ApiKey::Header(signature)));
    components.schemas.insert("Problem".to_owned(), ProblemBody::schema());
    let codes: String = KINDS
        .iter()
        .map(|kind| format!("* {} `{}`: {}\n", kind.status, kind.code, kind.title))
        .collect();
    let info = InfoBuilder::new()
        .title("CiRA ME trainer")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(format!(
            "Everything that the console can do. Lists come in pages: ask again with `cursor` set \
             to `next`. Work that takes long is a job: the answer is 202, progress stands at \
             `/api/jobs/{{id}}/events`. Refusals are problems (RFC 9457) with a stable `code`:\n\n\
             {codes}"
        )))
        .license(Some(License::new("MIT OR Apache-2.0")))
        .build();
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// Adds what every route has by its rule: who may use it, and which problems it may answer with.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(method_name(&method), path));
            let Some(access) = access(method_name(&method), path) else { continue };
            operation.security = Some(security(access));
            let has_path_parameter = path.contains('{');
            let has_body = operation.request_body.is_some();
            for kind in KINDS {
                let possible = match kind.status {
                    401 => access != Access::Open || kind.code == "wrong_password",
                    404 => has_path_parameter || has_body,
                    405 => false,
                    413 | 415 => has_body,
                    416 => path.contains("artifact"),
                    _ => true,
                };
                if possible {
                    add_problem(operation, kind.status);
                }
            }
        }
    }
}

/// A name that no other operation has, as generated clients need it: `get_training_runs_by_id`.
fn operation_id(method: &str, path: &str) -> String {
    let levels = path.split('/').filter(|level| !level.is_empty() && *level != "api");
    levels.fold(method.to_lowercase(), |id, level| {
        match level.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(parameter) => format!("{id}_by_{parameter}"),
            None => format!("{id}_{}", level.replace(['-', '.'], "_")),
        }
    })
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> Vec<(HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, item.get.as_mut()),
        (HttpMethod::Post, item.post.as_mut()),
        (HttpMethod::Put, item.put.as_mut()),
        (HttpMethod::Patch, item.patch.as_mut()),
        (HttpMethod::Delete, item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
    .collect()
}

fn method_name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Options | HttpMethod::Head | HttpMethod::Trace => "other",
    }
}

fn security(access: Access) -> Vec<SecurityRequirement> {
    let none: [&str; 0] = [];
    let needs = |name: &str| SecurityRequirement::new(name, none);
    match access {
        Access::Open => vec![SecurityRequirement::default()],
        Access::Device => vec![needs("device")],
        Access::Signed(_) | Access::Either(..) => vec![needs("session"), needs("key")],
        Access::Session(_) => vec![needs("session")],
    }
}

fn add_problem(operation: &mut Operation, status: u16) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new()
        .description("A problem; `code` says which")
        .content("application/problem+json", content)
        .build();
    operation.responses.responses.entry(status.to_string()).or_insert(RefOr::T(response));
}

/// The pages that show the document, bundled into the program.
pub(super) fn pages() -> Router<ApiState> {
    let pages = SwaggerUi::new("/api/docs").config(Config::from("/api/openapi.json"));
    Router::from(pages).layer(middleware::from_fn(allow_own_scripts))
}

/// The bundled pages bring their own scripts and styles, and nothing from elsewhere.
async fn allow_own_scripts(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                  frame-ancestors 'none'";
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
