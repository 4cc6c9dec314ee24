//! Answers captured from Docker 20.10 (API 1.41) and 28.5 (1.51), shortened, and odd ones made by
//! hand.

use serde_json::{Value, json};

use super::*;

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("the sample is JSON")
}

const ROW_20_10: &str = r#"{"Id":"9ffc","Names":["/rcontract-probe"],"Image":"busybox",
"ImageID":"sha256:832d","Command":"sleep 60","Created":1795268230,"Ports":[{"IP":"127.0.0.1",
"PrivatePort":80,"PublicPort":32768,"Type":"tcp"},{"PrivatePort":81,"Type":"udp"}],"Labels":{"a":"b"},
"State":"running","Status":"Up 2 seconds (healthy)","HostConfig":{"NetworkMode":"default"},
"NetworkSettings":{"Networks":{"bridge":{"IPAMConfig":null,"Links":null,"Aliases":null,
"NetworkID":"3b44","EndpointID":"738e","IPAddress":"172.17.0.2","DriverOpts":null}}},
"Mounts":[{"Type":"volume","Name":"0883","Source":"","Destination":"/data","Driver":"local",
"Mode":"","RW":true,"Propagation":""}]}"#;

#[test]
fn a_row_of_docker_20_10_is_read() {
    let row = Container::from_row(&value(ROW_20_10));
    let expected = Container {
        id: "9ffc".to_owned(),
        name: "rcontract-probe".to_owned(),
        image: "busybox".to_owned(),
        image_id: "sha256:832d".to_owned(),
        command: "sleep 60".to_owned(),
        created: 1_795_268_230,
        state: ContainerState::Running,
        status: "Up 2 seconds (healthy)".to_owned(),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        ports: vec![
            Port {
                ip: "127.0.0.1".to_owned(),
                private: 80,
                public: Some(32768),
                protocol: "tcp".to_owned(),
            },
            Port {
                private: 81,
                protocol: "udp".to_owned(),
                ..Port::default()
            },
        ],
        mounts: vec![Mount {
            kind: "volume".to_owned(),
            name: "0883".to_owned(),
            source: String::new(),
            target: "/data".to_owned(),
            writable: true,
        }],
        networks: BTreeMap::from([("bridge".to_owned(), "3b44".to_owned())]),
        network_mode: "default".to_owned(),
    };
    assert_eq!(row, expected);
}

#[test]
fn a_row_that_says_nothing_is_an_empty_container() {
    let nulls = json!({
        "Id": null, "Names": null, "Ports": null, "Labels": null, "Mounts": null, "State": null,
        "HostConfig": null, "NetworkSettings": {"Networks": {"host": null}}, "Created": "yesterday",
    });
    let expected = Container {
        networks: BTreeMap::from([("host".to_owned(), String::new())]),
        ..Container::default()
    };
    assert_eq!(Container::from_row(&nulls), expected);
    for nothing in [json!({}), Value::Null, json!([1])] {
        assert_eq!(Container::from_row(&nothing), Container::default());
    }
}

#[test]
fn a_state_that_nobody_knows_is_kept() {
    let row = Container::from_row(&json!({"State": "hibernating"}));
    assert_eq!(row.state, ContainerState::Other("hibernating".to_owned()));
    assert_eq!(row.state.as_str(), "hibernating");
}

#[test]
fn the_name_is_the_one_with_a_single_slash() {
    let name = |names: Value| Container::from_row(&json!({ "Names": names })).name;
    assert_eq!(name(json!(["/web/db", "/db"])), "db");
    assert_eq!(name(json!(["/db", "/web/db"])), "db");
    assert_eq!(name(json!(["db"])), "db");
    assert_eq!(name(json!([])), "");
}

#[test]
fn health_and_exit_code_are_read_out_of_the_status() {
    let read = |status: &str| {
        let row = Container {
            status: status.to_owned(),
            ..Container::default()
        };
        (row.health(), row.exit_code())
    };
    assert_eq!(read("Created"), (None, None));
    assert_eq!(read("Up 3 minutes"), (None, None));
    assert_eq!(read("Up 3 minutes (Paused)"), (None, None));
    assert_eq!(
        read("Up 2 seconds (healthy)"),
        (Some(Health::Healthy), None)
    );
    let starting = (Some(Health::Starting), None);
    assert_eq!(read("Up Less than a second (health: starting)"), starting);
    assert_eq!(
        read("Up 1 second (unhealthy)"),
        (Some(Health::Unhealthy), None)
    );
    assert_eq!(read("Exited (137) 29 seconds ago"), (None, Some(137)));
    assert_eq!(read("Exited (-1) 2 days ago"), (None, Some(-1)));
    assert_eq!(read("Restarting (1) 3 seconds ago"), (None, Some(1)));
}

const DETAIL_28_5: &str = r#"{"Id":"c927","State":{"Status":"running","Running":true,
"OOMKilled":false,"Pid":13830,"ExitCode":0,"Error":"","StartedAt":"2026-11-21T13:52:16.153468162Z",
"FinishedAt":"0001-01-01T00:00:00Z","Health":{"Status":"unhealthy","FailingStreak":2,"Log":[
{"Start":"2026-11-21T13:52:17.282686885Z","End":"2026-11-21T13:52:17.329666444Z","ExitCode":1,
"Output":"first"},{"Start":"2026-11-21T13:52:18.330689641Z","End":"2026-11-21T13:52:18.390410207Z",
"ExitCode":1,"Output":"second"}]}},"Image":"sha256:4ee3","Name":"/rcontract-probe","RestartCount":4,
"Mounts":[],"Config":{"Image":"busybox","Tty":true,"Labels":{"a":"b"}},"NetworkSettings":{"Networks":
{"bridge":{"IPAMConfig":null,"Links":null,"Aliases":null,"GwPriority":0,"NetworkID":"51a2",
"IPAddress":"172.17.0.2","DNSNames":null}}}}"#;

#[test]
fn a_container_in_full_of_docker_28_5_is_read() {
    let raw = value(DETAIL_28_5);
    let detail = ContainerDetail::from_answer(raw.clone());
    let endpoint = Endpoint {
        network_id: "51a2".to_owned(),
        aliases: vec![],
        ip_address: "172.17.0.2".to_owned(),
    };
    let expected = ContainerDetail {
        id: "c927".to_owned(),
        name: "rcontract-probe".to_owned(),
        image_id: "sha256:4ee3".to_owned(),
        image: "busybox".to_owned(),
        state: ContainerState::Running,
        health: Some(Health::Unhealthy),
        health_output: "second".to_owned(),
        restart_count: 4,
        started_at: "2026-11-21T13:52:16.153468162Z".to_owned(),
        finished_at: "0001-01-01T00:00:00Z".to_owned(),
        tty: true,
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        networks: BTreeMap::from([("bridge".to_owned(), endpoint)]),
        raw,
        ..ContainerDetail::default()
    };
    assert_eq!(detail, expected);
    let none = ContainerDetail::from_answer(json!({"State": {"Health": {"Status": "none"}}}));
    assert_eq!(none.health, None);
}

#[test]
fn an_image_is_read_from_a_list_and_in_full() {
    let row = Image::from_row(&json!({
        "Created": 1_795_267_916, "Id": "sha256:832d", "Labels": null, "RepoDigests": null,
        "RepoTags": ["busybox:latest", "<none>:<none>"], "Size": 1_983_427,
    }));
    assert_eq!(row.tags, ["busybox:latest"]);
    assert_eq!((row.created, row.size), (1_795_267_916, 1_983_427));
    let full = Image::from_answer(&json!({
        "Id": "sha256:832d", "RepoTags": ["busybox:latest"], "RepoDigests": ["<none>@<none>"],
        "Created": "2026-11-21T13:31:56.733374396Z", "Size": 1_983_427, "Os": "linux",
        "Architecture": "arm", "Variant": "v7",
        "Config": {"Volumes": {"/data": {}}, "Labels": {"a": "b"}},
    }));
    assert_eq!(
        (full.created, full.platform.as_str()),
        (1_795_267_916, "linux/arm/v7")
    );
    assert_eq!(full.volumes, ["/data"]);
    assert_eq!(full.labels["a"], "b");
    assert!(full.digests.is_empty());
}

#[test]
fn an_image_goes_by_every_way_to_write_its_name() {
    let image = Image {
        id: "sha256:832dd58d32a33bcc".to_owned(),
        tags: vec!["busybox:latest".to_owned(), "host:5000/a/b:1".to_owned()],
        digests: vec!["busybox@sha256:77".to_owned()],
        ..Image::default()
    };
    for name in [
        "busybox",
        "library/busybox",
        "docker.io/library/busybox:latest",
        "busybox:latest@sha256:77",
        "host:5000/a/b:1",
        "sha256:832dd",
        "832dd58d32a3",
    ] {
        assert!(image.goes_by(name), "{name}");
    }
    for name in [
        "busy",
        "busybox:1",
        "host:5000/a/b",
        "busybox@sha256:78",
        "832d",
        "sha256:9",
    ] {
        assert!(!image.goes_by(name), "{name}");
    }
}

#[test]
fn references_are_shortened_as_engines_list_them() {
    assert_eq!(familiar("docker.io/library/redis"), "redis:latest");
    assert_eq!(familiar("docker.io/me/app:1"), "me/app:1");
    assert_eq!(familiar("localhost:5000/app"), "localhost:5000/app:latest");
    assert_eq!(familiar("library/a/b"), "library/a/b:latest");
    assert_eq!(familiar("app:1@sha256:0"), "app@sha256:0");
}

#[test]
fn networks_and_volumes_without_anything_are_read() {
    let network = Network::from_row(&json!({"Name": "n", "Labels": null, "Containers": {
        "9ffc": {"Name": "web"}, "aaaa": null,
    }}));
    assert_eq!(network.containers, ["web", ""]);
    let volume = Volume::from_row(&json!({"Name": "v", "Labels": null, "Options": null}));
    assert_eq!((volume.name.as_str(), volume.options.len()), ("v", 0));
}

const EVENT_28_5: &str = r#"{"status":"die","id":"c927","from":"busybox","Type":"container",
"Action":"die","Actor":{"ID":"c927","Attributes":{"a":"b","exitCode":"6","image":"busybox",
"name":"web"}},"scope":"local","time":1795269136,"timeNano":1795269136146476565}"#;

#[test]
fn an_event_is_read_with_its_attributes() {
    let event = Event::from_message(&value(EVENT_28_5));
    assert_eq!(
        (&*event.action, &*event.container_id, &*event.container_name),
        ("die", "c927", "web")
    );
    assert_eq!(event.time_nano, 1_795_269_136_146_476_565);
    assert_eq!(event.attributes["exitCode"], "6");
    assert_eq!(event.attributes["a"], "b");
}

#[test]
fn podmans_events_are_put_into_dockers_words() {
    let event = |action: &str, attributes: Value| {
        let actor = json!({"ID": "c927", "Attributes": attributes});
        Event::from_message(&json!({"Type": "container", "Action": action, "Actor": actor}))
    };
    let died = event("died", json!({"containerExitCode": "3"}));
    assert_eq!(
        (died.action.as_str(), died.attributes["exitCode"].as_str()),
        ("die", "3")
    );
    assert_eq!(event("remove", json!(null)).action, "destroy");
    assert_eq!(event("exec_died", json!({})).action, "exec_die");
    let health = event("health_status", json!({"health_status": "healthy"}));
    assert_eq!(health.action, "health_status: healthy");
    let message = json!({"Action": "health_status", "HealthStatus": "unhealthy"});
    assert_eq!(
        Event::from_message(&message).action,
        "health_status: unhealthy"
    );
}

#[test]
fn progress_holds_words_counts_and_what_was_made() {
    let read = |message: Value| Progress::from_message(&message);
    let layer = read(
        json!({"status": "Downloading", "progress": "[=>  ]", "id": "a1",
        "progressDetail": {"current": 5, "total": 10}}),
    );
    let expected = Progress {
        id: Some("a1".to_owned()),
        text: "Downloading".to_owned(),
        current: Some(5),
        total: Some(10),
        ..Progress::default()
    };
    assert_eq!(layer, Ok(expected));
    let built = read(json!({"aux": {"ID": "sha256:1"}})).expect("no failure");
    assert_eq!(built.image_id.as_deref(), Some("sha256:1"));
    let pulled = read(json!({"status": "Digest: sha256:2"})).expect("no failure");
    assert_eq!(pulled.digest.as_deref(), Some("sha256:2"));
    let pushed =
        read(json!({"progressDetail": {}, "aux": {"Tag": "1", "Digest": "sha256:3", "Size": 7}}));
    assert_eq!(
        pushed.expect("no failure").digest.as_deref(),
        Some("sha256:3")
    );
}

#[test]
fn a_failure_in_progress_is_in_the_engines_words() {
    let failure = json!({"errorDetail": {"code": 9, "message": "exit 9"}, "error": "exit"});
    assert_eq!(Progress::from_message(&failure), Err("exit 9".to_owned()));
    let podman = json!({"error": "denied"});
    assert_eq!(Progress::from_message(&podman), Err("denied".to_owned()));
}
