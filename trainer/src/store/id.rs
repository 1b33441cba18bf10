//! Typed identifiers: UUIDv7 text, so that the identifiers of a table sort by age.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier.
            pub(crate) fn new() -> Self {
                $name(Uuid::now_v7())
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                String::schema()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map($name)
            }
        }

        impl TryFrom<String> for $name {
            type Error = uuid::Error;

            fn try_from(text: String) -> Result<Self, uuid::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

identifier!(
    /// Whose things are whose.
    OwnerId
);
identifier!(
    /// A user.
    UserId
);
identifier!(
    /// An API key.
    KeyId
);
identifier!(
    /// A job in the queue.
    JobId
);
identifier!(
    /// An upload.
    UploadId
);
identifier!(
    /// A recorder.
    RecorderId
);
identifier!(
    /// A saved pipeline.
    PipelineId
);
identifier!(
    /// A token that lets devices enrol.
    TokenId
);
identifier!(
    /// A device.
    DeviceId
);
identifier!(
    /// A model version assigned to a device.
    DeploymentId
);
identifier!(
    /// A dataset.
    DatasetId
);
identifier!(
    /// A dataset version.
    DatasetVersionId
);
identifier!(
    /// A recording of a dataset.
    RecordingId
);
identifier!(
    /// A run.
    RunId
);
identifier!(
    /// A model.
    ModelId
);
identifier!(
    /// A model version.
    ModelVersionId
);

impl OwnerId {
    /// The owner of everything made on the command line, and by the first admin.
    pub const LOCAL: OwnerId = OwnerId(uuid!("00000000-0000-7000-8000-000000000000"));
}
