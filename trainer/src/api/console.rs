//! The console: the files of `web/dist`, with their caching, compression and security headers.

use std::collections::HashMap;
use std::io::Write as _;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use model_format::id::Digest;

use super::problem::{NO_METHOD, NO_ROUTE, Problem};

/// What pages may do: load what is served here, and nothing from elsewhere.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'self'; object-src 'none'";

/// The page that all addresses of the console are.
const INDEX: &str = "index.html";

/// The folder whose files carry a digest in their names, so that they never change.
const HASHED: &str = "assets/";

#[cfg(feature = "console")]
#[derive(rust_embed::RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Embedded;

/// The files, ready to be sent.
pub(super) struct Console {
    files: HashMap<String, File>,
    /// Why there is no page.
    missing: &'static str,
}

struct File {
    content: Bytes,
    /// The content in gzip, where that is shorter.
    compressed: Option<Bytes>,
    kind: &'static str,
    etag: HeaderValue,
    cache: &'static str,
}

impl Console {
    /// The files that this program was built with; a debug build reads them when it starts.
    pub(super) fn built_in() -> Self {
        #[cfg(feature = "console")]
        {
            let files = Embedded::iter().filter_map(|name| {
                Some((name.to_string(), Embedded::get(&name)?.data.into_owned()))
            });
            let missing = "this trainer was built before the console was: build both with `make \
                           console`; the API is at /api";
            Console::new(files, missing)
        }
        #[cfg(not(feature = "console"))]
        {
            let missing = "this trainer was built without the console: build it with `make console`, \
                           or with `--features trainer/console`; the API is at /api";
            Console::new(std::iter::empty(), missing)
        }
    }

    fn new(files: impl Iterator<Item = (String, Vec<u8>)>, missing: &'static str) -> Self {
        let files = files.map(|(name, content)| {
            let file = File::new(&name, content);
            (name, file)
        });
        Console { files: files.collect(), missing }
    }

    /// Answers a request that no route of the API takes.
    pub(super) fn answer(&self, request: &Request) -> Response {
        let path = request.uri().path();
        let is_api = ["/api", "/metrics"].iter().any(|root| {
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if is_api {
            return Problem::new(NO_ROUTE, "there is no such address").into_response();
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let detail = "this address does not take that method";
            return Problem::new(NO_METHOD, detail).into_response();
        }
        let name = path.trim_start_matches('/');
        // An address of a page, which the page itself makes out; files have a dot in their names.
        let is_page = !name.rsplit('/').next().unwrap_or_default().contains('.');
        let name = if is_page { INDEX } else { name };
        match self.files.get(name) {
            Some(file) => file.answer(request.headers()),
            None if is_page => Problem::new(NO_ROUTE, self.missing).into_response(),
            None => Problem::new(NO_ROUTE, "there is no such address").into_response(),
        }
    }
}

impl File {
    fn new(name: &str, content: Vec<u8>) -> Self {
        let kind = kind(name);
        let compressible = !kind.starts_with("image/png") && !kind.starts_with("font/");
        let compressed = compressible.then(|| gzip(&content));
        let compressed = compressed.filter(|compressed| compressed.len() < content.len());
        let etag = HeaderValue::try_from(format!("\"{}\"", Digest::of(&content)))
            .expect("hexadecimal digits are header text");
        let cache = match name.starts_with(HASHED) {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        let content = Bytes::from(content);
        File { content, compressed: compressed.map(Bytes::from), kind, etag, cache }
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        if is_known(asked, &self.etag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        let content = match &self.compressed {
            Some(compressed) if takes_gzip(asked) => {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                compressed
            }
            _ => &self.content,
        };
        (headers, content.clone()).into_response()
    }
}

/// Content type by the ending of the name: what a build of the console holds.
fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).and_then(|()| encoder.finish()).expect("memory takes all")
}

fn is_known(asked: &HeaderMap, etag: &HeaderValue) -> bool {
    let tags = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let own = etag.to_str().unwrap_or_default();
    let same = |tag: &str| tag == "*" || tag.trim_start_matches("W/") == own;
    tags.is_some_and(|tags| tags.split(',').any(|tag| same(tag.trim())))
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let codings = asked.get_all(header::ACCEPT_ENCODING).iter();
    codings.filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused =
            weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::body::Body;

    use super::*;

    fn console() -> Console {
        let script = "let all = 0;\n".repeat(200);
        let files = [
            ("index.html", "<!doctype html><p>the console, which is longer than its digest</p>"),
            ("assets/app-1a2b3c.js", &*script),
            ("favicon.svg", "<svg/>"),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        Console::new(files.into_iter(), "not built")
    }

    fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = console().answer(&request.body(Body::empty()).unwrap());
        let (parts, body) = response.into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(axum::body::to_bytes(body, 1 << 20)).unwrap();
        (parts.status, parts.headers, body.to_vec())
    }

    #[test]
    fn every_address_of_a_page_is_the_same_page_and_asked_for_anew() {
        for path in ["/", "/datasets", "/training/runs/0189-0000", "/apis", "/devices/"] {
            let (status, headers, body) = ask("GET", path, &[]);
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(body.starts_with(b"<!doctype html>"), "{path}");
            assert_eq!(headers["content-type"], "text/html; charset=utf-8");
            assert_eq!(headers["cache-control"], "no-cache");
            assert_eq!(headers["content-security-policy"], POLICY);
            let etag = headers["etag"].to_str().unwrap();
            let (status, headers, body) = ask("GET", path, &[("if-none-match", etag)]);
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
            assert_eq!(headers["etag"], etag);
        }
    }

    #[test]
    fn scripts_are_kept_for_ever_and_compressed_for_whoever_takes_that() {
        let path = "/assets/app-1a2b3c.js";
        let (_, headers, plain) = ask("GET", path, &[]);
        assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
        assert!(headers.get("content-encoding").is_none());
        let (_, headers, small) = ask("GET", path, &[("accept-encoding", "br, gzip;q=0.8")]);
        assert_eq!(headers["content-encoding"], "gzip");
        assert_eq!(headers["vary"], "accept-encoding");
        let mut again = Vec::new();
        flate2::read::GzDecoder::new(&*small).read_to_end(&mut again).unwrap();
        assert!(again == plain && small.len() < plain.len() / 4, "{} bytes", small.len());
        let (_, headers, _) = ask("GET", path, &[("accept-encoding", "gzip;q=0, br")]);
        assert!(headers.get("content-encoding").is_none());
    }

    #[test]
    fn what_is_not_there_is_a_problem() {
        for path in ["/assets/old-9.js", "/../Cargo.toml", "/api", "/api/nothing", "/metrics/x"] {
            let (status, headers, _) = ask("GET", path, &[]);
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(headers["content-type"], "application/problem+json", "{path}");
        }
        let (status, ..) = ask("POST", "/datasets", &[]);
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        let none = Console::new(std::iter::empty(), "not built");
        let request = Request::builder().uri("/devices").body(Body::empty()).unwrap();
        assert_eq!(none.answer(&request).status(), StatusCode::NOT_FOUND);
    }
}
