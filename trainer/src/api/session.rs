//! `/api/session`: signing in and out.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use model_format::id::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Json;
use super::guard::{Caller, SESSION_COOKIE};
use super::problem::{INVALID, Problem, TOO_MANY, WRONG_PASSWORD};
use super::state::ApiState;
use crate::clock::now_ms;
use crate::secret;
use crate::store::{SESSION_LIMITS, Scope, User};

/// The hash of no password, so that a name that nobody has takes as long as one that somebody has.
const NO_PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Longest name that is looked at.
const NAME_BYTES_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(sign_in, show, sign_out)).routes(routes!(change_password))
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// The user's name.
    name: String,
    /// The password.
    password: String,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
struct SignedIn {
    /// The user.
    #[serde(flatten)]
    user: User,
    /// What the role allows, and so what the user's API keys may be for.
    may: Vec<Scope>,
}

impl SignedIn {
    fn new(user: User) -> Self {
        let may = Scope::ALL.into_iter().filter(|scope| user.role >= scope.least_role()).collect();
        SignedIn { user, may }
    }
}

/// The old password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The password up to now.
    old_password: String,
    /// The password from now on: at least 10 characters.
    #[schema(min_length = 10)]
    new_password: String,
}

/// Sign in. The answer sets a cookie that scripts cannot read; eight hours without a request, or
/// seven days, end the session.
#[utoipa::path(post, path = "/api/session", tag = "session", request_body = Login,
    responses((status = 200, description = "Signed in", body = SignedIn,
               headers(("set-cookie" = String, description = "The session")))))]
async fn sign_in(
    State(state): State<ApiState>,
    Json(login): Json<Login>,
) -> Result<Response, Problem> {
    if login.name.len() > NAME_BYTES_MAX {
        let detail = format!("name: nobody has one of more than {NAME_BYTES_MAX} bytes");
        return Err(Problem::new(INVALID, detail));
    }
    count_attempt(&state, &login.name)?;
    let name = login.name.clone();
    let known = state.store(move |store| store.user_by_name(&name)).await?;
    let hash = known.as_ref().map_or(NO_PASSWORD, |(_, hash)| hash).to_owned();
    let password = login.password;
    let matches = state.hashing(move || secret::is_password(&password, &hash)).await?;
    let Some((user, _)) = known.filter(|_| matches) else {
        return Err(Problem::new(WRONG_PASSWORD, "name and password do not match"));
    };
    state.backoff.succeeded(&login.name);
    let secret = secret::random_secret("").map_err(|error| Problem::internal(&error))?;
    let digest = Digest::of(secret.as_bytes());
    let id = user.id;
    state.store(move |store| store.begin_session(id, digest)).await?;
    let first_login = state.folder.first_login_path();
    state.blocking(move |_| crate::serve::forget_first_login(&first_login)).await?;
    let cookie = cookie(&secret, SESSION_LIMITS.absolute_ms / 1000, state.secure_cookies)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(SignedIn::new(user))).into_response())
}

/// Counts an attempt to give this user's password as failed until it turns out right: attempts at
/// the same time count too.
fn count_attempt(state: &ApiState, name: &str) -> Result<(), Problem> {
    state.backoff.attempt(name, now_ms()).map_err(|wait_ms| {
        let seconds = wait_ms.div_ceil(1000);
        let detail = format!("too many failed attempts for this name: try again in {seconds} s");
        Problem::new(TOO_MANY, detail).retry_after(seconds)
    })
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/session", tag = "session",
    responses((status = 200, description = "The user", body = SignedIn)))]
async fn show(caller: Caller) -> Json<SignedIn> {
    Json(SignedIn::new(caller.user))
}

/// Sign out.
#[utoipa::path(delete, path = "/api/session", tag = "session",
    responses((status = 204, description = "Signed out")))]
async fn sign_out(State(state): State<ApiState>, caller: Caller) -> Result<Response, Problem> {
    if let Some(secret) = caller.session {
        state.store(move |store| store.end_session(secret)).await?;
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::SET_COOKIE, cookie("", 0, state.secure_cookies)?);
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// Change one's own password. All sessions of the user end.
#[utoipa::path(put, path = "/api/session/password", tag = "session",
    request_body = PasswordChange, responses((status = 204, description = "Changed")))]
async fn change_password(
    State(state): State<ApiState>,
    caller: Caller,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let id = caller.user.id;
    count_attempt(&state, &caller.user.name)?;
    let (_, hash) = state.store(move |store| store.user(id)).await?;
    let old = change.old_password;
    if !state.hashing(move || secret::is_password(&old, &hash)).await? {
        return Err(Problem::new(WRONG_PASSWORD, "the old password is another one"));
    }
    state.backoff.succeeded(&caller.user.name);
    set_password(&state, id, change.new_password).await
}

/// Hashes a new password and keeps it.
pub(super) async fn set_password(
    state: &ApiState,
    id: crate::store::UserId,
    password: String,
) -> Result<StatusCode, Problem> {
    let hash = new_hash(state, password).await?;
    state.store(move |store| store.set_password(id, &hash)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The hash of a new password.
pub(super) async fn new_hash(state: &ApiState, password: String) -> Result<String, Problem> {
    let hash = state.hashing(move || secret::hash_password(&password)).await?;
    hash.map_err(|error| match error {
        secret::SecretError::Password => Problem::new(INVALID, error.to_string()),
        error => Problem::internal(&error),
    })
}

fn cookie(secret: &str, max_age_s: i64, secure: bool) -> Result<HeaderValue, Problem> {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!(
        "{SESSION_COOKIE}={secret}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age_s}{secure}"
    );
    HeaderValue::try_from(text).map_err(|error| Problem::internal(&error))
}
