-- Tallies: what people ask of a log, counted when a step is committed instead of when they ask.
--
-- A run of a million rollouts has hundreds of thousands of mistakes; to group them anew for every
-- page takes seconds, to look them up takes none. All of it follows from the tables of 0001, in the
-- order of their keys, so that equal runs have equal tallies, ids included.

-- A wrong answer to a problem, however often it was given. Equal answers are one mistake, however
-- they are written; so are a problem's responses without an answer, and those that were cut off.
CREATE TABLE mistake_tallies (
    id             INTEGER PRIMARY KEY,
    run            INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    problem        TEXT    NOT NULL,
    kind           TEXT    NOT NULL CHECK (kind IN ('wrong', 'unparsed', 'no_answer', 'cut_off')),
    -- The grader's normal form, which is what makes answers equal; '' where there is no answer.
    canonical      TEXT    NOT NULL,
    -- As it was written; of several ways the first of the alphabet.
    answer         TEXT,
    times          INTEGER NOT NULL,
    -- How many of them came after a hint.
    hinted_times   INTEGER NOT NULL,
    first_step     INTEGER NOT NULL,
    last_step      INTEGER NOT NULL,
    -- The latest weights that made it.
    weight_version INTEGER NOT NULL,
    -- Whether any response to the problem was correct in this run, hinted ones included.
    solved         INTEGER NOT NULL CHECK (solved IN (0, 1)),
    UNIQUE (run, problem, kind, canonical)
) STRICT;

-- The most frequent first, then the latest: of all, and of each part that filters ask for. Steps
-- stand in both, so that a filter by steps reads the index alone.
CREATE INDEX mistakes_by_times
    ON mistake_tallies (times DESC, last_step DESC, first_step DESC);
CREATE INDEX mistakes_by_kind
    ON mistake_tallies (run, kind, solved, times DESC, last_step DESC, first_step DESC);
CREATE INDEX mistakes_by_answer ON mistake_tallies (canonical);

-- How a problem of training fared in a run.
CREATE TABLE problem_tallies (
    id                 INTEGER PRIMARY KEY,
    run                INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    problem            TEXT    NOT NULL,
    -- Steps that had it.
    visits             INTEGER NOT NULL,
    -- Sums of the columns of `groups`.
    tries              INTEGER NOT NULL,
    correct            INTEGER NOT NULL,
    extra_tries        INTEGER NOT NULL,
    extra_correct      INTEGER NOT NULL,
    replaced           INTEGER NOT NULL,
    first_step         INTEGER NOT NULL,
    last_step          INTEGER NOT NULL,
    -- NULL until there is one: the first step with a correct response, hinted ones included; the
    -- first with a rescue; the first after it; the first after it that had a correct response
    -- without a hint.
    first_solved_step  INTEGER,
    first_rescued_step INTEGER,
    again_step         INTEGER,
    graduated_step     INTEGER,
    UNIQUE (run, problem)
) STRICT;

-- Unsolved problems, the most tried first.
CREATE INDEX unsolved_by_tries ON problem_tallies ((tries + extra_tries) DESC)
    WHERE first_solved_step IS NULL;

-- Full-text search: the words of every failed response of a committed step, and of every problem
-- that was tried. The indexes have words and no texts: those stand in `responses` and `problems`.
--
-- Words, not trigrams: people look for phrases ("carry the one"), and an index of trigrams is
-- several times as large and as slow to write. Punctuation, case and accents do not count.
CREATE VIRTUAL TABLE failures_fts
    USING fts5 (response, content = '', contentless_delete = 1, tokenize = 'unicode61');
CREATE VIRTUAL TABLE problems_fts
    USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'unicode61');

-- Which failure, and which mistake, a row of failures_fts is; a row of problems_fts has the id of
-- problem_tallies.
CREATE TABLE failure_documents (
    id       INTEGER PRIMARY KEY,
    run      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    mistake  INTEGER NOT NULL,
    step     INTEGER NOT NULL,
    trial    TEXT    NOT NULL,
    position INTEGER NOT NULL
) STRICT;

CREATE TRIGGER failures_are_indexed AFTER INSERT ON failure_documents
BEGIN
    INSERT INTO failures_fts (rowid, response)
    SELECT NEW.id, responses.text
    FROM mistake_tallies
    JOIN responses
      ON responses.run = NEW.run AND responses.step = NEW.step
     AND responses.problem = mistake_tallies.problem AND responses.trial = NEW.trial
     AND responses.position = NEW.position
    WHERE mistake_tallies.id = NEW.mistake;
END;

CREATE TRIGGER problems_are_indexed AFTER INSERT ON problem_tallies
BEGIN
    INSERT INTO problems_fts (rowid, text)
    SELECT NEW.id, text FROM problems WHERE run = NEW.run AND split = 'train' AND id = NEW.problem;
END;

-- When a run is removed, so are its words.
CREATE TRIGGER failures_leave_the_index AFTER DELETE ON failure_documents
BEGIN
    DELETE FROM failures_fts WHERE rowid = OLD.id;
END;

CREATE TRIGGER problems_leave_the_index AFTER DELETE ON problem_tallies
BEGIN
    DELETE FROM problems_fts WHERE rowid = OLD.id;
END;

-- The count itself, when a step gets its time of commitment. What is there already is of earlier
-- steps: a run's steps are committed in their order, each once.
CREATE TRIGGER steps_are_tallied AFTER UPDATE OF committed_at ON steps
WHEN OLD.committed_at IS NULL AND NEW.committed_at IS NOT NULL
BEGIN
    UPDATE groups
    SET (tries, correct, extra_tries, extra_correct) =
            (SELECT count(*) FILTER (WHERE trial = 'first' AND verdict <> 'timeout'),
                    count(*) FILTER (WHERE trial = 'first' AND verdict = 'correct'),
                    count(*) FILTER (WHERE trial = 'second' AND verdict <> 'timeout'),
                    count(*) FILTER (WHERE trial = 'second' AND verdict = 'correct')
             FROM rollouts
             WHERE run = groups.run AND step = groups.step AND problem = groups.problem),
        replaced =
            (SELECT count(*)
             FROM replacements
             WHERE run = groups.run AND step = groups.step AND problem = groups.problem)
    WHERE run = NEW.run AND step = NEW.step;

    INSERT INTO problem_tallies
        (run, problem, visits, tries, correct, extra_tries, extra_correct, replaced, first_step,
         last_step, first_solved_step, first_rescued_step)
    SELECT run, problem, 1, tries, correct, extra_tries, extra_correct, replaced, step, step,
           iif(correct + extra_correct > 0, step, NULL), iif(replaced > 0, step, NULL)
    FROM groups
    WHERE run = NEW.run AND step = NEW.step
    ORDER BY problem
    ON CONFLICT (run, problem) DO UPDATE
    SET visits = visits + 1,
        tries = tries + excluded.tries,
        correct = correct + excluded.correct,
        extra_tries = extra_tries + excluded.extra_tries,
        extra_correct = extra_correct + excluded.extra_correct,
        replaced = replaced + excluded.replaced,
        last_step = excluded.last_step,
        first_solved_step = coalesce(first_solved_step, excluded.first_solved_step),
        first_rescued_step = coalesce(first_rescued_step, excluded.first_rescued_step),
        again_step = coalesce(again_step, iif(
            first_rescued_step IS NOT NULL, excluded.last_step, NULL)),
        graduated_step = coalesce(graduated_step, iif(
            first_rescued_step IS NOT NULL AND excluded.correct > 0, excluded.last_step, NULL));

    INSERT INTO mistake_tallies
        (run, problem, kind, canonical, answer, times, hinted_times, first_step, last_step,
         weight_version, solved)
    SELECT run, problem, kind, coalesce(canonical, ''), min(answer), count(*),
           sum(trial = 'second'), step, step, max(version), 0
    FROM rollouts
    WHERE run = NEW.run AND step = NEW.step AND kind IS NOT NULL
    GROUP BY problem, kind, coalesce(canonical, '')
    ORDER BY problem, kind, coalesce(canonical, '')
    ON CONFLICT (run, problem, kind, canonical) DO UPDATE
    SET answer = min(answer, excluded.answer),
        times = times + excluded.times,
        hinted_times = hinted_times + excluded.hinted_times,
        last_step = excluded.last_step,
        weight_version = max(weight_version, excluded.weight_version);

    UPDATE mistake_tallies
    SET solved = 1
    WHERE run = NEW.run AND solved = 0
      AND problem IN (SELECT groups.problem
                      FROM groups
                      JOIN problem_tallies
                        ON problem_tallies.run = groups.run
                       AND problem_tallies.problem = groups.problem
                      WHERE groups.run = NEW.run AND groups.step = NEW.step
                        AND problem_tallies.first_solved_step IS NOT NULL);

    INSERT INTO failure_documents (run, mistake, step, trial, position)
    SELECT rollouts.run, mistake_tallies.id, rollouts.step, rollouts.trial, rollouts.position
    FROM rollouts
    CROSS JOIN mistake_tallies
      ON mistake_tallies.run = rollouts.run AND mistake_tallies.problem = rollouts.problem
     AND mistake_tallies.kind = rollouts.kind
     AND mistake_tallies.canonical = coalesce(rollouts.canonical, '')
    WHERE rollouts.run = NEW.run AND rollouts.step = NEW.step AND rollouts.kind IS NOT NULL
    ORDER BY rollouts.problem, rollouts.trial, rollouts.position;

    UPDATE steps
    SET (rollouts, failures) =
            (SELECT count(*), count(kind) FROM rollouts WHERE run = NEW.run AND step = NEW.step),
        (new_problems, new_solved, new_rescued, new_graduations) =
            (SELECT coalesce(sum(problem_tallies.first_step = NEW.step), 0),
                    coalesce(sum(problem_tallies.first_solved_step = NEW.step), 0),
                    coalesce(sum(problem_tallies.first_rescued_step = NEW.step), 0),
                    coalesce(sum(problem_tallies.graduated_step = NEW.step), 0)
             FROM groups
             JOIN problem_tallies
               ON problem_tallies.run = groups.run AND problem_tallies.problem = groups.problem
             WHERE groups.run = NEW.run AND groups.step = NEW.step),
        new_mistakes =
            (SELECT count(*)
             FROM groups
             JOIN mistake_tallies
               ON mistake_tallies.run = groups.run AND mistake_tallies.problem = groups.problem
             WHERE groups.run = NEW.run AND groups.step = NEW.step
               AND mistake_tallies.first_step = NEW.step)
    WHERE run = NEW.run AND step = NEW.step;
END;
