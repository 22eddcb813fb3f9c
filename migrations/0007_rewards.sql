-- Rewards that are numbers between 0 and 1, what a verifier says besides, and how many answers were
-- possible where a hint was given.

-- NULL where there is none: the verifier gave up on the rollout ('timeout').
ALTER TABLE rollouts ADD COLUMN reward REAL;
-- The rewards that it is made of, by name, a JSON object; NULL where it is one.
ALTER TABLE rollouts ADD COLUMN rewards TEXT CHECK (rewards IS NULL OR json_valid(rewards));
-- Why, in the verifier's words.
ALTER TABLE rollouts ADD COLUMN reason TEXT;
UPDATE rollouts SET reward = (verdict = 'correct') * 1.0 WHERE verdict <> 'timeout';

-- The same of evaluations. Their rows have long texts, so older ones are not written again: the view
-- below has their rewards.
ALTER TABLE eval_rollouts ADD COLUMN reward REAL;
ALTER TABLE eval_rollouts ADD COLUMN rewards TEXT CHECK (rewards IS NULL OR json_valid(rewards));
ALTER TABLE eval_rollouts ADD COLUMN reason TEXT;

-- Answers that the problem of a second trial can have; NULL where they are many or nobody knows.
ALTER TABLE hints ADD COLUMN answer_space INTEGER;

-- How the problems of each source fared in a step, without hints. The source of a problem is a tag:
-- the one by which [reward] chooses a verifier, else `data_source`.
CREATE TABLE source_tallies (
    run     INTEGER NOT NULL,
    step    INTEGER NOT NULL,
    source  TEXT    NOT NULL,
    -- Responses that have a reward, and those of them that passed.
    tries   INTEGER NOT NULL,
    correct INTEGER NOT NULL,
    -- The mean reward.
    reward  REAL    NOT NULL,
    PRIMARY KEY (run, step, source),
    FOREIGN KEY (run, step) REFERENCES steps (run, step) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE VIEW first_trials_by_source AS
SELECT rollouts.run, rollouts.step,
       problems.tags ->> ('$."' || coalesce(runs.config ->> '$.reward.by', 'data_source') || '"')
           AS source,
       rollouts.verdict, rollouts.reward
FROM rollouts
CROSS JOIN runs ON runs.id = rollouts.run
CROSS JOIN problems
  ON problems.run = rollouts.run AND problems.split = 'train' AND problems.id = rollouts.problem
WHERE rollouts.trial = 'first' AND rollouts.reward IS NOT NULL;

CREATE TRIGGER sources_are_tallied AFTER UPDATE OF committed_at ON steps
WHEN OLD.committed_at IS NULL AND NEW.committed_at IS NOT NULL
BEGIN
    INSERT INTO source_tallies (run, step, source, tries, correct, reward)
    SELECT run, step, source, count(*), count(*) FILTER (WHERE verdict = 'correct'), avg(reward)
    FROM first_trials_by_source
    WHERE run = NEW.run AND step = NEW.step AND source IS NOT NULL
    GROUP BY source;
END;

INSERT INTO source_tallies (run, step, source, tries, correct, reward)
SELECT run, step, source, count(*), count(*) FILTER (WHERE verdict = 'correct'), avg(reward)
FROM first_trials_by_source
JOIN steps USING (run, step)
WHERE source IS NOT NULL AND committed_at IS NOT NULL
GROUP BY run, step, source;

-- How the problems of each source fared, step by step.
CREATE VIEW source_history AS
SELECT runs.name AS run, tally.source, tally.step, tally.correct, tally.tries,
       1.0 * tally.correct / tally.tries AS pass_rate, tally.reward
FROM source_tallies AS tally
JOIN runs ON runs.id = tally.run
ORDER BY tally.run, tally.source, tally.step;

-- Every failed rollout of training one by one, hinted ones and those of the step that goes on
-- included.
DROP VIEW failures;
CREATE VIEW failures AS
SELECT runs.name AS run, rollouts.step, rollouts.problem, rollouts.trial, rollouts.position,
       rollouts.kind,
       coalesce(rollouts.answer, iif(rollouts.kind = 'cut_off', '(cut off)', '(none)'))
           AS wrong_answer,
       problems.answer AS right_answer, rollouts.version AS weight_version,
       rollouts.canonical, rollouts.reward, rollouts.rewards, rollouts.reason,
       problems.text AS problem_text, responses.text AS response
FROM rollouts
JOIN runs ON runs.id = rollouts.run
JOIN problems
  ON problems.run = rollouts.run AND problems.split = 'train' AND problems.id = rollouts.problem
JOIN responses
  ON responses.run = rollouts.run AND responses.step = rollouts.step
 AND responses.problem = rollouts.problem AND responses.trial = rollouts.trial
 AND responses.position = rollouts.position
WHERE rollouts.kind IS NOT NULL
ORDER BY rollouts.run, rollouts.step, rollouts.problem, rollouts.trial, rollouts.position;

-- Every second trial of a committed step and what came of it.
DROP VIEW hint_outcomes;
CREATE VIEW hint_outcomes AS
SELECT runs.name AS run, hints.step, hints.problem, hints.kind, groups.extra_tries AS tries,
       groups.extra_correct AS correct, groups.replaced, hints.answer_space,
       hints.answers AS listed_answers, hints.prompt
FROM hints
JOIN runs ON runs.id = hints.run
JOIN groups
  ON groups.run = hints.run AND groups.step = hints.step AND groups.problem = hints.problem
WHERE groups.extra_tries IS NOT NULL
ORDER BY hints.run, hints.step, hints.problem;

-- Rescues by the number of answers that were possible, NULL where they are many or nobody knows. Where
-- it is small, guessing rescues too.
CREATE VIEW rescues_by_answer_space AS
SELECT runs.name AS run, hints.answer_space, count(*) AS hinted,
       count(*) FILTER (WHERE groups.extra_correct > 0) AS rescued,
       sum(groups.extra_tries) AS tries, sum(groups.extra_correct) AS correct,
       count(*) FILTER (WHERE hints.kind IN ('hint', 'concise_hint')) AS with_list
FROM hints
JOIN runs ON runs.id = hints.run
JOIN groups
  ON groups.run = hints.run AND groups.step = hints.step AND groups.problem = hints.problem
WHERE groups.extra_tries IS NOT NULL
GROUP BY hints.run, hints.answer_space
ORDER BY hints.run, hints.answer_space;

DROP VIEW evaluation_rollouts;
CREATE VIEW evaluation_rollouts AS
SELECT evals.run, evals.version, rollouts.benchmark AS split, rollouts.problem, rollouts.position,
       rollouts.verdict, rollouts.answer, rollouts.canonical, rollouts.finish,
       coalesce(rollouts.reward, iif(rollouts.verdict = 'timeout', NULL,
                                     (rollouts.verdict = 'correct') * 1.0)) AS reward,
       rollouts.rewards, rollouts.reason, rollouts.text, rollouts.token_ids, rollouts.logprobs
FROM evals
JOIN eval_rollouts AS rollouts ON rollouts.eval = evals.id
WHERE evals.run IS NOT NULL;
