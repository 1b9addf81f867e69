-- Version 1. Later versions are further files' worth of statements in database.MIGRATIONS.
-- Each decision's commit touches as few pages as can be: no index that it would have to enter.

CREATE TABLE journal (          -- local truth
    row_id   INTEGER PRIMARY KEY,
    kind     INTEGER NOT NULL,  -- 0 decision, 1 alarm, 2 audit
    priority INTEGER NOT NULL,
    wall_ns  INTEGER NOT NULL,
    id       TEXT NOT NULL,
    payload  BLOB NOT NULL      -- the wire message's JSON
);
CREATE INDEX journal_rare ON journal (kind, row_id) WHERE kind <> 0;

CREATE TABLE owed (             -- the outbox: who has not acknowledged which row
    channel  TEXT NOT NULL,
    priority INTEGER NOT NULL,
    row_id   INTEGER NOT NULL,
    PRIMARY KEY (channel, priority, row_id)
) WITHOUT ROWID;

CREATE TABLE alarms (           -- newest state per key, until cleared and acknowledged
    key     TEXT PRIMARY KEY,
    payload BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE state (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE cursors (          -- up to where each channel has acknowledged readings
    channel  TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE blocks (           -- readings, see blocks.py
    first   INTEGER PRIMARY KEY,
    last    INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,   -- readings ever stored before this block: makes counting cheap
    data    BLOB NOT NULL
);
