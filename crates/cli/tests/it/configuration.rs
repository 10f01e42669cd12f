//! Flags, environment, file.

use crate::support::Home;

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_name() {
    let home = Home::new();
    let file = home.write("trunkline.toml", "lisen = \"127.0.0.1:0\"\n");
    let errors = home.fails(&["serve", "--config", file.to_str().unwrap()]);
    assert!(errors.contains("`lisen`") && errors.contains("did you mean `listen`?"), "{errors}");
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let home = Home::new().with_variable("TRUNKLINE_CONFIG", "trunkline.toml");
    home.write("trunkline.toml", "data_folder = \"from-file\"\nlog_format = \"json\"\n");
    home.ok(&["key", "create", "--name", "x"]);
    assert!(home.data().join("trunkline.db").exists());
    home.ok(&["key", "create", "--name", "x", "--data-folder", "from-flag"]);
    let beside = |name: &str| home.data().with_file_name(name);
    assert!(beside("from-flag").join("trunkline.db").exists());
    assert!(!beside("from-file").exists());
}

#[test]
fn the_printed_configuration_can_be_used() {
    let home = Home::new();
    let file = home.write("trunkline.toml", &home.ok(&["config"]));
    home.ok(&["key", "create", "--name", "x", "--config", file.to_str().unwrap()]);
}

#[test]
fn the_master_key_may_be_in_a_variable_and_is_never_shown() {
    let key = "ab".repeat(32);
    let home = Home::new().with_variable("THE_KEY", &key);
    home.ok(&["key", "create", "--name", "x", "--master-key", "env:THE_KEY"]);
    assert!(!home.data().join("master.key").exists());
    let errors = home.fails(&["key", "list", "--master-key", &format!("raw:{key}")]);
    assert!(errors.contains("file:PATH or env:NAME"), "{errors}");
}

#[test]
fn a_misspelt_variable_is_told_of_with_the_nearest_name() {
    let home = Home::new()
        .with_variable("TRUNKLINE_LISEN", "127.0.0.1:0")
        .with_variable("TRUNKLINE_KEY", "read by examples")
        .with_variable("TRUNKLINE_MASTERKEY", &"ab".repeat(32));
    let settings = ["--listen", "127.0.0.1:0", "--metrics-listen", "off"];
    let settings = [&settings[..], &["--master-key", "env:TRUNKLINE_MASTERKEY"]].concat();
    let told = home.run(&[&["doctor"], &settings[..]].concat());
    let told = String::from_utf8(told.stdout).unwrap();
    // It ends before it serves.
    let broken = ["--ca-file", "/nowhere/ca.pem"];
    let logged = home.fails(&[&["serve"], &settings[..], &broken].concat());
    for text in [&told, &logged] {
        assert!(text.contains("TRUNKLINE_LISEN") && text.contains("TRUNKLINE_LISTEN"), "{text}");
        assert!(!text.contains("TRUNKLINE_MASTERKEY"), "{text}");
    }
    // That may be anybody's: no warning, but a start names it.
    assert!(!told.contains("TRUNKLINE_KEY"), "{told}");
    let lines = logged.lines().filter(|line| line.contains("TRUNKLINE_KEY"));
    assert!(lines.clone().count() == 1 && lines.clone().all(|line| line.contains("INFO")));
    assert!(!logged.contains("read by examples"), "{logged}");
}

#[test]
fn limits_with_which_nothing_could_be_served_are_refused_by_name() {
    let home = Home::new();
    for (name, nothing) in [
        ("max_body_bytes", "0"),
        ("max_bodies_bytes", "0"),
        ("max_answer_bytes", "0"),
        ("max_connections", "0"),
        ("max_attempts", "0"),
        ("header_timeout", "0s"),
        ("body_timeout", "0ms"),
        ("body_idle_timeout", "0s"),
        ("connect_timeout", "0s"),
        ("first_event_timeout", "0m"),
        ("idle_timeout", "0s"),
        ("total_timeout", "0h"),
    ] {
        let flag = format!("--{}", name.replace('_', "-"));
        let errors = home.fails(&["serve", &flag, nothing]);
        assert!(errors.contains(&flag) && errors.contains("it must be"), "{name}: {errors}");
        let value = if nothing == "0" { nothing.to_owned() } else { format!("\"{nothing}\"") };
        let file = home.write("trunkline.toml", &format!("{name} = {value}\n"));
        let errors = home.fails(&["serve", "--config", file.to_str().unwrap()]);
        assert!(errors.contains(name) && errors.contains("it must be"), "{name}: {errors}");
    }
}

#[test]
fn a_wrong_value_is_told_with_the_variable_in_which_it_is() {
    let home = Home::new()
        .with_variable("TRUNKLINE_WORKERS", "many")
        .with_variable("TRUNKLINE_LOG_FORMAT", "yaml");
    let errors = home.fails(&["doctor", "--log-format", "text"]);
    assert!(errors.contains("--workers") && errors.contains("TRUNKLINE_WORKERS"), "{errors}");
    let errors = home.fails(&["doctor", "--workers=1"]);
    assert!(errors.contains("--log-format") && errors.contains("TRUNKLINE_LOG_FORMAT"), "{errors}");
    let errors = home.fails(&["doctor", "--workers=few", "--log-format", "text"]);
    assert!(errors.contains("--workers") && !errors.contains("TRUNKLINE_"), "{errors}");
}
