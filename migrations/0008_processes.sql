-- The processes that trained a run: since when, what they warned of, and how they ended. One that was
-- killed has no end.

CREATE TABLE processes (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    -- The machine, and the process there.
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    ended_at TEXT,
    outcome TEXT CHECK (outcome IN ('finished', 'stopped', 'failed')),
    -- By whom it was stopped, or why it failed.
    reason TEXT,
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX processes_by_run ON processes (run, id);

-- Warnings and errors, as they were said on screen.
CREATE TABLE notices (
    process INTEGER NOT NULL REFERENCES processes (id) ON DELETE CASCADE,
    noticed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    -- The step that had begun last, if any.
    step INTEGER,
    level TEXT NOT NULL CHECK (level IN ('warning', 'error')),
    message TEXT NOT NULL
) STRICT;
CREATE INDEX notices_by_process ON notices (process);
