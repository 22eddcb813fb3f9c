-- Views for people: short columns first, long texts last. docs/schema.md describes them.
--
-- In all of them `run` is the run's name. CROSS JOIN has SQLite take the tables in the order
-- written: what is counted or already sorted first, then its texts, so that a LIMIT is quick on a
-- large log.

-- One row a run: how far it came and what it has met. Sums over its committed steps.
CREATE VIEW run_summary AS
SELECT runs.name AS run, runs.method, runs.seed, runs.model, runs.started_at,
       count(steps.committed_at) AS steps, max(steps.committed_at) AS last_committed_at,
       (SELECT max(version) FROM weights WHERE weights.run = runs.id) AS weight_version,
       coalesce(sum(steps.rollouts), 0) AS rollouts,
       coalesce(sum(steps.failures), 0) AS failures,
       coalesce(sum(steps.new_mistakes), 0) AS mistakes,
       coalesce(sum(steps.new_problems), 0) AS problems,
       coalesce(sum(steps.new_solved), 0) AS solved,
       coalesce(sum(steps.new_problems) - sum(steps.new_solved), 0) AS unsolved,
       coalesce(sum(steps.new_rescued), 0) AS rescued,
       coalesce(sum(steps.new_graduations), 0) AS graduated
FROM runs
LEFT JOIN steps ON steps.run = runs.id
GROUP BY runs.id
ORDER BY runs.id;

-- Which wrong answers each problem got in committed steps, the most frequent first, then the
-- latest. Equal answers count as one, however they are written.
CREATE VIEW mistakes AS
SELECT runs.name AS run, tally.problem, tally.times, tally.hinted_times, tally.kind,
       coalesce(tally.answer, iif(tally.kind = 'cut_off', '(cut off)', '(none)')) AS wrong_answer,
       problems.answer AS right_answer, tally.first_step, tally.last_step, tally.weight_version,
       tally.solved, tally.id, tally.canonical, problems.text AS problem_text,
       -- An example, of the last step that has one.
       (SELECT responses.text
        FROM rollouts AS example
        JOIN responses
          ON responses.run = example.run AND responses.step = example.step
         AND responses.problem = example.problem AND responses.trial = example.trial
         AND responses.position = example.position
        WHERE example.run = tally.run AND example.step = tally.last_step
          AND example.problem = tally.problem AND example.kind = tally.kind
          AND coalesce(example.canonical, '') = tally.canonical
        ORDER BY example.trial, example.position LIMIT 1) AS response
FROM mistake_tallies AS tally
CROSS JOIN runs ON runs.id = tally.run
CROSS JOIN problems
  ON problems.run = tally.run AND problems.split = 'train' AND problems.id = tally.problem
ORDER BY tally.times DESC, tally.last_step DESC, tally.first_step DESC, tally.id;

-- Every failed rollout of training one by one, hinted ones and those of the step that goes on
-- included.
CREATE VIEW failures AS
SELECT runs.name AS run, rollouts.step, rollouts.problem, rollouts.trial, rollouts.position,
       rollouts.kind,
       coalesce(rollouts.answer, iif(rollouts.kind = 'cut_off', '(cut off)', '(none)'))
           AS wrong_answer,
       problems.answer AS right_answer, rollouts.version AS weight_version,
       rollouts.canonical, problems.text AS problem_text, responses.text AS response
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

-- How each problem of training fared over all.
CREATE VIEW problem_summary AS
SELECT runs.name AS run, tally.problem, tally.visits, tally.tries, tally.correct,
       tally.extra_tries AS hinted_tries, tally.extra_correct AS hinted_correct,
       tally.replaced, tally.first_step, tally.last_step, tally.first_solved_step,
       tally.first_rescued_step, tally.graduated_step,
       (SELECT count(*)
        FROM mistake_tallies
        WHERE mistake_tallies.run = tally.run AND mistake_tallies.problem = tally.problem)
           AS mistakes,
       problems.answer AS right_answer, problems.tags, problems.text AS problem_text
FROM problem_tallies AS tally
CROSS JOIN runs ON runs.id = tally.run
CROSS JOIN problems
  ON problems.run = tally.run AND problems.split = 'train' AND problems.id = tally.problem
ORDER BY tally.run, tally.problem;

-- Problems that were tried and never solved, hints included; the most tried first.
CREATE VIEW unsolved_problems AS
SELECT runs.name AS run, tally.problem, tally.tries + tally.extra_tries AS tries,
       (SELECT count(DISTINCT mistake_tallies.canonical)
        FROM mistake_tallies
        WHERE mistake_tallies.run = tally.run AND mistake_tallies.problem = tally.problem
          AND mistake_tallies.answer IS NOT NULL) AS distinct_answers,
       tally.first_step, tally.last_step, problems.answer AS right_answer,
       problems.text AS problem_text
FROM problem_tallies AS tally
CROSS JOIN runs ON runs.id = tally.run
CROSS JOIN problems
  ON problems.run = tally.run AND problems.split = 'train' AND problems.id = tally.problem
WHERE tally.first_solved_step IS NULL AND tally.tries + tally.extra_tries > 0
ORDER BY tally.tries + tally.extra_tries DESC, tally.id;

-- How each problem fared, step by step. Time-outs of the grader are no tries.
CREATE VIEW problem_history AS
SELECT runs.name AS run, groups.problem, groups.step, groups.before, groups.after, groups.correct,
       groups.tries, hints.kind AS hint, groups.extra_correct AS hinted_correct,
       groups.extra_tries AS hinted_tries, groups.replaced
FROM groups
JOIN runs ON runs.id = groups.run
LEFT JOIN hints
  ON hints.run = groups.run AND hints.step = groups.step AND hints.problem = groups.problem
ORDER BY groups.run, groups.problem, groups.step;

-- Every second trial of a committed step and what came of it.
CREATE VIEW hint_outcomes AS
SELECT runs.name AS run, hints.step, hints.problem, hints.kind, groups.extra_tries AS tries,
       groups.extra_correct AS correct, groups.replaced, hints.answers AS listed_answers,
       hints.prompt
FROM hints
JOIN runs ON runs.id = hints.run
JOIN groups
  ON groups.run = hints.run AND groups.step = hints.step AND groups.problem = hints.problem
WHERE groups.extra_tries IS NOT NULL
ORDER BY hints.run, hints.step, hints.problem;

-- Correct extra rollouts that took the place of a failure.
CREATE VIEW rescues AS
SELECT runs.name AS run, replacements.step, replacements.problem, hints.kind,
       hints.answers AS listed_answers,
       coalesce(failed.answer, iif(failed.kind = 'cut_off', '(cut off)', '(none)'))
           AS replaced_answer,
       problems.answer AS right_answer, problems.text AS problem_text, responses.text AS response
FROM replacements
CROSS JOIN runs ON runs.id = replacements.run
CROSS JOIN hints
  ON hints.run = replacements.run AND hints.step = replacements.step
 AND hints.problem = replacements.problem
CROSS JOIN problems
  ON problems.run = replacements.run AND problems.split = 'train'
 AND problems.id = replacements.problem
CROSS JOIN rollouts AS failed
  ON failed.run = replacements.run AND failed.step = replacements.step
 AND failed.problem = replacements.problem AND failed.trial = 'first'
 AND failed.position = replacements.failure
CROSS JOIN responses
  ON responses.run = replacements.run AND responses.step = replacements.step
 AND responses.problem = replacements.problem AND responses.trial = 'second'
 AND responses.position = replacements.extra
ORDER BY replacements.run, replacements.step, replacements.problem, replacements.failure;

-- Problems that a hint rescued once and that were solved without one in a later step.
CREATE VIEW graduations AS
SELECT runs.name AS run, tally.problem, tally.first_rescued_step AS rescued_step,
       tally.graduated_step, tally.visits, tally.tries, tally.correct,
       problems.answer AS right_answer, problems.text AS problem_text
FROM problem_tallies AS tally
CROSS JOIN runs ON runs.id = tally.run
CROSS JOIN problems
  ON problems.run = tally.run AND problems.split = 'train' AND problems.id = tally.problem
WHERE tally.graduated_step IS NOT NULL
ORDER BY tally.run, tally.graduated_step, tally.problem;

-- One row a committed step. `step_metrics` has the same numbers in full, and more of them.
CREATE VIEW step_summary AS
SELECT runs.name AS run, steps.step,
       CAST(max(value) FILTER (WHERE metric.name = 'none_pass') AS INTEGER) AS none_pass,
       CAST(max(value) FILTER (WHERE metric.name = 'some_pass') AS INTEGER) AS some_pass,
       CAST(max(value) FILTER (WHERE metric.name = 'all_pass') AS INTEGER) AS all_pass,
       CAST(max(value) FILTER (WHERE metric.name = 'hinted_problems') AS INTEGER) AS hinted,
       CAST(max(value) FILTER (WHERE metric.name = 'rescued_problems') AS INTEGER) AS rescued,
       CAST(max(value) FILTER (WHERE metric.name = 'none_pass_after') AS INTEGER)
           AS none_pass_after,
       CAST(max(value) FILTER (WHERE metric.name = 'some_pass_after') AS INTEGER)
           AS some_pass_after,
       CAST(max(value) FILTER (WHERE metric.name = 'all_pass_after') AS INTEGER)
           AS all_pass_after,
       round(max(value) FILTER (WHERE metric.name = 'first_trial_pass_rate'), 4) AS pass_rate,
       round(max(value) FILTER (WHERE metric.name = 'second_trial_pass_rate'), 4)
           AS hinted_pass_rate,
       round(max(value) FILTER (WHERE metric.name = 'first_trial_truncation_rate'), 4)
           AS truncation_rate,
       round(max(value) FILTER (WHERE metric.name = 'first_trial_response_tokens'), 1)
           AS response_tokens,
       CAST(sum(value) FILTER (WHERE metric.name IN ('first_trial_tokens', 'second_trial_tokens'))
           AS INTEGER) AS sampled_tokens,
       round(max(value) FILTER (WHERE metric.name = 'entropy'), 4) AS entropy,
       round(max(value) FILTER (WHERE metric.name = 'loss'), 6) AS loss,
       round(max(value) FILTER (WHERE metric.name = 'grad_norm'), 4) AS grad_norm,
       round(sum(value) FILTER (WHERE metric.name LIKE '%\_seconds' ESCAPE '\'), 2) AS seconds
FROM steps
JOIN runs ON runs.id = steps.run
LEFT JOIN step_metrics AS metric ON metric.run = steps.run AND metric.step = steps.step
WHERE steps.committed_at IS NOT NULL
GROUP BY steps.run, steps.step
ORDER BY steps.run, steps.step;

-- How much of the training data was met and solved so far, after each committed step. Where
-- `solved` no longer grows, the policy has stopped exploring.
CREATE VIEW coverage AS
SELECT runs.name AS run, steps.step,
       sum(steps.new_problems) OVER so_far AS problems,
       sum(steps.new_solved) OVER so_far AS solved,
       sum(steps.new_problems - steps.new_solved) OVER so_far AS unsolved,
       sum(steps.new_rescued) OVER so_far AS rescued,
       sum(steps.new_graduations) OVER so_far AS graduated,
       sum(steps.new_mistakes) OVER so_far AS mistakes
FROM steps
JOIN runs ON runs.id = steps.run
WHERE steps.committed_at IS NOT NULL
WINDOW so_far AS (PARTITION BY steps.run ORDER BY steps.step)
ORDER BY steps.run, steps.step;

-- Held-out scores with their standard errors over the problems.
CREATE VIEW scores AS
SELECT runs.name AS run, evaluations.split, evaluations.version, evaluations.k,
       evaluations.problems, evaluations.pass_at_1, evaluations.pass_at_1_error,
       evaluations.pass_at_k, evaluations.pass_at_k_error, evaluations.evaluated_at
FROM evaluations
JOIN runs ON runs.id = evaluations.run
ORDER BY evaluations.run, evaluations.split, evaluations.version;

-- How large the log is. `free_bytes` are inside the file, to be used again before it grows.
CREATE VIEW log_size AS
SELECT page_count * page_size AS bytes, freelist_count * page_size AS free_bytes,
       (SELECT count(*) FROM runs) AS runs,
       (SELECT coalesce(sum(rollouts), 0) FROM steps) AS rollouts,
       (SELECT coalesce(sum(failures), 0) FROM steps) AS failures,
       (SELECT coalesce(sum(new_mistakes), 0) FROM steps) AS mistakes
FROM pragma_page_count, pragma_page_size, pragma_freelist_count;
