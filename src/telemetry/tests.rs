use super::*;

#[test]
fn a_report_key_never_reaches_the_log() {
    for (path, logged) in [
        ("/r/KEY", "/r/…"),
        ("/r/KEY/reports", "/r/…/reports"),
        ("/easy/r/KEY", "/easy/r/…"),
        ("//r//KEY", "//r//…"),
        ("/R/KEY", "/R/…"),
        ("/%72/KEY", "/r/…"),
        ("/r%2FKEY", "/r/…"),
        ("/r/%4BEY", "/r/…"),
        ("/r/r/KEY", "/r/…/…"),
    ] {
        assert_eq!(loggable_path(path), logged, "{path}");
    }
}

#[test]
fn other_paths_are_logged_as_they_are() {
    for path in ["/", "/facilities/a1", "/wall/cityhall/events", "/desk/"] {
        assert_eq!(loggable_path(path), path);
    }
}

#[test]
fn a_path_cannot_forge_a_log_line() {
    assert_eq!(loggable_path("/a%0AERROR%1b[31m"), "/a\u{fffd}ERROR\u{fffd}[31m");
}

#[test]
fn figures_can_be_installed_twice() {
    install_metrics();
    let second = install_metrics();
    metrics::gauge!("imaboard_head_seq").set(7.0);
    assert!(second.render().contains("imaboard_head_seq 7"));
}

#[test]
fn every_level_and_format_makes_a_filter() {
    for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace] {
        assert!(filter(level).to_string().contains("imaboard_domain="));
    }
}
