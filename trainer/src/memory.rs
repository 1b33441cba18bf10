//! How much memory there is, and how much this process takes.

use std::fs;

/// Resident memory of this process, in bytes, where the system tells it.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    kilobytes(&status, "VmRSS:")
}

/// What a process may take: the machine's memory, or its control group's limit where that is less.
pub(crate) fn total_bytes() -> Option<u64> {
    let machine = kilobytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")?;
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse::<u64>().ok());
    Some(group.map_or(machine, |group| group.min(machine)))
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_system_s_tables() {
        assert_eq!(kilobytes("A: 1 kB\nVmRSS:\t  120 kB\n", "VmRSS:"), Some(120 * 1024));
        assert_eq!(kilobytes("VmRSS: many kB\n", "VmRSS:"), None);
        assert!(resident_bytes() < total_bytes());
    }
}
