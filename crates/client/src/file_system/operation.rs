//! Ids by which the master knows a call that it has already carried out.

use alluxio_conf::key;
use alluxio_proto::grpc::file::{FileSystemMasterCommonPOptions, FsOpPId};
use uuid::Uuid;

use super::FileSystem;

/// A new id: the two halves of a UUID.
fn new_id() -> FsOpPId {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    FsOpPId {
        most_significant_bits: Some(high.cast_signed()),
        least_significant_bits: Some(low.cast_signed()),
    }
}

impl FileSystem {
    /// Gives a call its id, once for all its tries: a try whose answer was lost is then not carried
    /// out twice. An id that the caller chose stays.
    pub(super) fn identify(&self, common: &mut Option<FileSystemMasterCommonPOptions>) {
        if self.conf().get(key::USER_FILE_INCLUDE_OPERATION_ID) {
            common.get_or_insert_default().operation_id.get_or_insert_with(new_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ() {
        assert_ne!(new_id(), new_id());
    }
}
