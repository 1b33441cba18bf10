//! Why samples did not reach a segment, with one counter per reason.

use serde::{Deserialize, Serialize};

macro_rules! drops {
    ($($(#[doc = $doc:literal])+ $field:ident,)+) => {
        /// How many samples did not reach a segment, by reason. Each sample is counted once.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Drops {
            $($(#[doc = $doc])+ pub $field: u64,)+
        }

        impl Drops {
            /// Every reason: its name, as in JSON, and its sentence.
            pub const REASONS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($field), concat!($($doc),+)),)+];

            /// Every reason's name with its count, in the order of [`Drops::REASONS`].
            pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field),)+].into_iter()
            }

            /// Adds the drops of another stream.
            pub fn add(&mut self, other: &Drops) {
                $(self.$field += other.$field;)+
            }

            /// All drops together.
            pub fn total(&self) -> u64 {
                0 $(+ self.$field)+
            }
        }
    };
}

drops! {
    /// The sample has not as many values as the pipeline has channels, or the value's channel does
    /// not exist.
    wrong_width,
    /// The pipeline's clock is the event time and the sample has none, or it has one while the
    /// stream's rows are counted without.
    no_event_time,
    /// The sample is older than the newest one by more than `lateness_ms`.
    late,
    /// There is already a value for that time.
    duplicate,
    /// A channel is missing, NaN, infinite or older than its `age_max_ms`: the row is a gap.
    missing_value,
    /// The stream's rate lies outside the tolerance.
    rate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_counter_of_the_json() {
        let drops = Drops { late: 2, rate: 3, ..Drops::default() };
        let json = serde_json::to_value(&drops).unwrap();
        let object = json.as_object().unwrap();
        assert_eq!(object.len(), Drops::REASONS.len());
        for ((name, doc), (counted, count)) in Drops::REASONS.iter().zip(drops.counts()) {
            assert_eq!(*name, counted);
            assert_eq!(object[*name], count);
            assert!(doc.trim().ends_with('.'), "{doc}");
        }
        assert_eq!(drops.total(), 5);
    }
}
