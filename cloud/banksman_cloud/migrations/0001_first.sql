-- Times are nanoseconds since 1970 UTC. "arrived" is this endpoint's clock, "wall" the node's.

CREATE TABLE node (
    no            {serial},
    name          TEXT NOT NULL UNIQUE,
    first_ns      BIGINT NOT NULL,
    registered_ns BIGINT NOT NULL DEFAULT 0,
    registration  {bytes},                       -- JSON, as the node sent it
    heard_ns      BIGINT NOT NULL DEFAULT 0,     -- its last heartbeat
    heartbeat     {bytes},
    ingested_ns   BIGINT NOT NULL DEFAULT 0,     -- its last batch
    clock_off_ns  BIGINT NOT NULL DEFAULT 0,     -- its clock minus ours, when that batch came
    revoked_ns    BIGINT NOT NULL DEFAULT 0      -- 0: it may speak
);

-- Everything that has an id of its own. Readings stand in block.
CREATE TABLE record (
    seq        {serial},
    node_no    BIGINT NOT NULL,
    id         TEXT NOT NULL,
    kind       SMALLINT NOT NULL,                -- see records.py
    type       TEXT NOT NULL,                    -- decision: its type; alarm: its key; audit: its event
    priority   SMALLINT NOT NULL,
    wall_ns    BIGINT NOT NULL,
    arrived_ns BIGINT NOT NULL,
    words      TEXT NOT NULL,                    -- what a text search looks at, case folded
    body       {bytes} NOT NULL
);
CREATE UNIQUE INDEX record_id ON record (node_no, id);
CREATE INDEX record_time ON record (kind, wall_ns, seq);
CREATE INDEX record_node ON record (node_no, kind, wall_ns, seq);

-- Readings. The runs first..last of one node and epoch never overlap: each id is in one row.
CREATE TABLE block (
    seq        {serial},
    node_no    BIGINT NOT NULL,
    epoch      BIGINT NOT NULL,
    first      BIGINT NOT NULL,                  -- the part of the run that was new
    last       BIGINT NOT NULL,
    wall_ns    BIGINT NOT NULL,
    arrived_ns BIGINT NOT NULL,
    body       {bytes} NOT NULL
);
CREATE UNIQUE INDEX block_run ON block (node_no, epoch, first);
CREATE INDEX block_time ON block (node_no, wall_ns);

-- The newest state of each alarm.
CREATE TABLE alarm (
    node_no      BIGINT NOT NULL,
    key          TEXT NOT NULL,
    number       BIGINT NOT NULL,                -- epoch and sequence of the message: newer is larger
    active       SMALLINT NOT NULL,
    acknowledged SMALLINT NOT NULL,
    priority     SMALLINT NOT NULL,
    wall_ns      BIGINT NOT NULL,
    body         {bytes} NOT NULL,
    PRIMARY KEY (node_no, key)
);
CREATE INDEX alarm_open ON alarm (active, acknowledged, wall_ns);

-- Desired: what operators want. Reported: what the node says, gathered from its reports.
CREATE TABLE shadow (
    node_no          BIGINT PRIMARY KEY,
    desired_version  BIGINT NOT NULL DEFAULT 0,
    desired          {bytes},
    desired_ns       BIGINT NOT NULL DEFAULT 0,
    desired_by       TEXT NOT NULL DEFAULT '',
    reported_version BIGINT NOT NULL DEFAULT 0,
    reported_number  BIGINT NOT NULL DEFAULT 0,  -- epoch and sequence of the report
    reported         {bytes},
    reported_ns      BIGINT NOT NULL DEFAULT 0,
    resend           SMALLINT NOT NULL DEFAULT 1 -- the next heartbeat asks for the whole state
);

CREATE TABLE orders (
    seq          {serial},
    node_no      BIGINT NOT NULL,
    id           TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    arguments    {bytes} NOT NULL,               -- JSON
    by_whom      TEXT NOT NULL,
    made_ns      BIGINT NOT NULL,
    expires_ns   BIGINT NOT NULL,
    sent_ns      BIGINT NOT NULL DEFAULT 0,      -- first
    sent_count   BIGINT NOT NULL DEFAULT 0,
    outcome      TEXT NOT NULL DEFAULT '',       -- empty: not known
    outcome_ns   BIGINT NOT NULL DEFAULT 0,
    result       {bytes}
);
CREATE INDEX orders_open ON orders (node_no, outcome, expires_ns);

CREATE TABLE picture (
    node_no BIGINT NOT NULL,
    id      TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    size    BIGINT NOT NULL,
    body    {bytes},                             -- null: it is a file, named by its sha256
    PRIMARY KEY (node_no, id)
);

CREATE TABLE operator (
    name     TEXT PRIMARY KEY,
    password TEXT NOT NULL,                      -- scrypt, see operators.py
    made_ns  BIGINT NOT NULL
);

-- Who is logged in. A token itself is nowhere.
CREATE TABLE session (
    digest   TEXT PRIMARY KEY,                   -- sha256 of the token
    name     TEXT NOT NULL,
    csrf     TEXT NOT NULL,
    begun_ns BIGINT NOT NULL,
    used_ns  BIGINT NOT NULL
);

-- Small values of the endpoint itself.
CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value {bytes} NOT NULL
);
