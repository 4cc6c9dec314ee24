//! Signals by their numbers, as Linux has them: what ran in the container ran there.

const SIGNALS: [(i64, &str); 12] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (15, "SIGTERM"),
];

/// The signal behind an exit code: shells and engines add 128 to its number.
pub(super) fn of_exit_code(code: i64) -> Option<&'static str> {
    let found = SIGNALS.iter().find(|(number, _)| number + 128 == code);
    found.map(|(_, name)| *name)
}
