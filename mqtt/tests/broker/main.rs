//! Both doors through real sockets: the embedded broker and a real Mosquitto.

mod embedded;
mod external;
mod support;
