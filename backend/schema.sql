-- The tables of approve-server. Times are in milliseconds since 1970. Secrets that were given out (tokens) are here as SHA-256 only.

CREATE TABLE users (
    name TEXT PRIMARY KEY,
    display TEXT NOT NULL,
    added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE hosts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    key TEXT,       -- JWK, public; NULL until the host joined
    thumbprint TEXT,
    joined_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- One that is open for each host, at most; a join uses it up.
CREATE TABLE host_tokens (
    hash BLOB PRIMARY KEY,
    host TEXT NOT NULL UNIQUE REFERENCES hosts (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
