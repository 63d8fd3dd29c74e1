//! The command line as scripts see it: data, messages, exit codes.

use crate::support::Program;

#[tokio::test]
async fn the_ready_line_names_every_door() {
    let mut program = Program::sample().await;
    let words: Vec<&str> = program.doors().line.split(' ').collect();
    assert_eq!(words[0], "ready");
    program.stop().await;
}
