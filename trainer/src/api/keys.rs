//! `/api/keys`: what programs sign in with.

use axum::extract::State;
use axum::http::StatusCode;
use model_format::id::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use super::guard::{Caller, role_problem};
use super::page::{PageQuery, Paged};
use super::problem::{INVALID, Problem};
use super::state::ApiState;
use crate::clock::now_ms;
use crate::secret::random_secret;
use crate::store::{ApiKey, KeyId, NewKey, Scope};

/// Characters of a key that are kept to tell it apart.
const START_CHARS: usize = 8;

/// Longest life of a key, in days.
const DAYS_MAX: u32 = 3650;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(delete))
}

/// A key that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyRequest {
    /// Name, unique among your keys: letters, digits, `.`, `_` and `-`.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    name: String,
    /// What it may be used for.
    #[schema(min_items = 1)]
    scopes: Vec<Scope>,
    /// Days until it ends; never otherwise.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u32>,
}

/// A new key with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
struct MadeKey {
    /// The key.
    #[serde(flatten)]
    key: ApiKey,
    /// Send it as `Authorization: Bearer …`. It cannot be shown again.
    secret: String,
}

/// Your keys, by name.
#[utoipa::path(get, path = "/api/keys", tag = "keys", params(PageQuery),
    responses((status = 200, description = "A page of keys", body = Paged<ApiKey>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<ApiKey>>, Problem> {
    let page = page.page_of()?;
    Ok(Json(state.store(move |store| store.keys(caller.user.id, &page)).await?.into()))
}

/// Make a key. Its secret is shown this once. It may do no more than your role.
#[utoipa::path(post, path = "/api/keys", tag = "keys", request_body = KeyRequest,
    responses((status = 201, description = "Made", body = MadeKey)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(mut request): Json<KeyRequest>,
) -> Result<(StatusCode, Json<MadeKey>), Problem> {
    request.scopes.sort_unstable();
    request.scopes.dedup();
    if request.scopes.is_empty() {
        return Err(Problem::new(INVALID, "scopes is empty: a key needs at least one"));
    }
    let role = caller.user.role;
    let beyond = request.scopes.iter().map(|scope| scope.least_role()).find(|least| role < *least);
    if let Some(needed) = beyond {
        return Err(role_problem(role, needed).with("field", "scopes"));
    }
    if request.days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
        return Err(Problem::new(INVALID, format!("days: a key lasts 1 to {DAYS_MAX} days")));
    }
    let secret = random_secret("cme_").map_err(|error| Problem::internal(&error))?;
    let new = NewKey {
        name: request.name,
        start: secret.chars().take(START_CHARS).collect(),
        digest: Digest::of(secret.as_bytes()),
        scopes: request.scopes,
        expires_ms: request.days.map(|days| now_ms() + i64::from(days) * 24 * 3_600_000),
    };
    let key = state.store(move |store| store.add_key(caller.user.id, &new)).await?;
    Ok((StatusCode::CREATED, Json(MadeKey { key, secret })))
}

/// Delete a key: it is refused from now on.
#[utoipa::path(delete, path = "/api/keys/{id}", tag = "keys",
    params(("id" = KeyId, Path, description = "The key")),
    responses((status = 204, description = "Deleted")))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<KeyId>,
) -> Result<StatusCode, Problem> {
    state.store(move |store| store.delete_key(caller.user.id, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
