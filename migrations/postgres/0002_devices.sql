-- What is known about the health of devices. Telemetry: not on the log, may be lost, never decides what the board shows.
CREATE TABLE devices (
    device        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last_heard_at BIGINT,                                                   -- microseconds since 1970-01-01T00:00:00Z
    battery_pct   BIGINT CHECK (battery_pct BETWEEN 0 AND 100),
    availability  TEXT COLLATE "C",
    details       TEXT COLLATE "C" NOT NULL                                 -- JSON
);
