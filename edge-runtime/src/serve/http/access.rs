//! Who may ask: those who show the token; without one, programs on this machine, but no web page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq as _;

use super::body::discard;
use super::{App, Refusal};

/// Addresses that tell no more than that the program works: for whoever watches it.
const OPEN: [&str; 3] = ["/health", "/v2/health/live", "/v2/health/ready"];
/// Names of this machine for itself.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What is asked of those who ask.
#[derive(Clone, Default)]
pub(in crate::serve) struct Access {
    token: Option<Arc<str>>,
}

impl Access {
    pub(in crate::serve) fn new(token: Option<&str>) -> Self {
        Access { token: token.map(Arc::from) }
    }

    /// True for who shows the token, as a bearer or as a password under any name; for all where
    /// there is no token.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        shown
            .and_then(token_in)
            .is_some_and(|shown| shown.as_bytes().ct_eq(token.as_bytes()).into())
    }

    /// Why a page in a browser, or a stranger, gets no answer.
    fn check(&self, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = headers.get(header::HOST);
        let origin = headers.get(header::ORIGIN);
        if origin.is_some_and(|origin| !is_same(origin, host)) {
            let text = "pages of other sites may not ask this device";
            return Err(Refusal::new(StatusCode::FORBIDDEN, text));
        }
        if self.token.is_none() && host.is_some_and(|host| !is_own(host)) {
            let text = format!(
                "without a token, this device answers only under the names {}: ask it by one of \
                 them, or start it with --http-token-file",
                OWN_NAMES.join(", ")
            );
            return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, text));
        }
        if OPEN.contains(&path) || self.knows(headers) {
            return Ok(());
        }
        let text = "this device wants its token: send `Authorization: Bearer TOKEN`, or the token \
            as a password";
        Err(Refusal::new(StatusCode::UNAUTHORIZED, text))
    }
}

/// Lets a request through, or says why not.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let Err(refusal) = app.access.check(request.uri().path(), request.headers()) else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    discard(&parts.headers, body).await;
    let is_stranger = refusal.status == StatusCode::UNAUTHORIZED;
    let mut response = refusal.into_response();
    if is_stranger {
        // So that a browser asks its user.
        let challenge = HeaderValue::from_static("Basic realm=\"cirame-edge\", charset=\"UTF-8\"");
        response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The token in the value of `Authorization`.
fn token_in(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

/// True for a host with or without a port that only this machine itself resolves to itself: another
/// name may have been bent to this address by a web page's name server.
fn is_own(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    OWN_NAMES.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// True where a page came from this program itself.
fn is_same(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let host = host.map_or(&b""[..], HeaderValue::as_bytes);
    let origin = origin.as_bytes();
    [&b"http://"[..], b"https://"].iter().any(|scheme| origin.strip_prefix(*scheme) == Some(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn checked(token: Option<&str>, path: &str, headers: &[(&'static str, &str)]) -> u16 {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            })
            .collect();
        let checked = Access::new(token).check(path, &headers);
        checked.map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn without_a_token_only_names_of_the_machine_itself_are_answered() {
        for host in ["localhost", "LOCALHOST:5300", "127.0.0.1:80", "[::1]:5300", "[::1]"] {
            assert_eq!(checked(None, "/", &[("host", host)]), 200, "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:80", "127.0.0.1.evil", "::1", ""] {
            assert_eq!(checked(None, "/", &[("host", host)]), 421, "{host}");
        }
        assert_eq!(checked(None, "/", &[]), 200);
        assert_eq!(checked(Some(TOKEN), "/health", &[("host", "edge-7.plant")]), 200);
    }

    #[test]
    fn pages_of_other_sites_may_not_ask() {
        let from = |origin| [("host", "localhost:5300"), ("origin", origin)];
        assert_eq!(checked(None, "/v1/samples", &from("http://localhost:5300")), 200);
        for origin in ["http://evil.example", "http://localhost:8080", "null", ""] {
            assert_eq!(checked(None, "/v1/samples", &from(origin)), 403, "{origin}");
        }
    }

    #[test]
    fn the_token_opens_as_bearer_and_as_password_and_nothing_else_does() {
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        for shown in [
            format!("Bearer {TOKEN}"),
            format!("bearer  {TOKEN}"),
            basic(&format!("anybody:{TOKEN}")),
        ] {
            assert_eq!(checked(Some(TOKEN), "/", &[("authorization", &shown)]), 200, "{shown}");
        }
        for shown in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcdeF",
            "Bearer 0123456789abcde",
            "Basic ???",
            TOKEN,
            &basic(TOKEN),
            &basic("x:y"),
        ] {
            assert_eq!(checked(Some(TOKEN), "/", &[("authorization", shown)]), 401, "{shown}");
        }
        assert_eq!(checked(Some(TOKEN), "/metrics", &[]), 401);
        assert_eq!(checked(Some(TOKEN), "/v2/health/ready", &[]), 200);
    }
}
