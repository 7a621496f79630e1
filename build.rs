//! How the program is linked.

/// What is shipped lies at an address that nobody knows. What is built for tests lies at a fixed one: they start it many
/// thousand times, and the loader would need a seventh of each start to adapt it to another address.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|found| found == value);
    if is("PROFILE", "debug") && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
