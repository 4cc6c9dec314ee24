//! How the command is linked: at a fixed address, on Linux.
//!
//! Nearly all of the time of a short command is the loader's. One that need not correct thousands
//! of addresses in the program first saves a quarter of it (measured: `cargo bench -- config`).
//! There is no unsafe code here for whose sake the address would have to be a secret.

fn main() {
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|it| it == value);
    println!("cargo::rerun-if-changed=build.rs");
    if is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
    {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
