//! `/api/enrolment-tokens`: what lets devices become known.

use axum::extract::State;
use axum::http::StatusCode;
use model_format::id::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Json, Path, Query};
use super::guard::Caller;
use super::page::{PageQuery, Paged};
use super::problem::{INVALID, Problem};
use super::state::ApiState;
use crate::clock::now_ms;
use crate::secret::random_secret;
use crate::store::{EnrolmentToken, NewToken, TokenId};

/// Most devices that one token may let in.
const USES_MAX: u32 = 10_000;

/// Longest life of a token, in hours.
const HOURS_MAX: u32 = 8784;

/// Longest name of a token or a group, in bytes.
const NAME_BYTES_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(delete))
}

/// A token that is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    /// What it is for, for people.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// How many devices may enrol with it; 1 otherwise.
    #[schema(minimum = 1, maximum = 10_000)]
    uses: Option<u32>,
    /// Hours until it ends; 24 otherwise.
    #[schema(minimum = 1, maximum = 8784)]
    hours: Option<u32>,
    /// The group that its devices come into.
    #[schema(min_length = 1, max_length = 100)]
    device_group: Option<String>,
}

/// A new token with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
struct MadeToken {
    /// The token.
    #[serde(flatten)]
    token: EnrolmentToken,
    /// What the device is given: `cirame-edge serve --trainer URL --token SECRET`.
    secret: String,
}

/// Your tokens, newest first.
#[utoipa::path(get, path = "/api/enrolment-tokens", tag = "devices", params(PageQuery),
    responses((status = 200, description = "A page of tokens", body = Paged<EnrolmentToken>)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Paged<EnrolmentToken>>, Problem> {
    let page = page.page_of()?;
    Ok(Json(state.store(move |store| store.tokens(caller.owner(), &page)).await?.into()))
}

/// Make a token. Its secret is shown this once.
#[utoipa::path(post, path = "/api/enrolment-tokens", tag = "devices", request_body = TokenRequest,
    responses((status = 201, description = "Made", body = MadeToken)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<TokenRequest>,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    let (uses, hours) = (request.uses.unwrap_or(1), request.hours.unwrap_or(24));
    if !(1..=USES_MAX).contains(&uses) || !(1..=HOURS_MAX).contains(&hours) {
        let detail = format!("a token has 1 to {USES_MAX} uses and lasts 1 to {HOURS_MAX} hours");
        return Err(Problem::new(INVALID, detail));
    }
    for name in std::iter::once(&request.name).chain(&request.device_group) {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            let detail = format!("a name has 1 to {NAME_BYTES_MAX} bytes");
            return Err(Problem::new(INVALID, detail));
        }
    }
    let secret = random_secret("cmt_").map_err(|error| Problem::internal(&error))?;
    let new = NewToken {
        name: request.name,
        device_group: request.device_group,
        digest: Digest::of(secret.as_bytes()),
        uses,
        expires_ms: now_ms() + i64::from(hours) * 3_600_000,
    };
    let token = state.store(move |store| store.add_token(caller.owner(), &new)).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { token, secret })))
}

/// Delete a token: it lets no further device enrol.
#[utoipa::path(delete, path = "/api/enrolment-tokens/{id}", tag = "devices",
    params(("id" = TokenId, Path, description = "The token")),
    responses((status = 204, description = "Deleted")))]
async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<TokenId>,
) -> Result<StatusCode, Problem> {
    state.store(move |store| store.delete_token(caller.owner(), id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
