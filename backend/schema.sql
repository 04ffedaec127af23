-- The store's tables. A CHECK compares with OR: SQLite makes a table in memory for each IN with more than two values. Times are milliseconds since 1970,
-- flags are 0 or 1, secrets and keys are text. What changes here gets a line in upgrades (store_sqlite.c), so that stores of before go on.

-- Who can be asked. enabled = 0: requests are turned off, codes still count.
CREATE TABLE users (
    name TEXT PRIMARY KEY,
    display TEXT NOT NULL DEFAULT '', -- the person's name
    email TEXT NOT NULL DEFAULT '',
    enabled BIGINT NOT NULL DEFAULT 1,
    added BIGINT NOT NULL
);

-- Who may ask. The key comes when the host joins.
CREATE TABLE hosts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    key TEXT,          -- JWK, public
    thumbprint TEXT,   -- RFC 7638, of the key
    added BIGINT NOT NULL,
    joined BIGINT,
    seen BIGINT,       -- its last request
    revoked BIGINT     -- NULL: may ask
);

-- One-use tokens for joining, by the SHA-256 of the secret (base64url).
CREATE TABLE host_tokens (
    hash TEXT PRIMARY KEY,
    host_id TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
    made BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    used BIGINT
);
CREATE INDEX host_tokens_host ON host_tokens (host_id);
CREATE INDEX host_tokens_ends ON host_tokens (ends);

CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    user_name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    platform TEXT NOT NULL,
    key TEXT NOT NULL,               -- JWK, public
    thumbprint TEXT NOT NULL UNIQUE, -- RFC 7638, of the key
    secret TEXT NOT NULL,            -- for one-time codes, sealed: secret_box.h
    push TEXT,                       -- subscription, JSON
    push_ok BIGINT NOT NULL DEFAULT 0, -- there is one, and its last push was taken
    enabled BIGINT NOT NULL DEFAULT 1,
    app TEXT NOT NULL DEFAULT '',    -- its app's version
    added BIGINT NOT NULL,
    seen BIGINT NOT NULL,            -- its last call
    polled BIGINT NOT NULL DEFAULT 0, -- its last call for requests
    tested BIGINT NOT NULL DEFAULT 0  -- its last test push
);
CREATE INDEX devices_user ON devices (user_name, added);

-- One-use links for enrolling a phone, by the SHA-256 of the secret (base64url).
CREATE TABLE invitations (
    hash TEXT PRIMARY KEY,
    user_name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    made BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    used BIGINT,
    device_id TEXT -- that used it
);
CREATE INDEX invitations_user ON invitations (user_name);
CREATE INDEX invitations_ends ON invitations (ends);

-- Every request, open or over; the activity is read from here too. user_name may be unknown to us: such a request is kept all the same, so that both
-- look alike to the host.
CREATE TABLE requests (
    id TEXT PRIMARY KEY,         -- auth_req_id
    request TEXT NOT NULL,       -- the details' own id
    host_id TEXT NOT NULL,
    host_name TEXT NOT NULL,
    user_name TEXT NOT NULL,
    service TEXT NOT NULL,
    rhost TEXT NOT NULL,
    source TEXT NOT NULL,        -- what the limits count by: rhost (of IPv6 its /64), or the host for a local login
    details TEXT NOT NULL,       -- base64url of the bytes as the host made them
    shown BIGINT NOT NULL,       -- 1: phones see it
    unreached BIGINT NOT NULL DEFAULT 0, -- 1: no phone can have got it, 2: and its host was told
    state TEXT NOT NULL CHECK (state = 'open' OR state = 'approved' OR state = 'used' OR state = 'denied' OR state = 'expired' OR state = 'cancelled'),
    result TEXT NOT NULL DEFAULT '',
    method TEXT NOT NULL DEFAULT '' CHECK (method = '' OR method = 'phone' OR method = 'code'),
    decision TEXT,               -- the phone's JWS as it came
    device_id TEXT NOT NULL DEFAULT '', -- that answered, or whose code it was
    device_name TEXT NOT NULL DEFAULT '',
    device_key TEXT,             -- JWK, as it was when the device answered
    made BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    decided BIGINT,              -- approved at
    used BIGINT,                 -- collected at
    changed BIGINT NOT NULL,     -- into this state
    CHECK ((state = 'open' OR state = 'approved') = (result = '')),
    CHECK ((state <> 'approved' AND state <> 'used') OR (decided IS NOT NULL AND method <> ''))
);
CREATE UNIQUE INDEX requests_request ON requests (user_name, request);
-- A user's requests that phones saw are few, as pushes are limited; of the others a host can make many. Whatever counts or lists the first must not read the others.
CREATE INDEX requests_user ON requests (user_name, shown, made);
CREATE INDEX requests_by_code ON requests (user_name, made) WHERE shown = 0 AND result = 'signed_in';
CREATE INDEX requests_unshown ON requests (made) WHERE shown = 0 AND result <> 'signed_in'; -- to be swept early
CREATE INDEX requests_made ON requests (made);
CREATE INDEX requests_host ON requests (host_id, user_name) WHERE state IN ('open', 'approved');
CREATE INDEX requests_ends ON requests (ends) WHERE state IN ('open', 'approved');

-- Message ids (jti) that were used, by sender, for as long as the message would be taken again. ends follows from the message's own signed times, so
-- that a message which comes again has the same;
-- it stands first because new rows then lie side by side, and old ones too when they go.
CREATE TABLE seen_ids (
    sender TEXT NOT NULL, -- 'host ID' or 'device ID'
    id TEXT NOT NULL,
    ends BIGINT NOT NULL,
    PRIMARY KEY (ends, sender, id)
) WITHOUT ROWID;

-- Every code that was tried counts as wrong until it is found to be good.
CREATE TABLE code_attempts (
    id TEXT PRIMARY KEY,
    user_name TEXT NOT NULL,
    host_id TEXT NOT NULL,
    made BIGINT NOT NULL,
    good BIGINT NOT NULL DEFAULT 0,
    in_row BIGINT NOT NULL DEFAULT 1 -- 0: a right code or an approval by phone came after it
) WITHOUT ROWID;
CREATE INDEX code_attempts_user ON code_attempts (user_name, made) WHERE good = 0;
CREATE INDEX code_attempts_made ON code_attempts (made);

-- The steps of the clock whose code a device has used up.
CREATE TABLE code_uses (
    device_id TEXT NOT NULL,
    step BIGINT NOT NULL,
    PRIMARY KEY (device_id, step)
) WITHOUT ROWID;
CREATE INDEX code_uses_step ON code_uses (step);
