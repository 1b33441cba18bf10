//! `/install`: the edge runtime for boards, with the script that installs it.
//!
//! The programs lie in a folder that `make dist` fills: one for each processor, and `VERSION`. They
//! are read once, when the trainer starts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path as Segment, State};
use axum::http::{HeaderMap, Response, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use model_format::id::Digest;
use tokio_util::io::ReaderStream;

use super::problem::{MALFORMED, NOT_FOUND, Problem, io_problem};
use super::state::ApiState;

/// Processors, and what their kernels call them.
const PROCESSORS: [(&str, &str); 3] =
    [("amd64", "x86_64|amd64"), ("arm64", "aarch64|arm64"), ("armv7", "armv7l|armv8l|armv7")];

/// Largest program, in bytes.
const PROGRAM_BYTES_MAX: u64 = 256 << 20;

const SCRIPT: &str = include_str!("../../../packaging/install.sh");
const UNIT: &str = include_str!("../../../packaging/cirame-edge.service");

/// The programs that this trainer carries.
#[derive(Debug, Default)]
pub struct EdgePrograms {
    programs: Vec<Program>,
}

#[derive(Debug)]
struct Program {
    processor: &'static str,
    machines: &'static str,
    path: PathBuf,
    digest: Digest,
}

impl EdgePrograms {
    /// Reads the folder that was named, or the one that lies beside the trainer's program.
    ///
    /// # Errors
    /// A folder that was named has no programs, or those of another version.
    pub fn read(named: Option<&Path>) -> anyhow::Result<EdgePrograms> {
        if let Some(folder) = named {
            return EdgePrograms::of_folder(folder)
                .with_context(|| format!("--edge-programs {}", folder.display()));
        }
        let program = std::env::current_exe().context("the trainer's own program is not told")?;
        let beside = program.parent().map(|folder| folder.join("edge"));
        match beside.filter(|folder| folder.join("VERSION").exists()) {
            Some(folder) => {
                EdgePrograms::of_folder(&folder).with_context(|| folder.display().to_string())
            }
            None => Ok(EdgePrograms::default()),
        }
    }

    fn of_folder(folder: &Path) -> anyhow::Result<EdgePrograms> {
        let version = std::fs::read_to_string(folder.join("VERSION")).context("VERSION")?;
        let (found, own) = (version.trim(), env!("CARGO_PKG_VERSION"));
        ensure!(
            found == own,
            "the edge programs there are of version {found:.50}, this trainer is {own}: make them \
             anew with `make dist`"
        );
        let mut programs = Vec::new();
        for (processor, machines) in PROCESSORS {
            let path = folder.join(format!("cirame-edge-{processor}"));
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            ensure!(
                metadata.is_file() && metadata.len() <= PROGRAM_BYTES_MAX,
                "{} is no program",
                path.display()
            );
            let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            programs.push(Program { processor, machines, path, digest: Digest::of(&bytes) });
        }
        ensure!(!programs.is_empty(), "there is no cirame-edge-amd64, -arm64 or -armv7");
        Ok(EdgePrograms { programs })
    }

    /// The script, for the trainer at this address.
    fn script(&self, trainer: &str) -> String {
        let mut cases = String::new();
        for Program { processor, machines, digest, .. } in &self.programs {
            let _ = writeln!(cases, "  {machines}) arch={processor} sum={digest} ;;");
        }
        let names: Vec<&str> = self.programs.iter().map(|program| program.processor).collect();
        SCRIPT
            .replace("@CASES@", cases.trim_end())
            .replace("@ARCHS@", &names.join(", "))
            .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
            .replace("@UNIT@", UNIT)
            .replace("@TRAINER@", trainer)
    }
}

pub(super) fn routes() -> Router<ApiState> {
    Router::new().route("/install", get(script)).route("/install/{program}", get(program))
}

fn none_here() -> Problem {
    let detail = "this trainer carries no edge programs: build them with `make dist` and name their \
                  folder with --edge-programs, or copy cirame-edge to the board by hand";
    Problem::new(NOT_FOUND, detail)
}

/// The script that installs the edge runtime, for the address by which it is asked for.
async fn script(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    if state.edge_programs.programs.is_empty() {
        return Err(none_here());
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST.as_str()).filter(|host| is_host(host));
    let host = host.ok_or_else(|| {
        Problem::new(MALFORMED, "ask with the host and the port that the board shall use")
    })?;
    // A proxy that ends TLS says so; anything else is the protocol that is spoken here.
    let scheme = match text("x-forwarded-proto") {
        Some("https") => "https",
        _ => "http",
    };
    let script = state.edge_programs.script(&format!("{scheme}://{host}"));
    Ok(([(header::CONTENT_TYPE, "text/x-shellscript; charset=utf-8")], script).into_response())
}

/// Nothing else can stand in a script that a root shell reads.
fn is_host(host: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    !host.is_empty() && host.len() <= 300 && host.bytes().all(is_part)
}

/// A program.
async fn program(
    State(state): State<ApiState>,
    Segment(name): Segment<String>,
) -> Result<Response<Body>, Problem> {
    let programs = state.edge_programs.programs.iter();
    let wanted = name.strip_prefix("cirame-edge-");
    let mut found = programs.filter(|program| Some(program.processor) == wanted);
    let program = found.next().ok_or_else(none_here)?;
    let refused = |error| io_problem(&program.path.display().to_string(), &error);
    let file = tokio::fs::File::open(&program.path).await.map_err(refused)?;
    let size = file.metadata().await.map_err(refused)?.len();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, size.to_string()),
        (header::ETAG, format!("\"{}\"", program.digest)),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_go_into_the_script() {
        for host in ["trainer:5100", "10.0.0.7:5100", "[::1]:5100", "plant-3.example"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", "a b", "a'b", "a$(id)", "a\nb", "a/b", "a;b", &"x".repeat(301)] {
            assert!(!is_host(host), "{host}");
        }
    }
}
