//! Images that come, go and are made: answers that report their progress.

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request};
use serde_json::{Value, json};

use super::target::{Target, segment};
use super::{Docker, refused_late, request, stream};
use crate::engine::transport::{Body, empty_body};
use crate::engine::wire::split_reference;
use crate::engine::{Answers, BuildRequest, EngineError, Progress, RegistryAuth};

/// One registry's credentials.
const REGISTRY_AUTH: HeaderName = HeaderName::from_static("x-registry-auth");

/// Those of many, by registry.
const REGISTRY_CONFIG: HeaderName = HeaderName::from_static("x-registry-config");

/// `{}`: engines before 23 want some credentials with every push.
const NO_AUTH: &str = "e30=";

impl Docker {
    pub(super) async fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
    ) -> Result<Answers<Progress>, EngineError> {
        let (name, tag, digest) = split_reference(reference);
        let target = Target::new("/images/create")
            .with("fromImage", name)
            // Without one, engines pull every tag there is.
            .with("tag", digest.or(tag).unwrap_or("latest"))
            .maybe("platform", platform);
        let found = self.credentials.for_image(reference).await;
        let answers = self.progress(&target, found.auth.as_ref()).await;
        explained(answers, &found.problems)
    }

    pub(super) async fn push(&self, reference: &str) -> Result<Answers<Progress>, EngineError> {
        let (name, tag, _) = split_reference(reference);
        let target = Target::new(format!("/images/{}/push", segment(name)))
            .with("tag", tag.unwrap_or("latest"));
        let found = self.credentials.for_image(reference).await;
        let none = RegistryAuth(NO_AUTH.to_owned());
        let auth = found.auth.as_ref().unwrap_or(&none);
        let answers = self.progress(&target, Some(auth)).await;
        explained(answers, &found.problems)
    }

    pub(super) async fn build(
        &self,
        request: &BuildRequest,
        context: Answers<Bytes>,
    ) -> Result<Answers<Progress>, EngineError> {
        let context = context.map_ok(Frame::data).map_err(io::Error::other);
        let body = StreamBody::new(context).boxed_unsync();
        let mut request = super::request(Method::POST, &build_target(request), body)?;
        let tar = HeaderValue::from_static("application/x-tar");
        request.headers_mut().insert(CONTENT_TYPE, tar);
        let found = self.credentials.for_build().await;
        if let Some(auth) = &found.auth {
            insert_sensitive(&mut request, REGISTRY_CONFIG, auth)?;
        }
        explained(self.answers(request).await, &found.problems)
    }

    async fn progress(
        &self,
        target: &Target,
        auth: Option<&RegistryAuth>,
    ) -> Result<Answers<Progress>, EngineError> {
        let mut request = request(Method::POST, target, empty_body())?;
        if let Some(auth) = auth {
            insert_sensitive(&mut request, REGISTRY_AUTH, auth)?;
        }
        self.answers(request).await
    }

    async fn answers(&self, request: Request<Body>) -> Result<Answers<Progress>, EngineError> {
        let answer = self.ask(request).await?;
        Ok(stream::messages(
            stream::body(answer.into_body()),
            read_progress,
        ))
    }
}

fn insert_sensitive(
    request: &mut Request<Body>,
    name: HeaderName,
    auth: &RegistryAuth,
) -> Result<(), EngineError> {
    let malformed = |_| EngineError::Broken("the credentials cannot be sent".to_owned());
    let mut value = HeaderValue::try_from(&auth.0).map_err(malformed)?;
    value.set_sensitive(true);
    request.headers_mut().insert(name, value);
    Ok(())
}

/// Adds to a refusal, early or late, why no credentials were sent.
fn explained(
    answers: Result<Answers<Progress>, EngineError>,
    problems: &[String],
) -> Result<Answers<Progress>, EngineError> {
    if problems.is_empty() {
        return answers;
    }
    let reason = format!("; credentials were not found: {}", problems.join("; "));
    match answers {
        Ok(answers) => Ok(answers
            .map(move |answer| answer.map_err(|error| error.with(&reason)))
            .boxed()),
        Err(error) => Err(error.with(&reason)),
    }
}

fn read_progress(message: &Value) -> Result<Progress, EngineError> {
    Progress::from_message(message).map_err(refused_late)
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
