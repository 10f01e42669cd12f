//! Databases on a server, and what is said when there is none. That they work is tested in
//! `tests/books`.

use crate::support::Home;

const NOWHERE: &str = "postgres://user:hidden@localhost/books?host=/nowhere";

#[test]
fn a_server_out_of_reach_is_told_without_its_password() {
    let elsewhere = Home::new();
    let path = format!("file:{}", elsewhere.write("address", NOWHERE).display());
    for address in [NOWHERE, &path, "env:ELSEWHERE"] {
        let home = Home::new()
            .with_variable("TRUNKLINE_DATABASE_URL", address)
            .with_variable("ELSEWHERE", NOWHERE)
            .with_variable("TRUNKLINE_DATABASE_WAIT", "0s");
        for command in [&["key", "list"][..], &["key", "create", "--name", "x"], &["serve"]] {
            let ports = ["--listen", "127.0.0.1:0", "--metrics-listen", "off"];
            let ports = if command == ["serve"] { &ports[..] } else { &[] };
            let error = home.fails(&[command, ports].concat());
            assert!(error.contains("PostgreSQL database books at /nowhere"), "{error}");
            assert!(error.contains("cannot be reached") && !error.contains("hidden"), "{error}");
        }
        assert!(!home.data().exists(), "nothing is made before the server is there");
    }
}

#[test]
fn the_variable_that_others_use_counts_unless_ours_says_otherwise() {
    let home = Home::new()
        .with_variable("DATABASE_URL", NOWHERE)
        .with_variable("TRUNKLINE_DATABASE_WAIT", "0s");
    assert!(home.fails(&["key", "list"]).contains("/nowhere"));
    let home = home.with_variable("TRUNKLINE_DATABASE_URL", "");
    home.ok(&["key", "create", "--name", "x"]);
    assert!(home.data().join("trunkline.db").exists());
}

#[test]
fn an_address_of_another_kind_is_refused_without_being_shown() {
    for address in ["mysql://user:hidden@host/db", "host=hidden", "file:/nowhere/hidden-not"] {
        let home = Home::new();
        let error = home.fails(&["--database-url", address, "key", "list"]);
        assert!(error.contains("database_url"), "{error}");
        assert!(!error.contains("hidden@") && !error.contains("=hidden"), "{error}");
    }
}

#[test]
fn shared_counters_need_a_database_that_is_shared() {
    for (variable, value) in
        [("VALKEY_URL", "redis://:hidden@h"), ("TRUNKLINE_VALKEY_URL", "redis://:hidden@h")]
    {
        let home = Home::new().with_variable(variable, value);
        let error = home.fails(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
        assert!(error.contains("valkey_url") && !error.contains("hidden"), "{error}");
        assert!(error.contains("PostgreSQL"), "{error}");
    }
}

#[test]
fn a_doctor_tells_of_a_valkey_out_of_reach() {
    let home = Home::new()
        .with_variable("TRUNKLINE_DATABASE_URL", NOWHERE)
        .with_variable("VALKEY_URL", "redis://:hidden@127.0.0.1:1/0");
    let told = home.run(&["doctor", "--metrics-listen", "off"]);
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(text.contains("FAILED   valkey: the server that nodes share"), "{text}");
    assert!(!text.contains("hidden"), "{text}");
}

#[test]
fn an_address_of_no_valkey_is_refused_without_being_shown() {
    for address in ["http://:hidden@h", "hidden", "redis://:hidden@h:port"] {
        let home = Home::new()
            .with_variable("TRUNKLINE_DATABASE_URL", NOWHERE)
            .with_variable("TRUNKLINE_VALKEY_URL", address);
        let error = home.fails(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
        assert!(error.contains("valkey_url") && !error.contains("hidden"), "{error}");
    }
}

#[test]
fn a_copy_is_made_and_put_back_and_damage_is_found() {
    let home = Home::new();
    home.ok(&["key", "create", "--name", "first"]);
    let copy = home.data().with_file_name("copy.db");
    let name = copy.to_str().unwrap();
    let told = home.ok(&["backup", name]);
    assert!(told.contains("master.key"), "{told}");
    assert!(home.fails(&["backup", name]).contains("exists already"));
    home.ok(&["key", "create", "--name", "second"]);
    let mut server = home.start(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
    server.line("http://");
    assert!(home.fails(&["restore", name]).contains("another process serves"));
    server.stop();
    let told = home.ok(&["restore", name]);
    assert!(told.contains("before-restore-"), "{told}");
    let keys = home.ok(&["key", "list"]);
    assert!(keys.contains("first") && !keys.contains("second"), "{keys}");
    assert!(
        home.ok(&["doctor", "--listen", "127.0.0.1:0", "--metrics-listen", "off"])
            .contains("is sound from its first page to its last")
    );

    let database = home.data().join("trunkline.db");
    let mut bytes = std::fs::read(&database).unwrap();
    let last = bytes.len() - 8192;
    bytes[last..].fill(0xa5);
    std::fs::write(&database, &bytes).unwrap();
    let told = home.run(&["doctor", "--listen", "127.0.0.1:0", "--metrics-listen", "off"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("damaged") || told.contains("malformed"), "{told}");
    assert!(told.contains("trunkline restore"), "{told}");
    std::fs::copy(&database, &copy).unwrap();
    assert!(home.fails(&["restore", name]).contains("nothing was changed"));
    assert!(home.fails(&["restore", "nowhere.db"]).contains("there is no file"));
}
