//! Files to project.
pub mod dotenv;
