//! How much memory this process takes.

use std::fs;

/// Resident memory of this process, in bytes, where the system tells it.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Gives freed memory back to the system. The allocator keeps it otherwise: after a proof, which takes
/// many times what serving takes, for as long as the program runs.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "the C library offers it, and no safe crate does")]
    // SAFETY: it may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
