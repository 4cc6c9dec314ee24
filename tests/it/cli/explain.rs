//! `explain` and `config --trace`.

use pretty_assertions::assert_eq;

use super::Sandbox;

const BASE: &str = "\
include: [sub/inc.yaml]
x-env: &env
  A: one
  B: two
services:
  base:
    image: app:${TAG:-1}
    environment:
      DB_URL: postgres://u:${DB_PASSWORD}@${DB_HOST:-db}/app
      BASE: x
    links: [db]
  web.1:
    extends: base
    build: ./dir
    env_file: [web.env]
    environment:
      <<: *env
      B: mine
      DB_URL: postgres://${DB_HOST:-db}/web
      DB_PASSWORD: ${DB_PASSWORD}
      SHELLED:
      FROM_ENV:
    ports: ['8080:80']
    volumes: ['data:/data']
    labels: [a.b=c]
  db: {image: db}
volumes: {data: }
";

const OVER: &str = "\
services:
  web.1:
    environment: [DB_URL=over]
    volumes: ['other:/data']
volumes: {other: }
";

fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::with(BASE);
    for (name, text) in [
        ("compose.override.yaml", OVER),
        (".env", "DB_PASSWORD=hunter2\nFROM_ENV=env\n"),
        ("web.env", "A=file\nDB_URL=file\nONLY=f\n"),
        (
            "sub/inc.yaml",
            "services: {inc: {image: \"inc:${V}\", extends: {file: ext.yaml, service: e}}}\n",
        ),
        ("sub/ext.yaml", "services: {e: {environment: {Q: 1}}}\n"),
        ("sub/.env", "V=9\n"),
    ] {
        let path = format!("/work/demo/{name}").into();
        sandbox.files.insert(path, text.to_owned());
    }
    let shell = ("SHELLED".to_owned(), "shell".to_owned());
    sandbox.variables.extend([shell]);
    sandbox
}

async fn explained(path: &str) -> String {
    let ran = sandbox().succeed(&format!("explain {path}")).await;
    assert_eq!(ran.stderr, "");
    ran.stdout
}

#[tokio::test]
async fn a_value_comes_with_all_that_it_overrode() {
    let expected = "\
services[\"web.1\"].environment.DB_URL = over
  compose.override.yaml:3:26
    3 |     environment: [DB_URL=over]
  overrides file at web.env:2:1, a file of variables
  overrides postgres://u:********@db/app at compose.yaml:9:15, of the service that is extended
  overrides postgres://db/web at compose.yaml:19:15
";
    assert_eq!(
        explained("services.web.1.environment.DB_URL").await,
        expected
    );
}

#[tokio::test]
async fn mappings_that_are_merged_in_yaml_are_named() {
    let expected = "\
services[\"web.1\"].environment.A = one
  compose.yaml:3:6
    3 |   A: one
  repeated through an alias at compose.yaml:17:11
  overrides file at web.env:1:1, a file of variables

services[\"web.1\"].environment.B = mine
  compose.yaml:18:10
    18 |       B: mine
  overrides two at compose.yaml:4:6, merged by `<<`
";
    let paths = "services.web.1.environment.A services['web.1'].environment.B";
    assert_eq!(explained(paths).await, expected);
}

#[tokio::test]
async fn variables_come_with_their_sources() {
    let expected = "\
services.base.image = app:1
  compose.yaml:7:12
    7 |     image: app:${TAG:-1}
  written as app:${TAG:-1}
  ${TAG} is not set: the default in the expression

services[\"web.1\"].environment.SHELLED = shell
  compose.yaml:21:14, named without a value: the shell
    21 |       SHELLED:

services[\"web.1\"].environment.FROM_ENV = env
  compose.yaml:22:15, named without a value: .env:2:1
    22 |       FROM_ENV:

services[\"web.1\"].environment.ONLY = f
  web.env:3:1, a file of variables
";
    let names = ["SHELLED", "FROM_ENV", "ONLY"];
    let names = names.map(|name| format!("services.web.1.environment.{name}"));
    let paths = format!("services.base.image {}", names.join(" "));
    assert_eq!(explained(&paths).await, expected);
}

#[tokio::test]
async fn the_way_through_extends_and_include_is_told() {
    let expected = "\
services.inc.environment.Q = \"1\"
  sub/ext.yaml:1:33
    1 | services: {e: {environment: {Q: 1}}}
  extended by `inc` at sub/inc.yaml:1:46
  included here at compose.yaml:1:11

services.inc.image = inc:9
  sub/inc.yaml:1:25
    1 | services: {inc: {image: \"inc:${V}\", extends: {file: ext.yaml, service: e}}}
  included here at compose.yaml:1:11
  written as inc:${V}
  ${V} = 9 from sub/.env:1:1

services.inc.networks.default = null
  (default) a service that names no network joins the project's default network
";
    assert_eq!(explained("services.inc").await, expected);
}

#[tokio::test]
async fn what_nobody_wrote_is_told_as_such() {
    let expected = "\
name = demo
  (default) the name of the project's folder

services.base.depends_on.db.condition = service_started
  (default) follows from `links`, compose.yaml:11:13
    11 |     links: [db]

services.base.depends_on.db.restart = true
  (default) follows from `links`, compose.yaml:11:13
    11 |     links: [db]

services.base.depends_on.db.required = true
  (default) follows from `links`, compose.yaml:11:13
    11 |     links: [db]

services[\"web.1\"].build.dockerfile = Dockerfile
  (default) the default name of a Dockerfile, compose.yaml:14:12
    14 |     build: ./dir

services[\"web.1\"].ports[0].protocol = tcp
  (default) what a port has that does not say otherwise, compose.yaml:23:13
    23 |     ports: ['8080:80']

networks.default.name = demo_default
  (default) made of the project's name and the key `default`
";
    let paths = "name services.base.depends_on services.web.1.build.dockerfile \
                 services.web.1.ports[0].protocol networks.default";
    assert_eq!(explained(paths).await, expected);
}

#[tokio::test]
async fn an_item_of_a_list_overrides_the_one_with_its_key() {
    let expected = "\
services[\"web.1\"].volumes[0].source = other
  compose.override.yaml:4:15
    4 |     volumes: ['other:/data']
  overrides data:/data at compose.yaml:24:15
";
    assert_eq!(
        explained("services.web.1.volumes[0].source").await,
        expected
    );
}

#[tokio::test]
async fn secrets_are_masked_until_they_are_asked_for() {
    let path = "services.web.1.environment.DB_PASSWORD services.base.environment.DB_URL";
    for format in ["text", "json"] {
        let line = format!("explain --format {format} {path}");
        let masked = sandbox().succeed(&line).await.stdout;
        assert!(
            !masked.contains("hunter2") && masked.contains("********"),
            "{masked}"
        );
        let open = sandbox()
            .succeed(&format!("{line} --show-secrets"))
            .await
            .stdout;
        assert!(
            open.contains("hunter2") && !open.contains("********"),
            "{open}"
        );
    }
}

#[tokio::test]
async fn a_secret_in_the_default_of_an_expression_is_masked() {
    let compose =
        "services:\n  a:\n    image: app\n    environment:\n      URL: x:${DB_PASSWORD:-hunter2}\n";
    let ran = Sandbox::with(compose).succeed("explain services.a").await;
    assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
}

#[tokio::test]
async fn json_holds_the_same() {
    let ran = sandbox()
        .succeed("explain --format json services.web.1.labels")
        .await;
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let expected = serde_json::json!([{
        "path": "services[\"web.1\"].labels[\"a.b\"]",
        "value": "c",
        "origin": {
            "kind": "written",
            "place": { "file": "compose.yaml", "line": 25, "column": 14 },
        },
        "way": [],
        "written": null,
        "variables": [],
        "overrides": [],
    }]);
    assert_eq!(value, expected);
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_an_error_with_the_nearest() {
    let ran = sandbox()
        .run("explain services.base.enviroment.DB_URL")
        .await;
    let expected = "\
error: the project has nothing at `services.base.enviroment.DB_URL`
  help: did you mean `services.base.environment`?
";
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (1, "", expected)
    );
}

#[tokio::test]
async fn a_trace_stands_behind_each_line() {
    let mut sandbox = sandbox();
    let compose = "\
services:
  a:
    image: app:${TAG:-1}
    environment: {PASS: \"${DB_PASSWORD}\", SHELLED: }
    env_file: web.env
    command: [sh, \"one\\ntwo $$HOME\"]
";
    sandbox
        .files
        .retain(|path, _| !path.ends_with("compose.override.yaml"));
    sandbox
        .files
        .insert("/work/demo/compose.yaml".into(), compose.to_owned());
    let expected = "\
name: demo              # (default)
services:               # compose.yaml:1
  a:                    # compose.yaml:2
    command:            # compose.yaml:6
      - sh              # compose.yaml:6
      - |-              # compose.yaml:6
        one
        two $$HOME
    environment:        # compose.yaml:4
      A: file           # web.env:1
      DB_URL: file      # web.env:2
      ONLY: f           # web.env:3
      PASS: hunter2     # compose.yaml:4 ($DB_PASSWORD from .env:1)
      SHELLED: shell    # compose.yaml:4 ($SHELLED from the shell)
    image: app:1        # compose.yaml:3 ($TAG default)
    networks:           # (default)
      default: null     # (default)
networks:               # (default)
  default:              # (default)
    name: demo_default  # (default)
";
    assert_eq!(sandbox.succeed("config --trace").await.stdout, expected);
    let ran = sandbox.run("config --trace --format json").await;
    assert_eq!(ran.code, 1, "{ran:?}");
}
