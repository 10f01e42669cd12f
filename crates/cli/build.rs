//! How the program is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=TRUNKLINE_PORTABLE");
    let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    let is_portable = std::env::var_os("TRUNKLINE_PORTABLE").is_some();
    let is_glibc = is_set("CARGO_CFG_TARGET_OS", "linux") && is_set("CARGO_CFG_TARGET_ENV", "gnu");
    if is_glibc && !is_portable {
        // Relocations are read whole at each start, and then lie in memory. Packed they are a
        // thirtieth. A linker that cannot says so and goes on; a glibc before 2.36 does not start
        // what is linked so, which is why programs for other machines can be built without.
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
