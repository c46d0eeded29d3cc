//! Erased users: what a message in flight may have written after them goes too, fifteen days later.

use chrono::{DateTime, Utc};
use hub_store::due::ERASED;

use crate::{A_SHARD, Failure, Sync, due_shards};

impl Sync {
    /// Sweeps up after the users that were erased fifteen days ago.
    pub(crate) async fn sweep_erased(&self, now: DateTime<Utc>) -> Result<usize, Failure> {
        let mut swept = 0;
        for shard in due_shards() {
            for key in self.table.due(ERASED, shard, now, A_SHARD, None).await? {
                let Some(user) = key.user() else { continue };
                self.table.sweep_erased(user, now).await?;
                self.table.clear_due(&key).await?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}
