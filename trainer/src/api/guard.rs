//! The door: finds the rule of a route, and who asks; hands on only what the rule allows.

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model_format::id::Digest;

use super::problem::{FORBIDDEN, INTERNAL, NOT_SIGNED_IN, Problem};
use super::rules::{self, Access};
use super::state::ApiState;
use crate::clock::now_ms;
use crate::store::{KeyUser, OwnerId, User, UserRole};

/// Name of the cookie that holds a session's secret.
pub(super) const SESSION_COOKIE: &str = "cirame_session";

/// Longest secret that is looked at.
const SECRET_BYTES_MAX: usize = 200;

/// Who asks: the user behind a session or a key.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The user.
    pub user: User,
    /// Digest of the session's secret; none for a key.
    pub session: Option<Digest>,
    /// Name of the key; none for a session.
    pub key: Option<String>,
}

impl Caller {
    /// Whose things it is about.
    pub(super) fn owner(&self) -> OwnerId {
        self.user.owner
    }

    /// Who it is, for a history.
    pub(super) fn name(&self) -> String {
        match &self.key {
            Some(key) => format!("{} (key {key})", self.user.name),
            None => self.user.name.clone(),
        }
    }

    /// Whether it is an admin, or a program of one.
    pub(super) fn is_admin(&self) -> bool {
        self.user.role == UserRole::Admin
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| Problem::new(INTERNAL, "the route's rule lets in whom nobody knows"))
    }
}

/// Lets a request through as the rule of its route allows.
pub(super) async fn guard(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let Some(matched) = matched else { return next.run(request).await };
    let path = matched.as_str();
    let access = match rules::access(request.method().as_str(), path) {
        Some(access) => access,
        // The path is known, the method is not: the router says so.
        None if rules::is_known(path) => return next.run(request).await,
        None => return Problem::internal(&format!("no rule names {path}")).into_response(),
    };
    let (mut parts, body) = request.into_parts();
    let caller = match access {
        Access::Open | Access::Device => None,
        Access::Signed(_) | Access::Either(..) => Some(signed(&state, &parts, access).await),
        Access::Session(_) => Some(session(&state, &parts).await),
    };
    if let Some(caller) = caller {
        let caller = caller.and_then(|caller| check_role(caller, access));
        let caller = match caller {
            Ok(caller) => caller,
            Err(problem) => return problem.into_response(),
        };
        parts.extensions.insert(caller);
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Refuses whose role does not do. The role counts as it is now, for keys as well.
fn check_role(caller: Caller, access: Access) -> Result<Caller, Problem> {
    let role = caller.user.role;
    match access.least_role() {
        Some(needed) if role < needed => Err(role_problem(role, needed)),
        _ => Ok(caller),
    }
}

/// The refusal of what a role may not do.
pub(super) fn role_problem(role: UserRole, needed: UserRole) -> Problem {
    let (is, needs) = (role.name(), needed.name());
    let detail = format!("your role is {is}, and this takes {needs}: ask an admin for that role");
    Problem::new(FORBIDDEN, detail).with("role", is).with("needed", needs)
}

async fn signed(state: &ApiState, request: &Parts, access: Access) -> Result<Caller, Problem> {
    let Some(secret) = bearer(&request.headers).or_else(|| plain_key(&request.headers)) else {
        return session(state, request).await;
    };
    let found = state.store(move |store| store.key_user(secret, now_ms())).await?;
    let Some(KeyUser { user, scopes, name }) = found else {
        return Err(Problem::new(
            NOT_SIGNED_IN,
            "the API key is not known, was deleted or has expired: make a new one",
        ));
    };
    if !access.takes_key(&scopes) {
        let needed = match access {
            Access::Signed(scope) | Access::Either(scope, _) => scope.name(),
            Access::Open | Access::Device | Access::Session(_) => "a session",
        };
        let detail = format!("the API key lacks the scope {needed:?}: make one that has it");
        return Err(Problem::new(FORBIDDEN, detail).with("scope", needed));
    }
    Ok(Caller { user, session: None, key: Some(name) })
}

async fn session(state: &ApiState, request: &Parts) -> Result<Caller, Problem> {
    let refused = || {
        Problem::new(
            NOT_SIGNED_IN,
            "sign in with POST /api/session, or send an API key as `Authorization: Bearer …`",
        )
    };
    let secret = session_secret(&request.headers).ok_or_else(refused)?;
    if is_foreign(request) {
        return Err(Problem::new(FORBIDDEN, "another site's page asks with this session"));
    }
    let user = state.store(move |store| store.session_user(secret, now_ms())).await?;
    let user = user.ok_or_else(refused)?;
    Ok(Caller { user, session: Some(secret), key: None })
}

/// Browsers tell which site a request comes from; cookies alone (`SameSite=Strict`) should keep
/// other sites out, this is the second lock.
fn is_foreign(request: &Parts) -> bool {
    let site = request.headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let changes = !matches!(request.method, Method::GET | Method::HEAD);
    changes && matches!(site, Some("cross-site" | "same-site"))
}

fn bearer(headers: &HeaderMap) -> Option<Digest> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    let usable = scheme.eq_ignore_ascii_case("bearer") && secret.len() <= SECRET_BYTES_MAX;
    usable.then(|| Digest::of(secret.trim().as_bytes()))
}

/// The header in which programs that were made for Edge Impulse send their key.
fn plain_key(headers: &HeaderMap) -> Option<Digest> {
    let secret = headers.get("x-api-key")?.to_str().ok()?.trim();
    (secret.len() <= SECRET_BYTES_MAX).then(|| Digest::of(secret.as_bytes()))
}

fn session_secret(headers: &HeaderMap) -> Option<Digest> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let (_, secret) = pairs.find(|(name, _)| name.trim() == SESSION_COOKIE)?;
    (secret.len() <= SECRET_BYTES_MAX).then(|| Digest::of(secret.trim().as_bytes()))
}
