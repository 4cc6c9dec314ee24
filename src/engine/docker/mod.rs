//! Docker and Podman over HTTP.
//!
//! Two ways lead to the engine, over the same connections. Verbs whose request is a full model go
//! through bollard. What is *answered* in bulk (lists, inspections, events, output, progress) is
//! asked for directly and decoded into [`wire`](super::wire), because bollard's answers are closed:
//! one unknown word in one row makes a whole list unreadable.
//!
//! - `reads` looks, `verbs` and `images` change, `stream` decodes what comes bit by bit, `target`
//!   writes paths and queries.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::transport::{self, Address, Transport, empty_body, engine_error_within, lost};
use super::{ApiVersion, EngineError};
pub use credentials::Credentials;
use target::Target;

mod credentials;
mod images;
mod reads;
mod stream;
mod target;
mod verbs;

/// A container engine that speaks Docker's API.
#[derive(Debug, Clone)]
pub struct Docker {
    transport: Arc<Transport>,
    bollard: bollard::Docker,
    credentials: Credentials,
}

impl Docker {
    /// Prepares to talk to the engine at an address, as `DOCKER_HOST` has it; the default socket
    /// when absent. Connects with the first call. An API version, as `DOCKER_API_VERSION` has it,
    /// is used as it is; the newest that both sides speak when absent.
    pub fn connect(
        address: Option<&str>,
        api_version: Option<ApiVersion>,
    ) -> Result<Docker, EngineError> {
        let address = Address::parse(address)?;
        let transport = Arc::new(Transport::new(address, api_version));
        Ok(Docker {
            bollard: bollard_over(Arc::clone(&transport))?,
            transport,
            credentials: Credentials::default(),
        })
    }

    /// Looks in these places for what registries want; nowhere without.
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Docker {
        Docker {
            credentials,
            ..self
        }
    }

    /// Asks and takes any answer but a refusal.
    async fn call(&self, method: Method, target: &Target) -> Result<Answer, EngineError> {
        self.ask(request(method, target, empty_body())?).await
    }

    async fn ask(&self, request: Request<transport::Body>) -> Result<Answer, EngineError> {
        let response = self.transport.send(request).await?;
        let status = response.status();
        let granted = [StatusCode::NOT_MODIFIED, StatusCode::SWITCHING_PROTOCOLS];
        if status.is_success() || granted.contains(&status) {
            return Ok(response);
        }
        let body = collect(response).await?;
        Err(refusal(status.as_u16(), refusal_words(&body)))
    }

    /// Asks for a JSON answer.
    async fn get(&self, target: &Target) -> Result<Value, EngineError> {
        json(self.call(Method::GET, target).await?).await
    }

    /// Asks for a JSON answer about one thing; `None` when it is not there.
    async fn find(&self, target: &Target) -> Result<Option<Value>, EngineError> {
        match self.get(target).await {
            Ok(answer) => Ok(Some(answer)),
            Err(EngineError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

type Answer = Response<Incoming>;

/// bollard, sending through our transport, with no time limit of its own.
fn bollard_over(transport: Arc<Transport>) -> Result<bollard::Docker, EngineError> {
    let send = move |request: bollard::BollardRequest| {
        let transport = Arc::clone(&transport);
        async move {
            let request = request.map(|body| match body {
                http_body_util::Either::Left(bytes) => {
                    bytes.map_err(|never| match never {}).boxed_unsync()
                }
                http_body_util::Either::Right(stream) => stream.boxed_unsync(),
            });
            let answer = transport.send(request).await;
            answer.map_err(|error| std::io::Error::other(error).into())
        }
    };
    // Host and version are replaced on the way; bollard only wants some.
    bollard::Docker::connect_with_custom_transport(
        send,
        Some("http://docker"),
        u64::MAX,
        bollard::API_DEFAULT_VERSION,
    )
    .map_err(from_bollard)
}

fn request(
    method: Method,
    target: &Target,
    body: transport::Body,
) -> Result<Request<transport::Body>, EngineError> {
    let request = Request::builder().method(method).uri(target.as_str());
    let request = request.header(CONTENT_TYPE, "application/json").body(body);
    request.map_err(|error| EngineError::Broken(error.to_string()))
}

async fn collect(response: Answer) -> Result<Bytes, EngineError> {
    let body = response.into_body().collect().await;
    Ok(body.map_err(|error| lost(&error))?.to_bytes())
}

async fn json(response: Answer) -> Result<Value, EngineError> {
    let body = collect(response).await?;
    serde_json::from_slice(&body).map_err(|error| EngineError::Broken(error.to_string()))
}

fn refusal_words(body: &Bytes) -> String {
    let message = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|body| Some(body.get("message")?.as_str()?.to_owned()));
    message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned())
}

/// What an answer that is no success means.
fn refusal(status: u16, message: String) -> EngineError {
    // Engines forbid what a network in use does not allow, instead of calling it a conflict.
    let in_use = ["has active endpoints", "already exists in network"];
    match status {
        404 => EngineError::NotFound(message),
        409 => EngineError::Conflict(message),
        403 if in_use.iter().any(|words| message.contains(words)) => EngineError::Conflict(message),
        _ => EngineError::Refused { status, message },
    }
}

fn from_bollard(error: bollard::errors::Error) -> EngineError {
    use bollard::errors::Error;
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => refusal(status_code, message),
        // Our transport's own errors come back wrapped.
        Error::IOError { err } => {
            engine_error_within(&err).unwrap_or_else(|| EngineError::Broken(err.to_string()))
        }
        Error::HyperResponseError { err } => lost(&err),
        other => EngineError::Broken(other.to_string()),
    }
}

/// A failure that came after the answer had begun as a success.
fn refused_late(message: String) -> EngineError {
    EngineError::Refused {
        status: 200,
        message,
    }
}
