-- Evaluations of a model by itself (`retrial eval`), apart from those that a run makes of its own
-- versions while it trains. Problems enter when an evaluation begins, results one problem after
-- the other, so that one that was interrupted goes on from there.

CREATE TABLE evals (
    id         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    -- Where the weights come from: a folder, or addresses of servers.
    weights    TEXT    NOT NULL,
    -- What decides the result of a problem, JSON.
    settings   TEXT    NOT NULL,
    started_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) STRICT;

CREATE TABLE eval_sets (
    eval      INTEGER NOT NULL REFERENCES evals (id) ON DELETE CASCADE,
    benchmark TEXT    NOT NULL,
    -- The file, or the place on the Hugging Face hub.
    source    TEXT    NOT NULL,
    -- SHA-256 of its problems: equal ones can be compared.
    digest    TEXT    NOT NULL,
    -- Samples a problem.
    k         INTEGER NOT NULL,
    PRIMARY KEY (eval, benchmark)
) STRICT, WITHOUT ROWID;

CREATE TABLE eval_problems (
    eval      INTEGER NOT NULL,
    benchmark TEXT    NOT NULL,
    problem   TEXT    NOT NULL,
    -- Place in the data set, from 0.
    place     INTEGER NOT NULL,
    text      TEXT    NOT NULL,
    answer    TEXT    NOT NULL,
    -- What else the data set says, a JSON object.
    tags      TEXT    NOT NULL,
    -- Samples that could be graded and correct ones; NULL until they are there.
    tries     INTEGER,
    correct   INTEGER CHECK ((correct IS NULL) = (tries IS NULL)),
    PRIMARY KEY (eval, benchmark, problem),
    FOREIGN KEY (eval, benchmark) REFERENCES eval_sets (eval, benchmark) ON DELETE CASCADE
) STRICT;

CREATE TABLE eval_rollouts (
    eval      INTEGER NOT NULL,
    benchmark TEXT    NOT NULL,
    problem   TEXT    NOT NULL,
    position  INTEGER NOT NULL,
    verdict   TEXT    NOT NULL
        CHECK (verdict IN ('correct', 'wrong', 'no_answer', 'unparsed', 'timeout')),
    answer    TEXT,
    canonical TEXT    CHECK ((canonical IS NULL) = (answer IS NULL)),
    finish    TEXT    NOT NULL CHECK (finish IN ('stop', 'length')),
    tokens    INTEGER NOT NULL,
    text      TEXT    NOT NULL,
    PRIMARY KEY (eval, benchmark, problem, position),
    FOREIGN KEY (eval, benchmark, problem)
        REFERENCES eval_problems (eval, benchmark, problem) ON DELETE CASCADE
) STRICT;

CREATE VIEW eval_summary AS
SELECT evals.name AS eval,
       sets.benchmark,
       sets.k,
       count(*) AS problems,
       count(problems.tries) AS done,
       avg(1.0 * problems.correct / nullif(problems.tries, 0)) AS pass_at_1,
       avg(iif(problems.tries > 0, problems.correct > 0, NULL)) AS pass_at_k,
       evals.weights,
       evals.started_at
FROM evals
JOIN eval_sets AS sets ON sets.eval = evals.id
JOIN eval_problems AS problems USING (eval, benchmark)
GROUP BY evals.id, sets.benchmark
ORDER BY evals.id, sets.benchmark;
