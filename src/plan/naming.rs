//! Names of everything that is created; the same as docker compose's, so that either tool finds
//! what the other made.

use crate::project::Service;

/// Name of a service's container.
pub fn container(project: &str, service: &Service, number: u32) -> String {
    match &service.container_name {
        Some(name) => name.clone(),
        None => format!("{project}-{}-{number}", service.name),
    }
}

/// Name that a replacement has while the container it replaces is still there.
pub fn temporary(old_id: &str, final_name: &str) -> String {
    format!("{}_{final_name}", super::short(old_id))
}

/// The name that a container has or will have: without a replacement's prefix, or the pile of them
/// that runs of other tools leave which were killed one after the other.
pub fn final_name(name: &str) -> &str {
    let mut name = name;
    while let Some((id, rest)) = name.split_once('_')
        && id.len() == 12
        && id.bytes().all(|b| b.is_ascii_hexdigit())
        && !rest.is_empty()
    {
        name = rest;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_temporary_name_leads_back_to_the_final_one() {
        let name = temporary("0123456789abcdef0123", "demo-web-1");
        assert_eq!(name, "0123456789ab_demo-web-1");
        assert_eq!(final_name(&name), "demo-web-1");
        let piled = temporary("ba9876543210", &name);
        assert_eq!(final_name(&piled), "demo-web-1");
        assert_eq!(final_name("my_container"), "my_container");
    }
}
