//! The status page: one HTML document without script, for whoever stands before the device.

use std::fmt::Write as _;
use std::sync::{LazyLock, PoisonError};

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use model_format::id::Digest;
use model_format::protocol::{StreamReport, StreamState};

use super::App;
use super::metadata::version_text;
use crate::memory::resident_bytes;
use crate::serve::board::Snapshot;
use crate::serve::outbox::Outbox;
use crate::serve::state::ModelFacts;
use crate::service::{LinkStatus, Service as _};

/// Seconds until a browser asks again.
const REFRESH_S: u32 = 5;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8886;--good:#177a3c;--bad:#b3261e;--quiet:#666}\
@media(prefers-color-scheme:dark){:root{--good:#6fd18f;--bad:#ff8a80;--quiet:#aaa}}\
body{font:15px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:72rem;padding:0 1rem}\
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}\
p{margin:.2rem 0}.quiet{color:var(--quiet)}.good{color:var(--good)}.bad{color:var(--bad)}\
div{overflow-x:auto}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.9em}";

/// Nothing but the page itself and its own style: whatever a name may contain, no script runs.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = BASE64_STANDARD.encode(Digest::of(STYLE.as_bytes()).bytes());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    policy.parse().expect("base64 and ASCII can stand in a header")
});

pub(super) async fn page(State(app): State<App>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, document(&app)).into_response()
}

fn document(app: &App) -> String {
    let snapshot = app.snapshot();
    let link = app.serving.link.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta http-equiv=\"refresh\" content=\"{REFRESH_S}\"><title>{device}</title>\
         <style>{STYLE}</style></head><body><h1>{device}</h1><p class=\"quiet\">cirame-edge {version}, \
         up {up}, {memory} MB of memory</p>",
        device = escaped(&app.device),
        version = env!("CARGO_PKG_VERSION"),
        up = span(app.serving.metrics.uptime().as_secs()),
        memory = resident_bytes().unwrap_or(0) / 1_000_000,
    );
    connections(&mut html, app, &link);
    models(&mut html, &snapshot);
    streams(&mut html, &snapshot);
    counters(&mut html, app, &snapshot);
    html += "</body></html>\n";
    html
}

fn connections(html: &mut String, app: &App, link: &LinkStatus) {
    let state = |name: &str, is_good: Option<bool>, texts: [&str; 3]| {
        let (class, text) = match is_good {
            Some(true) => ("good", texts[0]),
            Some(false) => ("bad", texts[1]),
            None => ("quiet", texts[2]),
        };
        format!("<p>{name}: <span class=\"{class}\">{text}</span></p>")
    };
    let connected = app.serving.outbox.as_ref().map(|_| app.serving.board.broker_connected());
    *html += &state("Broker", connected, ["connected", "not connected", "none"]);
    let answers = link.trainer_answers;
    *html += &state("Trainer", answers, ["answers", "does not answer", "none asked yet"]);
    for report in &link.models {
        let error = report.deployment.as_ref().and_then(|deployment| deployment.error.as_deref());
        let Some(error) = error else { continue };
        let (model, error) = (escaped(&report.model), escaped(error));
        *html +=
            &format!("<p>Newest deployment of {model}: <span class=\"bad\">{error}</span></p>");
    }
}

fn models(html: &mut String, snapshot: &Snapshot) {
    *html += "<h2>Models</h2>";
    if snapshot.models.is_empty() {
        *html += "<p class=\"bad\">No model is in service.</p>";
        return;
    }
    let heads = ["Model", "Version", "Artifact", "Engine", "#Windows", "#Failed", "#p50", "#p99"];
    let rows = snapshot.models.iter().map(|model| model_row(model, snapshot));
    table(html, &heads, rows);
}

fn model_row(model: &ModelFacts, snapshot: &Snapshot) -> Vec<String> {
    let status = snapshot.model_status.get(&model.name).copied().unwrap_or_default();
    let digest = model.artifact_sha256.to_string();
    vec![
        escaped(&model.name),
        version_text(model),
        format!("<code title=\"{digest}\">{}</code>", &digest[..12]),
        model.engine.name().to_owned(),
        status.windows.to_string(),
        status.failed_windows.to_string(),
        format!("{:.1} µs", status.latency_p50_us),
        format!("{:.1} µs", status.latency_p99_us),
    ]
}

fn streams(html: &mut String, snapshot: &Snapshot) {
    let (shown, all) = (snapshot.streams.len(), snapshot.stream_count);
    *html += &match shown < all {
        true => format!("<h2>Streams, the {shown} busiest of {all}</h2>"),
        false => "<h2>Streams</h2>".to_owned(),
    };
    if snapshot.streams.is_empty() {
        *html += "<p class=\"quiet\">No sample has come.</p>";
        return;
    }
    let heads = ["Stream", "State", "#Samples", "#Dropped", "#Windows"];
    table(html, &heads, snapshot.streams.iter().map(stream_row));
}

fn stream_row(report: &StreamReport) -> Vec<String> {
    let state = match report.state {
        StreamState::Matched => "<span class=\"good\">matched</span>".to_owned(),
        StreamState::Waiting => "<span class=\"quiet\">waits for a model</span>".to_owned(),
        StreamState::Mismatched => {
            let text = escaped(report.mismatch.as_deref().unwrap_or_default());
            format!("<span class=\"bad\">mismatched</span>: {text}")
        }
    };
    vec![
        escaped(&report.stream),
        state,
        report.samples.to_string(),
        report.dropped_samples.to_string(),
        report.windows.to_string(),
    ]
}

fn counters(html: &mut String, app: &App, snapshot: &Snapshot) {
    let mut rows: Vec<(String, u64)> = Vec::new();
    let mut add = |name: &str, count: u64| rows.push((name.to_owned(), count));
    add("Samples", snapshot.samples);
    add("Windows answered", snapshot.windows);
    if let Some(outbox) = app.serving.outbox.as_deref() {
        add("Results that wait for the broker", Outbox::len(outbox) as u64);
        add("Results dropped", app.serving.status().dropped_results);
    }
    for (reason, count) in snapshot.dropped_samples.iter().filter(|(_, count)| **count > 0) {
        add(&format!("Samples dropped: {reason}"), *count);
    }
    for (reason, count) in &snapshot.refused_messages {
        add(&format!("Messages dropped: {reason}"), *count);
    }
    add("Messages dropped: queue_full", app.serving.inbox.dropped());
    add("HTTP connections cut for others", app.counts.cut.get());
    *html += "<h2>Counts since the start</h2>";
    let rows = rows.iter().map(|(name, count)| vec![escaped(name), count.to_string()]);
    table(html, &["What", "#Count"], rows);
}

/// A table; heads that begin with `#` are above numbers. Cells are HTML.
fn table(html: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let class = |head: &str| if head.starts_with('#') { " class=\"n\"" } else { "" };
    *html += "<div><table><tr>";
    for head in heads {
        // Writing to a text never fails.
        let _ = write!(html, "<th{}>{}</th>", class(head), head.trim_start_matches('#'));
    }
    *html += "</tr>";
    for row in rows {
        *html += "<tr>";
        for (head, cell) in heads.iter().zip(row) {
            let _ = write!(html, "<td{}>{cell}</td>", class(head));
        }
        *html += "</tr>";
    }
    *html += "</table></div>";
}

/// Text from outside, so that it is text in HTML and in an attribute's value.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            '\'' => html += "&#39;",
            _ => html.push(sign),
        }
    }
    html
}

fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", seconds % 60),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_stays_text() {
        let report = StreamReport {
            stream: "<img src=x onerror='alert(1)'>&\"".to_owned(),
            state: StreamState::Mismatched,
            samples: 1,
            dropped_samples: 0,
            windows: 0,
            mismatch: Some("</td><script>alert(1)</script>".to_owned()),
        };
        let snapshot = Snapshot { streams: vec![report], stream_count: 1, ..Snapshot::default() };
        let mut html = String::new();
        streams(&mut html, &snapshot);
        assert!(!html.contains("<img") && !html.contains("<script"), "{html}");
        let name = "&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;&quot;";
        assert!(html.contains(name) && html.contains("&lt;/td&gt;&lt;script&gt;"), "{html}");
    }

    #[test]
    fn spans_are_told_in_their_two_largest_units() {
        assert_eq!(span(59), "0 min 59 s");
        assert_eq!(span(3_660), "1 h 1 min");
        assert_eq!(span(90_000), "1 d 1 h");
    }
}
