//! Everything that changes something: through bollard, except what answers with a stream.

use std::io;

use async_trait::async_trait;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models;
use bollard::query_parameters as query;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::target::{Target, segment};
use super::{Docker, collect, from_bollard, json, refused_late, request, stream};
use crate::engine::transport::{Body, empty_body, lost};
use crate::engine::wire::{split_reference, text};
use crate::engine::{
    Answers, ApiVersion, BuildRequest, Engine, EngineError, Exec, ExecOutcome, Output, Progress,
};

/// Until here a network's name could be given twice unless the request forbade it.
const NETWORK_NAMES_ARE_UNIQUE: ApiVersion = ApiVersion::new(1, 44);

/// Until here a container could be created in one network alone, and had to join the others.
const SEVERAL_NETWORKS_AT_ONCE: ApiVersion = ApiVersion::new(1, 44);

#[async_trait]
impl Engine for Docker {
    async fn create_container(
        &self,
        name: &str,
        platform: Option<&str>,
        body: models::ContainerCreateBody,
    ) -> Result<String, EngineError> {
        let mut body = body;
        let mut later = Vec::new();
        let mut address = None;
        if self.transport.api().await? < SEVERAL_NETWORKS_AT_ONCE {
            later = take_all_networks_but_one(&mut body);
            address = take_address(&mut body);
        }
        let options = query::CreateContainerOptions {
            name: Some(name.to_owned()),
            platform: platform.unwrap_or_default().to_owned(),
        };
        let id = match address {
            Some(address) => self.create_addressed(&options, &body, address).await?,
            None => {
                let created = self.bollard.create_container(Some(options), body).await;
                created.map_err(from_bollard)?.id
            }
        };
        for (network, endpoint) in later {
            let connected = self.connect_network(&network, &id, endpoint).await;
            if let Err(error) = connected {
                // A create has happened or it has not.
                let _ = self.remove_container(&id, true, true).await;
                return Err(error);
            }
        }
        Ok(id)
    }

    async fn start_container(&self, name: &str) -> Result<(), EngineError> {
        let started = self.bollard.start_container(name, None).await;
        started.map_err(from_bollard)
    }

    async fn stop_container(&self, name: &str, timeout: Option<i32>) -> Result<(), EngineError> {
        let options = query::StopContainerOptions {
            signal: None,
            t: timeout,
        };
        let stopped = self.bollard.stop_container(name, Some(options)).await;
        stopped.map_err(from_bollard)
    }

    async fn restart_container(&self, name: &str, timeout: Option<i32>) -> Result<(), EngineError> {
        let options = query::RestartContainerOptions {
            signal: None,
            t: timeout,
        };
        let restarted = self.bollard.restart_container(name, Some(options)).await;
        restarted.map_err(from_bollard)
    }

    async fn kill_container(&self, name: &str, signal: Option<&str>) -> Result<(), EngineError> {
        let options = query::KillContainerOptions {
            signal: signal.unwrap_or("SIGKILL").to_owned(),
        };
        let killed = self.bollard.kill_container(name, Some(options)).await;
        killed.map_err(from_bollard)
    }

    async fn pause_container(&self, name: &str) -> Result<(), EngineError> {
        let paused = self.bollard.pause_container(name).await;
        paused.map_err(from_bollard)
    }

    async fn unpause_container(&self, name: &str) -> Result<(), EngineError> {
        let unpaused = self.bollard.unpause_container(name).await;
        unpaused.map_err(from_bollard)
    }

    async fn remove_container(
        &self,
        name: &str,
        force: bool,
        volumes: bool,
    ) -> Result<(), EngineError> {
        let options = query::RemoveContainerOptions {
            v: volumes,
            force,
            link: false,
        };
        let removed = self.bollard.remove_container(name, Some(options)).await;
        match gone_is_fine(removed.map_err(from_bollard)) {
            // Somebody else is at it, or the container removes itself.
            Err(EngineError::Conflict(message)) if message.contains("already in progress") => {
                self.wait_until_removed(name).await
            }
            result => result,
        }
    }

    async fn rename_container(&self, name: &str, new_name: &str) -> Result<(), EngineError> {
        let options = query::RenameContainerOptions {
            name: new_name.to_owned(),
        };
        let renamed = self.bollard.rename_container(name, options).await;
        renamed.map_err(from_bollard)
    }

    async fn attach_container(&self, name: &str) -> Result<Answers<Output>, EngineError> {
        // Not through bollard: it holds a terminal's output back until the end of a line.
        let target = Target::new(format!("/containers/{}/attach", segment(name)))
            .with("stream", "1")
            .with("stdout", "1")
            .with("stderr", "1");
        let mut request = request(Method::POST, &target, empty_body())?;
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("tcp"));
        let answer = self.ask(request).await?;
        let framing = self.framing(name, &answer).await?;
        let source = if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let connection = hyper::upgrade::on(answer).await;
            Box::pin(TokioIo::new(connection.map_err(|error| lost(&error))?))
        } else {
            stream::body(answer.into_body())
        };
        Ok(stream::output(source, framing))
    }

    async fn wait_container(&self, name: &str) -> Result<i64, EngineError> {
        let target = Target::new(format!("/containers/{}/wait", segment(name)));
        let answer = json(self.call(Method::POST, &target).await?).await?;
        let failure = text(&answer["Error"]["Message"]);
        if !failure.is_empty() {
            return Err(refused_late(failure));
        }
        let code = answer["StatusCode"].as_i64();
        code.ok_or_else(|| EngineError::Broken("it holds no exit code".to_owned()))
    }

    async fn exec(&self, name: &str, exec: &Exec) -> Result<ExecOutcome, EngineError> {
        let exec = exec.clone();
        let options = CreateExecOptions {
            cmd: Some(exec.command),
            user: exec.user,
            privileged: Some(exec.privileged),
            working_dir: exec.working_dir,
            env: Some(exec.environment),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let created = self.bollard.create_exec(name, options).await;
        let id = created.map_err(from_bollard)?.id;
        let started = self.bollard.start_exec(&id, None).await;
        let mut output = BytesMut::new();
        if let StartExecResults::Attached {
            output: mut pieces, ..
        } = started.map_err(from_bollard)?
        {
            while let Some(piece) = pieces.next().await {
                output.extend_from_slice(&piece.map_err(from_bollard)?.into_bytes());
            }
        }
        Ok(ExecOutcome {
            code: self.exec_code(&id).await?,
            output: output.freeze(),
        })
    }

    async fn put_archive(&self, name: &str, folder: &str, tar: Bytes) -> Result<(), EngineError> {
        let path = format!("/containers/{}/archive", segment(name));
        let target = Target::new(path).with("path", folder);
        let body = http_body_util::Full::from(tar)
            .map_err(|never| match never {})
            .boxed_unsync();
        self.unpack(&target, body).await
    }

    async fn stream_archive(
        &self,
        name: &str,
        folder: &str,
        tar: Answers<Bytes>,
    ) -> Result<(), EngineError> {
        let path = format!("/containers/{}/archive", segment(name));
        let pieces = tar.map_ok(Frame::data).map_err(io::Error::other);
        let body = StreamBody::new(pieces).boxed_unsync();
        let target = Target::new(path).with("path", folder);
        self.unpack(&target, body).await
    }

    async fn create_network(
        &self,
        body: models::NetworkCreateRequest,
    ) -> Result<String, EngineError> {
        // Not through bollard: it has forgotten the field.
        let mut body = json!(body);
        if self.transport.api().await? < NETWORK_NAMES_ARE_UNIQUE {
            body["CheckDuplicate"] = Value::Bool(true);
        }
        let body = http_body_util::Full::from(body.to_string())
            .map_err(|never| match never {})
            .boxed_unsync();
        let request = request(Method::POST, &Target::new("/networks/create"), body)?;
        let answer = json(self.ask(request).await?).await?;
        Ok(text(&answer["Id"]))
    }

    async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        let removed = self.bollard.remove_network(name).await;
        gone_is_fine(removed.map_err(from_bollard))
    }

    async fn connect_network(
        &self,
        network: &str,
        container: &str,
        endpoint: models::EndpointSettings,
    ) -> Result<(), EngineError> {
        let body = models::NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(endpoint),
        };
        let connected = self.bollard.connect_network(network, body).await;
        connected.map_err(from_bollard)
    }

    async fn disconnect_network(
        &self,
        network: &str,
        container: &str,
        force: bool,
    ) -> Result<(), EngineError> {
        let body = models::NetworkDisconnectRequest {
            container: container.to_owned(),
            force: Some(force),
        };
        let disconnected = self.bollard.disconnect_network(network, body).await;
        match disconnected.map_err(from_bollard) {
            Err(EngineError::Refused { message, .. })
                if message.contains("is not connected to") =>
            {
                Ok(())
            }
            result => result,
        }
    }

    async fn create_volume(&self, body: models::VolumeCreateRequest) -> Result<(), EngineError> {
        let created = self.bollard.create_volume(body).await;
        created.map(|_| ()).map_err(from_bollard)
    }

    async fn remove_volume(&self, name: &str, force: bool) -> Result<(), EngineError> {
        let options = query::RemoveVolumeOptions { force };
        let removed = self.bollard.remove_volume(name, Some(options)).await;
        gone_is_fine(removed.map_err(from_bollard))
    }

    async fn pull_image(
        &self,
        reference: &str,
        platform: Option<&str>,
    ) -> Result<Answers<Progress>, EngineError> {
        self.pull(reference, platform).await
    }

    async fn push_image(&self, reference: &str) -> Result<Answers<Progress>, EngineError> {
        self.push(reference).await
    }

    async fn tag_image(&self, reference: &str, name: &str) -> Result<(), EngineError> {
        let (repo, tag, _) = split_reference(name);
        let options = query::TagImageOptions {
            repo: Some(repo.to_owned()),
            tag: Some(tag.unwrap_or("latest").to_owned()),
        };
        let tagged = self.bollard.tag_image(reference, Some(options)).await;
        tagged.map_err(from_bollard)
    }

    async fn remove_image(&self, reference: &str, force: bool) -> Result<(), EngineError> {
        let options = query::RemoveImageOptionsBuilder::default().force(force);
        let removed = self
            .bollard
            .remove_image(reference, Some(options.build()), None);
        gone_is_fine(removed.await.map(|_| ()).map_err(from_bollard))
    }

    async fn build_image(
        &self,
        request: &BuildRequest,
        context: Answers<Bytes>,
    ) -> Result<Answers<Progress>, EngineError> {
        self.build(request, context).await
    }
}

impl Docker {
    async fn unpack(&self, target: &Target, tar: Body) -> Result<(), EngineError> {
        let mut request = request(Method::PUT, target, tar)?;
        let kind = HeaderValue::from_static("application/x-tar");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        collect(self.ask(request).await?).await.map(drop)
    }

    async fn wait_until_removed(&self, name: &str) -> Result<(), EngineError> {
        let target =
            Target::new(format!("/containers/{}/wait", segment(name))).with("condition", "removed");
        match self.call(Method::POST, &target).await {
            Ok(answer) => collect(answer).await.map(|_| ()),
            Err(EngineError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The exit code of a command whose output has ended.
    async fn exec_code(&self, id: &str) -> Result<i64, EngineError> {
        loop {
            let state = self.bollard.inspect_exec(id).await.map_err(from_bollard)?;
            if let (Some(false), Some(code)) = (state.running, state.exit_code) {
                return Ok(code);
            }
            // The output ends a moment before the engine has written the code down.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

/// Leaves the network that the network mode names, or else the first by name.
fn take_all_networks_but_one(
    body: &mut models::ContainerCreateBody,
) -> Vec<(String, models::EndpointSettings)> {
    let config = body.networking_config.as_mut();
    let Some(endpoints) = config.and_then(|config| config.endpoints_config.as_mut()) else {
        return Vec::new();
    };
    let host = body.host_config.as_ref();
    let mode = host.and_then(|host| host.network_mode.as_ref());
    let main = mode.filter(|mode| endpoints.contains_key(*mode));
    let Some(main) = main.or_else(|| endpoints.keys().min()).cloned() else {
        return Vec::new();
    };
    let mut others: Vec<_> = endpoints.extract_if(|name, _| *name != main).collect();
    others.sort_by(|left, right| left.0.cmp(&right.0));
    others
}

/// The hardware address on the one network that is left: of the container, in the older form.
fn take_address(body: &mut models::ContainerCreateBody) -> Option<String> {
    let endpoints = body.networking_config.as_mut()?.endpoints_config.as_mut()?;
    endpoints.values_mut().find_map(|it| it.mac_address.take())
}

impl Docker {
    /// Older engines take the hardware address beside the networks, where bollard's models of today
    /// have no place for it.
    async fn create_addressed(
        &self,
        options: &query::CreateContainerOptions,
        body: &models::ContainerCreateBody,
        address: String,
    ) -> Result<String, EngineError> {
        let unwritable = |error: serde_json::Error| EngineError::Broken(error.to_string());
        let mut body = serde_json::to_value(body).map_err(unwritable)?;
        body["MacAddress"] = address.into();
        let bytes = serde_json::to_vec(&body).map_err(unwritable)?;
        let mut target = Target::new("/containers/create");
        for (key, value) in [
            ("name", options.name.as_deref().unwrap_or_default()),
            ("platform", options.platform.as_str()),
        ] {
            if !value.is_empty() {
                target = target.with(key, value);
            }
        }
        let body = Full::new(Bytes::from(bytes)).map_err(|never| match never {});
        let request = super::request(Method::POST, &target, body.boxed_unsync())?;
        let answer = json(self.ask(request).await?).await?;
        Ok(text(&answer["Id"]))
    }
}

fn gone_is_fine(result: Result<(), EngineError>) -> Result<(), EngineError> {
    match result {
        Err(EngineError::NotFound(_)) => Ok(()),
        result => result,
    }
}
