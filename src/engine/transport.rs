//! The way to the engine: its address, the API version spoken with it, and its connections.
//!
//! It carries HTTP requests and knows nothing of what they ask. Above it sit bollard, for the verbs,
//! and our own calls, for what is decoded into [`wire`](super::wire); both share the connections.
//!
//! - The environment is not read here. Whoever calls passes what `DOCKER_HOST` and
//!   `DOCKER_API_VERSION` said.
//! - Every request goes to `/v1.NN/…`. bollard 0.21 computes that prefix and then loses it, and an
//!   engine that gets none answers in its newest format, whichever that is.
//! - The version is agreed on once, by `HEAD /_ping`, when the first request wants to be sent.
//! - Connections are kept and used again. One that streams or was taken over (attach, exec) is busy
//!   until its answer is dropped; the next request then opens another.
//! - There is no time limit on an answer: a stop waits for its grace period, a build for its steps.
//!   Only connecting and the first ping are bounded.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::{ApiVersion, EngineError};

/// The newest API version that this program was written against.
pub const NEWEST: ApiVersion = ApiVersion::new(1, 51);

/// The oldest API version that this program speaks (Docker 1.12).
pub const OLDEST: ApiVersion = ApiVersion::new(1, 24);

/// Where the engine is when nobody says otherwise.
const DEFAULT_ADDRESS: &str = "unix:///var/run/docker.sock";

/// Longest wait for a TCP connection, and for the answer to the first ping.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request's body: bytes at hand, or a stream of them.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A parsed engine address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `unix:///path`.
    Unix(PathBuf),
    /// `tcp://host:port` or `http://host:port`, in the clear, below a base path (mostly empty).
    Tcp {
        /// Host name or IP address, IPv6 without brackets.
        host: String,
        /// Port.
        port: u16,
        /// Path that every request starts with, for engines behind a proxy; no slash at its end.
        base: String,
    },
}

impl Address {
    /// Reads what `DOCKER_HOST` says; nothing, or an empty text, is the default socket.
    pub fn parse(text: Option<&str>) -> Result<Address, EngineError> {
        let text = text.filter(|text| !text.is_empty());
        let text = text.unwrap_or(DEFAULT_ADDRESS);
        let bad = |reason: &str| EngineError::BadAddress {
            address: text.to_owned(),
            reason: reason.to_owned(),
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(bad("it starts with no scheme, such as unix:// or tcp://"));
        };
        match scheme {
            "unix" if rest.is_empty() => Err(bad("the path of the socket is missing")),
            "unix" => Ok(Address::Unix(PathBuf::from(rest))),
            "tcp" | "http" => Address::tcp(rest).ok_or_else(|| bad("host or port make no sense")),
            "https" => Err(bad("TLS is not spoken yet")),
            "ssh" => Err(bad("ssh is not spoken yet")),
            "npipe" => Err(bad("named pipes are not spoken yet")),
            other => Err(bad(&format!("the scheme {other}:// is not known"))),
        }
    }

    fn tcp(rest: &str) -> Option<Address> {
        let uri: Uri = format!("tcp://{rest}").parse().ok()?;
        let authority = uri.authority()?;
        let host = authority.host().trim_matches(['[', ']']);
        let port = match authority.port() {
            Some(port) => port.as_str().parse().ok()?,
            // What an engine listens on by custom when it listens in the clear.
            None if authority.as_str() == authority.host() => 2375,
            None => return None,
        };
        (!host.is_empty()).then(|| Address::Tcp {
            host: host.to_owned(),
            port,
            base: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// What the `Host` header says.
    fn host_header(&self) -> String {
        match self {
            // HTTP wants some host; engines ignore which on a socket.
            Address::Unix(_) => "docker".to_owned(),
            Address::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Address::Tcp { host, port, .. } => format!("{host}:{port}"),
        }
    }

    fn base(&self) -> &str {
        match self {
            Address::Unix(_) => "",
            Address::Tcp { base, .. } => base,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
            Address::Tcp { base, .. } => write!(f, "tcp://{}{base}", self.host_header()),
        }
    }
}

/// Connections to one engine, and the API version spoken over them.
#[derive(Debug)]
pub(crate) struct Transport {
    address: Address,
    api: OnceCell<ApiVersion>,
    /// Connections not known to be closed; those in the middle of an answer are not ready.
    kept: Mutex<Vec<SendRequest<Body>>>,
}

impl Transport {
    /// A transport that has not connected yet. A version that is given is not negotiated.
    pub(crate) fn new(address: Address, api: Option<ApiVersion>) -> Transport {
        Transport {
            address,
            api: OnceCell::new_with(api),
            kept: Mutex::default(),
        }
    }

    /// Where the engine is.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The version that requests are made with. The first caller asks the engine, the others wait
    /// for the same answer.
    pub(crate) async fn api(&self) -> Result<ApiVersion, EngineError> {
        let api = self.api.get_or_try_init(|| self.negotiate()).await?;
        Ok(*api)
    }

    /// Sends a request, whose URI is the path below the version. Any status is an answer.
    pub(crate) async fn send(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, EngineError> {
        let api = self.api().await?;
        let target = request.uri().path_and_query().map_or("/", |it| it.as_str());
        let target = format!("{}/v{api}{target}", self.address.base());
        self.exchange(request, &target).await
    }

    async fn negotiate(&self) -> Result<ApiVersion, EngineError> {
        let mut pong = self.ping(Method::HEAD).await?;
        if !pong.status().is_success() {
            // Docker before 18.09 answers pings to GET alone.
            pong = self.ping(Method::GET).await?;
        }
        let header = pong.headers().get("api-version");
        let theirs = header
            .and_then(|text| ApiVersion::parse(text.to_str().ok()?))
            // Engines that do not say are from before they began to.
            .unwrap_or(OLDEST);
        if theirs < OLDEST {
            return Err(EngineError::TooOld {
                address: self.address.to_string(),
                found: theirs,
                needed: OLDEST,
            });
        }
        Ok(theirs.min(NEWEST))
    }

    async fn ping(&self, method: Method) -> Result<Response<Incoming>, EngineError> {
        let mut request = Request::new(empty_body());
        *request.method_mut() = method;
        let target = format!("{}/_ping", self.address.base());
        match timeout(PATIENCE, self.exchange(request, &target)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.unreachable("it did not answer a ping in time".to_owned())),
        }
    }

    async fn exchange(
        &self,
        mut request: Request<Body>,
        target: &str,
    ) -> Result<Response<Incoming>, EngineError> {
        self.address_to_engine(&mut request, target)?;
        loop {
            let (mut connection, kept) = match self.ready_connection() {
                Some(connection) => (connection, true),
                None => (self.connect().await?, false),
            };
            match connection.try_send_request(request).await {
                Ok(response) => {
                    self.keep(connection);
                    return Ok(response);
                }
                Err(mut failure) => match failure.take_message() {
                    // The engine had hung up on a kept connection. Nothing was sent: safe to repeat.
                    Some(unsent) if kept => request = unsent,
                    _ => return Err(lost(&failure.into_error())),
                },
            }
        }
    }

    fn address_to_engine(
        &self,
        request: &mut Request<Body>,
        target: &str,
    ) -> Result<(), EngineError> {
        let malformed = |what: &str| EngineError::Broken(format!("{what} cannot be sent"));
        *request.uri_mut() = target.parse().map_err(|_| malformed(target))?;
        let host = self.address.host_header();
        let host = HeaderValue::try_from(&host).map_err(|_| malformed(&host))?;
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, HeaderValue::from_static(USER));
        Ok(())
    }

    fn ready_connection(&self) -> Option<SendRequest<Body>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|connection| !connection.is_closed());
        let position = kept.iter().position(SendRequest::is_ready)?;
        Some(kept.swap_remove(position))
    }

    fn keep(&self, connection: SendRequest<Body>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(connection);
    }

    async fn connect(&self) -> Result<SendRequest<Body>, EngineError> {
        match &self.address {
            Address::Unix(path) => handshake(self.connect_unix(path).await?).await,
            Address::Tcp { host, port, .. } => {
                handshake(self.connect_tcp(host, *port).await?).await
            }
        }
    }

    #[cfg(unix)]
    async fn connect_unix(
        &self,
        path: &std::path::Path,
    ) -> Result<tokio::net::UnixStream, EngineError> {
        let socket = tokio::net::UnixStream::connect(path).await;
        socket.map_err(|error| self.unreachable(connect_reason(&error)))
    }

    #[cfg(not(unix))]
    async fn connect_unix(&self, _: &std::path::Path) -> Result<TcpStream, EngineError> {
        Err(EngineError::BadAddress {
            address: self.address.to_string(),
            reason: "this system has no unix sockets".to_owned(),
        })
    }

    async fn connect_tcp(&self, host: &str, port: u16) -> Result<TcpStream, EngineError> {
        let socket = match timeout(PATIENCE, TcpStream::connect((host, port))).await {
            Ok(socket) => socket,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let socket = socket.map_err(|error| self.unreachable(connect_reason(&error)))?;
        // Requests are small and waited for; only latency would be lost by gathering them.
        let _ = socket.set_nodelay(true);
        Ok(socket)
    }

    fn unreachable(&self, reason: String) -> EngineError {
        EngineError::Unreachable {
            address: self.address.to_string(),
            reason,
        }
    }
}

const USER: &str = concat!("rcompose/", env!("CARGO_PKG_VERSION"));

async fn handshake<S>(socket: S) -> Result<SendRequest<Body>, EngineError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = http1::handshake(TokioIo::new(socket)).await;
    let (sender, connection) = handshake.map_err(|error| lost(&error))?;
    // Its end, good or bad, shows at the request that was under way.
    tokio::spawn(connection.with_upgrades());
    Ok(sender)
}

fn connect_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "permission denied on its socket (is this user in the docker group?)".to_owned()
        }
        io::ErrorKind::NotFound => "there is no such socket (is the engine running?)".to_owned(),
        io::ErrorKind::ConnectionRefused => {
            "connection refused (is the engine running?)".to_owned()
        }
        io::ErrorKind::TimedOut => "it did not answer in time".to_owned(),
        _ => error.to_string(),
    }
}

/// A body of nothing.
pub(crate) fn empty_body() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Why a request or an answer broke off. An error of ours on the way, such as from the stream of a
/// build context, comes out as it went in.
pub(crate) fn lost(error: &(dyn std::error::Error + 'static)) -> EngineError {
    if let Some(ours) = engine_error_within(error) {
        return ours;
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = next.source();
    }
    EngineError::Broken(text)
}

/// Finds an [`EngineError`] that travelled inside foreign errors.
pub(crate) fn engine_error_within(
    error: &(dyn std::error::Error + 'static),
) -> Option<EngineError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref::<EngineError>() {
            return Some(ours.clone());
        }
        // `io::Error` shows its own cause's cause as source, never the cause itself.
        if let Some(io) = error.downcast_ref::<io::Error>()
            && let Some(inner) = io.get_ref()
        {
            cause = Some(inner);
            continue;
        }
        cause = error.source();
    }
    None
}

#[cfg(all(test, unix))]
mod tests;
