//! Twenty ways to fail, on a real engine: the card names the service that is to blame, and holds
//! the line that decides.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

use crate::stack::Stack;

/// A failure: its name, the services, the one to blame, and what has to be told.
struct Seed {
    name: &'static str,
    services: &'static str,
    to_blame: &'static str,
    decisive: &'static str,
}

const fn seed(
    name: &'static str,
    services: &'static str,
    to_blame: &'static str,
    decisive: &'static str,
) -> Seed {
    Seed {
        name,
        services,
        to_blame,
        decisive,
    }
}

/// `HELD` is a port that a container of project `HOLDER` holds, `HOST` one that this process holds,
/// `FREE` one that nobody does.
const SEEDS: [Seed; 25] = [
    seed(
        "memory",
        "eater: {image: 'python:3-slim', command: [python, -c, 'print(\"begin\", flush=True); bytearray(300 << 20)'], mem_limit: 24m, memswap_limit: 24m}",
        "eater",
        "out of memory: the kernel killed a process of it at its limit of 24 MiB",
    ),
    seed(
        "command",
        "web: {image: busybox, command: nosuchprogram}",
        "web",
        "\"nosuchprogram\": executable file not found",
    ),
    seed(
        "portcontainer",
        "web: {image: busybox, command: sleep 600, ports: ['HELD:81']}",
        "web",
        "port HELD/tcp: container HOLDER-web-1 of project HOLDER has it",
    ),
    seed(
        "porthost",
        "web: {image: busybox, command: sleep 600, ports: ['HOST:80']}",
        "web",
        "port HOST/tcp: process PID of this machine has it",
    ),
    seed(
        "porttwice",
        "a: {image: busybox, command: sleep 600, ports: ['FREE:80']}\n  b: {image: busybox, command: sleep 600, ports: ['FREE:81']}",
        "a",
        "port FREE/tcp: service b publishes it too",
    ),
    seed(
        "bindmissing",
        "web: {image: busybox, command: sleep 600, volumes: [{type: bind, source: ./nosuch.conf, target: /etc/x.conf, bind: {create_host_path: false}}]}",
        "web",
        "nosuch.conf",
    ),
    seed(
        "bindfolder",
        "web: {image: busybox, command: sleep 600, volumes: ['./missing.conf:/etc/passwd']}",
        "web",
        "one side of a bind mount is a file and the other a folder",
    ),
    seed(
        "probe",
        "db: {image: busybox, command: sleep 600, stop_signal: SIGKILL, healthcheck: {test: 'echo no route to disk; exit 1', interval: 1s, retries: 1}}\n  web: {image: busybox, command: sleep 600, depends_on: {db: {condition: service_healthy}}}",
        "db",
        "no route to disk",
    ),
    seed(
        "format",
        "web: {image: busybox, command: /bin/foreign, volumes: ['./foreign:/bin/foreign']}",
        "web",
        "exec format error",
    ),
    seed(
        "image",
        "web: {image: '127.0.0.1:1/nosuch:1'}",
        "web",
        "127.0.0.1:1/nosuch:1",
    ),
    seed(
        "user",
        "web: {image: busybox, command: sleep 600, user: nobodyknows}",
        "web",
        "unable to find user nobodyknows",
    ),
    seed(
        "workdir",
        "web: {image: busybox, command: sleep 600, working_dir: /etc/passwd}",
        "web",
        "`working_dir`",
    ),
    seed(
        "executable",
        "web: {image: busybox, entrypoint: /etc/passwd}",
        "web",
        "permission denied",
    ),
    seed(
        "exits",
        "web: {image: busybox, command: sh -c 'echo missing DATABASE_URL; exit 1'}",
        "web",
        "missing DATABASE_URL",
    ),
    seed(
        "killed",
        "web: {image: busybox, command: 'sh -c \"sh -c \\\"kill -SEGV \\\\$\\\\$$\\\\$\\\\$\\\"; exit 139\"'}",
        "web",
        "SIGSEGV",
    ),
    seed(
        "dependency",
        "migrate: {image: busybox, command: sh -c 'echo relation exists already; exit 3'}\n  web: {image: busybox, command: sleep 600, depends_on: {migrate: {condition: service_completed_successfully}}}",
        "migrate",
        "relation exists already",
    ),
    seed(
        "driver",
        "db: {image: busybox, command: sleep 600, volumes: ['data:/data']}\nvolumes: {data: {driver: nosuchdriver}}",
        "db",
        "nosuchdriver",
    ),
    seed(
        "address",
        "one: {image: busybox, command: sleep 600, stop_signal: SIGKILL, networks: {n: {ipv4_address: SUBNET.7}}}\n  two: {image: busybox, command: sleep 600, networks: {n: {ipv4_address: SUBNET.7}}, depends_on: [one]}\nnetworks: {n: {ipam: {config: [{subnet: SUBNET.0/24}]}}}",
        "two",
        "Address already in use",
    ),
    seed(
        "readonly",
        "web: {image: busybox, command: sh -c 'echo x > /state', read_only: true}",
        "web",
        "Read-only file system",
    ),
    seed(
        "device",
        "web: {image: busybox, command: sleep 600, devices: ['/dev/nosuchdevice:/dev/x']}",
        "web",
        "/dev/nosuchdevice",
    ),
    seed(
        "probeprogram",
        "db: {image: busybox, command: sleep 600, stop_signal: SIGKILL, healthcheck: {test: [CMD, curly], interval: 1s, retries: 1}}\n  web: {image: busybox, command: sleep 600, depends_on: {db: {condition: service_healthy}}}",
        "db",
        "the image does not have the health check's program",
    ),
    seed(
        "runtime",
        "web: {image: busybox, command: sleep 600, runtime: nosuchruntime}",
        "web",
        "nosuchruntime",
    ),
    seed(
        "loop",
        "web: {image: busybox, restart: always, command: sh -c 'echo cannot parse config; exit 2'}",
        "web",
        "cannot parse config",
    ),
    seed(
        "build",
        "web: {build: {context: ., dockerfile_inline: \"FROM busybox\\nRUN echo compiling && cat /nosuchsource\\n\"}}",
        "web",
        "/nosuchsource",
    ),
    seed(
        "shellcommand",
        "web: {image: busybox, command: sh -c 'gunicornn app'}",
        "web",
        "gunicornn: not found",
    ),
];

/// What one of them came to.
struct Verdict {
    name: &'static str,
    named: bool,
    decided: bool,
    stderr: String,
}

#[test]
fn the_card_names_the_service_and_holds_the_line_that_decides() {
    let holder = "services: {web: {image: busybox, command: sleep 600, ports: ['80']}}";
    let Some(holder) = Stack::new("holder", holder) else {
        return;
    };
    holder.run(&["up", "-d"]).ok();
    let ahead = Mutex::new(SEEDS.iter().enumerate());
    let verdicts = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let next = ahead.lock().expect("no panic").next();
                    let Some((number, seed)) = next else {
                        return;
                    };
                    let verdict = fail(number, seed, &holder);
                    verdicts.lock().expect("no panic").push(verdict);
                }
            });
        }
    });
    let verdicts = verdicts.into_inner().expect("no panic");
    let count = verdicts.len();
    let named = verdicts.iter().filter(|it| it.named).count();
    let decided = verdicts.iter().filter(|it| it.decided).count();
    println!("{count} failures: {named} name the service, {decided} hold the decisive line");
    for verdict in verdicts.iter().filter(|it| !it.named || !it.decided) {
        println!("--- {}\n{}", verdict.name, verdict.stderr);
    }
    assert_eq!(named, count);
    assert!(decided * 20 >= count * 19, "{decided} of {count}");
}

fn fail(number: usize, seed: &Seed, holder: &Stack) -> Verdict {
    let stack = Stack::empty(seed.name).expect("the engine answers");
    // Held for as long as it lasts; ports of containers are chosen by the system, too.
    let host = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let free = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
    let fill = |text: &str| {
        text.replace("HOST", &port(&host).to_string())
            .replace("FREE", &port(&free).to_string())
            .replace("HELD", &holder.port("web-1", 80).to_string())
            .replace("HOLDER", &holder.project)
            .replace("PID", &std::process::id().to_string())
            .replace("SUBNET", &format!("10.213.{}", number + 10))
    };
    let compose = format!("services:\n  {}\n", fill(seed.services));
    let decisive = fill(seed.decisive);
    drop(free);
    stack.write("compose.yaml", &compose);
    stack.write("foreign", "\u{1}\u{2}\u{3} no program\n");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(stack.dir.join("foreign"), executable).expect("it is ours");
    let ran = stack.run(&["up", "-d", "--wait"]);
    let errors = ran.stderr.find("error:").map(|at| &ran.stderr[at..]);
    let card = errors.unwrap_or_default();
    let names = [
        format!("service: {}\n", seed.to_blame),
        format!("service {} ", seed.to_blame),
        format!("blocked by this: {}\n", seed.to_blame),
    ];
    Verdict {
        name: seed.name,
        named: ran.code == 1 && names.iter().any(|name| card.contains(name)),
        decided: ran.code == 1 && card.contains(&decisive),
        stderr: ran.stderr.clone(),
    }
}
