//! What the process says when it ends.

use std::process::ExitCode;

use super::{
    Ending, Stopped,
    listeners::CannotListen,
    suitability::{HasSeededAccounts, NotDurable},
};

/// Of a server whose session was ended by another one (`EX_TEMPFAIL`): start it again.
const FENCED: u8 = 75;
/// Of a server whose address is taken (`EX_UNAVAILABLE`). Nothing has been touched.
const ADDRESS_TAKEN: u8 = 69;
/// Of a server that was told to stop and has cut connections or left work undone (`EX_IOERR`).
const CUT: u8 = 74;
/// Of a server that may not run on such a database: that of a configuration that is wrong.
const MISCONFIGURED: u8 = 64;

/// For a server that could not start.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<CannotListen>() {
        ExitCode::from(ADDRESS_TAKEN)
    } else if error.is::<NotDurable>() || error.is::<HasSeededAccounts>() {
        ExitCode::from(MISCONFIGURED)
    } else {
        ExitCode::FAILURE
    }
}

/// For one that has run.
pub(super) fn after(ending: Ending, stopped: Stopped) -> ExitCode {
    match ending {
        Ending::Signal => told(!stopped.is_cut),
        Ending::Fenced => ExitCode::from(FENCED),
        Ending::EngineDied | Ending::PartDied => ExitCode::FAILURE,
    }
}

/// For one that was told to stop, and had the time to finish or not.
pub(super) fn told(is_whole: bool) -> ExitCode {
    if is_whole { ExitCode::SUCCESS } else { ExitCode::from(CUT) }
}
