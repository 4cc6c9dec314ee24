//! throwaway
use rcompose::{engine::*, *};
struct Disk;
impl load::Files for Disk {
    fn read(&self, p: &std::path::Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(p)
    }
    fn is_file(&self, p: &std::path::Path) -> bool {
        p.is_file()
    }
    fn read_stdin(&self) -> std::io::Result<Vec<u8>> {
        Ok(vec![])
    }
}
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let req = load::Request {
        current_dir: std::env::current_dir().unwrap(),
        variables: std::env::vars().collect(),
        files: std::env::var("F").ok().into_iter().collect(),
        ..Default::default()
    };
    let loaded = match load::load(&req, &Disk) {
        Ok(l) => l,
        Err(f) => {
            eprintln!(
                "{}",
                document::diagnostic::render(
                    &f.diagnostics,
                    &f.sources,
                    document::diagnostic::Style {
                        color: true,
                        width: 100
                    }
                )
            );
            return;
        }
    };
    eprintln!(
        "{}",
        document::diagnostic::render(
            &loaded.warnings,
            &loaded.sources,
            document::diagnostic::Style {
                color: true,
                width: 100
            }
        )
    );
    let p = &loaded.project;
    let e = engine::docker::Docker::connect(None, None).unwrap();
    let mut sink = |ev: event::Event| match ev {
        event::Event::Planned { plan } => eprintln!("{plan}"),
        e => eprintln!("{e:?}"),
    };
    let o = ops::up::UpOptions {
        build: if args.contains(&"--build".into()) {
            plan::images::BuildPolicy::Always
        } else {
            Default::default()
        },
        ..Default::default()
    };
    let c = Default::default();
    let t = std::time::Instant::now();
    match args[0].as_str() {
        "plan" => println!("{}", ops::up::plan(&e, p, &o).await.unwrap()),
        "config" => println!("{}", project::hash::go_json(&p.to_data())),
        "up" => println!("{:?}", ops::up::up(&e, p, &o, &c, &mut sink).await),
        "down" => println!(
            "{:?}",
            ops::lifecycle::down(&e, ops::Target::Files(p), &Default::default(), &mut sink).await
        ),
        _ => {}
    }
    eprintln!("{:?}", t.elapsed());
}
