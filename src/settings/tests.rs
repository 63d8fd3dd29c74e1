#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Sources {
    let environment = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment, ..Sources::default() }
}

fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
    let sources = Sources { data_folder: Some(folder.path().to_owned()), ..Sources::default() };
    (folder, sources)
}

/// The messages of all problems, without the folder's name in them.
fn problems(text: &str) -> Vec<String> {
    let (folder, sources) = file(text);
    let folder = format!("{}/", folder.path().display());
    Settings::load(&sources).unwrap_err().iter().map(|problem| problem.to_string().replace(&folder, "")).collect()
}

#[test]
fn the_annotated_defaults_are_valid_and_say_what_the_domain_says() {
    let settings = Settings::load(&Sources::default()).unwrap();
    assert_eq!(settings.listen.public.socket().to_string(), "127.0.0.1:8080");
    assert_eq!(settings.listen.ops, Door::At("127.0.0.1:9090".parse().unwrap()));
    assert_eq!(settings.broker(), Broker::Embedded("127.0.0.1:1883".parse().unwrap()));
    assert_eq!(settings.freshness.rhythms(), imaboard_domain::Rhythms::default());
    assert_eq!(settings.vacancy.thresholds(), imaboard_domain::Thresholds::default());
    assert_eq!(settings.city.districts.len(), 5);
    assert_eq!(settings.base_url("127.0.0.1:4711".parse().unwrap()), "http://127.0.0.1:4711");
}

#[test]
fn every_commented_example_of_the_defaults_is_valid() {
    let example = DEFAULTS
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| rest.split_once(" = \"").is_some_and(|(key, _)| !key.contains(' ')))
                .unwrap_or(line)
        })
        .filter(|line| !line.starts_with("password = "))
        .collect::<Vec<_>>()
        .join("\n");
    let (_folder, sources) = file(&example);
    let settings = Settings::load(&sources).map_err(|found| explain(&found)).unwrap();
    assert!(settings.public.base_url.is_some() && settings.database.url.is_some());
    assert!(settings.mqtt.ca_file.is_some() && settings.mqtt.password_file.is_some() && settings.mqtt.profiles_dir.is_some());
}

#[test]
fn later_layers_win() {
    let (_folder, mut sources) = file("[listen]\npublic = \"127.0.0.1:1\"\nmqtt = \"off\"\nops = \"127.0.0.1:3\"\n");
    sources.environment = vec![
        ("IMABOARD__LISTEN__PUBLIC".to_owned(), "127.0.0.1:10".to_owned()),
        ("imaboard__listen__ops".to_owned(), "off".to_owned()),
    ];
    sources.overrides.listen = Some("127.0.0.1:100".to_owned());
    let settings = Settings::load(&sources).unwrap();
    assert_eq!(settings.listen.public.socket().port(), 100);
    assert_eq!(settings.listen.mqtt, Door::Off);
    assert_eq!(settings.listen.ops, Door::Off);
    assert_eq!(settings.broker(), Broker::Off);
}

#[test]
fn all_problems_are_reported_together_with_key_place_and_what_is_allowed() {
    let found = problems(concat!(
        "[listen]\npublic = \"127.0.0.1\"\nopps = \"off\"\n",
        "[wall]\nping_seconds = 16\nrotation_seconds = \"slow\"\n",
        "[log]\nlevel = \"loud\"\n",
        "[public]\nbase_url = \"board.example.jp\"\n",
        "[web]\nmax_body_bytes = -1\nmax_connections = 1.5\n",
        "[walls]\n",
    ));
    assert_eq!(
        found,
        [
            "listen.opps (imaboard.toml line 3): unknown key; known here: public, mqtt, ops; did you mean listen.ops?",
            "listen.public = \"127.0.0.1\" (imaboard.toml line 2): must be an IP address and a port, such as 127.0.0.1:8080 or [::]:8080",
            "log.level = \"loud\" (imaboard.toml line 8): must be one of error, warn, info, debug, trace",
            "public.base_url = \"board.example.jp\" (imaboard.toml line 10): must be an address that begins with http:// or https:// and names only the host, such as https://board.example.jp",
            "wall.ping_seconds = 16 (imaboard.toml line 5): must be a whole number from 1 to 15",
            "wall.rotation_seconds = \"slow\" (imaboard.toml line 6): must be a whole number from 5 to 3600",
            "walls (imaboard.toml line 14): unknown key; known here: city, public, tls, listen, desk, database, mqtt, freshness, vacancy, recorder, checkpoint, web, wall, log; did you mean wall?",
            "web.max_body_bytes = -1 (imaboard.toml line 12): must be a whole number from 4096 to 16777216",
            "web.max_connections = 1.5 (imaboard.toml line 13): must be a whole number from 10 to 1000000",
        ]
    );
}

#[test]
fn lists_are_checked_item_by_item() {
    let found = problems(concat!(
        "[[city.districts]]\nid = \"Seihi\"\nname = \"西彼\"\n",
        "[[city.districts]]\nid = \"oseto\"\n",
        "islands = [{ id = \"m\", name = \"松島\", residents = \"many\" }]\n",
    ));
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found.iter().any(|problem| problem.starts_with("city.districts.0.id = \"Seihi\" (imaboard.toml line 2): must be an id")),
        "{found:#?}"
    );
    assert!(found.iter().any(|problem| problem.contains("name (imaboard.toml line 4): required, but missing")), "{found:#?}");
    assert!(found.iter().any(|problem| problem.contains("residents = \"many\" (imaboard.toml line 6)")), "{found:#?}");
}

#[test]
fn broken_toml_does_not_hide_problems_elsewhere() {
    let (_folder, mut sources) = file("[listen]\npublic = \n");
    sources.overrides.ops_listen = Some("nowhere".to_owned());
    let found = Settings::load(&sources).unwrap_err();
    assert!(
        found.iter().any(|problem| problem.allowed.starts_with("not valid TOML") && problem.origin.ends_with("line 2")),
        "{found:#?}"
    );
    assert!(found.iter().any(|problem| problem.key == "listen.ops" && problem.origin == "argument --ops-listen"), "{found:#?}");
}

#[test]
fn a_named_file_must_exist_and_the_one_in_the_data_folder_need_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = Sources { data_folder: Some(folder.path().to_owned()), ..Sources::default() };
    assert!(Settings::load(&sources).is_ok());
    sources.config = Some(folder.path().join("absent.toml"));
    let found = Settings::load(&sources).unwrap_err();
    assert!(found[0].to_string().contains("cannot be read"), "{found:#?}");
}

#[test]
fn a_variable_that_is_no_setting_is_reported() {
    let sources = environment(&[
        ("IMABOARD__LISTEN__PUBLLIC", "127.0.0.1:1"),
        ("IMABOARD_LISTEN__OPS", "off"),
        ("IMABOARD__LISTEN____OPS", "off"),
        ("IMABOARD_DATA", "/somewhere"),
        ("PATH", "/bin"),
    ]);
    let found = Settings::load(&sources).unwrap_err();
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().any(|problem| problem.suggestion.as_deref() == Some("listen.public")), "{found:#?}");
    assert!(found.iter().any(|problem| problem.suggestion.as_deref() == Some("IMABOARD__LISTEN__OPS")), "{found:#?}");
}

#[test]
fn variables_take_the_type_of_what_they_replace() {
    let settings = Settings::load(&environment(&[
        ("IMABOARD__MQTT__USER", "7"),
        ("IMABOARD__MQTT__PASSWORD", "12345"),
        ("IMABOARD__WALL__PING_SECONDS", "5"),
        ("IMABOARD__FRESHNESS__PEACE__OPERATION_HOURS", "48"),
        ("IMABOARD__CITY__DISTRICTS", r#"[{"id": "one", "name": "一"}]"#),
        ("IMABOARD__CITY__AREAS", r#"[{"id": "all", "name": "全域", "members": ["one"]}]"#),
    ]))
    .map_err(|found| explain(&found))
    .unwrap();
    assert_eq!(settings.mqtt.login().unwrap().unwrap().1.reveal(), "12345");
    assert_eq!(settings.wall.ping_seconds.value(), 5);
    assert_eq!(settings.freshness.peace.operation_hours.hours(), Some(48));
    assert_eq!(settings.city.districts.len(), 1);
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    let found = problems(concat!(
        "[vacancy]\nfew_up_to = 5\navailable_up_to = 4\n",
        "[freshness.incident]\ndamage_hours = 48\n",
        "[mqtt]\npassword = \"a\"\npassword_file = \"/b\"\nca_file = \"/c\"\nurl = \"mqtt://broker\"\n",
        "[[city.areas]]\nid = \"a\"\nname = \"全域\"\nmembers = [\"seihii\"]\n",
    ));
    assert_eq!(
        found,
        [
            "city.areas (imaboard.toml line 11): members that are ids of districts or islands; seihii of a is not one; did you mean seihi?",
            "freshness.incident.damage_hours = 48 (imaboard.toml line 5): not longer than in peace, where it is 24",
            "mqtt.ca_file = \"/c\" (imaboard.toml line 9): only together with an address that begins with mqtts://",
            "mqtt.password_file = \"/b\" (imaboard.toml line 8): only one of mqtt.password and mqtt.password_file",
            "mqtt.user (imaboard.toml line 6): required together with a password",
            "vacancy.few_up_to = 5 (imaboard.toml line 2): less than vacancy.available_up_to, which is 4",
        ]
    );
}

#[test]
fn an_external_broker_takes_the_place_of_the_embedded_one() {
    let sources = Sources {
        overrides: Overrides { mqtt_url: Some("mqtts://city:p%40ss@broker.example.jp".to_owned()), ..Overrides::default() },
        ..Sources::default()
    };
    let settings = Settings::load(&sources).unwrap();
    let Broker::External(url) = settings.broker() else { unreachable!("an address is set") };
    assert_eq!((url.host(), url.port(), url.tls()), ("broker.example.jp", 8883, true));
    let (user, password) = settings.mqtt.login().unwrap().unwrap();
    assert_eq!((user.as_str(), password.reveal()), ("city", "p@ss"));
}

#[test]
fn secrets_are_in_no_message_and_no_debug_output() {
    let settings = Settings::load(&environment(&[
        ("IMABOARD__MQTT__URL", "mqtt://city:hunter2@broker"),
        ("IMABOARD__DATABASE__URL", "postgres://city:hunter2@database/imaboard"),
    ]))
    .unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
    let settings =
        Settings::load(&environment(&[("IMABOARD__MQTT__USER", "u"), ("IMABOARD__MQTT__PASSWORD", "hunter2")])).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));

    let found =
        problems("[mqtt]\nurl = \"http://city:hunter2@broker\"\npassword = 4711\n[database]\nurl = \"oracle://hunter2\"\n");
    assert!(found.len() >= 3, "{found:#?}");
    assert!(found.iter().all(|problem| !problem.contains("hunter2") && !problem.contains("4711")), "{found:#?}");
}

#[test]
fn only_addresses_that_others_can_reach_are_worth_a_poster() {
    for (url, loopback) in [
        ("http://127.0.0.1:8080", true),
        ("http://localhost", true),
        ("http://[::1]:1/", true),
        ("https://board.example.jp/", false),
    ] {
        let settings = Settings::load(&environment(&[("IMABOARD__PUBLIC__BASE_URL", url)])).unwrap();
        let base = settings.public.base_url.unwrap();
        assert_eq!(base.is_loopback(), loopback, "{url}");
        assert!(!base.as_str().ends_with('/'));
    }
}

#[test]
fn the_local_government_code_is_checked() {
    assert!(has_check_digit("422126") && has_check_digit("131016"));
    assert!(!has_check_digit("422125") && !has_check_digit("42212") && !has_check_digit("42212a"));
}
