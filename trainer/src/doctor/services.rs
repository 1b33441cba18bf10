//! What the trainer works with: the broker, ONNX Runtime, memory.

use std::path::Path;

use engine::{EngineError, EngineKind};

use super::Finding;
use crate::broker::{BrokerConfig, BrokerOption, check_accounts};
use crate::memory;
use crate::mqtt::{Control, ControlError};

/// Below this much memory a run of a usual size is refused, in bytes.
const MEMORY_BYTES_LOW: u64 = 1 << 30;

/// The broker answers and lets the trainer in, and to its accounts where it makes them.
pub(crate) fn check_broker(data: &Path, config: &BrokerConfig) -> Finding {
    const CHECK: &str = "broker";
    if config.option == BrokerOption::None {
        return Finding::ok(
            CHECK,
            "none is asked for: devices answer by HTTP, or know one themselves",
        );
    }
    let url = match config.reach(data) {
        Ok(url) => url,
        Err(error) => return Finding::warning(CHECK, error.to_string()),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Finding::failure(CHECK, format!("it cannot be asked: {error}")),
    };
    let is_embedded = matches!(config.option, BrokerOption::Embedded { .. });
    let asked = runtime.block_on(async {
        match config.accounts {
            true => check_accounts(&url)
                .await
                .map(|accounts| format!(", and manages {accounts} accounts")),
            false => {
                let control = Control::sign_in(&url).await?;
                control.end().await;
                Ok(String::new())
            }
        }
    });
    match asked {
        Ok(text) => Finding::ok(CHECK, format!("{url:?} lets the trainer in{text}")),
        Err(crate::broker::AccountError::Broker(ControlError::Unreachable(at, error)))
            if is_embedded =>
        {
            let text = format!(
                "the embedded broker does not listen at {at} ({error}): it runs with `serve`"
            );
            Finding::warning(CHECK, text)
        }
        Err(error) => Finding::failure(CHECK, error.to_string()),
    }
}

/// The library is found and opens.
pub(crate) fn check_onnx_runtime() -> Finding {
    const CHECK: &str = "ONNX Runtime";
    // No bytes are no model: any other refusal than that of the library shows that it is there.
    match engine::load(EngineKind::Ort, b"") {
        Err(EngineError::Library(reason)) => Finding::warning(
            CHECK,
            format!(
                "{reason}. Without it, models of other programs cannot be adopted, and ours are proved by two engines"
            ),
        ),
        _ => Finding::ok(CHECK, "its library opens"),
    }
}

/// What jobs may take.
pub(crate) fn check_memory() -> Finding {
    const CHECK: &str = "memory";
    let Some(bytes) = memory::total_bytes() else {
        return Finding::warning(
            CHECK,
            "the system does not tell how much there is: name --memory-mb",
        );
    };
    let text = format!("{:.1} GB for this program", bytes as f64 / 1e9);
    if bytes < MEMORY_BYTES_LOW {
        let text = format!(
            "{text}: give it 2 GB or more, or long recordings are refused; a container's limit counts"
        );
        return Finding::warning(CHECK, text);
    }
    Finding::ok(CHECK, text)
}
