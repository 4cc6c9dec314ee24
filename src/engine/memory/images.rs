//! Images: stored, tagged, pulled, pushed, built, removed.

use std::io::Read;

use futures_util::stream;

use super::shell::{self, Step};
use super::state::{State, hash};
use crate::engine::wire::{Image, familiar, split_reference};
use crate::engine::{Answers, BuildRequest, EngineError, Progress};

impl State {
    /// Puts an image into the store under a name, which any other image loses.
    pub(super) fn add_image(&mut self, reference: &str, image: Image) -> String {
        let name = familiar(reference);
        let id = match image.id.as_str() {
            "" => format!("sha256:{}", hash(name.as_bytes())),
            id => id.to_owned(),
        };
        self.store(Image {
            id: id.clone(),
            platform: match image.platform.as_str() {
                "" => "linux/amd64".to_owned(),
                platform => platform.to_owned(),
            },
            created: self.time_nano / 1_000_000_000,
            last_tagged: match image.last_tagged {
                0 => self.time_nano / 1_000_000_000,
                tagged => tagged,
            },
            ..image
        });
        self.name_image(&id, &name);
        id
    }

    fn store(&mut self, image: Image) {
        if !self.images.iter().any(|it| it.id == image.id) {
            self.images.push(image);
        }
    }

    fn name_image(&mut self, id: &str, name: &str) {
        for image in &mut self.images {
            let names = if name.contains('@') {
                &mut image.digests
            } else {
                &mut image.tags
            };
            names.retain(|it| it != name);
            if image.id == id {
                names.push(name.to_owned());
            }
        }
    }

    /// Makes an image that can be pulled. Published again under its name, it is a newer one.
    pub(super) fn publish(&mut self, reference: &str, like: Image) {
        let name = familiar(reference);
        let digest = format!("sha256:{}", self.new_id());
        let (repository, ..) = split_reference(&name);
        let image = Image {
            id: format!("sha256:{}", self.new_id()),
            digests: vec![format!("{repository}@{digest}")],
            ..like
        };
        self.published.insert(name, image);
    }

    pub(super) fn pull(&mut self, reference: &str) -> Result<Answers<Progress>, EngineError> {
        let name = familiar(reference);
        let (repository, tag, _) = split_reference(&name);
        let Some(image) = self.published.get(&name).cloned() else {
            return Err(EngineError::NotFound(pull_denied(repository)));
        };
        let digest = image.digests.first().cloned().unwrap_or_default();
        let digest = digest.rsplit('@').next().unwrap_or_default().to_owned();
        let status = match self.image(&image.id) {
            Some(_) => format!("Status: Image is up to date for {name}"),
            None => format!("Status: Downloaded newer image for {name}"),
        };
        let id = image.id.get(7..19).map(str::to_owned);
        self.add_image(&name, image);
        let now = self.time_nano / 1_000_000_000;
        if let Some(held) = self.images.iter_mut().find(|it| it.goes_by(&name)) {
            held.last_tagged = now;
        }
        Ok(all(vec![
            Progress {
                id: tag.map(str::to_owned),
                ..said(&format!("Pulling from {repository}"))
            },
            Progress {
                id,
                ..said("Pull complete")
            },
            Progress {
                digest: Some(digest.clone()),
                ..said(&format!("Digest: {digest}"))
            },
            said(&status),
        ]))
    }

    pub(super) fn registry_digest(&self, reference: &str) -> Result<String, EngineError> {
        let published = self.published.get(&familiar(reference));
        let digest = published.and_then(|image| image.digests.first());
        let digest = digest.and_then(|name| name.rsplit('@').next());
        digest
            .map(str::to_owned)
            .ok_or_else(|| EngineError::NotFound("manifest unknown: manifest unknown".to_owned()))
    }

    pub(super) fn push(&mut self, reference: &str) -> Result<Answers<Progress>, EngineError> {
        let name = familiar(reference);
        let (repository, tag, _) = split_reference(&name);
        let Some(image) = self.image(&name).cloned() else {
            let words = format!("An image does not exist locally with the tag: {repository}");
            return Err(EngineError::NotFound(words));
        };
        let digest = format!("sha256:{}", hash(image.id.as_bytes()));
        let tag = tag.unwrap_or_default();
        let digest_name = format!("{repository}@{digest}");
        let steps = vec![
            said(&format!("The push refers to repository [{repository}]")),
            Progress {
                digest: Some(digest.clone()),
                ..said(&format!("{tag}: digest: {digest} size: {}", image.size))
            },
        ];
        self.name_image(&image.id, &digest_name);
        let published = Image {
            tags: Vec::new(),
            digests: vec![digest_name],
            ..image
        };
        self.published.insert(name, published);
        Ok(all(steps))
    }

    pub(super) fn tag(&mut self, reference: &str, name: &str) -> Result<(), EngineError> {
        let Some(id) = self.image(reference).map(|image| image.id.clone()) else {
            return Err(no_such_image(reference));
        };
        self.name_image(&id, &familiar(name));
        Ok(())
    }

    pub(super) fn remove_image(&mut self, reference: &str, force: bool) -> Result<(), EngineError> {
        let Some(image) = self.image(reference) else {
            return Ok(());
        };
        let id = image.id.clone();
        let name = familiar(reference);
        let named = image.tags.contains(&name);
        let other_tags = image.tags.iter().any(|tag| *tag != name);
        if named && other_tags {
            for image in &mut self.images {
                image.tags.retain(|tag| *tag != name);
            }
            return Ok(());
        }
        if image.tags.len() > 1 && !force {
            let words = format!(
                "conflict: unable to delete {reference} (must be forced) - \
                 image is referenced in multiple repositories"
            );
            return Err(EngineError::Conflict(words));
        }
        let user = self.containers.iter().find(|held| held.image_id == id);
        if let Some(user) = user.filter(|user| !force || user.is_up()) {
            let words = format!(
                "conflict: unable to remove repository reference \"{reference}\" (must force) - \
                 container {} is using its referenced image",
                &user.id[..12]
            );
            return Err(EngineError::Conflict(words));
        }
        self.images.retain(|image| image.id != id);
        Ok(())
    }

    /// Builds an image, as far as its Dockerfile speaks of what is held here.
    pub(super) fn build(
        &mut self,
        request: &BuildRequest,
        tar: &[u8],
    ) -> Vec<Result<Progress, EngineError>> {
        let mut progress = Vec::new();
        let failure = match self.built(request, tar, &mut progress) {
            Ok(image) => {
                let id = image.id.clone();
                progress.push(Progress {
                    image_id: Some(id.clone()),
                    ..Progress::default()
                });
                let short = id.get(7..19).unwrap_or_default();
                progress.push(said(&format!("Successfully built {short}\n")));
                self.store(image);
                for tag in &request.tags {
                    self.name_image(&id, &familiar(tag));
                    progress.push(said(&format!("Successfully tagged {}\n", familiar(tag))));
                }
                None
            }
            Err(message) => Some(Err(EngineError::Refused {
                status: 200,
                message,
            })),
        };
        progress.into_iter().map(Ok).chain(failure).collect()
    }

    fn built(
        &mut self,
        request: &BuildRequest,
        tar: &[u8],
        progress: &mut Vec<Progress>,
    ) -> Result<Image, String> {
        let dockerfile = dockerfile(&request.dockerfile, tar)?;
        let lines: Vec<(&str, &str)> = instructions(&dockerfile).collect();
        let mut stages: Vec<&str> = Vec::new();
        let mut image = Image::default();
        for (number, (instruction, rest)) in lines.iter().enumerate() {
            let step = format!(
                "Step {}/{} : {instruction} {rest}\n",
                number + 1,
                lines.len()
            );
            progress.push(said(&step));
            match instruction.to_ascii_uppercase().as_str() {
                "FROM" => {
                    let words: Vec<&str> = rest.split_whitespace().collect();
                    image = self.base(words.first().copied().unwrap_or_default(), &stages)?;
                    stages.extend(words.get(2));
                }
                "RUN" => ran(rest, progress)?,
                "VOLUME" => {
                    let paths = rest.split([' ', ',', '[', ']', '"']);
                    let paths = paths.filter(|path| !path.is_empty());
                    image.volumes.extend(paths.map(str::to_owned));
                }
                _ => {}
            }
        }
        image.labels.extend(request.labels.clone());
        let what = [format!("{request:?}").as_bytes(), tar].concat();
        Ok(Image {
            id: format!("sha256:{}", hash(&what)),
            tags: Vec::new(),
            digests: Vec::new(),
            created: self.tick() / 1_000_000_000,
            platform: request
                .platform
                .clone()
                .unwrap_or_else(|| "linux/amd64".to_owned()),
            ..image
        })
    }

    /// The image that a stage begins with; one that can be pulled is.
    fn base(&mut self, reference: &str, stages: &[&str]) -> Result<Image, String> {
        let known = reference == "scratch" || reference.contains('$');
        if known || stages.contains(&reference) {
            return Ok(Image::default());
        }
        if self.image(reference).is_none() {
            // Builds show little of their pulls.
            drop(self.pull(reference).map_err(|error| error.to_string())?);
        }
        Ok(self.image(reference).cloned().unwrap_or_default())
    }
}

/// The Dockerfile out of a context.
fn dockerfile(path: &str, tar: &[u8]) -> Result<String, String> {
    let path = if path.is_empty() { "Dockerfile" } else { path };
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().map_err(|error| error.to_string())?;
    for entry in entries {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let name = entry.path().map_err(|error| error.to_string())?;
        if name.strip_prefix("./").unwrap_or(&name) == std::path::Path::new(path) {
            let mut text = String::new();
            let read = entry.read_to_string(&mut text);
            return read.map(|_| text).map_err(|error| error.to_string());
        }
    }
    Err(format!("Cannot locate specified Dockerfile: {path}"))
}

fn instructions(dockerfile: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = dockerfile.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(char::is_whitespace).unwrap_or((line, "")))
}

fn ran(script: &str, progress: &mut Vec<Progress>) -> Result<(), String> {
    for step in shell::script_steps(script) {
        match step {
            Step::Print(_, text) => progress.push(said(&text)),
            Step::Exit(0) => return Ok(()),
            Step::Exit(code) => {
                let words = "returned a non-zero code";
                return Err(format!("The command '/bin/sh -c {script}' {words}: {code}"));
            }
            Step::Sleep(_) | Step::Trap(..) | Step::Forever => {}
        }
    }
    Ok(())
}

fn said(text: &str) -> Progress {
    Progress {
        text: text.to_owned(),
        ..Progress::default()
    }
}

fn all(progress: Vec<Progress>) -> Answers<Progress> {
    Box::pin(stream::iter(progress.into_iter().map(Ok)))
}

fn no_such_image(reference: &str) -> EngineError {
    EngineError::NotFound(format!("No such image: {}", familiar(reference)))
}

fn pull_denied(repository: &str) -> String {
    format!(
        "pull access denied for {repository}, repository does not exist or may require \
         'docker login': denied: requested access to the resource is denied"
    )
}
