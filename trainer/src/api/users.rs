//! `/api/users`: who may sign in; for admins.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use super::page::{PageQuery, Paged};
use super::problem::Problem;
use super::session::{new_hash, set_password};
use super::state::ApiState;
use crate::store::{User, UserId, UserRole};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(delete))
        .routes(routes!(set_role))
        .routes(routes!(reset))
}

/// A user who is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    /// The name to sign in with: letters, digits, `.`, `_` and `-`.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    name: String,
    /// The password: at least 10 characters.
    #[schema(min_length = 10)]
    password: String,
    /// What the user may do.
    role: UserRole,
}

/// Another role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// What the user may do from now on.
    role: UserRole,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The password from now on: at least 10 characters.
    #[schema(min_length = 10)]
    password: String,
}

/// All users, by name.
#[utoipa::path(get, path = "/api/users", tag = "users", params(PageQuery),
    responses((status = 200, description = "A page of users", body = Paged<User>)))]
async fn list(
    State(state): State<ApiState>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<User>>, Problem> {
    let page = page.page_of()?;
    Ok(Json(state.store(move |store| store.users(&page)).await?.into()))
}

/// Make a user.
#[utoipa::path(post, path = "/api/users", tag = "users", request_body = NewUser,
    responses((status = 201, description = "Made", body = User)))]
async fn create(
    State(state): State<ApiState>,
    Json(new): Json<NewUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let hash = new_hash(&state, new.password).await?;
    let user = state.store(move |store| store.add_user(&new.name, new.role, &hash)).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// Delete a user who has nothing. The last admin stays.
#[utoipa::path(delete, path = "/api/users/{id}", tag = "users",
    params(("id" = UserId, Path, description = "The user")),
    responses((status = 204, description = "Deleted")))]
async fn delete(
    State(state): State<ApiState>,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Problem> {
    state.store(move |store| store.delete_user(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a user another role: it counts from the next request on, for sessions and API keys. The last admin
/// stays one.
#[utoipa::path(put, path = "/api/users/{id}/role", tag = "users",
    params(("id" = UserId, Path, description = "The user")), request_body = NewRole,
    responses((status = 200, description = "The user", body = User)))]
async fn set_role(
    State(state): State<ApiState>,
    Path(id): Path<UserId>,
    Json(new): Json<NewRole>,
) -> Result<Json<User>, Problem> {
    Ok(Json(state.store(move |store| store.set_role(id, new.role)).await?))
}

/// Set another user's password. All sessions of that user end.
#[utoipa::path(put, path = "/api/users/{id}/password", tag = "users",
    params(("id" = UserId, Path, description = "The user")), request_body = NewPassword,
    responses((status = 204, description = "Changed")))]
async fn reset(
    State(state): State<ApiState>,
    Path(id): Path<UserId>,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    state.store(move |store| store.user(id)).await?;
    set_password(&state, id, new.password).await
}
