//! Looks whether services that get their first container keep data where nobody will find it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;

use super::Error;
use crate::engine::Reads;
use crate::plan::{Cause, CreateContainer, Observed, Operation, Plan, unnamed};

/// What is to be told of images that are here. Of those that are still to be pulled or built, it is
/// told as their containers are made.
pub(super) async fn notices(
    reads: &dyn Reads,
    plan: &Plan,
    observed: &Observed,
) -> Result<Vec<String>, Error> {
    let first = first_containers(plan, observed);
    let images: BTreeSet<&str> = first.values().filter_map(|it| image_of(it)).collect();
    let looks = images.into_iter().map(async |name| {
        let image = reads.image(name).await?;
        Ok((name, image.map(|it| it.volumes).unwrap_or_default()))
    });
    let declared = try_join_all(looks).await;
    let declared = declared.map_err(Error::engine("look at the images"))?;
    let declared: BTreeMap<&str, Vec<String>> = declared.into_iter().collect();
    let told = first.into_iter().filter_map(|(service, create)| {
        let declared = declared.get(image_of(create)?)?;
        let paths = unnamed::paths(&create.body, declared);
        (!paths.is_empty()).then(|| unnamed::words(service, &paths))
    });
    Ok(told.collect())
}

fn image_of(create: &CreateContainer) -> Option<&str> {
    create.body.image.as_deref()
}

/// One of each service that has none yet.
fn first_containers<'p>(
    plan: &'p Plan,
    observed: &Observed,
) -> BTreeMap<&'p str, &'p CreateContainer> {
    let known = |service: &str| observed.containers.iter().any(|it| it.service == service);
    let mut first = BTreeMap::new();
    for step in &plan.steps {
        if let (Operation::CreateContainer(create), Some(service)) =
            (&step.operation, &step.service)
            && step.cause == Cause::Missing
            && !create.stamp_image
            && !known(service)
        {
            first.entry(service.as_str()).or_insert(create.as_ref());
        }
    }
    first
}
