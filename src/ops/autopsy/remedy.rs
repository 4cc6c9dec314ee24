//! What to try, by the words that engines and programs use. One row a kind of failure; the first
//! that fits speaks, and of what ended by itself the exit code speaks otherwise.

use super::Card;

/// Where a row's words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the engine's error.
    Error,
    /// In the last health check.
    Health,
    /// In the last lines that were printed.
    Log,
}

/// A row: where, words of which every one has to be there (in lower case), and advice.
type Row = (Place, &'static [&'static str], &'static str);

const ROWS: &[Row] = &[
    (
        Place::Health,
        &["executable file not found"],
        "the image does not have the health check's program: use one that it has, such as `wget` in busybox, or a shell line with `CMD-SHELL`",
    ),
    (
        Place::Health,
        &["not found"],
        "the health check's command is not in the image: try it with `docker exec`",
    ),
    (
        Place::Error,
        &["exec format error"],
        "the program is made for another processor, or is a script without `#!` in its first line: see `docker image inspect` for the architecture, and `platform:`",
    ),
    (
        Place::Log,
        &["exec format error"],
        "the program is made for another processor, or is a script without `#!` in its first line: see `docker image inspect` for the architecture, and `platform:`",
    ),
    (
        Place::Error,
        &["trying to mount a directory onto a file"],
        "one side of a bind mount is a file and the other a folder: what is missing on the host is made as an empty folder; remove that and put the file there",
    ),
    (
        Place::Error,
        &["not a directory", "mount"],
        "one side of a bind mount is a file and the other a folder: what is missing on the host is made as an empty folder; remove that and put the file there",
    ),
    (
        Place::Error,
        &["bind source path does not exist"],
        "make the file or folder on the engine's host, or correct the path in `volumes`",
    ),
    (
        Place::Error,
        &["executable file not found"],
        "the image has no program of that name: correct `command` or `entrypoint`; words like `&&` and `$VAR` need a shell: `sh -c '…'`",
    ),
    (
        Place::Error,
        &["exec", "no such file or directory"],
        "the program is not in the image at that path, or the interpreter in its first line is not",
    ),
    (
        Place::Error,
        &["exec", "permission denied"],
        "the file is there and may not be executed: `RUN chmod +x` it in the image, or start it with its interpreter",
    ),
    (
        Place::Error,
        &["unable to find user"],
        "`user` names somebody whom the image's /etc/passwd does not have: use a number, or add the user in the image",
    ),
    (
        Place::Error,
        &["unable to find group"],
        "`user` or `group_add` names a group that the image's /etc/group does not have: use a number",
    ),
    (
        Place::Error,
        &["cwd"],
        "`working_dir` cannot be entered: it is no folder in the image, or a mount hides it",
    ),
    (
        Place::Error,
        &["mkdir", "not a directory"],
        "`working_dir` is not a folder in the image",
    ),
    (
        Place::Error,
        &["gathering device information"],
        "the device in `devices` is not there on the engine's host: `ls -l` it there",
    ),
    (
        Place::Error,
        &["could not select device driver"],
        "the engine has no driver for the devices that are reserved: install it (for NVIDIA, the container toolkit)",
    ),
    (
        Place::Error,
        &["port is already allocated"],
        "stop who holds the port, or publish another one in `ports`",
    ),
    (
        Place::Error,
        &["bind: address already in use"],
        "stop who holds the port, or publish another one in `ports`",
    ),
    (
        Place::Error,
        &["address already in use"],
        "another container has that `ipv4_address`: give each its own, or leave the choice to the engine",
    ),
    (
        Place::Error,
        &["pool overlaps"],
        "another network has these addresses (`docker network ls`): choose another `subnet`, or leave the choice to the engine",
    ),
    (
        Place::Error,
        &["non-overlapping ipv4 address pool"],
        "the engine has no addresses left: `docker network prune` removes networks that nobody uses",
    ),
    (
        Place::Error,
        &["invalid address"],
        "the address in `networks` is not one of the network's subnet",
    ),
    (
        Place::Error,
        &["plugin", "not found"],
        "the engine has no such driver: `docker plugin ls` shows those that it has",
    ),
    (
        Place::Error,
        &["unknown runtime"],
        "the engine does not know that `runtime`: `docker info` lists those that it has",
    ),
    (
        Place::Error,
        &["no space left on device"],
        "the disk is full: `docker system df` shows what takes the space",
    ),
    (
        Place::Error,
        &["pull access denied"],
        "check the name of the image; a private one needs `docker login`",
    ),
    (
        Place::Error,
        &["manifest", "unknown"],
        "the registry has no such tag: correct it in `image`",
    ),
    (
        Place::Error,
        &["cannot pull"],
        "check the name and the registry of `image`, and whether the engine can reach it; `build:` makes an image instead",
    ),
    (
        Place::Error,
        &["cannot build"],
        "the builder's output above has the line; `rcompose build` tries again without the rest",
    ),
    (
        Place::Error,
        &["has no health check"],
        "give the service a `healthcheck`, or let its dependents wait with `condition: service_started`",
    ),
    (
        Place::Log,
        &["read-only file system"],
        "the container may not write there (`read_only`, or a mount with `:ro`): give it a `tmpfs` or a volume where it writes",
    ),
    (
        Place::Log,
        &["no space left on device"],
        "the disk is full: `docker system df` shows what takes the space",
    ),
    (
        Place::Log,
        &["permission denied"],
        "see which user it runs as (`user`), and who owns what is mounted",
    ),
];

/// What to try.
pub(super) fn help(card: &Card, error: &str) -> Vec<String> {
    let (health, log) = (card.health.join("\n"), card.log.join("\n"));
    let error = error.to_lowercase();
    let (health, log) = (health.to_lowercase(), log.to_lowercase());
    if card.out_of_memory {
        return vec![
            "raise `mem_limit` (or `deploy.resources.limits.memory`), or make the program use less"
                .to_owned(),
        ];
    }
    let fits = |(place, words, _): &&Row| {
        let text = match place {
            Place::Error => &error,
            Place::Health => &health,
            Place::Log => &log,
        };
        words.iter().all(|word| text.contains(word))
    };
    let said = ROWS
        .iter()
        .find(fits)
        .map(|(_, _, help)| (*help).to_owned());
    said.or_else(|| by_exit_code(card)).into_iter().collect()
}

fn by_exit_code(card: &Card) -> Option<String> {
    let service = card.service.as_deref().unwrap_or("SERVICE");
    Some(match card.exit_code? {
        126 => "126 says that the command was found and could not be executed".to_owned(),
        127 => "127 says that a shell did not find a command: look for a misspelt name in `command`, or install it in the image".to_owned(),
        137 => "who sent SIGKILL is not known: `docker kill`, a stop that took too long, or the host for want of memory (`dmesg` tells)".to_owned(),
        139 => "SIGSEGV is a bug in the program, or a library that does not fit it".to_owned(),
        143 => "somebody asked it to stop: `docker stop`, or the program itself".to_owned(),
        0 => "it ended well, and something waits for it to go on: is its command one that stays in the foreground?".to_owned(),
        _ => format!("`rcompose logs {service}` shows all that it printed"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_look_for_lower_case() {
        for (_, words, help) in ROWS {
            assert!(!words.is_empty() && !help.is_empty());
            for word in *words {
                assert_eq!(*word, word.to_lowercase());
            }
        }
    }

    #[test]
    fn a_fixed_address_that_is_taken_is_not_taken_for_a_port() {
        let help = |error| help(&Card::default(), error).join("");
        assert!(help("cannot start container x: Address already in use").contains("ipv4_address"));
        let port = "listen tcp4 0.0.0.0:80: bind: address already in use";
        assert!(help(port).contains("`ports`"));
    }
}
