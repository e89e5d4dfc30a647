//! What a transfer promises to leave behind, whatever happened on the way.

use super::Model;
use crate::error::Error;
use crate::task::{Downloaded, TransferEvent, Upload, Uploaded};

/// Checks an upload of `bytes` to `/in/a.txt` that has ended. `old` is what was there before, if anything; `replaces`
/// says whether that was to go.
pub(crate) fn upload_keeps_its_promise(
    model: &Model,
    task: &mut Upload,
    result: Result<Uploaded, Error>,
    bytes: &[u8],
    old: Option<&[u8]>,
    replaces: bool,
) {
    let files = model.files("/in");
    let left = std::iter::from_fn(|| task.poll_event()).any(|event| matches!(event, TransferEvent::LeftBehind { .. }));
    let stays = usize::from(old.is_some() && !replaces);
    match result {
        Ok(uploaded) => {
            assert_eq!(uploaded.size, bytes.len() as u64);
            assert_eq!(files.get(&uploaded.name).map(Vec::as_slice), Some(bytes), "{files:?}");
            assert!(files.len() == stays + 1 || left, "{files:?}");
        }
        Err(error) => {
            assert!(!files.contains_key("a.txt (unfinished)"), "{files:?}");
            let expected = files.get("a.txt").map(Vec::as_slice);
            let may_be_new = replaces || old.is_none();
            assert!(expected == old || (may_be_new && expected == Some(bytes)), "{files:?}");
            let more = files.len() - usize::from(old.is_some());
            assert!(more == 0 || left || error.may_have_been_executed(), "{files:?} after {error}");
        }
    }
}

/// Checks a download into `sink` that has ended. `versions` are the contents that the file has had.
pub(crate) fn download_keeps_its_promise(result: Result<Downloaded, Error>, sink: &[u8], versions: &[&[u8]]) {
    match result {
        Ok(downloaded) => {
            assert_eq!(downloaded.size, sink.len() as u64);
            assert!(versions.contains(&sink), "{sink:?} is none of the versions");
        }
        Err(_) => assert!(versions.iter().any(|version| sink.len() <= version.len()), "more than there ever was"),
    }
}
