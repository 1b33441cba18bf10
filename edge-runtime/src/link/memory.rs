//! Memory: what the program occupies, and whether a model has room.

/// The most memory that the program may occupy with a model loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemoryLimit {
    /// The limit; none where there is none.
    pub(super) limit_bytes: Option<u64>,
    /// Looks how much is occupied: [`crate::memory::resident_bytes`].
    pub(super) resident_bytes: fn() -> Option<u64>,
}

impl MemoryLimit {
    /// This limit, or the one that came with a deployment where that is lower.
    pub(super) fn with(self, deployed_bytes: Option<u64>) -> MemoryLimit {
        let limits = self.limit_bytes.into_iter().chain(deployed_bytes);
        MemoryLimit { limit_bytes: limits.min(), ..self }
    }

    /// Whether a model of this size has room at all: once loaded, it takes at least its own size.
    ///
    /// # Errors
    /// Says what was found and what to change.
    pub(super) fn check_before(&self, artifact_bytes: u64) -> Result<(), String> {
        let Some((resident, limit)) = self.look() else { return Ok(()) };
        if resident.saturating_add(artifact_bytes) <= limit {
            return Ok(());
        }
        Err(format!(
            "the model has {artifact_bytes} bytes and cannot fit: the program occupies {resident} \
             bytes of memory already, and its limit is {limit}: deploy a smaller model, or raise \
             the memory limit of the device"
        ))
    }

    /// Whether the program is within its limit with the model loaded.
    ///
    /// # Errors
    /// Says what was found and what to change.
    pub(super) fn check_after(&self) -> Result<(), String> {
        let Some((resident, limit)) = self.look() else { return Ok(()) };
        if resident <= limit {
            return Ok(());
        }
        Err(format!(
            "with the model loaded the program occupies {resident} bytes of memory, and its limit \
             is {limit}: deploy a smaller model, or raise the memory limit of the device"
        ))
    }

    fn look(&self) -> Option<(u64, u64)> {
        let limit_bytes = self.limit_bytes?;
        (self.resident_bytes)().map(|resident_bytes| (resident_bytes, limit_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(limit_bytes: Option<u64>) -> MemoryLimit {
        MemoryLimit { limit_bytes, resident_bytes: || Some(500) }
    }

    #[test]
    fn refusals_name_both_figures() {
        let before = limit(Some(1000)).check_before(501).unwrap_err();
        assert!(before.contains("501") && before.contains("500") && before.contains("1000"));
        let after = limit(Some(499)).check_after().unwrap_err();
        assert!(after.contains("500") && after.contains("499"), "{after}");
    }

    #[test]
    fn the_limit_itself_is_allowed_and_no_limit_is_none() {
        assert_eq!(limit(Some(1000)).check_before(500), Ok(()));
        assert_eq!(limit(Some(500)).check_after(), Ok(()));
        assert_eq!(limit(None).check_before(u64::MAX), Ok(()));
        assert_eq!(limit(None).check_after(), Ok(()));
    }
}
