//! Images that keep data in a volume without a name: said once, when a service's first container is
//! made, and nothing of the service's is mounted there.

use bollard::models::ContainerCreateBody;

/// The paths that an image declares as volumes and a request mounts nothing at.
pub fn paths<'i>(body: &ContainerCreateBody, declared: &'i [String]) -> Vec<&'i str> {
    let host = body.host_config.as_ref();
    let mounts = host.and_then(|host| host.mounts.as_ref());
    let mounts = mounts.into_iter().flatten();
    let mut taken: Vec<&str> = mounts.filter_map(|mount| mount.target.as_deref()).collect();
    let binds = host.and_then(|host| host.binds.as_ref());
    let binds = binds.into_iter().flatten();
    taken.extend(binds.filter_map(|bind| bind.split(':').nth(1)));
    let tmpfs = host.and_then(|host| host.tmpfs.as_ref());
    taken.extend(
        tmpfs
            .into_iter()
            .flat_map(|it| it.keys())
            .map(String::as_str),
    );
    taken.extend(body.volumes.iter().flatten().map(String::as_str));
    let trimmed = |path: &str| path.trim_end_matches('/').to_owned();
    let free = declared.iter().map(String::as_str);
    free.filter(|path| !taken.iter().any(|it| trimmed(it) == trimmed(path)))
        .collect()
}

/// What is to be said of them.
pub fn words(service: &str, paths: &[&str]) -> String {
    let first = paths.first().copied().unwrap_or_default();
    let key = first.rsplit('/').find(|it| !it.is_empty());
    let key = key.unwrap_or("data");
    format!(
        "the image of service {service} keeps data at {}, in a volume without a name, which `down` leaves behind and nobody finds again; a name keeps it: `volumes: [\"{key}:{first}\"]`",
        paths.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use bollard::models::{HostConfig, Mount};

    use super::*;

    #[test]
    fn what_is_mounted_needs_no_name() {
        let declared = ["/data".to_owned(), "/log".to_owned(), "/run/".to_owned()];
        let mut body = ContainerCreateBody::default();
        assert_eq!(paths(&body, &declared), ["/data", "/log", "/run/"]);
        body.host_config = Some(HostConfig {
            mounts: Some(vec![Mount {
                target: Some("/data".to_owned()),
                ..Mount::default()
            }]),
            binds: Some(vec!["/here:/log/:ro".to_owned()]),
            tmpfs: Some([("/run".to_owned(), String::new())].into()),
            ..HostConfig::default()
        });
        assert_eq!(paths(&body, &declared), [""; 0]);
    }
}
