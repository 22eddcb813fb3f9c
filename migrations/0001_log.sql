-- The mistake log: everything that happened in the runs of a project. docs/schema.md describes it.
--
-- Keys are what a thing is (run, step, problem, trial, position), never the order in which it came
-- in: a step that was interrupted and done again leaves the same rows. Times stand in columns that
-- end in _at or _seconds, and in metrics whose names end in _seconds.
--
-- Tables with long texts are ordinary tables; the narrow ones have no row id, so that their primary
-- key is the table itself.
--
-- Rollouts enter the log one group after the other. What is counted over them (columns and tables
-- of 0002_tallies.sql) is counted once a step, when it is committed.

CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    method     TEXT    NOT NULL CHECK (method IN ('lte', 'grpo', 'grpo_extra', 'gold')),
    -- 64 bits, as a signed number.
    seed       INTEGER NOT NULL,
    -- Folder of the model the run began with: weight version 0.
    model      TEXT    NOT NULL,
    -- The settings that decide the result, JSON.
    config     TEXT    NOT NULL,
    started_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) STRICT;

CREATE TABLE problems (
    run    INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    -- 'train', or the name of a held-out set.
    split  TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    text   TEXT    NOT NULL,
    -- The right answer, as the data set writes it.
    answer TEXT    NOT NULL,
    -- What else the data set says, a JSON object.
    tags   TEXT    NOT NULL,
    PRIMARY KEY (run, split, id)
) STRICT;

CREATE TABLE steps (
    run          INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step         INTEGER NOT NULL,
    begun_at     TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    -- NULL while the step goes on; so is what follows.
    committed_at TEXT,
    -- Graded rollouts of both trials, and those of them that are failures.
    rollouts     INTEGER,
    failures     INTEGER,
    -- What this step was the first of its run to have: problems, solved problems (hints included),
    -- rescued problems, graduations, mistakes.
    new_problems    INTEGER,
    new_solved      INTEGER,
    new_rescued     INTEGER,
    new_graduations INTEGER,
    new_mistakes    INTEGER,
    PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;

-- The problems of a step; what became of them is known when it is committed.
CREATE TABLE groups (
    run     INTEGER NOT NULL,
    step    INTEGER NOT NULL,
    problem TEXT    NOT NULL,
    -- Outcome of the first trial, and of the refined group.
    before  TEXT    CHECK (before IN ('none', 'some', 'all')),
    after   TEXT    CHECK (after IN ('none', 'some', 'all')),
    -- Responses of the first trial and of the second, time-outs of the grader left out.
    tries         INTEGER,
    correct       INTEGER,
    extra_tries   INTEGER,
    extra_correct INTEGER,
    -- Failures that a correct extra rollout replaced.
    replaced      INTEGER,
    PRIMARY KEY (run, step, problem),
    FOREIGN KEY (run, step) REFERENCES steps (run, step) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The history of a problem.
CREATE INDEX groups_by_problem ON groups (run, problem, step);

-- Graded rollouts. What is long stands in `responses`, so that this table stays quick to scan.
CREATE TABLE rollouts (
    run           INTEGER NOT NULL,
    step          INTEGER NOT NULL,
    problem       TEXT    NOT NULL,
    trial         TEXT    NOT NULL CHECK (trial IN ('first', 'second')),
    -- Position in the trial, from 0.
    position      INTEGER NOT NULL,
    verdict       TEXT    NOT NULL
        CHECK (verdict IN ('correct', 'wrong', 'no_answer', 'unparsed', 'timeout')),
    -- The answer as it was written, and in the grader's normal form.
    answer        TEXT,
    canonical     TEXT    CHECK ((canonical IS NULL) = (answer IS NULL)),
    -- 'length': it was cut at the response limit.
    finish        TEXT    NOT NULL CHECK (finish IN ('stop', 'length')),
    prompt_tokens INTEGER NOT NULL,
    tokens        INTEGER NOT NULL,
    -- The weights that sampled it.
    version       INTEGER NOT NULL,
    -- How it failed, NULL if it did not. That the grader gave up ('timeout') is no failure.
    kind          TEXT    AS (CASE WHEN verdict IN ('wrong', 'no_answer', 'unparsed')
                                   THEN iif(finish = 'length', 'cut_off', verdict) END),
    PRIMARY KEY (run, step, problem, trial, position),
    FOREIGN KEY (run, step, problem) REFERENCES groups (run, step, problem) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Failures and rescues are kept whole. Of other correct responses the configuration may keep less
-- once their step is committed ([log] in docs/config.toml): the beginning of the text, no numbers.
CREATE TABLE responses (
    run       INTEGER NOT NULL,
    step      INTEGER NOT NULL,
    problem   TEXT    NOT NULL,
    trial     TEXT    NOT NULL,
    position  INTEGER NOT NULL,
    text      TEXT    NOT NULL,
    -- Token ids (u32) and their log-probabilities (f32, nats), little-endian.
    token_ids BLOB    NOT NULL,
    logprobs  BLOB    NOT NULL,
    -- Characters that the text had before it was cut; NULL where it is whole.
    cut_from  INTEGER,
    PRIMARY KEY (run, step, problem, trial, position),
    FOREIGN KEY (run, step, problem, trial, position)
        REFERENCES rollouts (run, step, problem, trial, position) ON DELETE CASCADE
) STRICT;

-- How the second trial of a problem was asked for.
CREATE TABLE hints (
    run     INTEGER NOT NULL,
    step    INTEGER NOT NULL,
    problem TEXT    NOT NULL,
    kind    TEXT    NOT NULL CHECK (kind IN ('plain', 'concise', 'concise_hint', 'hint')),
    -- The wrong answers it lists, a JSON array.
    answers TEXT    NOT NULL,
    -- The user message.
    prompt  TEXT    NOT NULL,
    PRIMARY KEY (run, step, problem),
    FOREIGN KEY (run, step, problem) REFERENCES groups (run, step, problem) ON DELETE CASCADE
) STRICT;

-- Rescues: failures of the first trial whose place in the group a correct extra rollout took.
CREATE TABLE replacements (
    run     INTEGER NOT NULL,
    step    INTEGER NOT NULL,
    problem TEXT    NOT NULL,
    -- Positions in the first and in the second trial.
    failure INTEGER NOT NULL,
    extra   INTEGER NOT NULL,
    PRIMARY KEY (run, step, problem, failure),
    UNIQUE (run, step, problem, extra),
    FOREIGN KEY (run, step, problem) REFERENCES groups (run, step, problem) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Versions that the servers were seen to serve.
CREATE TABLE weights (
    run            INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    version        INTEGER NOT NULL,
    folder         TEXT    NOT NULL,
    -- Largest difference of a probe token's log-probability between server and trainer, nats.
    max_difference REAL,
    published_at   TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    PRIMARY KEY (run, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE step_metrics (
    run   INTEGER NOT NULL,
    step  INTEGER NOT NULL,
    name  TEXT    NOT NULL,
    -- NULL where it is not a number.
    value REAL,
    PRIMARY KEY (run, step, name),
    FOREIGN KEY (run, step) REFERENCES steps (run, step) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluations (
    run          INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    version      INTEGER NOT NULL,
    -- The held-out set.
    split        TEXT    NOT NULL,
    -- Samples a problem, and problems that could be graded.
    k            INTEGER NOT NULL,
    problems     INTEGER NOT NULL,
    pass_at_1    REAL    NOT NULL,
    pass_at_k    REAL    NOT NULL,
    -- Standard errors over the problems.
    pass_at_1_error REAL NOT NULL,
    pass_at_k_error REAL NOT NULL,
    evaluated_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    PRIMARY KEY (run, version, split)
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluation_rollouts (
    run       INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    split     TEXT    NOT NULL,
    problem   TEXT    NOT NULL,
    position  INTEGER NOT NULL,
    verdict   TEXT    NOT NULL
        CHECK (verdict IN ('correct', 'wrong', 'no_answer', 'unparsed', 'timeout')),
    answer    TEXT,
    canonical TEXT    CHECK ((canonical IS NULL) = (answer IS NULL)),
    finish    TEXT    NOT NULL CHECK (finish IN ('stop', 'length')),
    text      TEXT    NOT NULL,
    token_ids BLOB    NOT NULL,
    logprobs  BLOB    NOT NULL,
    PRIMARY KEY (run, version, split, problem, position),
    FOREIGN KEY (run, version, split) REFERENCES evaluations (run, version, split) ON DELETE CASCADE
) STRICT;
