-- What a run was begun with: its model, its data and its held-out sets, so that a resumed run is
-- known to go on with the same, and what was left out of the data.
CREATE TABLE inputs (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('model', 'train', 'heldout')),
    -- The name of the set; of the model, and of the data to train on, the word of its kind.
    name TEXT NOT NULL,
    -- Where it lay; on the hub with the commit.
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL CHECK (json_valid(fingerprint)),
    -- What became of the rows of a set; NULL for the model.
    report TEXT CHECK (report IS NULL OR json_valid(report)),
    -- When it was read, where the run was begun. Chat templates are told this time.
    read_at TEXT NOT NULL,
    PRIMARY KEY (run, kind, name)
) STRICT;
