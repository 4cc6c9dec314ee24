//! Everything that changes something: through bollard, except what answers with a stream.

use std::io;

use async_trait::async_trait;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models;
use bollard::query_parameters as query;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, UPGRADE};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::target::{Target, segment};
use super::{Docker, collect, from_bollard, json, request, stream};
use crate::engine::transport::{empty_body, lost};
use crate::engine::wire::{split_reference, text};
use crate::engine::{
    Answers, ApiVersion, BuildRequest, Engine, EngineError, ExecOutcome, Output, Progress,
    RegistryAuth,
};

/// Until here a network's name could be given twice unless the request forbade it.
const NETWORK_NAMES_ARE_UNIQUE: ApiVersion = ApiVersion::new(1, 44);

const REGISTRY_AUTH: HeaderName = HeaderName::from_static("x-registry-auth");

/// `{}`: engines before 23 want some credentials with every push.
const NO_AUTH: &str = "e30=";

#[async_trait]
impl Engine for Docker {
    async fn create_container(
        &self,
        name: &str,
        platform: Option<&str>,
        body: models::ContainerCreateBody,
    ) -> Result<String, EngineError> {
        let options = query::CreateContainerOptions {
            name: Some(name.to_owned()),
            platform: platform.unwrap_or_default().to_owned(),
        };
        let created = self.bollard.create_container(Some(options), body).await;
        Ok(created.map_err(from_bollard)?.id)
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

    async fn exec(&self, name: &str, command: &[String]) -> Result<ExecOutcome, EngineError> {
        let options = CreateExecOptions {
            cmd: Some(command.to_vec()),
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
        auth: Option<&RegistryAuth>,
    ) -> Result<Answers<Progress>, EngineError> {
        let (name, tag, digest) = split_reference(reference);
        let target = Target::new("/images/create")
            .with("fromImage", name)
            // Without one, engines pull every tag there is.
            .with("tag", digest.or(tag).unwrap_or("latest"))
            .maybe("platform", platform);
        self.progress(&target, auth.map(|auth| auth.0.as_str()))
            .await
    }

    async fn push_image(
        &self,
        reference: &str,
        auth: Option<&RegistryAuth>,
    ) -> Result<Answers<Progress>, EngineError> {
        let (name, tag, _) = split_reference(reference);
        let target = Target::new(format!("/images/{}/push", segment(name)))
            .with("tag", tag.unwrap_or("latest"));
        let auth = auth.map_or(NO_AUTH, |auth| auth.0.as_str());
        self.progress(&target, Some(auth)).await
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
        let context = context.map_ok(Frame::data).map_err(io::Error::other);
        let body = StreamBody::new(context).boxed_unsync();
        let mut request = super::request(Method::POST, &build_target(request), body)?;
        let tar = HeaderValue::from_static("application/x-tar");
        request.headers_mut().insert(CONTENT_TYPE, tar);
        let answer = self.ask(request).await?;
        Ok(stream::messages(
            stream::body(answer.into_body()),
            read_progress,
        ))
    }
}

impl Docker {
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

    async fn progress(
        &self,
        target: &Target,
        auth: Option<&str>,
    ) -> Result<Answers<Progress>, EngineError> {
        let mut request = request(Method::POST, target, empty_body())?;
        if let Some(auth) = auth {
            let malformed = |_| EngineError::Broken("the credentials cannot be sent".to_owned());
            let mut auth = HeaderValue::try_from(auth).map_err(malformed)?;
            auth.set_sensitive(true);
            request.headers_mut().insert(REGISTRY_AUTH, auth);
        }
        let answer = self.ask(request).await?;
        Ok(stream::messages(
            stream::body(answer.into_body()),
            read_progress,
        ))
    }
}

fn gone_is_fine(result: Result<(), EngineError>) -> Result<(), EngineError> {
    match result {
        Err(EngineError::NotFound(_)) => Ok(()),
        result => result,
    }
}

fn read_progress(message: &Value) -> Result<Progress, EngineError> {
    Progress::from_message(message).map_err(refused_late)
}

/// A failure that came after the answer had begun as a success.
fn refused_late(message: String) -> EngineError {
    EngineError::Refused {
        status: 200,
        message,
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn build_target(request: &BuildRequest) -> Target {
    // Destructured so that a new field cannot be forgotten.
    let BuildRequest {
        dockerfile,
        remote,
        tags,
        args,
        labels,
        target,
        network,
        no_cache,
        pull,
        extra_hosts,
        cache_from,
        shm_size,
        platform,
    } = request;
    // An argument without a value would be an empty one, not the Dockerfile's default.
    let args: serde_json::Map<String, Value> = args
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), json!(value.as_ref()?))))
        .collect();
    let shm_size = shm_size.map(|bytes| bytes.to_string());
    let mut built = Target::new("/build")
        .maybe("dockerfile", some(dockerfile))
        .maybe("remote", remote.as_deref())
        .with("rm", "1")
        // The same after a failure: steps leave no containers behind.
        .with("forcerm", "1")
        .json("buildargs", &Value::Object(args))
        .json("labels", &json!(labels))
        .json("cachefrom", &json!(cache_from))
        .maybe("target", target.as_deref())
        .maybe("networkmode", network.as_deref())
        .flag("nocache", *no_cache)
        .flag("pull", *pull)
        .maybe("shmsize", shm_size.as_deref())
        .maybe("platform", platform.as_deref());
    for host in extra_hosts {
        built = built.with("extrahosts", host);
    }
    for tag in tags {
        built = built.with("t", tag);
    }
    built
}
