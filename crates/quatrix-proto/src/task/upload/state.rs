//! What an upload is doing, and what it owns meanwhile.

use super::Uploaded;
use crate::api::OnConflict;
use crate::error::Error;
use crate::id::FileId;
use crate::name::FileName;
use crate::secret::UploadKey;
use crate::task::look_up::Finder;

#[derive(Clone)]
pub(super) enum Target {
    New { parent: FileId, name: FileName, on_conflict: OnConflict, first_name: FirstName },
    InPlace(FileId),
}

/// The name that a new file has while it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstName {
    Temporary,
    Final,
}

/// A file that is being written.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) id: FileId,
    pub(super) key: UploadKey,
    pub(super) name: String,
}

/// A whole file under its temporary name, which is to take its final one.
#[derive(Clone)]
pub(super) struct Placing {
    pub(super) id: FileId,
    pub(super) by: By,
    pub(super) asked: bool,
    /// Whether an earlier request may still be executed.
    pub(super) lost: bool,
    /// Whether the old file is in the trash already.
    pub(super) trashed: bool,
}

/// The operation that gives a file its final name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Move,
    /// Where a server has no `file.moveone`. It cannot replace.
    Rename,
}

#[derive(Clone)]
pub(super) enum State {
    /// Is the name taken? Asked where it would be found out only after many bytes, or where its file is needed.
    LookingUp {
        finder: Finder,
        then: Wanted,
    },
    /// A key is asked for.
    Opening {
        asked: bool,
    },
    /// The answer to that was lost: is the temporary file there?
    Seeking {
        finder: Finder,
        error: Error,
    },
    /// All bytes before `offset` are there. `lost`: an earlier request for the next chunk may have arrived, so it must
    /// be the same chunk again.
    Sending {
        file: Written,
        offset: u64,
        lost: bool,
    },
    /// All bytes are there. `lost`: so was an earlier answer.
    Finalizing {
        file: Written,
        lost: bool,
    },
    /// Refused, after an answer that was lost: was it finalized then?
    Verifying {
        file: Written,
        error: Error,
    },
    /// It takes its final name. From the first asking on, nothing is deleted before its name has been looked at.
    Placing(Placing),
    /// That ended with an error: has it been done?
    Comparing {
        placing: Placing,
        error: Error,
    },
    /// Without `file.moveone`, the old file goes to the trash first.
    Trashing {
        placing: Placing,
        old: FileId,
    },
    /// What this upload made is deleted.
    Deleting {
        file: FileId,
        then: Then,
    },
    Done(Result<Uploaded, Error>),
}

/// What the file that has the final name is wanted for.
#[derive(Clone)]
pub(super) enum Wanted {
    /// There must be none.
    Absent,
    /// It is written into.
    InPlace(Error),
    /// It goes to the trash.
    Trashed(Placing, Error),
}

#[derive(Clone)]
pub(super) enum Then {
    Open,
    End(Error),
}
